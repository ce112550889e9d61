/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Rows 12 to 15: entry by entry, and the way back. */
#include "conformance.h"

#include <string.h>
#include <sys/mman.h>

typedef struct iommu_hwpt_vtd_s1_invalidate entry;

static bool entries_are_counted(struct conf_env *env)
{
	entry entries[8];
	bool ok = true;
	uint32_t count;

	for (count = 0; count < 8; count++)
		entries[count] = (entry){ .addr = count << 12, .npages = 1 };
	for (count = 1; ok && count <= 8; count++) {
		struct iommu_hwpt_invalidate cmd =
			conf_call(env, entries, count);

		ok = conf_invalidate_is(env, &cmd, 0, count);
	}
	return ok;
}

static bool
entries_of_an_hwpt_without_a_device_are_counted(struct conf_env *env)
{
	entry entries[3] = { { .npages = 1 },
			     { .npages = 2 },
			     { .npages = 1, .flags = 1 } };
	struct iommu_hwpt_invalidate cmd = conf_call(env, entries, 3);

	cmd.hwpt_id = env->unattached;
	return conf_invalidate_is(env, &cmd, 0, 3);
}

static bool an_address_that_is_none_is_efault(struct conf_env *env)
{
	static const uint64_t addrs[] = { 1,
					  8,
					  0x7ffffffff000,
					  0x8000000000000000,
					  0xffff800000000000,
					  UINT64_MAX - 23,
					  UINT64_MAX };
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(addrs) / sizeof(*addrs); i++) {
		struct iommu_hwpt_invalidate cmd = conf_call(env, NULL, 2);

		cmd.data_uptr = addrs[i];
		ok = conf_invalidate_is(env, &cmd, -EFAULT, 0);
	}
	return ok;
}

/* @count entries that are right, wherever they are. */
static const entry *put_pages(char *at, uint32_t count)
{
	const entry one = { .npages = 1 };
	uint32_t i;

	for (i = 0; i < count; i++)
		memcpy(at + i * sizeof(one), &one, sizeof(one));
	return (const void *)at;
}

/* @count whole entries can be read, and @more bytes of the next one. */
static bool ends_after(struct conf_env *env, struct conf_pages *pages,
		       uint32_t count, uint32_t more)
{
	char *array = pages->end - count * sizeof(entry) - more;
	struct iommu_hwpt_invalidate cmd =
		conf_call(env, put_pages(array, count), count + 3);

	cmd.hwpt_id = env->unattached;
	return conf_invalidate_is(env, &cmd, -EFAULT, count);
}

static bool an_unreadable_entry_is_efault_at_its_index(struct conf_env *env)
{
	static const uint32_t counts[] = { 0,	1,   2,	  3,   170, 255,
					   256, 257, 511, 512, 513, 1000 };
	struct conf_pages pages = conf_pages_new(8);
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(counts) / sizeof(*counts); i++) {
		ok = ends_after(env, &pages, counts[i], 0) &&
		     ends_after(env, &pages, counts[i], 1) &&
		     ends_after(env, &pages, counts[i], 8) &&
		     ends_after(env, &pages, counts[i], 23);
	}
	conf_pages_free(&pages);
	return ok;
}

static bool the_array_may_end_where_memory_ends(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(3);
	char *array = pages.end - 400 * sizeof(entry);
	struct iommu_hwpt_invalidate cmd =
		conf_call(env, put_pages(array, 400), 400);
	bool ok;

	cmd.hwpt_id = env->unattached;
	ok = conf_invalidate_is(env, &cmd, 0, 400);
	conf_pages_free(&pages);
	return ok;
}

/* {ok, ok, @bad, ok}: at each index in turn. */
static bool bad_at_each_index(struct conf_env *env, const entry *bad, int want)
{
	bool ok = true;
	uint32_t at;

	for (at = 0; ok && at < 4; at++) {
		entry entries[4] = { { .npages = 1 },
				     { .npages = 1 },
				     { .npages = 1 },
				     { .npages = 1 } };
		struct iommu_hwpt_invalidate cmd = conf_call(env, entries, 4);

		entries[at] = *bad;
		ok = conf_invalidate_is(env, &cmd, want, at);
	}
	return ok;
}

