/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the simulated hardware caches, and what a flush drops. */
#include "tests/harness/sim-rig.h"
#include "tests/harness/support.h"

#include <stdlib.h>
#include <string.h>

#define MIB2 (512 * PAGE)
#define GIB (512 * MIB2)

#define IN_LEAF IOMMUNEST_SIM_CACHED_LEAF
#define IN_STRUCTURE IOMMUNEST_SIM_CACHED_STRUCTURE
#define IN_DEV_TLB IOMMUNEST_SIM_CACHED_DEV_TLB

#define OLD IOMMUNEST_SIM_LINUX_6_12
#define NEW IOMMUNEST_SIM_LINUX_7_3

static struct rig rig;

static size_t cached_count(void)
{
	return iommunest_sim_cached_count(rig.sim, rig.fd, rig.nested);
}

static int translate(uint32_t hwpt, unsigned int order)
{
	return iommunest_sim_translate(rig.sim, rig.fd, hwpt, 0, order);
}

/* ---- What a translation caches ---- */

TEST(nothing_is_cached_at_first)
{
	rig_open(&rig, 0, 0, 0);
	ck_assert_uint_eq(rig_cached(&rig, 0), 0);
	ck_assert_uint_eq(cached_count(), 0);
	rig_close(&rig);
}

TEST_LOOP(a_leaf_is_cached_with_the_structure_entry_above_it, 3)
{
	static const struct {
		unsigned int order;
		uint64_t leaf, above;
	} sizes[] = {
		{ 0, PAGE, MIB2 },
		{ 9, MIB2, GIB },
		{ 18, GIB, 512 * GIB },
	};
	const uint64_t base = 0x123ull << 39;
	const uint64_t leaf = sizes[_i].leaf, above = sizes[_i].above;

	rig_open(&rig, 0, 0, 0);
	rig_translate(&rig, rig.nested, base + 3 * leaf + 0x123,
		      sizes[_i].order);
	ck_assert_uint_eq(cached_count(), 1);
	ck_assert_uint_eq(rig_cached(&rig, base + 3 * leaf), IN_IOTLB);
	ck_assert_uint_eq(rig_cached(&rig, base + 4 * leaf - 1), IN_IOTLB);
	ck_assert_uint_eq(rig_cached(&rig, base + 4 * leaf), IN_STRUCTURE);
	ck_assert_uint_eq(rig_cached(&rig, base + 3 * leaf - 1), IN_STRUCTURE);
	ck_assert_uint_eq(rig_cached(&rig, base), IN_STRUCTURE);
	ck_assert_uint_eq(rig_cached(&rig, base + above - 1), IN_STRUCTURE);
	ck_assert_uint_eq(rig_cached(&rig, base + above), 0);
	ck_assert_uint_eq(rig_cached(&rig, base - 1), 0);
	rig_close(&rig);
}

TEST(the_same_leaf_is_cached_once)
{
	rig_open(&rig, 0, 0, 0);
	rig_translate(&rig, rig.nested, PAGE, 0);
	rig_translate(&rig, rig.nested, PAGE + 8, 0);
	ck_assert_uint_eq(cached_count(), 1);
	rig_translate(&rig, rig.nested, PAGE, 9);
	rig_translate(&rig, rig.nested, 0, 0);
	ck_assert_uint_eq(cached_count(), 3);
	rig_close(&rig);
}

TEST(the_first_and_last_page_can_be_cached)
{
	rig_open(&rig, 0, 0, 0);
	rig_translate(&rig, rig.nested, UINT64_MAX, 0);
	rig_translate(&rig, rig.nested, 0, 18);
	ck_assert_uint_eq(rig_cached(&rig, UINT64_MAX), IN_IOTLB);
	ck_assert_uint_eq(rig_cached(&rig, 0), IN_IOTLB);
	rig_flush(&rig, 0 - PAGE, 1, 0);
	ck_assert_uint_eq(rig_cached(&rig, UINT64_MAX), 0);
	ck_assert_uint_eq(rig_cached(&rig, 0), IN_IOTLB);
	rig_close(&rig);
}

