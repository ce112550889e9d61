/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What reaches the host's queue for an entry. */
#include "conformance.h"

typedef struct iommu_hwpt_vtd_s1_invalidate entry;

#define MAX_DESCS 64u
#define ALL_PAGES (1ull << 52)
#define TOP_PAGE (~0xfffull)

#define BLOCK(where, mask)                                               \
	{                                                                \
		.kind = CONF_PIOTLB_PAGES, .addr = (where), .am = (mask) \
	}
#define EVERYTHING                      \
	{                               \
		.kind = CONF_PIOTLB_ALL \
	}

struct row {
	uint64_t addr;
	uint64_t npages;
	/* In 6.12, and in 7.3. */
	struct conf_desc want[2];
};

static const struct row rows[] = {
	/* All, none, and what 2^52 pages are the same as. */
	{ 0, UINT64_MAX, { BLOCK(0, 52), EVERYTHING } },
	{ 0, 0, { BLOCK(0, 0), EVERYTHING } },
	{ 0x1000, 0, { BLOCK(0x1000, 0), BLOCK(0, 1) } },
	{ 0x3000, 0, { BLOCK(0x3000, 0), BLOCK(0x2000, 1) } },
	{ 0x200000, ALL_PAGES, { BLOCK(0x200000, 0), BLOCK(0, 10) } },
	{ 0, ALL_PAGES, { BLOCK(0, 0), EVERYTHING } },
	{ 0x5000, ALL_PAGES + 1, { BLOCK(0x5000, 0), BLOCK(0x5000, 0) } },
	/* Ranges that are blocks. */
	{ 0, 1, { BLOCK(0, 0), BLOCK(0, 0) } },
	{ 0x7000, 1, { BLOCK(0x7000, 0), BLOCK(0x7000, 0) } },
	{ TOP_PAGE, 1, { BLOCK(TOP_PAGE, 0), BLOCK(TOP_PAGE, 0) } },
	{ 0x2000, 2, { BLOCK(0x2000, 1), BLOCK(0x2000, 1) } },
	{ 0x200000, 512, { BLOCK(0x200000, 9), BLOCK(0x200000, 9) } },
	{ 0x40000000,
	  1 << 18,
	  { BLOCK(0x40000000, 18), BLOCK(0x40000000, 18) } },
	{ 0, 1 << 19, { BLOCK(0, 19), BLOCK(0, 19) } },
	{ 1ull << 63,
	  1ull << 51,
	  { BLOCK(1ull << 63, 51), BLOCK(1ull << 63, 51) } },
	/* Ranges that are not. */
	{ 0x1000, 2, { BLOCK(0, 2), BLOCK(0, 2) } },
	{ 0x2000, 3, { BLOCK(0, 3), BLOCK(0, 3) } },
	{ 0x3000, 3, { BLOCK(0, 3), BLOCK(0, 3) } },
	{ 0x8000, 5, { BLOCK(0x8000, 3), BLOCK(0x8000, 3) } },
	{ 0x1ff000, 514, { BLOCK(0, 11), BLOCK(0, 11) } },
	{ 0x3ffff000, 2, { BLOCK(0, 19), BLOCK(0, 19) } },
	{ 0x1000, 1ull << 51, { BLOCK(0, 52), EVERYTHING } },
	/* Past 2^64. */
	{ TOP_PAGE, 2, { BLOCK(0, 53), EVERYTHING } },
	{ TOP_PAGE, 3, { BLOCK(0, 53), EVERYTHING } },
	{ 1ull << 63, ALL_PAGES - 1, { BLOCK(0, 53), EVERYTHING } },
};
#define ROWS (sizeof(rows) / sizeof(*rows))

/* Submits, and keeps the descriptors of @kind. */
static bool submit(struct conf_env *env, struct iommu_hwpt_invalidate *cmd,
		   int want, uint32_t num, struct conf_desc *descs,
		   size_t *count)
{
	struct conf_desc seen[MAX_DESCS];
	size_t total, i;
	bool ok;

	env->record(env);
	ok = conf_invalidate_is(env, cmd, want, num);
	total = env->stop(env, seen, MAX_DESCS);
	*count = 0;
	for (i = 0; i < total && i < MAX_DESCS; i++)
		descs[(*count)++] = seen[i];
	return ok;
}

