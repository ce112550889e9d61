/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What a simulated SMMUv3 caches, and what each field of a command leaves: with
 * tables of the test's own, beyond what QEMU's SMMU can show.
 */
#include "smmu-rig.h"

#include "tests/harness/support.h"

#include <string.h>

#define ASID 7u
#define OTHER 8u
#define NH_VA (SMMU_NH_VA | SMMU_ASID(ASID))
#define EATS (1ull << 28)

static struct smmu_rig rig;
/* A context descriptor, and tables of 39 bits: the root is level 1. */
static uint64_t cd, level1, level2, level3;
static uint32_t hwpt;

static void build(const uint32_t idr[6], uint32_t dev_flags)
{
	smmu_rig_open(&rig, idr, dev_flags);
	cd = smmu_rig_take(&rig, 0);
	level1 = smmu_rig_take(&rig, 0);
	level2 = smmu_rig_take(&rig, 0);
	level3 = smmu_rig_take(&rig, 0);
	smmu_rig_set(&rig, level1, 0, level2 | S1_TABLE);
	smmu_rig_set(&rig, level2, 0, level3 | S1_TABLE);
	smmu_rig_set_cd(&rig, cd, CD_GOOD | CD_T0SZ(39) | CD_ASID(ASID),
			level1);
	hwpt = smmu_rig_nested(&rig, rig.env.viommu, cd, EATS);
	smmu_rig_attach(&rig, 0, hwpt);
}

static void set_up(void)
{
	build(smmu_rig_idr, 0);
}

static void tear_down(void)
{
	smmu_rig_close(&rig);
}

FIXTURE(set_up, tear_down);

static void rebuild(const uint32_t idr[6], uint32_t dev_flags)
{
	tear_down();
	build(idr, dev_flags);
}

static void send(uint64_t w0, uint64_t w1)
{
	smmu_rig_send(&rig, rig.env.viommu, w0, w1);
}

/* Page @index of the first 2 MiB. */
static void map_page(unsigned int index, uint32_t word, uint64_t flags)
{
	smmu_rig_set(&rig, level3, index,
		     smmu_rig_frame(&rig, word) | S1_PAGE | flags);
}

static void reads(uint64_t iova, uint32_t word)
{
	ck_assert_uint_eq(smmu_rig_read(&rig, 0, iova), word);
}

static void fails(uint64_t iova, uint32_t reason, uint64_t at)
{
	reads(iova, RIG_NOTHING);
	ck_assert_uint_eq(rig.dma.reason, reason);
	ck_assert_uint_eq(rig.dma.fault_addr, at);
}

static unsigned int cached(uint64_t addr)
{
	return iommunest_sim_cached(rig.sim, rig.env.fd, hwpt, addr);
}

#define IN_BOTH (IOMMUNEST_SIM_CACHED_LEAF | IOMMUNEST_SIM_CACHED_STRUCTURE)
#define CONTEXT IOMMUNEST_SIM_CACHED_CONTEXT

/* ---- Context descriptors and tables ---- */

struct context {
	const char *name;
	uint64_t set;
	uint64_t clear;
};

static const struct context bad_contexts[] = {
	{ "not valid", 0, CD_V },
	{ "AArch32", 0, CD_AA64 },
	{ "no A, with TERM_MODEL", 0, CD_A },
	{ "S", 1ull << 44, 0 },
	{ "HA", 1ull << 43, 0 },
	{ "HD", 1ull << 42, 0 },
	{ "big endian", 1ull << 15, 0 },
	{ "TG0 3", CD_TG0(3), 0 },
	{ "T0SZ 40", 40, 63 },
	{ "T0SZ 15", 15, 63 },
};

TEST_LOOP(a_bad_context_descriptor_is_refused_and_not_cached,
	  ARRAY_LEN(bad_contexts))
{
	const struct context *bad = &bad_contexts[_i];
	const uint64_t good = CD_GOOD | CD_T0SZ(39) | CD_ASID(ASID);

	map_page(1, 11, S1_LEAF);
	smmu_rig_set_cd(&rig, cd, (good & ~bad->clear) | bad->set, level1);
	fails(PAGE, IOMMUNEST_SIM_DMA_CD, cd);
	smmu_rig_set_cd(&rig, cd, good, level1);
	reads(PAGE, 11);
}

