/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What an IOAS maps: areas of I/O virtual addresses. */
#ifndef IOMMUNEST_SIM_IOPT_H
#define IOMMUNEST_SIM_IOPT_H

#include "internal.h"

/* A part of a mapping: @length bytes of @pages from @start. */
struct sim_part {
	struct sim_pages *pages;
	uint64_t start;
	uint64_t length;
};

struct sim_mapping {
	/* Each has a user of its pages for the area; it is the caller's. */
	struct sim_part *parts;
	size_t count;
	/* Of all parts. */
	uint64_t length;
	/* Where it is to be, or where it was put. */
	uint64_t iova;
	bool fixed;
	bool readable;
	bool writable;
};

/*
 * Maps all parts or none, into all paging HWPTs.  Returns 0, -EINVAL,
 * -EOVERFLOW, -EEXIST, -EPERM, -ENOSPC, -EFAULT, -ENOMEM, as the kernel does.
 */
int iommunest__sim_iopt_map(const struct iommunest_sim *sim,
			    struct sim_ioas *ioas, struct sim_mapping *mapping);

/* Takes the area with this index out, and frees it. */
void iommunest__sim_iopt_remove(struct sim_ioas *ioas, size_t index);

/* 0, -EADDRINUSE: mapped or allowed, -ENOMEM. */
int iommunest__sim_iopt_reserve(struct sim_ioas *ioas, uint64_t first,
				uint64_t last, const void *owner);
/*
 * A new paging HWPT gets all that is mapped.  Returns 0, or what a map of it
 * would fail with, -EADDRINUSE where something is mapped that it cannot.
 */
int iommunest__sim_iopt_add_hwpt(const struct iommunest_sim *sim,
				 struct sim_ioas *ioas, struct sim_hwpt *hwpt);
/* Does nothing where it was not added. */
void iommunest__sim_iopt_remove_hwpt(struct sim_ioas *ioas,
				     struct sim_hwpt *hwpt);
/* 0, -EINVAL, -EADDRINUSE. */
int iommunest__sim_iopt_use_small_pages(struct sim_ioas *ioas, bool small);
void iommunest__sim_iopt_free(struct sim_ioas *ioas);

#endif /* IOMMUNEST_SIM_IOPT_H */
