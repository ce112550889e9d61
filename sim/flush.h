/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the driver and the hardware do for one entry. */
#ifndef IOMMUNEST_SIM_FLUSH_H
#define IOMMUNEST_SIM_FLUSH_H

#include "internal.h"

/* Flushes as the profile's driver does; @lost: the hardware fails. */
void iommunest__sim_flush(struct iommunest_sim *sim, struct sim_hwpt *hwpt,
			  uint64_t addr, uint64_t npages, bool leaves_only,
			  bool lost);

/* @first to @last, both included, are not mapped by @ioas any more. */
void iommunest__sim_flush_unmapped(struct iommunest_sim *sim,
				   const struct sim_file *file,
				   const struct sim_ioas *ioas, uint64_t first,
				   uint64_t last);

#endif /* IOMMUNEST_SIM_FLUSH_H */
