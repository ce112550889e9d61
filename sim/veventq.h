/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Event queues of vIOMMUs. */
#ifndef IOMMUNEST_SIM_VEVENTQ_H
#define IOMMUNEST_SIM_VEVENTQ_H

#include "internal.h"

int iommunest__sim_veventq_alloc(struct sim_call *call);
/* An event of @type, if anybody is to be told; its words are little endian. */
void iommunest__sim_veventq_add(struct iommunest_sim *sim,
				const struct sim_file *iommufd,
				const struct sim_viommu *viommu, uint32_t type,
				const uint64_t word[SIM_EVENT_WORDS]);

/* Of its file, which never waits. */
ssize_t iommunest__sim_veventq_read(const struct iommunest_sim *sim,
				    struct sim_file *file, uint64_t to,
				    size_t len);
short iommunest__sim_veventq_events(const struct sim_file *file);
void iommunest__sim_veventq_close(struct sim_file *file);

#endif /* IOMMUNEST_SIM_VEVENTQ_H */