static bool an_unknown_flag_is_eopnotsupp(struct conf_env *env)
{
	bool ok = true;
	unsigned int bit;

	for (bit = 1; ok && bit < 32; bit++) {
		entry bad = { .npages = 1, .flags = 1u << bit };

		ok = bad_at_each_index(env, &bad, -EOPNOTSUPP);
		bad.flags |= IOMMU_VTD_INV_FLAGS_LEAF;
		ok = ok && bad_at_each_index(env, &bad, -EOPNOTSUPP);
	}
	return ok;
}

static bool an_entrys_reserved_is_eopnotsupp(struct conf_env *env)
{
	bool ok = true;
	unsigned int bit;

	for (bit = 0; ok && bit < 32; bit++) {
		entry bad = { .npages = 1, .__reserved = 1u << bit };

		ok = bad_at_each_index(env, &bad, -EOPNOTSUPP);
	}
	return ok;
}

static bool an_unaligned_address_is_einval(struct conf_env *env)
{
	bool ok = true;
	unsigned int bit;

	for (bit = 0; ok && bit < 12; bit++) {
		entry bad = { .addr = 0x100000 | 1u << bit, .npages = 1 };

		ok = bad_at_each_index(env, &bad, -EINVAL);
	}
	return ok;
}

static bool all_pages_from_an_address_is_einval(struct conf_env *env)
{
	bool ok = true;
	unsigned int bit;

	for (bit = 12; ok && bit < 64; bit++) {
		entry bad = { .addr = 1ull << bit, .npages = UINT64_MAX };

		ok = bad_at_each_index(env, &bad, -EINVAL);
	}
	return ok;
}

/* With the patches they are: see cases-flush.c. */
static bool npages_are_not_checked_by_stock_kernels(struct conf_env *env)
{
	entry entries[] = {
		{ .npages = 0 },
		{ .npages = UINT64_MAX },
		{ .npages = UINT64_MAX - 1, .addr = 0x1000 },
		{ .npages = 1ull << 52, .addr = 1ull << 63 },
		{ .npages = 1ull << 63, .addr = 0xfffffffffffff000 },
		{ .npages = 2, .addr = 0xfffffffffffff000 },
	};
	struct iommu_hwpt_invalidate cmd = conf_call(env, entries, 6);

	if (env->fixed)
		return conf_invalidate_is(env, &cmd, -EINVAL, 0);
	return conf_invalidate_is(env, &cmd, 0, 6);
}

static bool the_first_bad_entry_wins(struct conf_env *env)
{
	entry entries[] = {
		{ .npages = 1 },
		{ .addr = 1 },
		{ .flags = 2 },
		{ .addr = 1 },
	};
	struct iommu_hwpt_invalidate cmd = conf_call(env, entries, 4);

	if (!conf_invalidate_is(env, &cmd, -EINVAL, 1))
		return false;
	cmd = conf_call(env, entries + 2, 2);
	return conf_invalidate_is(env, &cmd, -EOPNOTSUPP, 0);
}

static bool a_bad_entry_wins_over_a_later_unreadable_one(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	entry *array = (void *)(pages.end - 2 * sizeof(entry));
	struct iommu_hwpt_invalidate cmd = conf_call(env, array, 3);
	bool ok;

	put_pages((char *)array, 2);
	array[1].flags = 2;
	ok = conf_invalidate_is(env, &cmd, -EOPNOTSUPP, 1);
	conf_pages_free(&pages);
	return ok;
}

static bool an_entrys_flags_win_over_its_address(struct conf_env *env)
{
	const entry flags = { .flags = 2, .addr = 1 };
	const entry reserved = { .__reserved = 2, .addr = 1 };

	return bad_at_each_index(env, &flags, -EOPNOTSUPP) &&
	       bad_at_each_index(env, &reserved, -EOPNOTSUPP);
}

/* The last @below bytes of the call are in a page that is read-only. */
static struct iommu_hwpt_invalidate *
read_only(struct conf_pages *pages, const struct iommu_hwpt_invalidate *cmd,
	  size_t below)
{
	char *at = pages->base + CONF_PAGE - sizeof(*cmd) + below;

	memcpy(at, cmd, sizeof(*cmd));
	mprotect(pages->base + CONF_PAGE, CONF_PAGE, PROT_READ);
	return (void *)at;
}