TEST(a_table_beyond_the_output_is_refused)
{
	smmu_rig_set_cd(&rig, cd, CD_GOOD | CD_T0SZ(39), 1ull << 44);
	fails(PAGE, IOMMUNEST_SIM_DMA_CD, cd);
}

TEST(several_context_descriptors_are_too_many)
{
	smmu_rig_attach(&rig, 0,
			smmu_rig_nested(&rig, rig.env.viommu, cd | 1ull << 59,
					0));
	fails(PAGE, IOMMUNEST_SIM_DMA_STE, cd);
}

/* ---- Tables of context descriptors, for requests without a substream ---- */

#define CDMAX(bits) ((uint64_t)(bits) << 59)
#define FORMAT_4K (1ull << 4)
#define DSS_BYPASS 1ull
#define DSS_FIRST 2ull

static void attach_table(uint64_t word0, uint64_t word1)
{
	map_page(1, 11, S1_LEAF);
	hwpt = smmu_rig_nested(&rig, rig.env.viommu, word0, word1);
	smmu_rig_attach(&rig, 0, hwpt);
}

TEST(a_linear_table_begins_with_that_of_no_substream)
{
	rebuild(smmu_rig_idr_ssids, 0);
	attach_table(cd | CDMAX(8), DSS_FIRST);
	reads(PAGE, 11);
}

TEST(a_table_is_not_larger_than_ssidsize)
{
	rebuild(smmu_rig_idr_ssids, 0);
	attach_table(cd | CDMAX(9), DSS_FIRST);
	fails(PAGE, IOMMUNEST_SIM_DMA_STE, cd);
}

TEST(s1dss_may_refuse_them_or_do_without_stage_1)
{
	rebuild(smmu_rig_idr_ssids, 0);
	attach_table(cd | CDMAX(8), 0);
	fails(PAGE, IOMMUNEST_SIM_DMA_STREAM_DISABLED, PAGE);
	attach_table(cd | CDMAX(8), DSS_BYPASS);
	reads(smmu_rig_frame(&rig, 51), 51);
}

/* And the first level is cached until a CFGI_CD without Leaf. */
TEST(a_table_may_have_two_levels)
{
	uint64_t first, other;

	rebuild(smmu_rig_idr_ssids, 0);
	first = smmu_rig_take(&rig, 0);
	other = smmu_rig_take(&rig, 0);
	attach_table(first | CDMAX(8) | FORMAT_4K, DSS_FIRST);
	fails(PAGE, IOMMUNEST_SIM_DMA_SUBSTREAM, first);
	smmu_rig_set(&rig, first, 0, cd | 1);
	reads(PAGE, 11);
	smmu_rig_set(&rig, first, 0, other | 1);
	send(SMMU_CFGI_CD | SMMU_SID(SMMU_VSID), SMMU_LEAF);
	reads(PAGE, 11);
	send(SMMU_CFGI_CD | SMMU_SID(SMMU_VSID) | SMMU_SSID(1), 0);
	reads(PAGE, 11);
	send(SMMU_CFGI_CD | SMMU_SID(SMMU_VSID), SMMU_LEAF);
	fails(PAGE, IOMMUNEST_SIM_DMA_CD, other);
}

TEST(two_levels_take_cd2l)
{
	uint32_t idr[6];

	memcpy(idr, smmu_rig_idr_ssids, sizeof(idr));
	idr[0] = smmu_rig_idr[0];
	rebuild(idr, 0);
	attach_table(cd | CDMAX(8) | FORMAT_4K, DSS_FIRST);
	fails(PAGE, IOMMUNEST_SIM_DMA_STE, cd);
}

TEST(without_a_table_all_faults)
{
	smmu_rig_set_cd(&rig, cd, CD_GOOD | CD_EPD0, 0);
	fails(PAGE, IOMMUNEST_SIM_DMA_NOT_PRESENT, PAGE);
}

