/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Is it still cached?  A device reads through a nested stage 1, in which a page
 * is mapped to another frame, and says what it has read.  A cache may always
 * forget; the emulated one does not, so that what should be stale is.
 */
#include "smmu-guest.h"

#include "tests/harness/support.h"

#define ASID 5u
#define OTHER_ASID 6u
/* What is read, and what it is mapped to in the course of a test. */
#define PAGE 3u
#define SECOND 40u
#define NEW 200u
#define ADDR(page) (GUEST_IOVA + (page)*0x1000ull)

static struct guest_stage1 stage1;

/* Page n is frame n. */
static struct guest_stage1 identity(uint16_t asid)
{
	struct guest_stage1 made = guest_new_stage1(&guest, asid);
	unsigned int page;

	for (page = 0; page < GUEST_PAGES; page++)
		guest_map(&guest, &made, page, page);
	return made;
}

static void set_up(void)
{
	stage1 = identity(ASID);
	guest_set_stage1(&guest, 0, &stage1);
	ck_assert_int_eq(
		guest_invalidate(&guest,
				 SMMU_CFGI_CD_ALL | SMMU_SID(guest_vsid(0)), 0),
		0);
	ck_assert_int_eq(guest_invalidate(&guest, SMMU_NSNH_ALL, 0), 0);
}

FIXTURE(set_up, NULL);

static void reads(unsigned int page, uint32_t frame)
{
	ck_assert_uint_eq(guest_read(&guest, 0, page), frame);
}

/* It is in the cache, and in the table there is another. */
static void remap(unsigned int page, unsigned int frame)
{
	reads(page, page);
	guest_map(&guest, &stage1, page, frame);
	reads(page, page);
}

TEST(a_device_reads_through_both_stages)
{
	reads(0, 0);
	reads(PAGE, PAGE);
	reads(GUEST_PAGES - 1, GUEST_PAGES - 1);
}

TEST(a_page_that_is_not_mapped_is_not_read)
{
	guest_map(&guest, &stage1, PAGE, GUEST_FRAMES);
	reads(PAGE, GUEST_NOTHING);
}

struct flush {
	const char *name;
	uint64_t w0;
	uint64_t w1;
};

/* 16 pages of 4 KiB from the first on. */
#define RANGE_0 SMMU_NUM(15)
#define RANGE_1 SMMU_TG(1)
#define RANGE_SCALE SMMU_SCALE(0)

static const struct flush enough[] = {
	{ "NH_VA", SMMU_NH_VA | SMMU_ASID(ASID), ADDR(PAGE) },
	{ "NH_VA, leaf", SMMU_NH_VA | SMMU_ASID(ASID), ADDR(PAGE) | SMMU_LEAF },
	{ "NH_VAA", SMMU_NH_VAA, ADDR(PAGE) },
	{ "NH_ASID", SMMU_NH_ASID | SMMU_ASID(ASID), 0 },
	{ "NH_ALL", SMMU_NH_ALL, 0 },
	{ "NSNH_ALL", SMMU_NSNH_ALL, 0 },
	{ "NH_VA, range", SMMU_NH_VA | SMMU_ASID(ASID) | RANGE_0 | RANGE_SCALE,
	  ADDR(0) | RANGE_1 },
	{ "NH_VAA, range", SMMU_NH_VAA | RANGE_0 | RANGE_SCALE,
	  ADDR(0) | RANGE_1 | SMMU_LEAF },
	{ "another VMID", SMMU_NH_VA | SMMU_ASID(ASID) | SMMU_VMID(0x7777),
	  ADDR(PAGE) },
};

TEST_LOOP(an_invalidation_brings_the_new_page, ARRAY_LEN(enough))
{
	const struct flush *flush = &enough[_i];

	remap(PAGE, NEW);
	ck_assert_int_eq(guest_invalidate(&guest, flush->w0, flush->w1), 0);
	ck_assert_msg(guest_read(&guest, 0, PAGE) == NEW, "%s: the old page",
		      flush->name);
}