TEST(translating_checks_its_arguments)
{
	uint32_t other;

	rig_open(&rig, 0, 0, 0);
	other = rig_alloc_nested(&rig, 48);
	ck_assert_int_eq(translate(other, 0), -EINVAL);
	ck_assert_int_eq(translate(rig.nested, 1), -EINVAL);
	ck_assert_int_eq(translate(rig.nested, 27), -EINVAL);
	ck_assert_int_eq(translate(rig.parent, 0), -ENOENT);
	ck_assert_int_eq(translate(99, 0), -ENOENT);
	rig_attach(&rig, rig.dev, 0);
	ck_assert_int_eq(translate(rig.nested, 0), -EINVAL);
	ck_assert_uint_eq(cached_count(), 0);
	rig_close(&rig);
}

/* ---- What a flush drops ---- */

/* Pages 0 to 7, and the structure entry above them. */
static void eight_pages(uint32_t profile, uint32_t sim_flags)
{
	unsigned int i;

	rig_open(&rig, profile, sim_flags, 0);
	for (i = 0; i < 8; i++)
		rig_translate(&rig, rig.nested, i * PAGE, 0);
}

/* Which of the pages are cached, as a mask. */
static unsigned int leaves(void)
{
	unsigned int i, bits = 0;

	for (i = 0; i < 8; i++) {
		if (rig_cached(&rig, i * PAGE) & IN_LEAF)
			bits |= 1u << i;
	}
	return bits;
}

TEST_RANGE(a_flush_drops_its_block_and_the_structure_entry, 1, 3)
{
	eight_pages((uint32_t)_i, 0);
	rig_flush(&rig, 2 * PAGE, 2, 0);
	ck_assert_uint_eq(leaves(), 0xf3);
	ck_assert_uint_eq(rig_cached(&rig, 0), IN_LEAF);
	ck_assert_uint_eq(cached_count(), 6);
	rig_close(&rig);
}

TEST_RANGE(a_flush_with_the_hint_keeps_the_structure_entry, 1, 3)
{
	eight_pages((uint32_t)_i, 0);
	rig_flush(&rig, 2 * PAGE, 2, LEAF);
	ck_assert_uint_eq(leaves(), 0xf3);
	ck_assert_uint_eq(rig_cached(&rig, 0), IN_IOTLB);
	ck_assert_uint_eq(rig_cached(&rig, 2 * PAGE), IN_STRUCTURE);
	rig_close(&rig);
}

TEST_RANGE(a_range_is_widened_to_its_block, 1, 3)
{
	eight_pages((uint32_t)_i, 0);
	rig_flush(&rig, PAGE, 2, 0);
	ck_assert_uint_eq(leaves(), 0xf0);
	rig_flush(&rig, 6 * PAGE, 1, 0);
	ck_assert_uint_eq(leaves(), 0xb0);
	rig_close(&rig);
}

TEST_RANGE(a_flush_within_a_large_leaf_drops_it, 1, 3)
{
	rig_open(&rig, (uint32_t)_i, 0, 0);
	rig_translate(&rig, rig.nested, GIB, 18);
	rig_translate(&rig, rig.nested, 2 * GIB, 18);
	rig_translate(&rig, rig.nested, GIB + MIB2, 9);
	rig_translate(&rig, rig.nested, GIB, 9);
	rig_flush(&rig, GIB + MIB2 + 5 * PAGE, 1, LEAF);
	ck_assert_uint_eq(cached_count(), 2);
	ck_assert(rig_cached(&rig, GIB) & IN_LEAF);
	ck_assert(rig_cached(&rig, 2 * GIB) & IN_LEAF);
	ck_assert_uint_eq(rig_cached(&rig, GIB + MIB2), IN_STRUCTURE);
	rig_close(&rig);
}

TEST_RANGE(a_large_flush_drops_all_leaves_in_it_and_no_others, 1, 3)
{
	uint64_t addr;

	rig_open(&rig, (uint32_t)_i, 0, 0);
	for (addr = MIB2; addr < 2 * MIB2; addr += PAGE)
		rig_translate(&rig, rig.nested, addr, 0);
	rig_translate(&rig, rig.nested, MIB2 - PAGE, 0);
	rig_translate(&rig, rig.nested, 2 * MIB2, 0);
	rig_flush(&rig, MIB2, 512, 0);
	ck_assert_uint_eq(cached_count(), 2);
	ck_assert_uint_eq(rig_cached(&rig, MIB2 - 1), IN_IOTLB);
	ck_assert_uint_eq(rig_cached(&rig, 2 * MIB2), IN_IOTLB);
	ck_assert_uint_eq(rig_cached(&rig, MIB2), 0);
	ck_assert_uint_eq(rig_cached(&rig, 2 * MIB2 - 1), 0);
	rig_close(&rig);
}