TEST(the_upper_half_has_no_table_unless_the_top_byte_is_ignored)
{
	const uint64_t high = 0xff00000000000000ull;

	map_page(1, 11, S1_LEAF);
	fails(1ull << 39, IOMMUNEST_SIM_DMA_NOT_PRESENT, 1ull << 39);
	fails(high | PAGE, IOMMUNEST_SIM_DMA_NOT_PRESENT, high | PAGE);
	smmu_rig_set_cd(&rig, cd,
			CD_GOOD | CD_T0SZ(39) | CD_ASID(ASID) | CD_TBI0,
			level1);
	send(SMMU_CFGI_CD | SMMU_SID(SMMU_VSID), SMMU_LEAF);
	reads(high | PAGE, 11);
}

/* Each granule, with a table of four, three or two levels, and blocks. */
struct shape {
	unsigned int tg;
	unsigned int order;
	unsigned int width;
	/* Addresses' bits that index each level, from the root. */
	unsigned int shift[4];
	unsigned int levels;
	/* The last that has blocks, but for level 3: an index of the above. */
	unsigned int block;
};

static const struct shape shapes[] = {
	{ 0, 0, 48, { 39, 30, 21, 12 }, 4, 2 },
	{ 0, 0, 39, { 30, 21, 12 }, 3, 0 },
	{ 0, 0, 25, { 21, 12 }, 2, 0 },
	{ 2, 2, 48, { 47, 36, 25, 14 }, 4, 2 },
	{ 2, 2, 36, { 25, 14 }, 2, 0 },
	{ 1, 4, 48, { 42, 29, 16 }, 3, 1 },
	{ 1, 4, 29, { 16 }, 1, 0 },
};

static unsigned int index_of(const struct shape *shape, unsigned int level,
			     uint64_t iova)
{
	const uint64_t mask = (1ull << (9 + shape->order)) - 1;

	return (unsigned int)(iova >> shape->shift[level] & mask);
}

/* Returns the last of @levels tables. */
static uint64_t build_tables(const struct shape *shape, unsigned int levels,
			     uint64_t iova)
{
	uint64_t table = smmu_rig_take(&rig, shape->order), next;
	unsigned int i;

	smmu_rig_set_cd(&rig, cd,
			CD_GOOD | CD_T0SZ(shape->width) | CD_TG0(shape->tg) |
				CD_ASID(ASID),
			table);
	for (i = 0; i + 1 < levels; i++) {
		next = smmu_rig_take(&rig, shape->order);
		smmu_rig_set(&rig, table, index_of(shape, i, iova),
			     next | S1_TABLE);
		table = next;
	}
	return table;
}

/* In the middle of the page: its second 4 KiB, where it has some. */
TEST_LOOP(all_granules_are_walked, ARRAY_LEN(shapes))
{
	const struct shape *shape = &shapes[_i];
	const uint64_t inside = shape->order ? PAGE : 0;
	const uint64_t iova =
		(0x0000a5a5a5a50000ull & ((1ull << shape->width) - 1)) | inside;
	const uint64_t page = smmu_rig_take(&rig, shape->order);
	const uint64_t table = build_tables(shape, shape->levels, iova);
	const uint32_t word = 0xabcd;

	*(uint32_t *)smmu_rig_at(&rig, page + inside) = word;
	smmu_rig_set(&rig, table, index_of(shape, shape->levels - 1, iova),
		     page | S1_PAGE | S1_LEAF);
	reads(iova, word);
	/* A page that says block is none. */
	smmu_rig_set(&rig, table, index_of(shape, shape->levels - 1, iova),
		     page | S1_BLOCK | S1_LEAF);
	send(SMMU_NSNH_ALL, 0);
	reads(iova, RIG_NOTHING);
}

TEST_LOOP(blocks_are_of_the_levels_that_have_them, ARRAY_LEN(shapes))
{
	const struct shape *shape = &shapes[_i];
	const unsigned int at = shape->block;
	const uint64_t size = 1ull << shape->shift[at];
	const uint64_t iova = 5 * PAGE;
	const uint64_t table = build_tables(shape, at + 1, iova);

	if (at + 1 == shape->levels)
		return;
	smmu_rig_alias(&rig, rig.env.ioas, smmu_rig_frame(&rig, 77),
		       6 * size + iova);
	smmu_rig_set(&rig, table, 0, (6 * size) | S1_BLOCK | S1_LEAF);
	reads(iova, 77);
	/* Any address in it names all of it. */
	smmu_rig_set(&rig, table, 0, 0);
	reads(iova, 77);
	send(NH_VA, size);
	reads(iova, 77);
	send(NH_VA, size - PAGE);
	reads(iova, RIG_NOTHING);
}

