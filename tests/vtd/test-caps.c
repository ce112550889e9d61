/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * CAP_REG and ECAP_REG, held against a table of their fields as the VT-d
 * specification has them (chapter 11), and against machines that exist.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/support.h"
#include "tests/harness/vtd-info.h"

enum reg {
	CAP,
	ECAP,
};

/* What a field of a register becomes: bits * times + plus, up to max. */
struct field {
	enum reg reg;
	unsigned int low;
	unsigned int high;
	size_t offset;
	size_t size;
	unsigned int times;
	unsigned int plus;
	unsigned int max;
};

#define NUMBER(reg_, high_, low_, name, times_, plus_, max_)                  \
	{                                                                     \
		reg_, low_, high_, offsetof(struct iommunest_vtd_caps, name), \
			sizeof(((struct iommunest_vtd_caps *)0)->name),       \
			times_, plus_, max_                                   \
	}
#define FLAG(reg_, bit, name) NUMBER(reg_, bit, bit, name, 1, 0, 1)

static const struct field fields[] = {
	NUMBER(CAP, 2, 0, domain_bits, 2, 4, 16),
	FLAG(CAP, 3, afl),
	FLAG(CAP, 4, rwbf),
	FLAG(CAP, 5, plmr),
	FLAG(CAP, 6, phmr),
	FLAG(CAP, 7, cm),
	NUMBER(CAP, 12, 8, sagaw, 1, 0, 31),
	NUMBER(CAP, 21, 16, mgaw, 1, 1, 64),
	FLAG(CAP, 22, zlr),
	NUMBER(CAP, 33, 24, fro, 16, 0, 0x3ff0),
	NUMBER(CAP, 37, 34, sslps, 1, 0, 15),
	FLAG(CAP, 39, psi),
	NUMBER(CAP, 47, 40, nfr, 1, 1, 256),
	NUMBER(CAP, 53, 48, mamv, 1, 0, 63),
	FLAG(CAP, 54, dwd),
	FLAG(CAP, 55, drd),
	FLAG(CAP, 56, fs1gp),
	FLAG(CAP, 59, pi),
	FLAG(CAP, 60, fs5lp),
	FLAG(CAP, 61, ecmds),
	FLAG(CAP, 62, esirtps),
	FLAG(CAP, 63, esrtps),
	FLAG(ECAP, 0, c),
	FLAG(ECAP, 1, qi),
	FLAG(ECAP, 2, dt),
	FLAG(ECAP, 3, ir),
	FLAG(ECAP, 4, eim),
	FLAG(ECAP, 6, pt),
	FLAG(ECAP, 7, sc),
	NUMBER(ECAP, 17, 8, iro, 16, 0, 0x3ff0),
	NUMBER(ECAP, 23, 20, mhmv, 1, 0, 15),
	FLAG(ECAP, 26, nest),
	FLAG(ECAP, 29, prs),
	FLAG(ECAP, 30, ers),
	FLAG(ECAP, 31, srs),
	FLAG(ECAP, 33, nwfs),
	FLAG(ECAP, 34, eafs),
	NUMBER(ECAP, 39, 35, pasid_bits, 1, 1, 20),
	FLAG(ECAP, 40, pasid),
	FLAG(ECAP, 41, dit),
	FLAG(ECAP, 42, pds),
	FLAG(ECAP, 43, smts),
	FLAG(ECAP, 44, vcs),
	FLAG(ECAP, 45, ssads),
	FLAG(ECAP, 46, ssts),
	FLAG(ECAP, 47, fsts),
	FLAG(ECAP, 48, smpwcs),
	FLAG(ECAP, 49, rps),
	FLAG(ECAP, 51, pms),
	FLAG(ECAP, 53, rprivs),
};

#define ECAP_PASID (UINT64_C(1) << 40)

static void put(struct iommunest_vtd_caps *caps, const struct field *field,
		unsigned int value)
{
	uint16_t wide = (uint16_t)value;
	uint8_t narrow = (uint8_t)value;

	if (field->size == sizeof(wide))
		memcpy((char *)caps + field->offset, &wide, sizeof(wide));
	else
		memcpy((char *)caps + field->offset, &narrow, sizeof(narrow));
}

/* By the table. */
static struct iommunest_vtd_caps expected(const uint64_t regs[2])
{
	struct iommunest_vtd_caps caps;
	size_t i;