/* Leaves of each size, near and far. */
static void fill(uint32_t hwpt)
{
	static const unsigned int orders[] = { 0, 9, 18 };
	unsigned int i, k;

	for (i = 0; i < 3; i++) {
		for (k = 12; k < 64; k++)
			rig_translate(&rig, hwpt, 1ull << k, orders[i]);
		rig_translate(&rig, hwpt, 0, orders[i]);
		rig_translate(&rig, hwpt, UINT64_MAX, orders[i]);
	}
}

static bool anything_cached(void)
{
	unsigned int k, bits = rig_cached(&rig, 0);

	for (k = 12; k < 64; k++)
		bits |= rig_cached(&rig, 1ull << k);
	bits |= rig_cached(&rig, UINT64_MAX);
	return bits || cached_count();
}

TEST_RANGE(a_flush_of_all_drops_everything, 1, 3)
{
	rig_open(&rig, (uint32_t)_i, 0, 0);
	fill(rig.nested);
	rig_flush(&rig, 0, ALL, 0);
	ck_assert(!anything_cached());
	rig_close(&rig);
}

/* 7.3 sends a PASID-selective descriptor, which has no hint. */
TEST(only_6_12_keeps_structures_in_a_flush_of_all_with_the_hint)
{
	rig_open(&rig, OLD, 0, 0);
	fill(rig.nested);
	rig_flush(&rig, 0, ALL, LEAF);
	ck_assert_uint_eq(cached_count(), 0);
	ck_assert_uint_eq(rig_cached(&rig, 0), IN_STRUCTURE);
	rig_close(&rig);
	rig_open(&rig, NEW, 0, 0);
	fill(rig.nested);
	rig_flush(&rig, 0, ALL, LEAF);
	ck_assert(!anything_cached());
	rig_close(&rig);
}

TEST_RANGE(a_flush_keeps_what_other_hwpts_cached, 1, 3)
{
	uint32_t dev, other;

	rig_open(&rig, (uint32_t)_i, 0, 0);
	dev = rig_bind(&rig, 0);
	other = rig_alloc_nested(&rig, 57);
	rig_attach(&rig, dev, other);
	rig_translate(&rig, other, 0, 0);
	rig_translate(&rig, rig.nested, 0, 0);
	rig_flush(&rig, 0, ALL, 0);
	ck_assert_uint_eq(rig_cached(&rig, 0), 0);
	ck_assert_uint_eq(iommunest_sim_cached(rig.sim, rig.fd, other, 0),
			  IN_IOTLB);
	rig_close(&rig);
}

TEST_RANGE(a_failing_call_flushes_the_entries_before_the_failure, 1, 3)
{
	struct iommu_hwpt_vtd_s1_invalidate entries[] = {
		{ .addr = 0, .npages = 1 },
		{ .addr = PAGE, .npages = 1 },
		{ .addr = 1, .npages = 1 },
		{ .addr = 2 * PAGE, .npages = 1 },
	};
	uint32_t num = 4;

	eight_pages((uint32_t)_i, 0);
	ck_assert_int_eq(rig_submit(&rig, rig.nested, entries, &num), -EINVAL);
	ck_assert_uint_eq(num, 2);
	ck_assert_uint_eq(leaves(), 0xfc);
	rig_close(&rig);
}

/* ---- What the hardware refuses ---- */

TEST_RANGE(qemu_refuses_a_mask_above_18_and_the_call_succeeds, 1, 3)
{
	struct iommunest_sim_stats stats;

	eight_pages((uint32_t)_i, IOMMUNEST_SIM_QEMU_AM_18);
	rig_flush(&rig, 0, 1 << 19, 0);
	ck_assert_uint_eq(leaves(), 0xff);
	ck_assert_uint_eq(rig_cached(&rig, 0), IN_IOTLB);
	ck_assert_uint_eq(rig.desc_count, 1);
	ck_assert(rig.descs[0].refused);
	ck_assert_uint_eq(rig.descs[0].am, 19);
	rig_flush(&rig, 0, 1 << 18, 0);
	ck_assert_uint_eq(leaves(), 0);
	ck_assert(!rig.descs[0].refused);
	stats = rig_stats(&rig);
	ck_assert_uint_eq(stats.descs, 2);
	ck_assert_uint_eq(stats.refused, 1);
	rig_close(&rig);
}

