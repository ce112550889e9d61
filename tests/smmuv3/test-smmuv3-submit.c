/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Batches of commands to a vIOMMU, on kernels whose counts mean three different
 * things: no command is lost, and the one at fault is named.
 */
#include <errno.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/smmuv3/cmd-rows.h"
#include "tests/smmuv3/viommu-rig.h"

#define COUNT 100u
#define COOKIE(index) (0x1000u + (index))

static struct viommu_rig rig;
static struct iommunest_batch *batch;
static struct iommunest_report report;
static struct iommunest_failure skipped[8];
static struct iommunest_smmuv3_stream stream_list[100];
static struct iommunest_smmuv3_streams streams;

static void start_on(const struct iommunest_sim_options *options,
		     uint32_t capacity,
		     const struct iommunest_smmuv3_streams *with)
{
	struct iommunest_inv_type type =
		IOMMUNEST_INIT(struct iommunest_inv_type);

	rig_open(&rig, options);
	ck_assert_int_eq(iommunest_smmuv3_type(&type, &rig.caps, with), 0);
	ck_assert_int_eq(iommunest_batch_new(&batch, &type, capacity), 0);
	skipped[0].size = sizeof(skipped[0]);
}

static void start_with(uint32_t kernel, uint32_t capacity,
		       const struct iommunest_smmuv3_streams *with)
{
	const struct iommunest_sim_options options = rig_full_smmu(kernel);

	start_on(&options, capacity, with);
}

/* Hardware that has to be told everything twice. */
static void start_with_erratum(uint32_t kernel)
{
	struct iommunest_sim_options options = rig_full_smmu(kernel);

	options.errata = IOMMUNEST_SMMUV3_ERRATA_REPEAT;
	start_on(&options, COUNT, NULL);
}

static void finish(void)
{
	iommunest_batch_free(batch);
	rig_close(&rig);
}

static void add(const struct iommunest_smmuv3_entry *entry)
{
	ck_assert_int_eq(
		iommunest_batch_add(batch, entry,
				    COOKIE(iommunest_batch_count(batch))),
		0);
}

/* Pages of ASID 1, numbered. */
static void add_pages(uint32_t count)
{
	struct iommunest_smmuv3_entry entry;
	uint32_t i;

	for (i = 0; i < count; i++) {
		iommunest_smmuv3_tlbi_nh_va(&entry, 1, (uint64_t)i << 12, true);
		add(&entry);
	}
}

static unsigned int page_times(uint32_t page)
{
	return rig_times(&rig, UINT64_C(0x0001000000000012),
			 (uint64_t)page << 12 | 1);
}

static void pages_done(uint32_t first, uint32_t end)
{
	uint32_t i;

	for (i = first; i < end; i++)
		ck_assert_msg(page_times(i), "page %u was lost", i);
}

static void make_illegal(uint32_t index)
{
	const struct iommunest_smmuv3_entry sync = cmd_entry(0x46, 0);

	memcpy(iommunest_batch_entry(batch, index), &sync, sizeof(sync));
}

static int submit(uint32_t policy)
{
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = policy,
	};

	report = (struct iommunest_report){
		.size = sizeof(report),
		.skipped = skipped,
		.skipped_max = ARRAY_LEN(skipped),
	};
	return iommunest_submit(rig.ctx, rig.viommu_id, batch, &options,
				&report);
}

/* ---- One command is illegal ---- */

static const uint32_t bad[] = { 0, 1, 10, 62, 63, 64, 70, 99 };

TEST_LOOP(an_illegal_command_is_named, RIG_KERNELS *ARRAY_LEN(bad))
{
	const uint32_t at = bad[(size_t)_i / RIG_KERNELS];
	struct iommunest_smmuv3_entry entry;

	start_with(rig_kernels[_i % RIG_KERNELS], COUNT, NULL);
	add_pages(COUNT);
	make_illegal(at);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EIO);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.index, at);
	ck_assert_uint_eq(report.cookie, COOKIE(at));
	ck_assert(report.exact);
	pages_done(0, iommunest_batch_cursor(batch));
	/* It is fixed, and sent again. */
	iommunest_smmuv3_tlbi_nh_va(&entry, 1, (uint64_t)at << 12, true);
	memcpy(iommunest_batch_entry(batch, report.index), &entry,
	       sizeof(entry));
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	pages_done(0, COUNT);
	finish();
}

TEST_LOOP(or_given_up_and_nothing_else_is, RIG_KERNELS *ARRAY_LEN(bad))
{
	const uint32_t at = bad[(size_t)_i / RIG_KERNELS];

	start_with(rig_kernels[_i % RIG_KERNELS], COUNT, NULL);
	add_pages(COUNT);
	make_illegal(at);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_SKIP), 1);
	ck_assert_uint_eq(skipped[0].cookie, COOKIE(at));
	ck_assert_int_eq(skipped[0].error, -EIO);
	pages_done(0, at);
	pages_done(at + 1, COUNT);
	finish();
}

