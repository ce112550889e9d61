/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Builders: the bytes of each command, and ranges against plain arithmetic. */
#include <errno.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/smmuv3/cmd-rows.h"

#define NO_SSID IOMMUNEST_SMMUV3_NO_SSID
#define ATC_ALL IOMMUNEST_SMMUV3_ATC_ALL
#define ADDR UINT64_C(0xffff800012345678)

static void is_entry(const struct iommunest_smmuv3_entry *entry, uint64_t word0,
		     uint64_t word1)
{
	const struct iommunest_smmuv3_entry want = cmd_entry(word0, word1);

	ck_assert_mem_eq(entry, &want, sizeof(want));
}

TEST(builders_write_what_the_specification_says)
{
	struct iommunest_smmuv3_entry entry;

	iommunest_smmuv3_tlbi_nsnh_all(&entry);
	is_entry(&entry, 0x30, 0);
	iommunest_smmuv3_tlbi_nh_all(&entry);
	is_entry(&entry, 0x10, 0);
	iommunest_smmuv3_tlbi_nh_asid(&entry, 0xabcd);
	is_entry(&entry, UINT64_C(0xabcd000000000011), 0);
	iommunest_smmuv3_tlbi_nh_va(&entry, 0xabcd, ADDR, true);
	is_entry(&entry, UINT64_C(0xabcd000000000012), (ADDR & ~0xfffull) | 1);
	iommunest_smmuv3_tlbi_nh_va(&entry, 1, ADDR, false);
	is_entry(&entry, UINT64_C(0x0001000000000012), ADDR & ~0xfffull);
	iommunest_smmuv3_tlbi_nh_vaa(&entry, ADDR, true);
	is_entry(&entry, 0x13, (ADDR & ~0xfffull) | 1);
	iommunest_smmuv3_cfgi_cd_all(&entry, 0x87654321);
	is_entry(&entry, UINT64_C(0x8765432100000006), 0);
	ck_assert_int_eq(iommunest_smmuv3_cfgi_cd(&entry, 0x10, 0xfffff, true),
			 0);
	is_entry(&entry, UINT64_C(0x10fffff005), 1);
}

static const struct {
	uint32_t ssid;
	unsigned int log2;
	uint64_t word0;
	uint64_t word1;
} atc[] = {
	{ NO_SSID, 0, UINT64_C(0x1000000040), ADDR & ~0xfffull },
	{ NO_SSID, 4, UINT64_C(0x1000000040), (ADDR & ~0xffffull) | 4 },
	{ 0, 51, UINT64_C(0x1000000840), UINT64_C(0x8000000000000000) | 51 },
	{ 0xfffff, ATC_ALL, UINT64_C(0x10fffff840), 52 },
	{ NO_SSID, ATC_ALL, UINT64_C(0x1000000040), 52 },
};

TEST_LOOP(a_device_tlb_is_dropped_by_blocks, ARRAY_LEN(atc))
{
	struct iommunest_smmuv3_entry entry;

	ck_assert_int_eq(iommunest_smmuv3_atc_inv(&entry, 0x10, atc[_i].ssid,
						  ADDR, atc[_i].log2),
			 0);
	is_entry(&entry, atc[_i].word0, atc[_i].word1);
}

TEST(builders_refuse_what_does_not_fit)
{
	struct iommunest_smmuv3_entry entry = cmd_entry(1, 2);

	ck_assert_int_eq(iommunest_smmuv3_cfgi_cd(&entry, 1, 0x100000, false),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cfgi_cd(NULL, 1, 0, false), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_atc_inv(&entry, 1, 0x100000, 0, 0),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_atc_inv(&entry, 1, 0, 0, 53),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_atc_inv(NULL, 1, 0, 0, 0), -EINVAL);
	is_entry(&entry, 1, 2);
}

/* ---- Ranges ---- */

#define CAPACITY 4096u

static struct iommunest_smmuv3_caps caps;
static struct iommunest_batch *batch;

static void set_up(void)
{
	struct iommunest_inv_type type =
		IOMMUNEST_INIT(struct iommunest_inv_type);

	caps = cmd_full_caps();
	ck_assert_int_eq(iommunest_smmuv3_type(&type, &caps, NULL), 0);
	ck_assert_int_eq(iommunest_batch_new(&batch, &type, CAPACITY), 0);
}

static void tear_down(void)
{
	iommunest_batch_free(batch);
}
FIXTURE(set_up, tear_down);

static struct iommunest_smmuv3_range range_of(uint64_t addr, uint64_t count,
					      uint32_t granule)
{
	return (struct iommunest_smmuv3_range){
		.size = sizeof(struct iommunest_smmuv3_range),
		.addr = addr,
		.count = count,
		.granule = granule,
		.asid = 7,
	};
}

static int add(const struct iommunest_smmuv3_range *range)
{
	return iommunest_smmuv3_batch_add_range(batch, &caps, range, 99);
}