TEST_RANGE(hardware_takes_a_mask_above_mamv, 1, 3)
{
	eight_pages((uint32_t)_i, 0);
	rig_flush(&rig, 0, 1 << 19, 0);
	ck_assert_uint_eq(leaves(), 0);
	ck_assert_uint_eq(rig_stats(&rig).refused, 0);
	rig_close(&rig);
}

/* 7.3 fixed it: "all" is PASID-selective there. */
TEST(a_flush_of_all_is_refused_in_6_12_and_not_in_7_3)
{
	eight_pages(OLD, IOMMUNEST_SIM_QEMU_AM_18);
	rig_flush(&rig, 0, ALL, 0);
	ck_assert_uint_eq(leaves(), 0xff);
	ck_assert(rig.descs[0].refused);
	rig_close(&rig);
	eight_pages(NEW, IOMMUNEST_SIM_QEMU_AM_18);
	rig_flush(&rig, 0, ALL, 0);
	ck_assert_uint_eq(leaves(), 0);
	ck_assert(!rig.descs[0].refused);
	rig_close(&rig);
}

/* In every kernel, with the patches and without; some tell of the refusal. */
TEST_RANGE(the_capability_mamv_is_no_limit, 1, 5)
{
	const bool tells = _i == IOMMUNEST_SIM_LINUX_7_3_PATCHED;
	struct iommu_hwpt_vtd_s1_invalidate large = { .npages = 1 << 19 };
	uint32_t num = 1;
	const struct iommunest_sim_options options = {
		.size = sizeof(options),
		.profile = (uint32_t)_i,
		.flags = IOMMUNEST_SIM_QEMU_AM_18,
		.cap = 2ull << 48,
	};

	rig_open_with(&rig, &options, 0);
	rig_flush(&rig, 0, 1 << 18, 0);
	ck_assert(!rig.descs[0].refused);
	ck_assert_uint_eq(rig.descs[0].am, 18);
	ck_assert_int_eq(rig_submit(&rig, rig.nested, &large, &num),
			 tells ? -EIO : 0);
	ck_assert_uint_eq(num, !tells);
	ck_assert(rig.descs[0].refused);
	ck_assert_uint_eq(rig.descs[0].am, 19);
	rig_close(&rig);
}

/* ---- A kernel with a fault ---- */

#define FAULTY IOMMUNEST_SIM_LINUX_6_18

TEST(in_6_18_flushes_succeed_and_what_is_cached_stays)
{
	struct iommu_hwpt_vtd_s1_invalidate entries[] = {
		{ .addr = PAGE, .npages = 1, .flags = LEAF },
		{ .addr = 0, .npages = ALL },
	};
	uint32_t num = 2;

	eight_pages(FAULTY, 0);
	ck_assert_int_eq(rig_submit(&rig, rig.nested, entries, &num), 0);
	ck_assert_uint_eq(num, 2);
	ck_assert_uint_eq(leaves(), 0xff);
	ck_assert_uint_eq(rig_cached(&rig, 0), IN_IOTLB);
	ck_assert_uint_eq(rig.desc_count, 2);
	ck_assert_uint_eq(rig.descs[0].kind, IOMMUNEST_SIM_IOTLB);
	ck_assert_uint_eq(rig.descs[0].addr, PAGE);
	ck_assert_uint_eq(rig.descs[0].am, 0);
	ck_assert(rig.descs[0].ih);
	ck_assert_uint_eq(rig.descs[1].kind, IOMMUNEST_SIM_IOTLB);
	ck_assert_uint_eq(rig.descs[1].am, 52);
	ck_assert(!rig.descs[0].refused && !rig.descs[1].refused);
	/* Only a detach drops it. */
	rig_attach(&rig, rig.dev, 0);
	ck_assert_uint_eq(leaves(), 0);
	rig_close(&rig);
}