static bool is_efault_on_the_way_back(struct conf_env *env,
				      const struct iommu_hwpt_invalidate *call,
				      size_t below)
{
	struct conf_pages pages = conf_pages_new(2);
	struct iommu_hwpt_invalidate *cmd = read_only(&pages, call, below);
	bool ok = conf_invalidate_is(env, cmd, -EFAULT, call->entry_num);

	conf_pages_free(&pages);
	return ok;
}

static bool a_read_only_call_is_efault(struct conf_env *env)
{
	entry entries[2] = { { .npages = 1 }, { .npages = 1 } };
	struct iommu_hwpt_invalidate cmd = conf_call(env, entries, 2);

	return is_efault_on_the_way_back(env, &cmd, sizeof(cmd)) &&
	       is_efault_on_the_way_back(env, &cmd, 8);
}

static bool a_read_only_call_hides_its_own_error(struct conf_env *env)
{
	entry entries[2] = { { .npages = 1 }, { .flags = 2 } };
	struct iommu_hwpt_invalidate cmd = conf_call(env, entries, 2);

	if (!is_efault_on_the_way_back(env, &cmd, sizeof(cmd)))
		return false;
	cmd.__reserved = 2;
	return is_efault_on_the_way_back(env, &cmd, sizeof(cmd));
}

static bool nothing_is_written_back_for_a_small_size(struct conf_env *env)
{
	entry one = { .npages = 1 };
	struct iommu_hwpt_invalidate call = conf_call(env, &one, 1);
	struct conf_pages pages = conf_pages_new(2);
	struct iommu_hwpt_invalidate *cmd;
	bool ok;

	call.size = 31;
	cmd = read_only(&pages, &call, sizeof(call));
	ok = conf_invalidate_is(env, cmd, -EINVAL, 1);
	conf_pages_free(&pages);
	return ok;
}

static bool a_read_only_call_is_done_all_the_same(struct conf_env *env)
{
	entry entries[2] = { { .npages = 1 }, { .addr = 0x5000, .npages = 1 } };
	struct iommu_hwpt_invalidate cmd = conf_call(env, entries, 2);
	struct conf_desc descs[8];
	size_t count, i, piotlb = 0;

	if (!env->record)
		return conf_skip(env, "descriptors cannot be seen");
	env->record(env);
	if (!is_efault_on_the_way_back(env, &cmd, sizeof(cmd))) {
		env->stop(env, descs, 8);
		return false;
	}
	count = env->stop(env, descs, 8);
	for (i = 0; i < count && i < 8; i++)
		piotlb += descs[i].kind == CONF_PIOTLB_PAGES;
	return conf_expect(env, piotlb == 2, "%zu flushes and not 2", piotlb);
}

const struct conf_case conf_entry_cases[] = {
	CONF_CASE(entries_are_counted),
	CONF_CASE(entries_of_an_hwpt_without_a_device_are_counted),
	CONF_CASE(an_address_that_is_none_is_efault),
	CONF_CASE(an_unreadable_entry_is_efault_at_its_index),
	CONF_CASE(the_array_may_end_where_memory_ends),
	CONF_CASE(an_unknown_flag_is_eopnotsupp),
	CONF_CASE(an_entrys_reserved_is_eopnotsupp),
	CONF_CASE(an_unaligned_address_is_einval),
	CONF_CASE(all_pages_from_an_address_is_einval),
	CONF_CASE(npages_are_not_checked_by_stock_kernels),
	CONF_CASE(the_first_bad_entry_wins),
	CONF_CASE(a_bad_entry_wins_over_a_later_unreadable_one),
	CONF_CASE(an_entrys_flags_win_over_its_address),
	CONF_CASE(a_read_only_call_is_efault),
	CONF_CASE(a_read_only_call_hides_its_own_error),
	CONF_CASE(nothing_is_written_back_for_a_small_size),
	CONF_CASE(a_read_only_call_is_done_all_the_same),
	{ 0 },
};