static struct iommunest_smmuv3_cmd cmd_at(uint32_t index)
{
	struct iommunest_smmuv3_cmd cmd =
		IOMMUNEST_INIT(struct iommunest_smmuv3_cmd);

	ck_assert_int_eq(iommunest_smmuv3_cmd_decode(
				 &cmd, iommunest_batch_entry(batch, index)),
			 0);
	ck_assert_int_eq(iommunest_smmuv3_cmd_check(&cmd, &caps, NULL), 0);
	ck_assert_uint_eq(iommunest_batch_cookie(batch, index), 99);
	return cmd;
}

/* In granules; the kernel takes each. */
static uint64_t covered_by(const struct iommunest_smmuv3_cmd *cmd,
			   const struct iommunest_smmuv3_range *range)
{
	ck_assert_uint_eq(
		cmd->opcode,
		range->flags & IOMMUNEST_SMMUV3_RANGE_ANY_ASID ? 0x13 : 0x12);
	ck_assert_uint_eq(cmd->flags, range->flags & IOMMUNEST_SMMUV3_RANGE_LEAF
					      ? IOMMUNEST_SMMUV3_CMD_LEAF
					      : 0);
	ck_assert_uint_eq(cmd->asid, cmd->opcode == 0x12 ? range->asid : 0);
	ck_assert_uint_eq(cmd->ttl, 0);
	if (!cmd->tg)
		return 1;
	ck_assert_uint_eq(10u + 2u * cmd->tg, range->granule);
	return (cmd->num + 1ull) << cmd->scale;
}

/* From its first address to its last, without a hole or an overlap. */
static void covers(const struct iommunest_smmuv3_range *range)
{
	uint64_t at = range->addr, count = 0, size;
	uint32_t i;

	for (i = 0; i < iommunest_batch_count(batch); i++) {
		const struct iommunest_smmuv3_cmd cmd = cmd_at(i);

		ck_assert_uint_eq(cmd.addr, at);
		size = covered_by(&cmd, range);
		at += size << range->granule;
		count += size;
	}
	ck_assert_uint_eq(count, range->count);
}

/* The fewest commands for each number of granules, by trying all. */
#define COUNTED 3000u

static void fewest(unsigned int least[COUNTED])
{
	unsigned int count, num, scale, size;

	least[0] = 0;
	for (count = 1; count < COUNTED; count++) {
		least[count] = least[count - 1] + 1;
		for (scale = 0; scale < 12; scale++) {
			for (num = 1; num <= 32; num++) {
				size = num << scale;
				if (size <= count &&
				    least[count - size] + 1 < least[count])
					least[count] = least[count - size] + 1;
			}
		}
	}
}

TEST(a_range_is_the_fewest_commands)
{
	static unsigned int least[COUNTED];
	struct iommunest_smmuv3_range range;
	unsigned int count;

	fewest(least);
	for (count = 1; count < COUNTED; count++) {
		range = range_of(UINT64_C(0x7ffff000), count, 12);
		ck_assert_int_eq(add(&range), 0);
		covers(&range);
		ck_assert_uint_eq(iommunest_batch_count(batch), least[count]);
		iommunest_batch_reset(batch);
	}
}

static const uint32_t granules[] = { 12, 14, 16 };

TEST(random_ranges_are_covered_exactly)
{
	struct support_rng rng;
	unsigned int round;

	support_rng_start(&rng, "ranges");
	for (round = 0; round < 5000; round++) {
		const uint32_t granule = granules[support_rng_below(&rng, 3)];
		const uint64_t units = UINT64_C(1) << (64 - granule);
		const uint64_t first = support_rng_next(&rng) % units;
		struct iommunest_smmuv3_range range = range_of(
			first << granule,
			1 + (support_rng_next(&rng) % (units - first) >>
			     support_rng_below(&rng, 48)),
			granule);

		caps = cmd_full_caps();
		caps.ds = support_rng_below(&rng, 2);
		range.flags = support_rng_below(&rng, 4);
		range.max_commands = CAPACITY;
		support_assert(&rng, !add(&range));
		if (iommunest_batch_count(batch) > 1 ||
		    cmd_at(0).opcode >= 0x12)
			covers(&range);
		iommunest_batch_reset(batch);
	}
}

/* 2^52 granules are 2^11 pieces of 32 * 2^36 at most ... with DS one. */
TEST(the_whole_address_space_is_one_command_with_ds)
{
	struct iommunest_smmuv3_range range =
		range_of(0, UINT64_C(1) << 44, 12);

	ck_assert_int_eq(add(&range), 0);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	covers(&range);
	ck_assert_uint_eq(cmd_at(0).scale, 39);
	ck_assert_uint_eq(cmd_at(0).num, 31);
}

TEST_LOOP(without_ril_each_granule_is_one, ARRAY_LEN(granules))
{
	struct iommunest_smmuv3_range range =
		range_of(UINT64_C(1) << 40, 512, granules[_i]);

	caps.ril = false;
	ck_assert_int_eq(add(&range), 0);
	ck_assert_uint_eq(iommunest_batch_count(batch), 512);
	covers(&range);
}