static const struct flush others[] = {
	{ "NH_VA of another ASID", SMMU_NH_VA | SMMU_ASID(OTHER_ASID),
	  ADDR(PAGE) },
	{ "NH_ASID of another", SMMU_NH_ASID | SMMU_ASID(OTHER_ASID), 0 },
	{ "NH_VA of another page", SMMU_NH_VA | SMMU_ASID(ASID),
	  ADDR(PAGE + 1) },
	{ "NH_VAA of another page", SMMU_NH_VAA, ADDR(PAGE - 1) },
	{ "NH_VA, a range after it",
	  SMMU_NH_VA | SMMU_ASID(ASID) | RANGE_0 | RANGE_SCALE,
	  ADDR(SECOND) | RANGE_1 },
};

TEST_LOOP(an_invalidation_of_something_else_does_not, ARRAY_LEN(others))
{
	const struct flush *flush = &others[_i];

	remap(PAGE, NEW);
	ck_assert_int_eq(guest_invalidate(&guest, flush->w0, flush->w1), 0);
	ck_assert_msg(guest_read(&guest, 0, PAGE) == PAGE, "%s: the new page",
		      flush->name);
}

/* Also the descriptor's ASID is that of the old one. */
TEST(a_context_descriptor_is_cached_too)
{
	struct guest_stage1 other = identity(OTHER_ASID);
	const uint64_t sid = SMMU_SID(guest_vsid(0));

	reads(PAGE, PAGE);
	guest_map(&guest, &other, PAGE, NEW);
	guest_set_stage1(&guest, 0, &other);
	ck_assert_int_eq(guest_invalidate(&guest, SMMU_NSNH_ALL, 0), 0);
	reads(PAGE, PAGE);
	ck_assert_int_eq(
		guest_invalidate(&guest, SMMU_CFGI_CD | SMMU_SID(guest_vsid(1)),
				 SMMU_LEAF),
		0);
	reads(PAGE, PAGE);
	ck_assert_int_eq(
		guest_invalidate(&guest, SMMU_CFGI_CD | sid, SMMU_LEAF), 0);
	reads(PAGE, NEW);
}

/* ---- Arrays ---- */

#define ARRAY 100u

/* Of other pages, as far as anybody knows. */
static void fill(struct conf_command *commands)
{
	uint32_t i;

	for (i = 0; i < ARRAY; i++)
		commands[i] = guest_nh_va(ASID, GUEST_PAGES + 1 + i);
}

/* What the driver counts as done was not sent, unless it counts exactly. */
TEST(what_is_counted_before_a_refused_command_is_lost)
{
	const bool exact = guest_env(&guest)->smmu_count == CONF_SMMU_EXACT;
	struct conf_command commands[ARRAY];
	uint32_t count = ARRAY;

	fill(commands);
	commands[5] = guest_nh_va(ASID, PAGE);
	commands[10] = smmu_command(SMMU_SYNC, 0);
	remap(PAGE, NEW);
	ck_assert_int_eq(guest_invalidate_all(&guest, commands, &count), -EIO);
	ck_assert_uint_eq(count, smmu_counted(guest_env(&guest), 10));
	reads(PAGE, exact ? NEW : PAGE);
	count = 10;
	ck_assert_int_eq(guest_invalidate_all(&guest, commands, &count), 0);
	ck_assert_uint_eq(count, 10);
	reads(PAGE, NEW);
}

TEST(whole_groups_before_a_refused_command_are_done)
{
	const bool exact = guest_env(&guest)->smmu_count == CONF_SMMU_EXACT;
	struct conf_command commands[ARRAY];
	uint32_t count = ARRAY;

	fill(commands);
	commands[62] = guest_nh_va(ASID, PAGE);
	commands[63] = guest_nh_va(ASID, SECOND);
	commands[70] = smmu_command(SMMU_CFGI_STE, 0);
	remap(PAGE, NEW);
	remap(SECOND, NEW + 1);
	ck_assert_int_eq(guest_invalidate_all(&guest, commands, &count), -EIO);
	ck_assert_uint_eq(count, smmu_counted(guest_env(&guest), 70));
	reads(PAGE, NEW);
	reads(SECOND, exact ? NEW + 1 : SECOND);
}