	memset(&caps, 0, sizeof(caps));
	caps.size = sizeof(caps);
	caps.cap = regs[CAP];
	caps.ecap = regs[ECAP];
	for (i = 0; i < ARRAY_LEN(fields); i++) {
		const struct field *field = &fields[i];
		unsigned int width = field->high - field->low + 1;
		uint64_t bits =
			regs[field->reg] >> field->low & ((1u << width) - 1);
		uint64_t value = bits * field->times + field->plus;

		put(&caps, field,
		    (unsigned int)(value < field->max ? value : field->max));
	}
	if (!(regs[ECAP] & ECAP_PASID))
		caps.pasid_bits = 0;
	return caps;
}

static struct iommunest_hw_info info_of(uint64_t cap, uint64_t ecap)
{
	return (struct iommunest_hw_info){
		.size = sizeof(struct iommunest_hw_info),
		.type = IOMMUNEST_HW_INTEL_VTD,
		.data[VTD_CAP] = cap,
		.data[VTD_ECAP] = ecap,
	};
}

static struct iommunest_vtd_caps decode(uint64_t cap, uint64_t ecap)
{
	struct iommunest_hw_info info = info_of(cap, ecap);
	struct iommunest_vtd_caps caps;

	memset(&caps, 0xa5, sizeof(caps));
	caps.size = sizeof(caps);
	ck_assert_int_eq(iommunest_vtd_caps_decode(&caps, &info), 0);
	return caps;
}

static void check_table(const uint64_t regs[2])
{
	struct iommunest_vtd_caps want = expected(regs);
	struct iommunest_vtd_caps got = decode(regs[CAP], regs[ECAP]);
	ck_assert_mem_eq(&got, &want, sizeof(want));
}

/* How many of the table's members two differ in. */
static unsigned int differences(const struct iommunest_vtd_caps *a,
				const struct iommunest_vtd_caps *b)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(fields); i++)
		n += memcmp((const char *)a + fields[i].offset,
			    (const char *)b + fields[i].offset,
			    fields[i].size) != 0;
	return n;
}

/* That have no member: reserved, deprecated, or of no use to nesting. */
static bool is_nameless(enum reg reg, unsigned int bit)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i].reg == reg && bit >= fields[i].low &&
		    bit <= fields[i].high)
			return false;
	return true;
}

/* From registers of 0, with PASIDs so that their width shows. */
TEST_LOOP(each_bit_changes_exactly_its_field, 128)
{
	enum reg reg = _i / 64 ? ECAP : CAP;
	unsigned int bit = (unsigned int)_i % 64;
	uint64_t regs[2] = { 0, ECAP_PASID };
	struct iommunest_vtd_caps before = decode(regs[CAP], regs[ECAP]);
	struct iommunest_vtd_caps after;
	unsigned int want = is_nameless(reg, bit) ? 0 : 1;

	/* PASIDs come with their width. */
	if (reg == ECAP && bit == 40)
		want = 2;
	regs[reg] ^= UINT64_C(1) << bit;
	after = decode(regs[CAP], regs[ECAP]);
	ck_assert_uint_eq(differences(&before, &after), want);
	check_table(regs);
}

TEST_LOOP(each_bit_is_missed_among_all_others, 128)
{
	uint64_t regs[2] = { UINT64_MAX, UINT64_MAX };

	regs[_i / 64] ^= UINT64_C(1) << _i % 64;
	check_table(regs);
}

TEST(random_registers_are_decoded_by_the_table)
{
	struct support_rng rng;
	int i;

	support_rng_start(&rng, "caps");
	for (i = 0; i < 10000; i++) {
		uint64_t regs[2] = { support_rng_next(&rng),
				     support_rng_next(&rng) };
		struct iommunest_vtd_caps want = expected(regs);
		struct iommunest_vtd_caps got = decode(regs[CAP], regs[ECAP]);

		support_assert(&rng, memcmp(&got, &want, sizeof(want)) == 0);
	}
}

/* Domain ids have 16 bits, PASIDs 20, whatever a register says. */
TEST(widths_and_counts_of_reserved_values_stay_in_range)
{
	struct iommunest_vtd_caps caps = decode(UINT64_MAX, UINT64_MAX);

	ck_assert_uint_eq(caps.domain_bits, 16);
	ck_assert_uint_eq(caps.pasid_bits, 20);
	ck_assert_uint_eq(caps.nfr, 256);
	ck_assert_uint_eq(caps.mgaw, 64);
	ck_assert_uint_eq(caps.fro, 0x3ff0);
	ck_assert_uint_eq(caps.iro, 0x3ff0);
}

/* ---- Machines, from their boot logs; decoded by hand ---- */