/* Above it, all of the domain. */
TEST(in_6_18_blocks_are_limited_by_mamv)
{
	rig_open(&rig, FAULTY, 0, 0);
	rig_flush(&rig, GIB, 1 << 18, LEAF);
	ck_assert_uint_eq(rig.descs[0].am, 18);
	ck_assert_uint_eq(rig.descs[0].addr, GIB);
	rig_flush(&rig, 2 * GIB, 1 << 19, LEAF);
	ck_assert_uint_eq(rig.descs[0].am, 52);
	ck_assert_uint_eq(rig.descs[0].addr, 0);
	ck_assert(!rig.descs[0].ih);
	rig_close(&rig);
}

TEST(in_6_18_device_tlbs_are_flushed)
{
	rig_open(&rig, FAULTY, 0, IOMMUNEST_SIM_ATS);
	rig_translate(&rig, rig.nested, PAGE, 0);
	rig_flush(&rig, PAGE, 1, LEAF);
	ck_assert_uint_eq(rig_cached(&rig, PAGE), IN_IOTLB);
	rig_close(&rig);
}

/* ---- Devices ---- */

TEST_RANGE(detaching_drops_what_was_cached, 1, 3)
{
	uint32_t other;

	rig_open(&rig, (uint32_t)_i, 0, 0);
	fill(rig.nested);
	rig_attach(&rig, rig.dev, rig.nested);
	ck_assert(anything_cached());
	rig_attach(&rig, rig.dev, 0);
	ck_assert(!anything_cached());
	rig_attach(&rig, rig.dev, rig.nested);
	fill(rig.nested);
	other = rig_alloc_nested(&rig, 48);
	rig_attach(&rig, rig.dev, other);
	ck_assert(!anything_cached());
	rig_close(&rig);
}

TEST_RANGE(a_refused_attach_drops_what_was_cached, 1, 3)
{
	uint32_t wrong;

	rig_open(&rig, (uint32_t)_i, 0, 0);
	fill(rig.nested);
	wrong = rig_alloc_nested(&rig, 1);
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, rig.fd, rig.dev, wrong),
			 -EINVAL);
	ck_assert(!anything_cached());
	rig_close(&rig);
}

TEST_RANGE(attaching_keeps_what_other_devices_cached, 1, 3)
{
	uint32_t other, dev;

	rig_open(&rig, (uint32_t)_i, 0, 0);
	dev = rig_bind(&rig, 0);
	other = rig_alloc_nested(&rig, 48);
	rig_attach(&rig, dev, other);
	rig_translate(&rig, other, 0, 0);
	rig_translate(&rig, rig.nested, 0, 0);
	rig_attach(&rig, dev, rig.nested);
	ck_assert_uint_eq(rig_cached(&rig, 0), IN_IOTLB);
	ck_assert_uint_eq(iommunest_sim_cached(rig.sim, rig.fd, other, 0), 0);
	rig_close(&rig);
}

TEST_RANGE(devices_of_an_hwpt_share_its_tag, 1, 3)
{
	uint32_t dev;

	rig_open(&rig, (uint32_t)_i, 0, 0);
	dev = rig_bind(&rig, 0);
	rig_attach(&rig, dev, rig.nested);
	rig_flush(&rig, 0, 1, 0);
	ck_assert_uint_eq(rig.desc_count, 1);
	ck_assert_uint_eq(rig.descs[0].hwpt_id, rig.nested);
	ck_assert_uint_eq(rig.descs[0].dev_id, 0);
	/* When one leaves, all lose what was cached. */
	rig_translate(&rig, rig.nested, 0, 0);
	rig_attach(&rig, dev, 0);
	ck_assert_uint_eq(rig_cached(&rig, 0), 0);
	/* The first device is still attached. */
	rig_translate(&rig, rig.nested, 0, 0);
	rig_flush(&rig, 0, 1, 0);
	ck_assert_uint_eq(rig.desc_count, 1);
	rig_close(&rig);
}

/* ---- Device TLBs ---- */

