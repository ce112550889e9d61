/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The block that a kernel's driver makes of a range of pages. */
#ifndef IOMMUNEST_SIM_WIDEN_H
#define IOMMUNEST_SIM_WIDEN_H

#include "internal.h"

struct sim_block iommunest__sim_widen_6_12(uint64_t addr, uint64_t npages);
struct sim_block iommunest__sim_widen_7_3(uint64_t addr, uint64_t npages);

#endif /* IOMMUNEST_SIM_WIDEN_H */
