/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The second stage: what a paging HWPT maps, and what is dirty there. */
#ifndef IOMMUNEST_SIM_STAGE2_H
#define IOMMUNEST_SIM_STAGE2_H

#include "internal.h"

struct sim_stage2 {
	/* Where the process has the address that was asked for. */
	uint64_t host;
	bool readable;
	bool writable;
	/* The largest leaf around the address. */
	unsigned int level;
};

/* Returns whether @paging maps @addr. */
bool iommunest__sim_stage2(const struct sim_hwpt *paging, uint64_t addr,
			   struct sim_stage2 *to);
/* A device writes to the page of @addr.  Returns 0 or -ENOMEM. */
int iommunest__sim_mark_dirty(struct sim_hwpt *paging, uint64_t addr);

#endif /* IOMMUNEST_SIM_STAGE2_H */
