/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Fault queues: IOMMU_FAULT_QUEUE_ALLOC, and their file descriptors. */
#ifndef IOMMUNEST_SIM_FAULT_QUEUE_H
#define IOMMUNEST_SIM_FAULT_QUEUE_H

#include <poll.h>

#include "internal.h"

int iommunest__sim_fault_queue_alloc(struct sim_call *call);
/* Returns bytes, or a negated errno; none to read is 0. */
ssize_t iommunest__sim_fault_queue_read(struct iommunest_sim *sim,
					struct sim_file *file, uint64_t to,
					size_t len);
ssize_t iommunest__sim_fault_queue_write(struct iommunest_sim *sim,
					 struct sim_file *file, uint64_t from,
					 size_t len);
/* What the file is ready for, as poll(2) has it. */
short iommunest__sim_fault_queue_events(const struct sim_file *file);
/* Call when its file descriptor is closed. */
void iommunest__sim_fault_queue_close(struct sim_file *file);

/* Sends the device the answer to a group that ends with @last. */
void iommunest__sim_page_respond(struct iommunest_sim *sim,
				 const struct iommu_hwpt_pgfault *last,
				 uint32_t code);
/* Takes the group, which is to be read. */
void iommunest__sim_fault_queue_add(struct sim_fault_queue *queue,
				    struct sim_group *group);
/* Answers the groups of a device that leaves the queue's HWPT. */
void iommunest__sim_fault_queue_leave(struct sim_fault_queue *queue,
				      const struct sim_device *dev);

#endif /* IOMMUNEST_SIM_FAULT_QUEUE_H */