/* What OpenVMM loses: a stream that has no vDEVICE. */
TEST_LOOP(a_stream_that_nobody_has_is_named, RIG_KERNELS)
{
	struct iommunest_smmuv3_entry entry;

	start_with(rig_kernels[_i], COUNT, NULL);
	add_pages(40);
	iommunest_smmuv3_cfgi_cd_all(&entry, 9);
	add(&entry);
	add_pages(20);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_SKIP), 1);
	ck_assert_uint_eq(skipped[0].index, 40);
	pages_done(0, 40);
	finish();
}

/* ---- Sizes and errors of calls ---- */

TEST_LOOP(a_call_is_one_group, RIG_KERNELS)
{
	static const uint32_t counts[] = { 1, 62, 63, 64, 126, 127, 200 };
	uint32_t i, before;

	for (i = 0; i < ARRAY_LEN(counts); i++) {
		start_with(rig_kernels[_i], 200, NULL);
		before = rig.calls;
		add_pages(counts[i]);
		ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
		ck_assert_uint_eq(rig.calls - before,
				  (counts[i] + RIG_GROUP - 1) / RIG_GROUP);
		ck_assert_uint_eq(rig.calls, rig.syncs);
		finish();
	}
}

/* More than the kernel has memory for in one call. */
TEST(a_quarter_of_a_million_commands_are_done)
{
	const uint32_t count = (1u << 18) + 1;

	start_with(rig_kernels[0], count, NULL);
	add_pages(count);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(report.handled, count);
	ck_assert_uint_eq(rig.issued, count);
	ck_assert_uint_eq(rig.log[count - 1][1],
			  (uint64_t)(count - 1) << 12 | 1);
	finish();
}

TEST_LOOP(with_little_memory_calls_are_smaller, RIG_KERNELS)
{
	start_with(rig_kernels[_i], COUNT, NULL);
	rig.memory = 7;
	add_pages(COUNT);
	make_illegal(31);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_SKIP), 1);
	ck_assert_uint_eq(skipped[0].index, 31);
	pages_done(0, 31);
	pages_done(32, COUNT);
	finish();
}

TEST_LOOP(without_any_memory_the_call_is_blamed, RIG_KERNELS)
{
	start_with(rig_kernels[_i], COUNT, NULL);
	rig.memory = 0;
	add_pages(COUNT);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -ENOMEM);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_CALL);
	ck_assert_uint_eq(report.pending, COUNT);
	finish();
}

TEST_LOOP(with_a_dead_queue_all_of_the_call_is_in_doubt, RIG_KERNELS)
{
	start_with(rig_kernels[_i], 200, NULL);
	rig_die(&rig, RIG_GROUP + 1);
	add_pages(200);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -ETIMEDOUT);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.handled, RIG_GROUP);
	ck_assert_uint_eq(report.index, RIG_GROUP);
	ck_assert_uint_eq(report.last_index, 2 * RIG_GROUP - 1);
	ck_assert(!report.exact);
	/* None of them can be given up. */
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_SKIP), -ETIMEDOUT);
	/* It answers again. */
	rig_revive(&rig);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	pages_done(0, 200);
	finish();
}

/* ---- The erratum ---- */

TEST_LOOP(each_group_goes_twice_where_the_hardware_needs_it, RIG_KERNELS)
{
	uint32_t i;

	start_with_erratum(rig_kernels[_i]);
	add_pages(COUNT);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(rig.calls, 4);
	ck_assert_uint_eq(rig.issued, 2 * COUNT);
	/* The second sending of a group follows its first. */
	for (i = 0; i < RIG_GROUP; i++)
		ck_assert_uint_eq(rig.log[i][1], rig.log[i + RIG_GROUP][1]);
	finish();
}

TEST(a_group_that_timed_out_the_second_time_is_not_done)
{
	start_with_erratum(rig_kernels[0]);
	rig_die(&rig, 10 + 1);
	add_pages(10);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -ETIMEDOUT);
	ck_assert_uint_eq(report.handled, 0);
	ck_assert_uint_eq(report.pending, 10);
	finish();
}

/* ---- All ---- */

static void use_streams(uint32_t count, uint32_t with_ats)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		stream_list[i].sid = 0x100 + i;
		stream_list[i].flags =
			i < with_ats ? IOMMUNEST_SMMUV3_STREAM_ATS : 0;
		if (i >= rig.stream_count)
			rig_add_stream(&rig, 0x100 + i);
	}
	streams.streams = stream_list;
	streams.count = count;
}

static void start_all(uint32_t count, uint32_t with_ats)
{
	start_with(rig_kernels[0], COUNT, &streams);
	use_streams(count, with_ats);
	add_pages(5);
	make_illegal(2);
}