TEST(a_block_of_the_first_level_of_512_gib_is_none)
{
	const struct shape *four = &shapes[0];
	const uint64_t root = build_tables(four, 1, 0);

	smmu_rig_set(&rig, root, 0, S1_BLOCK | S1_LEAF);
	fails(PAGE, IOMMUNEST_SIM_DMA_NOT_PRESENT, root);
}

/* ---- Rights ---- */

TEST(the_access_flag_has_to_be_there)
{
	map_page(1, 11, S1_LEAF & ~S1_AF);
	fails(PAGE, IOMMUNEST_SIM_DMA_ACCESS_FLAG, level3 + 8);
	map_page(1, 12, S1_LEAF);
	reads(PAGE, 12);
}

TEST(unless_it_does_not_matter)
{
	smmu_rig_set_cd(&rig, cd, CD_GOOD | CD_T0SZ(39) | CD_AFFD, level1);
	map_page(1, 11, S1_LEAF & ~S1_AF);
	reads(PAGE, 11);
}

TEST(an_address_that_is_too_wide_is_an_error)
{
	smmu_rig_set(&rig, level3, 1, 1ull << 44 | S1_PAGE | S1_LEAF);
	fails(PAGE, IOMMUNEST_SIM_DMA_ADDRESS_SIZE, level3 + 8);
	smmu_rig_set(&rig, level2, 1, 1ull << 44 | S1_TABLE);
	fails(0x200000, IOMMUNEST_SIM_DMA_ADDRESS_SIZE, level2 + 8);
}

/* What is cached and too little fails until it is invalidated. */
TEST(a_write_to_what_is_read_only_fails_until_it_is_invalidated)
{
	map_page(1, 11, S1_LEAF | S1_READ_ONLY);
	ck_assert_int_eq(smmu_rig_write(&rig, 0, PAGE), -EFAULT);
	ck_assert_uint_eq(rig.dma.reason, IOMMUNEST_SIM_DMA_PERMISSION);
	map_page(1, 12, S1_LEAF);
	ck_assert_int_eq(smmu_rig_write(&rig, 0, PAGE), -EFAULT);
	send(NH_VA, PAGE | SMMU_LEAF);
	ck_assert_int_eq(smmu_rig_write(&rig, 0, PAGE), 0);
}

static uint32_t read_privileged(uint64_t iova)
{
	struct iommunest_sim_dma dma = {
		.size = sizeof(dma),
		.dev_id = rig.dev[0],
		.flags = IOMMUNEST_SIM_DMA_PRIVILEGED,
		.iova = iova,
	};
	uint32_t word = RIG_NOTHING;

	iommunest_sim_dma_read(rig.sim, rig.env.fd, &dma, &word, sizeof(word));
	return word;
}

TEST(a_privileged_page_is_for_privileged_requests)
{
	map_page(1, 11, S1_LEAF & ~S1_USER);
	fails(PAGE, IOMMUNEST_SIM_DMA_PERMISSION,
	      smmu_rig_take(&rig, 0) - PAGE);
	ck_assert_uint_eq(read_privileged(PAGE), 11);
}

TEST(tables_take_rights_away)
{
	map_page(1, 11, S1_LEAF);
	smmu_rig_set(&rig, level1, 0, level2 | S1_TABLE | 1ull << 62);
	ck_assert_int_eq(smmu_rig_write(&rig, 0, PAGE), -EFAULT);
	reads(PAGE, 11);
	smmu_rig_set(&rig, level1, 0, level2 | S1_TABLE | 1ull << 61);
	send(SMMU_NSNH_ALL, 0);
	reads(PAGE, RIG_NOTHING);
	ck_assert_uint_eq(read_privileged(PAGE), 11);
}

/* ---- What a command names ---- */

static void both_pages(void)
{
	map_page(1, 11, S1_LEAF);
	map_page(2, 12, S1_LEAF);
	reads(PAGE, 11);
	reads(2 * PAGE, 12);
}