struct machine {
	uint64_t cap;
	uint64_t ecap;
	struct iommunest_vtd_caps caps;
};

static const struct machine machines[] = {
	/* Sapphire Rapids; this unit has no PASIDs. */
	{ 0x19ed008c40780c66,
	  0x3ee9e86f050df,
	  {
		  .domain_bits = 16,
		  .plmr = true,
		  .phmr = true,
		  .sagaw = 0x0c,
		  .mgaw = 57,
		  .zlr = true,
		  .fro = 0x400,
		  .sslps = 3,
		  .psi = true,
		  .nfr = 1,
		  .mamv = 45,
		  .dwd = true,
		  .drd = true,
		  .fs1gp = true,
		  .pi = true,
		  .fs5lp = true,
		  .c = true,
		  .qi = true,
		  .dt = true,
		  .ir = true,
		  .eim = true,
		  .pt = true,
		  .sc = true,
		  .iro = 0x500,
		  .mhmv = 15,
		  .nest = true,
		  .srs = true,
		  .nwfs = true,
		  .eafs = true,
		  .dit = true,
		  .pds = true,
		  .smts = true,
		  .ssads = true,
		  .ssts = true,
		  .fsts = true,
		  .smpwcs = true,
		  .rps = true,
	  } },
	/* Granite Rapids, Xeon 6515P. */
	{ 0xf9ed008cee780c66,
	  0x3fef9ea6f0efdf,
	  {
		  .domain_bits = 16,
		  .plmr = true,
		  .phmr = true,
		  .sagaw = 0x0c,
		  .mgaw = 57,
		  .zlr = true,
		  .fro = 0xee0,
		  .sslps = 3,
		  .psi = true,
		  .nfr = 1,
		  .mamv = 45,
		  .dwd = true,
		  .drd = true,
		  .fs1gp = true,
		  .pi = true,
		  .fs5lp = true,
		  .ecmds = true,
		  .esirtps = true,
		  .esrtps = true,
		  .c = true,
		  .qi = true,
		  .dt = true,
		  .ir = true,
		  .eim = true,
		  .pt = true,
		  .sc = true,
		  .iro = 0xef0,
		  .mhmv = 15,
		  .nest = true,
		  .prs = true,
		  .srs = true,
		  .nwfs = true,
		  .eafs = true,
		  .pasid_bits = 20,
		  .pasid = true,
		  .dit = true,
		  .pds = true,
		  .smts = true,
		  .ssads = true,
		  .ssts = true,
		  .fsts = true,
		  .smpwcs = true,
		  .rps = true,
		  .pms = true,
		  .rprivs = true,
	  } },
	/* A client's graphics unit: first stage, and no 5 levels. */
	{ 0xc9de008cee690462,
	  0x12ca9a00f0ef5e,
	  {
		  .domain_bits = 8,
		  .plmr = true,
		  .phmr = true,
		  .sagaw = 0x04,
		  .mgaw = 42,
		  .zlr = true,
		  .fro = 0xee0,
		  .sslps = 3,
		  .psi = true,
		  .nfr = 1,
		  .mamv = 30,
		  .dwd = true,
		  .drd = true,
		  .fs1gp = true,
		  .pi = true,
		  .esirtps = true,
		  .esrtps = true,
		  .qi = true,
		  .dt = true,
		  .ir = true,
		  .eim = true,
		  .pt = true,
		  .iro = 0xef0,
		  .mhmv = 15,
		  .nwfs = true,
		  .dit = true,
		  .smts = true,
		  .ssts = true,
		  .fsts = true,
		  .rps = true,
	  } },
	/* A Xeon of 2017: no scalable mode. */
	{ 0x8d2078c106f0466,
	  0xf020df,
	  {
		  .domain_bits = 16,
		  .plmr = true,
		  .phmr = true,
		  .sagaw = 0x04,
		  .mgaw = 48,
		  .zlr = true,
		  .fro = 0x100,
		  .sslps = 3,
		  .psi = true,
		  .nfr = 8,
		  .mamv = 18,
		  .dwd = true,
		  .drd = true,
		  .pi = true,
		  .c = true,
		  .qi = true,
		  .dt = true,
		  .ir = true,
		  .eim = true,
		  .pt = true,
		  .sc = true,
		  .iro = 0x200,
		  .mhmv = 15,
	  } },
	/* QEMU 7.2: intremap=on,x-scalable-mode=on,device-iotlb=on. */
	{ 0xd2008c22260206,
	  0x480080f00f4e,
	  {
		  .domain_bits = 16,
		  .sagaw = 0x02,
		  .mgaw = 39,
		  .fro = 0x220,
		  .sslps = 3,
		  .psi = true,
		  .nfr = 1,
		  .mamv = 18,
		  .dwd = true,
		  .drd = true,
		  .qi = true,
		  .dt = true,
		  .ir = true,
		  .pt = true,
		  .iro = 0xf0,
		  .mhmv = 15,
		  .srs = true,
		  .smts = true,
		  .ssts = true,
	  } },
};