/* The opcodes of the last @count commands. */
static unsigned int opcode_at(uint32_t from_end)
{
	ck_assert_uint_ge(rig.issued, from_end);
	return rig.log[rig.issued - from_end][0] & 0xff;
}

TEST(all_is_each_stream_all_translations_and_each_device)
{
	uint32_t i;

	start_all(3, 2);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(report.flushed, 5);
	ck_assert_uint_eq(report.pending, 0);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(opcode_at(6 - i), 0x06);
		ck_assert_uint_eq(rig.log[rig.issued - 6 + i][0] >> 32,
				  0x100 + i);
	}
	/* The kernel makes it the guest's. */
	ck_assert_uint_eq(opcode_at(3), 0x10);
	for (i = 0; i < 2; i++) {
		ck_assert_uint_eq(rig.log[rig.issued - 2 + i][0],
				  UINT64_C(0x10000000040) | (uint64_t)i << 32);
		ck_assert_uint_eq(rig.log[rig.issued - 2 + i][1], 52);
	}
	finish();
}

/* Each class waits for the one before it: a call each. */
TEST(classes_are_calls_of_their_own)
{
	uint32_t before;

	start_all(100, 100);
	before = rig.syncs;
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(rig.syncs - before, 2 + 1 + 2);
	ck_assert_uint_eq(rig.issued, 100 + 1 + 100);
	finish();
}

TEST(without_streams_all_is_all_translations)
{
	start_with(rig_kernels[0], COUNT, NULL);
	add_pages(5);
	make_illegal(2);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(rig.issued, 1);
	ck_assert_uint_eq(opcode_at(1), 0x10);
	finish();
}

enum uncovered {
	CONFIG_OF_ANOTHER,
	DEVICE_OF_ANOTHER,
	DEVICE_WITHOUT_ATS,
	COVERED,
	UNCOVERED,
};

TEST_LOOP(what_all_does_not_do_is_not_replaced_by_it, 2 * UNCOVERED)
{
	const bool any_streams = _i % 2;
	struct iommunest_smmuv3_entry entry;
	bool covered = false;

	start_with(rig_kernels[0], COUNT, any_streams ? &streams : NULL);
	use_streams(2, 1);
	add_pages(3);
	make_illegal(1);
	switch (_i / 2) {
	case CONFIG_OF_ANOTHER:
		ck_assert_int_eq(
			iommunest_smmuv3_cfgi_cd(&entry, 0x200, 0, true), 0);
		break;
	case DEVICE_OF_ANOTHER:
		ck_assert_int_eq(
			iommunest_smmuv3_atc_inv(&entry, 0x200, 0, 0, 1), 0);
		break;
	case DEVICE_WITHOUT_ATS:
		ck_assert_int_eq(
			iommunest_smmuv3_atc_inv(&entry, 0x101, 0, 0, 1), 0);
		break;
	default:
		ck_assert_int_eq(
			iommunest_smmuv3_atc_inv(&entry, 0x100, 0, 0, 1), 0);
		covered = any_streams;
		break;
	}
	add(&entry);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL),
			 covered ? 0 : -EIO);
	ck_assert_uint_eq(report.pending, covered ? 0 : 4);
	ck_assert_uint_eq(rig.issued, covered ? 2 + 1 + 1 : 0);
	finish();
}

/* They may come and go between submissions. */
TEST(streams_are_those_of_the_moment)
{
	start_all(1, 0);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(rig.issued, 2);
	use_streams(4, 4);
	iommunest_batch_reset(batch);
	add_pages(3);
	make_illegal(0);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(rig.issued, 2 + 4 + 1 + 4);
	finish();
}

/* The rig holds that no empty array is sent. */
TEST_LOOP(nobody_is_asked_for_reports_of_a_viommu, RIG_KERNELS)
{
	struct iommunest_inv_type type =
		IOMMUNEST_INIT(struct iommunest_inv_type);

	start_with(rig_kernels[_i], COUNT, NULL);
	ck_assert_int_eq(iommunest_smmuv3_type(&type, &rig.caps, NULL), 0);
	ck_assert_int_eq(
		iommunest_reports_errors(rig.ctx, rig.viommu_id, &type), 0);
	ck_assert_uint_eq(rig.calls, 0);
	finish();
}

TEST(the_type_wants_capabilities)
{
	struct iommunest_smmuv3_caps caps = cmd_full_caps();
	struct iommunest_inv_type type = { .size = 8 };

	ck_assert_int_eq(iommunest_smmuv3_type(NULL, &caps, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_type(&type, &caps, NULL), -EINVAL);
	type.size = 4097;
	ck_assert_int_eq(iommunest_smmuv3_type(&type, &caps, NULL), -E2BIG);
	type.size = sizeof(type);
	ck_assert_int_eq(iommunest_smmuv3_type(&type, NULL, NULL), -EINVAL);
	caps.size = 4097;
	ck_assert_int_eq(iommunest_smmuv3_type(&type, &caps, NULL), -E2BIG);
}