TEST(what_is_cached_can_be_asked_for)
{
	ck_assert_uint_eq(cached(PAGE), 0);
	both_pages();
	ck_assert_uint_eq(cached(PAGE), IN_BOTH | CONTEXT);
	ck_assert_uint_eq(cached(3 * PAGE),
			  IOMMUNEST_SIM_CACHED_STRUCTURE | CONTEXT);
	ck_assert_uint_eq(iommunest_sim_cached_count(rig.sim, rig.env.fd, hwpt),
			  2);
	ck_assert_uint_eq(iommunest_sim_cached_asid(rig.sim, rig.env.fd,
						    rig.env.viommu, ASID, PAGE),
			  IN_BOTH);
	ck_assert_uint_eq(iommunest_sim_cached_asid(rig.sim, rig.env.fd,
						    rig.env.viommu, OTHER,
						    PAGE),
			  0);
	ck_assert_uint_eq(iommunest_sim_cached_asid(rig.sim, rig.env.fd, hwpt,
						    ASID, PAGE),
			  0);
	send(NH_VA, PAGE | SMMU_LEAF);
	ck_assert_uint_eq(cached(PAGE),
			  IOMMUNEST_SIM_CACHED_STRUCTURE | CONTEXT);
	send(NH_VA, PAGE);
	ck_assert_uint_eq(cached(PAGE), CONTEXT);
	ck_assert_uint_eq(cached(2 * PAGE),
			  IOMMUNEST_SIM_CACHED_LEAF | CONTEXT);
	send(SMMU_NH_ASID | SMMU_ASID(ASID), 0);
	ck_assert_uint_eq(cached(2 * PAGE), CONTEXT);
	send(SMMU_CFGI_CD_ALL | SMMU_SID(SMMU_VSID), 0);
	ck_assert_uint_eq(cached(2 * PAGE), 0);
}

/* The page is in another table now. */
TEST(leaf_leaves_tables)
{
	const uint64_t other = smmu_rig_take(&rig, 0);

	both_pages();
	smmu_rig_set(&rig, other, 1,
		     smmu_rig_frame(&rig, 21) | S1_PAGE | S1_LEAF);
	smmu_rig_set(&rig, level2, 0, other | S1_TABLE);
	send(NH_VA, PAGE | SMMU_LEAF);
	reads(PAGE, 11);
	send(NH_VA, PAGE);
	reads(PAGE, 21);
}

TEST(what_is_global_belongs_to_each_asid)
{
	map_page(1, 11, S1_LEAF & ~S1_NOT_GLOBAL);
	reads(PAGE, 11);
	map_page(1, 12, S1_LEAF);
	send(SMMU_NH_ASID | SMMU_ASID(ASID), 0);
	reads(PAGE, 11);
	ck_assert_uint_eq(iommunest_sim_cached_asid(rig.sim, rig.env.fd,
						    rig.env.viommu, OTHER,
						    PAGE),
			  IOMMUNEST_SIM_CACHED_LEAF);
	send(SMMU_NH_VA | SMMU_ASID(OTHER), PAGE);
	reads(PAGE, 12);
}

struct range {
	const char *name;
	uint64_t w0;
	uint64_t w1;
	/* Whether it drops pages 1 and 2. */
	bool first;
	bool second;
};

static const struct range ranges[] = {
	{ "one page", 0, PAGE | SMMU_TG(1) | SMMU_TTL(3), true, false },
	{ "two pages", SMMU_NUM(1), PAGE | SMMU_TG(1), true, true },
	{ "up to page 1", SMMU_NUM(1), SMMU_TG(1), true, false },
	{ "up to page 2", SMMU_NUM(2), SMMU_TG(1), true, true },
	{ "scale", SMMU_SCALE(1), SMMU_TG(1), true, false },
	{ "more scale", SMMU_SCALE(2), SMMU_TG(1), true, true },
	{ "from page 2 to the end", SMMU_NUM(31) | SMMU_SCALE(31),
	  2 * PAGE | SMMU_TG(1), false, true },
	{ "to the end of all", SMMU_NUM(31) | SMMU_SCALE(31),
	  0xfffffffffffff000ull | SMMU_TG(3), false, false },
	{ "of level 2", SMMU_NUM(2), SMMU_TG(1) | SMMU_TTL(2), false, false },
	{ "of 16 KiB", SMMU_NUM(2), SMMU_TG(2), false, false },
	{ "of 64 KiB", SMMU_NUM(2), SMMU_TG(3), false, false },
};