static size_t only(struct conf_desc *descs, size_t count, bool dev_tlb)
{
	size_t i, kept = 0;

	for (i = 0; i < count; i++) {
		if ((descs[i].kind == CONF_DEV_TLB) == dev_tlb)
			descs[kept++] = descs[i];
	}
	return kept;
}

static bool is_desc(struct conf_env *env, const struct row *row,
		    const struct conf_desc *is, const struct conf_desc *want)
{
	return conf_expect(
		env,
		is->kind == want->kind && is->am == want->am &&
			is->addr == want->addr && is->ih == want->ih,
		"%#llx, %#llx: kind %d am %u addr %#llx ih %d, and not kind %d "
		"am %u addr %#llx ih %d",
		(unsigned long long)row->addr, (unsigned long long)row->npages,
		is->kind, is->am, (unsigned long long)is->addr, is->ih,
		want->kind, want->am, (unsigned long long)want->addr, want->ih);
}

/* Empty, or beyond the last address: the fixed driver refuses it. */
static bool is_no_range(const struct row *row)
{
	const uint64_t pages = (UINT64_MAX - row->addr) / CONF_PAGE + 1;

	if (row->npages == UINT64_MAX)
		return false;
	return row->npages == 0 || row->npages > pages;
}

/* What is flushed. */
static struct conf_desc find_want(const struct conf_env *env,
				  const struct row *row)
{
	const struct conf_desc all = EVERYTHING;

	if (env->fixed && row->npages == UINT64_MAX)
		return all;
	return row->want[env->kernel == CONF_LINUX_7_3 || env->fixed];
}

static bool is_refused(struct conf_env *env, const struct row *row,
		       struct iommu_hwpt_invalidate *cmd)
{
	struct conf_desc descs[MAX_DESCS];
	size_t count;

	if (!submit(env, cmd, -EINVAL, 0, descs, &count))
		return false;
	return conf_expect(env, count == 0, "%#llx, %#llx: %zu descriptors",
			   (unsigned long long)row->addr,
			   (unsigned long long)row->npages, count);
}

static bool row_holds(struct conf_env *env, const struct row *row,
		      uint32_t flags)
{
	entry one = { .addr = row->addr,
		      .npages = row->npages,
		      .flags = flags };
	struct iommu_hwpt_invalidate cmd = conf_call(env, &one, 1);
	struct conf_desc descs[MAX_DESCS];
	struct conf_desc want = find_want(env, row);
	size_t count;

	if (env->fixed && is_no_range(row))
		return is_refused(env, row, &cmd);
	if (want.kind == CONF_PIOTLB_PAGES)
		want.ih = flags & IOMMU_VTD_INV_FLAGS_LEAF;
	if (!submit(env, &cmd, 0, 1, descs, &count))
		return false;
	count = only(descs, count, false);
	return conf_expect(env, count == 1, "%zu descriptors for one entry",
			   count) &&
	       is_desc(env, row, descs, &want);
}

static bool ranges_become_blocks(struct conf_env *env)
{
	bool ok = true;
	size_t i;

	if (!env->record)
		return conf_skip(env, "descriptors cannot be seen");
	for (i = 0; ok && i < ROWS; i++)
		ok = row_holds(env, &rows[i], 0);
	return ok;
}

static bool the_leaf_flag_becomes_the_hint(struct conf_env *env)
{
	bool ok = true;
	size_t i;

	if (!env->record)
		return conf_skip(env, "descriptors cannot be seen");
	for (i = 0; ok && i < ROWS; i++)
		ok = row_holds(env, &rows[i], IOMMU_VTD_INV_FLAGS_LEAF);
	return ok;
}

static bool
entries_before_a_bad_one_are_flushed_and_none_behind(struct conf_env *env)
{
	entry entries[4] = { { .npages = 1 },
			     { .addr = 0x2000, .npages = 1 },
			     { .addr = 1 },
			     { .addr = 0x4000, .npages = 1 } };
	struct iommu_hwpt_invalidate cmd = conf_call(env, entries, 4);
	struct conf_desc descs[MAX_DESCS];
	size_t count;

	if (!env->record)
		return conf_skip(env, "descriptors cannot be seen");
	if (!submit(env, &cmd, -EINVAL, 2, descs, &count))
		return false;
	count = only(descs, count, false);
	return conf_expect(env,
			   count == 2 && descs[0].addr == 0 &&
				   descs[1].addr == 0x2000,
			   "%zu flushes and not the first 2", count);
}