TEST_LOOP(registers_of_known_machines_decode_as_by_hand, ARRAY_LEN(machines))
{
	const struct machine *machine = &machines[_i];
	struct iommunest_vtd_caps want = machine->caps;
	struct iommunest_vtd_caps got = decode(machine->cap, machine->ecap);
	size_t i;

	for (i = 0; i < ARRAY_LEN(fields); i++)
		ck_assert_msg(memcmp((char *)&got + fields[i].offset,
				     (char *)&want + fields[i].offset,
				     fields[i].size) == 0,
			      "register %d, bits %u:%u", fields[i].reg,
			      fields[i].high, fields[i].low);
}

/* ---- The registers themselves ---- */

TEST(registers_and_flags_are_handed_on)
{
	struct iommunest_hw_info info = info_of(0x123456789abcdef0, 0xfedcba98);
	struct iommunest_vtd_caps caps =
		IOMMUNEST_INIT(struct iommunest_vtd_caps);

	info.data[VTD_FLAGS] = VTD_FLAGS_WORD(0x80000001);
	ck_assert_int_eq(iommunest_vtd_caps_decode(&caps, &info), 0);
	ck_assert_uint_eq(caps.cap, 0x123456789abcdef0);
	ck_assert_uint_eq(caps.ecap, 0xfedcba98);
	ck_assert_uint_eq(caps.flags, 0x80000001);
}

/* ---- Arguments ---- */

TEST_LOOP(another_iommu_is_refused, 2)
{
	struct iommunest_vtd_caps caps = { .size = sizeof(caps) };
	struct iommunest_hw_info info = info_of(UINT64_MAX, UINT64_MAX);

	info.type = _i ? 2 : IOMMUNEST_HW_NONE;
	ck_assert_int_eq(iommunest_vtd_caps_decode(&caps, &info), -EOPNOTSUPP);
	ck_assert_uint_eq(caps.mgaw, 0);
}

TEST(null_and_short_structs_are_refused)
{
	struct iommunest_vtd_caps caps = { .size = sizeof(caps) };
	struct iommunest_hw_info info = info_of(0, 0);

	ck_assert_int_eq(iommunest_vtd_caps_decode(NULL, &info), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_caps_decode(&caps, NULL), -EINVAL);
	caps.size = SIZE_TO(struct iommunest_vtd_caps, rprivs) - 1;
	ck_assert_int_eq(iommunest_vtd_caps_decode(&caps, &info), -EINVAL);
	caps.size = sizeof(caps);
	info.size = SIZE_TO(struct iommunest_hw_info, reserved) - 1;
	ck_assert_int_eq(iommunest_vtd_caps_decode(&caps, &info), -EINVAL);
}

/* The smallest, and one with a tail that the library does not know. */
TEST_LOOP(no_more_than_the_callers_size_is_written, 2)
{
	static const size_t sizes[] = {
		SIZE_TO(struct iommunest_vtd_caps, rprivs),
		sizeof(struct iommunest_vtd_caps) + 24,
	};
	struct iommunest_hw_info info = info_of(UINT64_MAX, UINT64_MAX);
	struct iommunest_vtd_caps want = decode(UINT64_MAX, UINT64_MAX);
	unsigned char filled[sizeof(want) + 24];
	struct iommunest_vtd_caps *caps;

	memset(filled, 0xa5, sizeof(filled));
	caps = support_sized(filled, sizeof(filled), sizes[_i]);
	ck_assert_int_eq(iommunest_vtd_caps_decode(caps, &info), 0);
	ck_assert_uint_eq(caps->size, sizes[_i]);
	want.size = sizes[_i];
	ck_assert_mem_eq(caps, &want,
			 SIZE_TO(struct iommunest_vtd_caps, rprivs));
	memset(filled, 0, sizeof(filled));
	if (sizes[_i] > sizeof(want))
		ck_assert_mem_eq((char *)caps + sizeof(want), filled,
				 sizes[_i] - sizeof(want));
	free(caps);
}