/* One more than there may be. */
TEST_LOOP(what_takes_too_many_becomes_all, 4)
{
	const bool any = _i & 1;
	struct iommunest_smmuv3_range range =
		range_of(0x10000, _i & 2 ? 513 : 5, 12);
	struct iommunest_smmuv3_cmd cmd;

	caps.ril = false;
	range.flags = any ? IOMMUNEST_SMMUV3_RANGE_ANY_ASID : 0;
	range.max_commands = _i & 2 ? 0 : 4;
	ck_assert_int_eq(add(&range), 0);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	cmd = cmd_at(0);
	ck_assert_uint_eq(cmd.opcode, any ? 0x10 : 0x11);
	ck_assert_uint_eq(cmd.asid, any ? 0 : 7);
}

TEST(all_or_nothing_is_added)
{
	struct iommunest_smmuv3_range range = range_of(0, 3, 12);
	uint32_t i;

	caps.ril = false;
	for (i = 0; i < CAPACITY - 2; i++) {
		range.count = 1;
		ck_assert_int_eq(add(&range), 0);
	}
	range.count = 3;
	ck_assert_int_eq(add(&range), -ENOSPC);
	ck_assert_uint_eq(iommunest_batch_count(batch), CAPACITY - 2);
	range.count = 1;
	ck_assert_int_eq(add(&range), -ENOSPC);
	iommunest_batch_clear_error(batch);
	range.count = 2;
	ck_assert_int_eq(add(&range), 0);
}

enum spoil {
	NO_COUNT,
	UNALIGNED,
	PAST_THE_END,
	NO_GRANULE,
	NOT_THE_HOSTS,
	WIDE_ASID,
	RESERVED,
	TOO_MANY,
	SPOILS,
};

static void spoil(struct iommunest_smmuv3_range *range, enum spoil how)
{
	switch (how) {
	case NO_COUNT:
		range->count = 0;
		break;
	case UNALIGNED:
		range->addr = 0x2000;
		break;
	case PAST_THE_END:
		range->addr = UINT64_C(0xffffffffffff8000);
		range->count = 3;
		break;
	case NO_GRANULE:
		range->granule = 13;
		break;
	case NOT_THE_HOSTS:
		caps.gran16k = false;
		break;
	case WIDE_ASID:
		caps.asid_bits = 8;
		range->asid = 0x100;
		break;
	case RESERVED:
		range->reserved = 1;
		break;
	case TOO_MANY:
		range->max_commands = UINT32_MAX;
		break;
	default:
		break;
	}
}

TEST_LOOP(a_bad_range_is_refused_and_it_sticks, SPOILS + 1)
{
	struct iommunest_smmuv3_range range =
		range_of(UINT64_C(0xffffffffffff8000), 2, 14);
	const int error = _i == SPOILS ? 0 : -EINVAL;

	spoil(&range, (enum spoil)_i);
	ck_assert_int_eq(add(&range), error);
	ck_assert_int_eq(iommunest_batch_error(batch, NULL), error);
	ck_assert_uint_eq(iommunest_batch_count(batch), error ? 0 : 1);
}

TEST(arguments_of_a_range_are_checked)
{
	struct iommunest_smmuv3_range range = range_of(0, 1, 12);
	struct iommunest_batch *other;

	range.flags = 4;
	ck_assert_int_eq(add(&range), -EOPNOTSUPP);
	iommunest_batch_clear_error(batch);
	range.size = 4;
	ck_assert_int_eq(add(&range), -EINVAL);
	iommunest_batch_clear_error(batch);
	range.size = 4097;
	ck_assert_int_eq(add(&range), -E2BIG);
	iommunest_batch_clear_error(batch);
	ck_assert_int_eq(add(NULL), -EINVAL);
	iommunest_batch_clear_error(batch);
	range = range_of(0, 1, 12);
	ck_assert_int_eq(iommunest_smmuv3_batch_add_range(batch, NULL, &range,
							  0),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_batch_add_range(NULL, &caps, &range,
							  0),
			 -EINVAL);
	ck_assert_int_eq(
		iommunest_batch_new(&other, iommunest_vtd_s1_type(), 1), 0);
	ck_assert_int_eq(iommunest_smmuv3_batch_add_range(other, &caps, &range,
							  0),
			 -EINVAL);
	iommunest_batch_free(other);
}

/* An ASID is of no use where none is meant. */
TEST(a_range_of_all_asids_does_not_look_at_the_asid)
{
	struct iommunest_smmuv3_range range = range_of(0, 1, 12);

	caps.asid_bits = 8;
	range.asid = 0x100;
	range.flags = IOMMUNEST_SMMUV3_RANGE_ANY_ASID;
	ck_assert_int_eq(add(&range), 0);
	covers(&range);
}