TEST(ats_devices_cache_copies_in_7_3)
{
	rig_open(&rig, NEW, 0, IOMMUNEST_SIM_ATS);
	rig_translate(&rig, rig.nested, PAGE, 0);
	ck_assert_uint_eq(rig_cached(&rig, PAGE), IN_IOTLB | IN_DEV_TLB);
	ck_assert_uint_eq(rig_cached(&rig, 0), IN_STRUCTURE);
	rig_close(&rig);
	rig_open(&rig, NEW, 0, 0);
	rig_translate(&rig, rig.nested, PAGE, 0);
	ck_assert_uint_eq(rig_cached(&rig, PAGE), IN_IOTLB);
	rig_close(&rig);
	rig_open(&rig, OLD, 0, IOMMUNEST_SIM_ATS);
	rig_translate(&rig, rig.nested, PAGE, 0);
	ck_assert_uint_eq(rig_cached(&rig, PAGE), IN_IOTLB);
	rig_close(&rig);
}

TEST(a_flush_drops_the_copies_in_device_tlbs)
{
	rig_open(&rig, NEW, 0, IOMMUNEST_SIM_ATS);
	rig_translate(&rig, rig.nested, PAGE, 0);
	rig_translate(&rig, rig.nested, 2 * PAGE, 0);
	rig_flush(&rig, PAGE, 1, LEAF);
	ck_assert_uint_eq(rig_cached(&rig, PAGE), IN_STRUCTURE);
	ck_assert_uint_eq(rig_cached(&rig, 2 * PAGE), IN_IOTLB | IN_DEV_TLB);
	rig_flush(&rig, 0, ALL, 0);
	ck_assert_uint_eq(rig_cached(&rig, 2 * PAGE), 0);
	rig_close(&rig);
}

TEST(a_refused_iotlb_flush_still_flushes_device_tlbs)
{
	rig_open(&rig, NEW, IOMMUNEST_SIM_QEMU_AM_18, IOMMUNEST_SIM_ATS);
	rig_translate(&rig, rig.nested, PAGE, 0);
	rig_flush(&rig, 0, 1 << 19, 0);
	ck_assert_uint_eq(rig.desc_count, 2);
	ck_assert(rig.descs[0].refused);
	ck_assert(!rig.descs[1].refused);
	ck_assert_uint_eq(rig_cached(&rig, PAGE), IN_IOTLB);
	rig_close(&rig);
}

static void check_dev_desc(size_t index, uint32_t dev, uint64_t addr,
			   uint32_t am)
{
	const struct iommunest_sim_desc *desc = &rig.descs[index];

	ck_assert_uint_eq(desc->kind, IOMMUNEST_SIM_DEV_TLB);
	ck_assert_uint_eq(desc->hwpt_id, rig.nested);
	ck_assert_uint_eq(desc->dev_id, dev);
	ck_assert_uint_eq(desc->addr, addr);
	ck_assert_uint_eq(desc->am, am);
}

TEST(ats_devices_are_flushed_in_the_order_of_attachment)
{
	uint32_t plain, last;

	rig_open(&rig, NEW, 0, IOMMUNEST_SIM_ATS);
	plain = rig_bind(&rig, 0);
	last = rig_bind(&rig, IOMMUNEST_SIM_ATS);
	rig_attach(&rig, plain, rig.nested);
	rig_attach(&rig, last, rig.nested);
	rig_flush(&rig, 3 * PAGE, 3, LEAF);
	ck_assert_uint_eq(rig.desc_count, 3);
	ck_assert_uint_eq(rig.descs[0].kind, IOMMUNEST_SIM_PIOTLB_PAGES);
	ck_assert(rig.descs[0].ih);
	check_dev_desc(1, rig.dev, 0, 3);
	check_dev_desc(2, last, 0, 3);
	ck_assert(!rig.descs[1].ih);
	rig_flush(&rig, 0, ALL, 0);
	ck_assert_uint_eq(rig.descs[0].kind, IOMMUNEST_SIM_PIOTLB_ALL);
	check_dev_desc(1, rig.dev, 0, 52);
	check_dev_desc(2, last, 0, 52);
	rig_attach(&rig, rig.dev, 0);
	rig_attach(&rig, rig.dev, rig.nested);
	rig_flush(&rig, PAGE, 1, 0);
	check_dev_desc(1, last, PAGE, 0);
	check_dev_desc(2, rig.dev, PAGE, 0);
	rig_close(&rig);
}

