/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the driver and the hardware do for one entry. */
#ifndef IOMMUNEST_SIM_FLUSH_H
#define IOMMUNEST_SIM_FLUSH_H

#include "internal.h"

/* An entry. */
struct sim_range_to_flush {
	uint64_t addr;
	uint64_t npages;
	bool leaves_only;
	/* The hardware is to refuse it. */
	bool lost;
	/* The first device that has to answer does not, and is blocked. */
	bool silent;
	/* Out: it was refused; it, or one of its submission, had no answer. */
	bool refused;
	bool unanswered;
};

/*
 * Flushes as the profile's driver does, with @count entries that may share
 * submissions.
 */
void iommunest__sim_flush(struct iommunest_sim *sim, struct sim_hwpt *hwpt,
			  struct sim_range_to_flush *ranges, uint32_t count);

/* @first to @last, both included, are not mapped by @ioas any more. */
void iommunest__sim_flush_unmapped(struct iommunest_sim *sim,
				   const struct sim_file *file,
				   const struct sim_ioas *ioas, uint64_t first,
				   uint64_t last);

#endif /* IOMMUNEST_SIM_FLUSH_H */
