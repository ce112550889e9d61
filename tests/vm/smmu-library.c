/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The library's typed commands, batches and submission on the driver: after a
 * submission has returned, no device reads a page that it was to drop, whatever
 * the kernel's count means.
 */
#include "smmu-machine.h"

#include "tests/harness/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* IOMMUNEST_INVALIDATE_REPORT_ERROR of lib/uapi/invalidate.h. */
#define REPORT_ERROR 1u
#define ASID 5u
#define NEW 200u
#define COUNT 100u
#define ADDR(page) (GUEST_IOVA + (page)*0x1000ull)

static struct guest_stage1 stage1;
static struct iommunest_ctx *ctx;
static struct iommunest_smmuv3_caps caps;
static struct iommunest_smmuv3_stream stream_list[1];
static struct iommunest_smmuv3_streams streams;
static struct iommunest_batch *batch;
static struct iommunest_report report;

static struct iommunest_batch *new_batch(uint32_t capacity)
{
	struct iommunest_inv_type type =
		IOMMUNEST_INIT(struct iommunest_inv_type);
	struct iommunest_batch *new;

	ck_assert_int_eq(iommunest_smmuv3_type(&type, &caps, &streams), 0);
	ck_assert_int_eq(iommunest_batch_new(&new, &type, capacity), 0);
	return new;
}

static int submit(uint32_t policy)
{
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = policy,
	};

	report = (struct iommunest_report){ .size = sizeof(report) };
	return iommunest_submit(ctx, guest_env(&guest)->viommu, batch, &options,
				&report);
}

/* What it adds that is refused has a cookie of its own. */
static void add(const struct iommunest_smmuv3_entry *entry)
{
	ck_assert_int_eq(iommunest_batch_add(batch, entry,
					     iommunest_batch_count(batch)),
			 0);
}

static void add_page(unsigned int page)
{
	struct iommunest_smmuv3_entry entry;

	iommunest_smmuv3_tlbi_nh_va(&entry, ASID, ADDR(page), true);
	add(&entry);
}

/* A stream that has no vDEVICE. */
static void add_refused(void)
{
	struct iommunest_smmuv3_entry entry;

	iommunest_smmuv3_cfgi_cd_all(&entry, guest_vsid(0) + 0x100);
	add(&entry);
}

static void read_caps(void)
{
	struct iommunest_hw_info info =
		IOMMUNEST_INIT(struct iommunest_hw_info);

	caps.size = sizeof(caps);
	ck_assert_int_eq(iommunest_hw_info(ctx, guest_env(&guest)->dev, &info),
			 0);
	ck_assert_int_eq(iommunest_smmuv3_caps_decode(&caps, &info), 0);
}

/* All is new: page n is frame n. */
static void set_up(void)
{
	struct iommunest_smmuv3_entry entry;
	unsigned int page;

	ck_assert_int_eq(iommunest_open_fd(&ctx, guest_env(&guest)->fd, NULL),
			 0);
	read_caps();
	stream_list[0].sid = guest_vsid(0);
	streams.streams = stream_list;
	streams.count = 1;
	batch = new_batch(256);
	stage1 = guest_new_stage1(&guest, ASID);
	for (page = 0; page < GUEST_PAGES; page++)
		guest_map(&guest, &stage1, page, page);
	guest_set_stage1(&guest, 0, &stage1);
	iommunest_smmuv3_cfgi_cd_all(&entry, guest_vsid(0));
	add(&entry);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	iommunest_batch_reset(batch);
	iommunest_smmuv3_tlbi_nsnh_all(&entry);
	add(&entry);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	iommunest_batch_reset(batch);
}

static void tear_down(void)
{
	smmu_hw_enable_queue(machine.smmu.hw, true);
	iommunest_batch_free(batch);
	iommunest_close(ctx);
}

FIXTURE(set_up, tear_down);

static void reads(unsigned int page, uint32_t frame)
{
	ck_assert_uint_eq(guest_read(&guest, 0, page), frame);
}

/* It is in the cache, and in the table there is another. */
static void remap(unsigned int page)
{
	reads(page, page);
	guest_map(&guest, &stage1, page, NEW);
	reads(page, page);
}

/* ---- What QEMU's SMMU is ---- */

TEST(the_hardware_is_known)
{
	ck_assert_uint_eq(caps.asid_bits, 16);
	ck_assert_uint_eq(caps.sid_bits, 16);
	ck_assert_uint_eq(caps.ssid_bits, 0);
	ck_assert(caps.ril && caps.gran4k);
	ck_assert(!(caps.flags & IOMMUNEST_SMMUV3_ERRATA_REPEAT));
}

/* ---- One of many is refused ---- */

/* The page's own command is before it, in the same group and not. */
static const struct {
	uint32_t page_at;
	uint32_t refused_at;
} rows[] = {
	{ 5, 10 }, { 62, 70 }, { 63, 70 }, { 0, 62 }, { 69, 99 },
};

