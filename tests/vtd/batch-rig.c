/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "tests/harness/support.h"
#include "tests/vtd/batch-rig.h"

struct iommunest_batch *new_batch(uint32_t capacity)
{
	struct iommunest_batch *batch = NULL;

	ck_assert_int_eq(iommunest_batch_new(&batch, iommunest_vtd_s1_type(),
					     capacity),
			 0);
	return batch;
}

void set_limits(struct iommunest_batch *batch, uint32_t flags,
		uint32_t max_blocks)
{
	struct iommunest_vtd_limits limits = {
		.size = sizeof(limits),
		.flags = flags,
		.max_blocks = max_blocks,
	};

	ck_assert_int_eq(iommunest_vtd_batch_set_limits(batch, &limits), 0);
}

void add_pages(struct iommunest_batch *batch, uint64_t pfn, uint64_t npages,
	       uint32_t flags, uint64_t cookie)
{
	ck_assert_int_eq(iommunest_vtd_batch_add_range(batch, pfn * PAGE,
						       npages, flags, cookie),
			 0);
}

const struct iommunest_vtd_entry *entry_at(struct iommunest_batch *batch,
					   uint32_t index)
{
	const struct iommunest_vtd_entry *entry =
		iommunest_batch_entry(batch, index);

	if (!entry)
		ck_abort_msg("there is no entry %u", index);
	return entry;
}

void check_entry(struct iommunest_batch *batch, uint32_t index, uint64_t pfn,
		 uint64_t npages, uint32_t flags, uint64_t cookie)
{
	const struct iommunest_vtd_entry *entry = entry_at(batch, index);

	ck_assert_uint_eq(entry->addr, pfn * PAGE);
	ck_assert_uint_eq(entry->npages, npages);
	ck_assert_uint_eq(entry->flags, flags);
	ck_assert_uint_eq(entry->reserved, 0);
	ck_assert_uint_eq(iommunest_batch_cookie(batch, index), cookie);
}

void check_all(struct iommunest_batch *batch, uint32_t index, uint64_t cookie)
{
	check_entry(batch, index, 0, UINT64_MAX, 0, cookie);
}
