/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Batches of VT-d entries, and what is in them. */
#ifndef TESTS_VTD_BATCH_RIG_H
#define TESTS_VTD_BATCH_RIG_H

#include <libiommunest.h>

#define PAGE UINT64_C(0x1000)
#define ALL_PAGES (UINT64_C(1) << 52)
#define LEAF IOMMUNEST_VTD_LEAF

struct iommunest_batch *new_batch(uint32_t capacity);
void set_limits(struct iommunest_batch *batch, uint32_t flags,
		uint32_t max_blocks);
void add_pages(struct iommunest_batch *batch, uint64_t pfn, uint64_t npages,
	       uint32_t flags, uint64_t cookie);
const struct iommunest_vtd_entry *entry_at(struct iommunest_batch *batch,
					   uint32_t index);
void check_entry(struct iommunest_batch *batch, uint32_t index, uint64_t pfn,
		 uint64_t npages, uint32_t flags, uint64_t cookie);
void check_all(struct iommunest_batch *batch, uint32_t index, uint64_t cookie);

#endif /* TESTS_VTD_BATCH_RIG_H */
