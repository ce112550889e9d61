/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Page requests of simulated devices. */
#ifndef IOMMUNEST_SIM_PAGE_REQUEST_H
#define IOMMUNEST_SIM_PAGE_REQUEST_H

#include "internal.h"

/* Whether the driver can turn page requests on. */
bool iommunest__sim_can_request(const struct sim_device *dev);

#endif /* IOMMUNEST_SIM_PAGE_REQUEST_H */