TEST_LOOP(a_range_has_a_first_page_and_a_last, ARRAY_LEN(ranges))
{
	const struct range *range = &ranges[_i];

	both_pages();
	map_page(1, 21, S1_LEAF);
	map_page(2, 22, S1_LEAF);
	send(NH_VA | range->w0, range->w1 | SMMU_LEAF);
	reads(PAGE, range->first ? 21 : 11);
	reads(2 * PAGE, range->second ? 22 : 12);
}

/* ---- Who shares what ---- */

TEST(devices_with_one_asid_share_what_is_cached)
{
	smmu_rig_attach(&rig, 1, hwpt);
	both_pages();
	map_page(1, 21, S1_LEAF);
	ck_assert_uint_eq(smmu_rig_read(&rig, 1, PAGE), 11);
	ck_assert_uint_eq(iommunest_sim_cached_count(rig.sim, rig.env.fd, hwpt),
			  2);
}

TEST(viommus_of_one_parent_share_a_vmid)
{
	struct conf_env *env = &rig.env;
	const uint32_t second = smmu_alloc_viommu(env, env->parent);

	both_pages();
	map_page(1, 21, S1_LEAF);
	smmu_rig_send(&rig, second, NH_VA, PAGE);
	reads(PAGE, 21);
}

static uint32_t another_viommu(void)
{
	struct conf_env *env = &rig.env;
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = env->dev,
		.pt_id = env->ioas,
	};
	const uint32_t parent = conf_alloc_hwpt(env, &cmd);

	ck_assert_msg(parent, "%s", env->why);
	return smmu_alloc_viommu(env, parent);
}

TEST(those_of_another_parent_have_their_own)
{
	const uint32_t other = another_viommu();

	both_pages();
	map_page(1, 21, S1_LEAF);
	smmu_rig_send(&rig, other, NH_VA, PAGE);
	smmu_rig_send(&rig, other, SMMU_NSNH_ALL, 0);
	reads(PAGE, 11);
}

/* ---- What the driver does by itself ---- */

/* It has a new STE, so that its context descriptor is read again. */
TEST(another_hwpt_of_the_parent_finds_what_is_cached)
{
	const uint64_t cd2 = smmu_rig_take(&rig, 0);

	both_pages();
	map_page(1, 21, S1_LEAF);
	smmu_rig_set_cd(&rig, cd2, CD_GOOD | CD_T0SZ(39) | CD_ASID(ASID),
			level1);
	smmu_rig_attach(&rig, 0, smmu_rig_nested(&rig, rig.env.viommu, cd2, 0));
	reads(PAGE, 11);
	smmu_rig_set_cd(&rig, cd2, 0, 0);
	reads(2 * PAGE, 12);
	smmu_rig_attach(&rig, 0, hwpt);
	reads(PAGE, 11);
}

TEST(nothing_is_cached_when_the_last_device_has_left)
{
	both_pages();
	map_page(1, 21, S1_LEAF);
	smmu_rig_attach(&rig, 1, hwpt);
	smmu_rig_attach(&rig, 0, 0);
	ck_assert_uint_eq(smmu_rig_read(&rig, 1, PAGE), 11);
	smmu_rig_attach(&rig, 1, 0);
	smmu_rig_attach(&rig, 0, hwpt);
	reads(PAGE, 21);
}

TEST(what_stage_2_unmaps_is_cached_no_more)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = rig.env.ioas,
		.iova = 0x90000000,
		.length = PAGE,
	};
	const uint64_t frame = smmu_rig_frame(&rig, 31);

	smmu_rig_alias(&rig, rig.env.ioas, frame, cmd.iova);
	smmu_rig_set(&rig, level3, 1, cmd.iova | S1_PAGE | S1_LEAF);
	reads(PAGE, 31);
	ck_assert(conf_ioctl_is(&rig.env, IOMMU_IOAS_UNMAP, &cmd, 0));
	fails(PAGE, IOMMUNEST_SIM_DMA_S2_NOT_MAPPED, cmd.iova);
}

static void inject(int error, uint32_t code)
{
	const struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = IOMMUNEST_SIM_HARDWARE_ERROR,
		.error = error,
		.nth = 1,
		.code = code,
	};

	ck_assert_int_eq(iommunest_sim_inject(rig.sim, &fault), 0);
}