TEST_LOOP(what_is_before_a_refused_command_is_done, ARRAY_LEN(rows))
{
	uint32_t i;

	remap(3);
	for (i = 0; i < COUNT; i++) {
		if (i == rows[_i].refused_at)
			add_refused();
		else
			add_page(i == rows[_i].page_at ? 3 : 9);
	}
	/* Stop, and the rest of the command's own call is pending. */
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EIO);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.cookie, rows[_i].refused_at);
	ck_assert(report.exact);
	if (iommunest_batch_cursor(batch) > rows[_i].page_at)
		reads(3, NEW);
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	reads(3, NEW);
}

TEST(it_may_be_skipped_at_once)
{
	struct iommunest_failure skipped = { .size = sizeof(skipped) };
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_POLICY_SKIP,
	};
	uint32_t i;

	remap(3);
	for (i = 0; i < COUNT; i++) {
		if (i == 10)
			add_refused();
		else
			add_page(i == 5 ? 3 : 9);
	}
	report = (struct iommunest_report){
		.size = sizeof(report),
		.skipped = &skipped,
		.skipped_max = 1,
	};
	ck_assert_int_eq(iommunest_submit(ctx, guest_env(&guest)->viommu, batch,
					  &options, &report),
			 1);
	ck_assert_uint_eq(skipped.cookie, 10);
	reads(3, NEW);
}

/* "All" does what this one asks for: it is of a stream that is known. */
TEST(all_takes_the_place_of_what_is_pending)
{
	const struct iommunest_smmuv3_cmd cmd = {
		.size = sizeof(cmd),
		.opcode = IOMMUNEST_SMMUV3_SYNC,
	};
	struct iommunest_smmuv3_entry entry;

	remap(3);
	ck_assert_int_eq(iommunest_smmuv3_cmd_encode(&cmd, &entry), 0);
	add(&entry);
	add_page(3);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(report.flushed, 2);
	reads(3, NEW);
}

TEST(all_drops_a_context_descriptor_too)
{
	const struct iommunest_smmuv3_cmd cmd = {
		.size = sizeof(cmd),
		.opcode = IOMMUNEST_SMMUV3_SYNC,
	};
	struct guest_stage1 other = guest_new_stage1(&guest, ASID + 1);
	struct iommunest_smmuv3_entry entry;

	reads(3, 3);
	guest_map(&guest, &other, 3, NEW);
	guest_set_stage1(&guest, 0, &other);
	reads(3, 3);
	ck_assert_int_eq(iommunest_smmuv3_cmd_encode(&cmd, &entry), 0);
	add(&entry);
	ck_assert_int_eq(
		iommunest_smmuv3_cfgi_cd(&entry, guest_vsid(0), 0, true), 0);
	add(&entry);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL), 0);
	reads(3, NEW);
}

/* ---- Ranges ---- */

static const struct {
	unsigned int first;
	unsigned int count;
	bool ril;
	uint32_t flags;
	uint32_t max_commands;
} ranges[] = {
	{ 3, 1, true, 0, 0 },
	{ 3, 31, true, IOMMUNEST_SMMUV3_RANGE_LEAF, 0 },
	{ 5, 63, true, 0, 0 },
	{ 1, 101, true, IOMMUNEST_SMMUV3_RANGE_ANY_ASID, 0 },
	{ 1, 101, false, 0, 0 },
	{ 7, 33, false, IOMMUNEST_SMMUV3_RANGE_ANY_ASID, 0 },
	{ 1, 101, false, 0, 4 },
};

/* Its ends read the new frame, and what is beside it is kept. */
TEST_LOOP(a_range_drops_its_pages_and_no_others, ARRAY_LEN(ranges))
{
	const unsigned int first = ranges[_i].first;
	const unsigned int end = first + ranges[_i].count;
	const struct iommunest_smmuv3_range range = {
		.size = sizeof(range),
		.addr = ADDR(first),
		.count = ranges[_i].count,
		.granule = 12,
		.asid = ASID,
		.flags = ranges[_i].flags,
		.max_commands = ranges[_i].max_commands,
	};
	const bool is_all = ranges[_i].max_commands;

	remap(first - 1);
	remap(first);
	remap(first + ranges[_i].count / 2);
	remap(end - 1);
	remap(end);
	caps.ril = ranges[_i].ril;
	ck_assert_int_eq(
		iommunest_smmuv3_batch_add_range(batch, &caps, &range, 0), 0);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	reads(first, NEW);
	reads(first + ranges[_i].count / 2, NEW);
	reads(end - 1, NEW);
	reads(first - 1, is_all ? NEW : first - 1);
	reads(end, is_all ? NEW : end);
}

/* ---- Errors of the call ---- */

TEST(a_dead_queue_leaves_all_of_the_call_in_doubt)
{
	uint32_t i;

	remap(3);
	for (i = 0; i < COUNT; i++)
		add_page(i == 5 ? 3 : 9);
	smmu_hw_enable_queue(machine.smmu.hw, false);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -ETIMEDOUT);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.handled, 0);
	ck_assert_uint_eq(report.index, 0);
	ck_assert_uint_eq(report.last_index, SMMU_GROUP - 1);
	ck_assert(!report.exact);
	ck_assert_uint_eq(report.pending, COUNT);
	smmu_hw_enable_queue(machine.smmu.hw, true);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	reads(3, NEW);
}