static bool an_hwpt_without_a_device_sends_nothing(struct conf_env *env)
{
	entry entries[2] = { { .npages = 1 }, { .npages = UINT64_MAX } };
	struct iommu_hwpt_invalidate cmd = conf_call(env, entries, 2);
	struct conf_desc descs[MAX_DESCS];
	size_t count;

	if (!env->record)
		return conf_skip(env, "descriptors cannot be seen");
	cmd.hwpt_id = env->unattached;
	if (!submit(env, &cmd, 0, 2, descs, &count))
		return false;
	return conf_expect(env, count == 0, "%zu descriptors", count);
}

static bool no_entries_send_nothing(struct conf_env *env)
{
	struct iommu_hwpt_invalidate cmd = conf_call(env, NULL, 0);
	struct conf_desc descs[MAX_DESCS];
	size_t count;

	if (!env->record)
		return conf_skip(env, "descriptors cannot be seen");
	if (!submit(env, &cmd, 0, 0, descs, &count))
		return false;
	return conf_expect(env, count == 0, "%zu descriptors", count);
}

/* Neither kernel merges, not even the same entry twice. */
static bool each_entry_is_its_own_descriptor_in_order(struct conf_env *env)
{
	entry entries[5] = { { .npages = 1 },
			     { .npages = 1 },
			     { .addr = 0x3000, .npages = 1 },
			     { .addr = 0x2000, .npages = 1 },
			     { .npages = 4 } };
	struct iommu_hwpt_invalidate cmd = conf_call(env, entries, 5);
	struct conf_desc descs[MAX_DESCS];
	size_t count, i;
	bool ok = true;

	if (!env->record)
		return conf_skip(env, "descriptors cannot be seen");
	if (!submit(env, &cmd, 0, 5, descs, &count))
		return false;
	count = only(descs, count, false);
	if (!conf_expect(env, count == 5, "%zu flushes and not 5", count))
		return false;
	for (i = 0; ok && i < 5; i++)
		ok = conf_expect(env, descs[i].addr == entries[i].addr,
				 "flush %zu is of another entry", i);
	return ok;
}

/* 6.12 leaves ATS off for nested HWPTs. */
static bool a_device_tlb_is_flushed_for_each_entry_by_7_3(struct conf_env *env)
{
	entry entries[3] = { { .addr = 0x3000, .npages = 3 },
			     { .npages = UINT64_MAX },
			     { .addr = 0x9000, .npages = 1, .flags = 1 } };
	struct iommu_hwpt_invalidate cmd = conf_call(env, entries, 3);
	const bool used = env->ats && env->kernel == CONF_LINUX_7_3;
	struct conf_desc descs[MAX_DESCS];
	size_t count;

	if (!env->record)
		return conf_skip(env, "descriptors cannot be seen");
	if (!submit(env, &cmd, 0, 3, descs, &count))
		return false;
	count = only(descs, count, true);
	if (!used)
		return conf_expect(env, count == 0, "%zu device TLB flushes",
				   count);
	return conf_expect(env,
			   count == 3 && descs[0].addr == 0 &&
				   descs[0].am == 3 && descs[1].addr == 0 &&
				   descs[1].am == 52 &&
				   descs[2].addr == 0x9000 && descs[2].am == 0,
			   "%zu device TLB flushes, or wrong ones", count);
}

const struct conf_case conf_flush_cases[] = {
	CONF_CASE(ranges_become_blocks),
	CONF_CASE(the_leaf_flag_becomes_the_hint),
	CONF_CASE(entries_before_a_bad_one_are_flushed_and_none_behind),
	CONF_CASE(an_hwpt_without_a_device_sends_nothing),
	CONF_CASE(no_entries_send_nothing),
	CONF_CASE(each_entry_is_its_own_descriptor_in_order),
	CONF_CASE(a_device_tlb_is_flushed_for_each_entry_by_7_3),
	{ 0 },
};