TEST(what_hardware_refuses_is_not_done)
{
	both_pages();
	map_page(1, 21, S1_LEAF);
	inject(-EIO, IOMMUNEST_VTD_FSTS_IQE);
	send(NH_VA, PAGE);
	reads(PAGE, 11);
	send(NH_VA, PAGE);
	reads(PAGE, 21);
}

TEST(what_hardware_does_not_answer_is_not_done)
{
	both_pages();
	map_page(1, 21, S1_LEAF);
	inject(-ETIMEDOUT, IOMMUNEST_VTD_FSTS_ITE);
	ck_assert(smmu_answers(&rig.env, NH_VA, PAGE, -ETIMEDOUT));
	reads(PAGE, 11);
}

/* ---- Without a stage 1 ---- */

static uint32_t alloc_ste(uint64_t word0)
{
	const uint64_t ste[2] = { word0, 0 };
	const uint32_t id = smmu_alloc_nested(&rig.env, ste);

	ck_assert_msg(id, "%s", rig.env.why);
	return id;
}

TEST(a_bypass_has_stage_2_only)
{
	const uint64_t frame = smmu_rig_frame(&rig, 41);

	smmu_rig_attach(&rig, 0, alloc_ste(STE_V | STE_BYPASS));
	reads(frame, 41);
	fails(PAGE, IOMMUNEST_SIM_DMA_S2_NOT_MAPPED, PAGE);
}

TEST(an_abort_lets_nothing_through)
{
	const uint64_t frame = smmu_rig_frame(&rig, 41);

	smmu_rig_attach(&rig, 0, alloc_ste(STE_V | STE_ABORT));
	fails(frame, IOMMUNEST_SIM_DMA_BLOCKED, frame);
	smmu_rig_attach(&rig, 0, alloc_ste(0));
	fails(frame, IOMMUNEST_SIM_DMA_BLOCKED, frame);
}

/* ---- A device's own TLB ---- */

static void send_atc(uint64_t addr, unsigned int size)
{
	send(SMMU_ATC_INV | SMMU_SID(SMMU_VSID), addr | size);
}

TEST(a_device_keeps_what_only_the_smmu_was_told_of)
{
	rebuild(smmu_rig_idr_ats, IOMMUNEST_SIM_ATS);
	both_pages();
	ck_assert(cached(PAGE) & IOMMUNEST_SIM_CACHED_DEV_TLB);
	map_page(1, 21, S1_LEAF);
	map_page(2, 22, S1_LEAF);
	send(SMMU_NSNH_ALL, 0);
	reads(PAGE, 11);
	send_atc(PAGE, 0);
	reads(PAGE, 21);
	reads(2 * PAGE, 12);
	send_atc(2 * PAGE, 1);
	reads(2 * PAGE, 22);
}

TEST(and_what_only_it_was_told_of_is_in_the_smmu)
{
	rebuild(smmu_rig_idr_ats, IOMMUNEST_SIM_ATS);
	both_pages();
	map_page(1, 21, S1_LEAF);
	send_atc(0, 52);
	ck_assert(!(cached(PAGE) & IOMMUNEST_SIM_CACHED_DEV_TLB));
	reads(PAGE, 11);
}

/* EATS, the SMMU's ATS, the device's. */
TEST(three_have_to_want_a_tlb)
{
	rebuild(smmu_rig_idr_ats, IOMMUNEST_SIM_ATS);
	smmu_rig_attach(&rig, 0, smmu_rig_nested(&rig, rig.env.viommu, cd, 0));
	both_pages();
	map_page(1, 21, S1_LEAF);
	send(SMMU_NSNH_ALL, 0);
	reads(PAGE, 21);
	rebuild(smmu_rig_idr_ats, 0);
	both_pages();
	ck_assert(!(cached(PAGE) & IOMMUNEST_SIM_CACHED_DEV_TLB));
	rebuild(smmu_rig_idr, IOMMUNEST_SIM_ATS);
	both_pages();
	ck_assert(!(cached(PAGE) & IOMMUNEST_SIM_CACHED_DEV_TLB));
	ck_assert(smmu_answers(&rig.env, SMMU_ATC_INV | SMMU_SID(SMMU_VSID), 0,
			       -EIO));
}