/* Of which the kernel takes none in one call. */
TEST(more_than_the_kernel_has_memory_for_are_done)
{
	const uint32_t count = (1u << 18) + 1;
	uint32_t i;

	remap(3);
	iommunest_batch_free(batch);
	batch = new_batch(count);
	for (i = 1; i < count; i++)
		add_page(9);
	add_page(3);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(report.handled, count);
	reads(3, NEW);
}

/* ---- The check, and the kernel ---- */

#define ROUNDS 4000u

static const uint8_t opcodes[] = { 0x01, 0x03, 0x04, 0x05, 0x06, 0x10, 0x11,
				   0x12, 0x13, 0x22, 0x28, 0x30, 0x40, 0x46 };

static uint64_t some_bits(struct support_rng *rng, uint64_t mask)
{
	uint64_t bits = support_rng_next(rng) & mask;

	return support_rng_below(rng, 3) ? bits & support_rng_next(rng) : 0;
}

/* In a stream that has a vDEVICE, which the check knows nothing of. */
static struct conf_command random_command(struct support_rng *rng)
{
	const uint8_t opcode = opcodes[support_rng_below(rng, sizeof(opcodes))];
	const bool has_range = opcode == 0x12 || opcode == 0x13;
	uint64_t w0 = opcode, w1 = 0;

	if (opcode < 0x10 || opcode == 0x40)
		w0 |= SMMU_SID(guest_vsid(0));
	else
		w0 |= some_bits(rng, SMMU_ASID(0xffff) | SMMU_VMID(0xffff));
	if (has_range || !support_rng_below(rng, 4)) {
		w0 |= some_bits(rng, SMMU_NUM(0x1f) | SMMU_SCALE(0x3f));
		w1 |= some_bits(rng, SMMU_TG(3) | SMMU_TTL(3));
		w1 |= some_bits(rng, ~0xfffull);
	}
	if (!support_rng_below(rng, 8))
		w0 |= 1ull << (8 + support_rng_below(rng, 24));
	w1 |= some_bits(rng, support_rng_below(rng, 8) ? SMMU_LEAF : 0xff);
	return smmu_command(w0, w1);
}

TEST(what_the_check_refuses_the_kernel_refuses_and_nothing_else)
{
	struct support_rng rng;
	unsigned int round, taken = 0;

	support_rng_start(&rng, "smmu-library");
	/* This machine's SMMU has none, which the capabilities do not say. */
	caps.ats = false;
	for (round = 0; round < ROUNDS; round++) {
		const struct conf_command command = random_command(&rng);
		struct iommunest_smmuv3_cmd cmd =
			IOMMUNEST_INIT(struct iommunest_smmuv3_cmd);
		struct iommunest_smmuv3_entry entry;
		uint32_t count = 1;
		int ret;

		memcpy(&entry, &command, sizeof(entry));
		iommunest_smmuv3_cmd_decode(&cmd, &entry);
		ret = guest_invalidate_all(&guest, &command, &count);
		support_assert(&rng, ret == 0 || ret == -EIO);
		support_assert(&rng, !ret == !iommunest_smmuv3_cmd_check(
						     &cmd, &caps, NULL));
		taken += !ret;
	}
	ck_assert_uint_gt(taken, ROUNDS / 40);
	ck_assert_uint_lt(taken, ROUNDS * 9 / 10);
}

/* Nothing, with flags that stock kernels call reserved. */
static int invalidate_nothing(uint32_t flags)
{
	struct iommu_hwpt_invalidate cmd =
		smmu_call(guest_env(&guest), NULL, 0);

	cmd.__reserved = flags;
	return conf_ioctl(guest_env(&guest), IOMMU_HWPT_INVALIDATE, &cmd);
}

/*
 * iommufd refuses the flag for every vIOMMU, with all of the patches too, so
 * that the library need not ask.
 */
TEST(what_hardware_finds_is_not_reported)
{
	const bool answers = guest_env(&guest)->smmu_count == CONF_SMMU_EXACT;
	struct iommunest_inv_type type =
		IOMMUNEST_INIT(struct iommunest_inv_type);

	ck_assert_int_eq(invalidate_nothing(REPORT_ERROR), -EOPNOTSUPP);
	ck_assert_int_eq(invalidate_nothing(0), answers ? 0 : -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_type(&type, &caps, &streams), 0);
	ck_assert_int_eq(
		iommunest_reports_errors(ctx, guest_env(&guest)->viommu, &type),
		0);
}

int main(int argc, char **argv)
{
	int ret = machine_open();

	if (ret) {
		printf("no environment: %s: %s\n", strerror(-ret),
		       machine.smmu.real.env.why);
		return EXIT_FAILURE;
	}
	return support_run(argc, argv);
}