TEST(a_detached_device_drops_only_its_own_copies)
{
	uint32_t other;

	rig_open(&rig, NEW, 0, IOMMUNEST_SIM_ATS);
	other = rig_bind(&rig, IOMMUNEST_SIM_ATS);
	rig_attach(&rig, other, rig.nested);
	rig_translate(&rig, rig.nested, 0, 0);
	rig_attach(&rig, other, 0);
	ck_assert_uint_eq(rig_cached(&rig, 0), IN_DEV_TLB);
	rig_attach(&rig, rig.dev, 0);
	ck_assert_uint_eq(rig_cached(&rig, 0), 0);
	/* Attaching it again does not bring them back. */
	rig_attach(&rig, rig.dev, rig.nested);
	rig_attach(&rig, other, rig.nested);
	ck_assert_uint_eq(rig_cached(&rig, 0), 0);
	rig_close(&rig);
}

TEST(a_null_callback_ends_the_callbacks)
{
	rig_open(&rig, 0, 0, 0);
	iommunest_sim_on_desc(rig.sim, NULL, NULL);
	rig_flush(&rig, 0, 1, 0);
	ck_assert_uint_eq(rig.desc_count, 0);
	ck_assert_uint_eq(rig_stats(&rig).descs, 1);
	rig_close(&rig);
}

/* ---- Compared with a list that is searched linearly ---- */

struct item {
	uint64_t first;
	uint64_t last;
	bool leaf;
	bool gone;
};

#define ITEMS 512u

static struct item items[2 * ITEMS];
static size_t item_count;

static void add_item(uint64_t addr, unsigned int bits, bool leaf)
{
	uint64_t size = 1ull << bits;

	items[item_count++] = (struct item){
		.first = addr & ~(size - 1),
		.last = addr | (size - 1),
		.leaf = leaf,
	};
}

static void drop_items(uint64_t first, uint64_t last, bool leaves_only)
{
	size_t i;

	for (i = 0; i < item_count; i++) {
		if (items[i].first <= last && items[i].last >= first &&
		    (items[i].leaf || !leaves_only))
			items[i].gone = true;
	}
}

static unsigned int items_at(uint64_t addr)
{
	unsigned int bits = 0;
	size_t i;

	for (i = 0; i < item_count; i++) {
		if (!items[i].gone && items[i].first <= addr &&
		    addr <= items[i].last)
			bits |= items[i].leaf ? IN_LEAF : IN_STRUCTURE;
	}
	return bits;
}

static struct support_rng rng;

/* 0 to @n - 1. */
static uint32_t below(uint32_t n)
{
	return support_rng_below(&rng, n);
}

/* Close together, so that flushes and leaves overlap. */
static uint64_t random_addr(void)
{
	return below(16) * PAGE + below(4) * MIB2 + below(4) * GIB;
}

/* The smallest aligned block that holds the range, by trying each size. */
static void flush_both(uint64_t addr, uint64_t npages, bool hint)
{
	uint64_t last = addr + npages * PAGE - 1, size = PAGE;

	while ((addr & ~(size - 1)) != (last & ~(size - 1)))
		size *= 2;
	drop_items(addr & ~(size - 1), addr | (size - 1), hint);
	rig_flush(&rig, addr, npages, hint ? LEAF : 0);
	ck_assert_uint_eq(rig.descs[0].addr, addr & ~(size - 1));
	ck_assert_uint_eq(PAGE << rig.descs[0].am, size);
}

static void translate_both(uint64_t addr)
{
	static const unsigned int orders[] = { 0, 9, 18 };
	unsigned int order = orders[below(3)];

	if (item_count + 2 > 2 * ITEMS)
		return;
	add_item(addr, 12 + order, true);
	add_item(addr, 21 + order, false);
	rig_translate(&rig, rig.nested, addr, order);
}

TEST_LOOP(random_flushes_agree_with_a_plain_list, 40)
{
	unsigned int step, probe;

	support_rng_start(&rng, __func__);
	item_count = 0;
	rig_open(&rig, 1 + (uint32_t)_i % 2, 0, 0);
	for (step = 0; step < 300; step++) {
		if (below(2))
			translate_both(random_addr());
		else
			flush_both(random_addr(), 1 + below(1u << below(20)),
				   below(2));
		for (probe = 0; probe < 10; probe++) {
			uint64_t addr = random_addr();

			ck_assert_uint_eq(rig_cached(&rig, addr),
					  items_at(addr));
		}
	}
	rig_close(&rig);
}
