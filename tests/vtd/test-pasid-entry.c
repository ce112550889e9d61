/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A guest's PASID-table entry: each of its bits, and each reason against it. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/vtd/pasid-rig.h"
#include "tests/harness/vtd-info.h"

/* ---- The bits ---- */

enum member {
	PRESENT,
	FPD,
	AW,
	PGTT_,
	SSPTPTR,
	DID,
	PWSNP,
	PGSNP,
	CD,
	EMTE,
	SRE,
	ERE,
	FSPM_,
	WPE,
	NXE,
	SMEP,
	EAFE,
	FSPTPTR,
	RESERVED,
	IGNORED,
};

struct field {
	unsigned int word;
	unsigned int low;
	unsigned int high;
	enum member member;
};

static const struct field fields[] = {
	{ 0, 0, 0, PRESENT },	 { 0, 1, 1, FPD },	 { 0, 2, 4, AW },
	{ 0, 5, 5, IGNORED },	 { 0, 6, 8, PGTT_ },	 { 0, 9, 9, IGNORED },
	{ 0, 10, 11, RESERVED }, { 0, 12, 63, SSPTPTR }, { 1, 0, 15, DID },
	{ 1, 16, 22, RESERVED }, { 1, 23, 23, PWSNP },	 { 1, 24, 24, PGSNP },
	{ 1, 25, 25, CD },	 { 1, 26, 26, EMTE },	 { 1, 27, 63, IGNORED },
	{ 2, 0, 0, SRE },	 { 2, 1, 1, ERE },	 { 2, 2, 3, FSPM_ },
	{ 2, 4, 4, WPE },	 { 2, 5, 5, NXE },	 { 2, 6, 6, SMEP },
	{ 2, 7, 7, EAFE },	 { 2, 8, 11, RESERVED }, { 2, 12, 63, FSPTPTR },
	{ 3, 0, 63, RESERVED },	 { 4, 0, 63, RESERVED }, { 5, 0, 63, RESERVED },
	{ 6, 0, 63, RESERVED },	 { 7, 0, 63, RESERVED },
};

static const struct field *field_of(unsigned int bit)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i].word == bit / 64 && bit % 64 >= fields[i].low &&
		    bit % 64 <= fields[i].high)
			return &fields[i];
	ck_abort_msg("bit %u has no field", bit);
}

static void flip_number(struct iommunest_vtd_pasid_entry *entry,
			enum member member, unsigned int at)
{
	switch (member) {
	case AW:
		entry->aw ^= (uint8_t)(1u << at);
		break;
	case PGTT_:
		entry->pgtt ^= (uint8_t)(1u << at);
		break;
	case DID:
		entry->did ^= (uint16_t)(1u << at);
		break;
	case FSPM_:
		entry->fspm ^= (uint8_t)(1u << at);
		break;
	case SSPTPTR:
		entry->ssptptr ^= BIT(at + 12);
		break;
	case FSPTPTR:
		entry->fsptptr ^= BIT(at + 12);
		break;
	case RESERVED:
		entry->reserved_set = true;
		break;
	default:
		break;
	}
}

static bool *flag_of(struct iommunest_vtd_pasid_entry *entry,
		     enum member member)
{
	bool *const flags[] = {
		[PRESENT] = &entry->present, [FPD] = &entry->fpd,
		[PWSNP] = &entry->pwsnp,     [PGSNP] = &entry->pgsnp,
		[CD] = &entry->cd,	     [EMTE] = &entry->emte,
		[SRE] = &entry->sre,	     [ERE] = &entry->ere,
		[WPE] = &entry->wpe,	     [NXE] = &entry->nxe,
		[SMEP] = &entry->smep,	     [EAFE] = &entry->eafe,
	};

	return member < ARRAY_LEN(flags) ? flags[member] : NULL;
}

/* Of an entry that was decoded from the same words except for one bit. */
static void flip(struct iommunest_vtd_pasid_entry *entry, unsigned int bit)
{
	const struct field *field = field_of(bit);
	bool *flag = flag_of(entry, field->member);

	entry->raw[field->word] ^= BIT(bit % 64);
	if (flag)
		*flag = !*flag;
	else
		flip_number(entry, field->member, bit % 64 - field->low);
}

TEST_LOOP(each_bit_changes_its_field_alone, 64 * WORDS)
{
	struct words words = { { 0 } };
	struct iommunest_vtd_pasid_entry want = decode(&words);
	struct iommunest_vtd_pasid_entry got =
		IOMMUNEST_INIT(struct iommunest_vtd_pasid_entry);

	flip(&want, (unsigned int)_i);
	words.word[_i / 64] = BIT(_i % 64);
	got = decode(&words);
	check_same(&got, &want);
}

/* From ones, except for reserved bits, which say the same each. */
TEST_LOOP(each_bit_is_missed_among_all_others, 64 * WORDS)
{
	static const uint64_t named[WORDS] = { ~UINT64_C(0xc00),
					       ~UINT64_C(0x7f0000),
					       ~UINT64_C(0xf00) };
	struct words words;
	struct iommunest_vtd_pasid_entry want =
		IOMMUNEST_INIT(struct iommunest_vtd_pasid_entry);
	struct iommunest_vtd_pasid_entry got =
		IOMMUNEST_INIT(struct iommunest_vtd_pasid_entry);

	memcpy(words.word, named, sizeof(named));
	want = decode(&words);
	ck_assert(!want.reserved_set);
	flip(&want, (unsigned int)_i);
	words.word[_i / 64] ^= BIT(_i % 64);
	got = decode(&words);
	check_same(&got, &want);
}

TEST(an_entry_of_zeros_says_nothing)
{
	struct words words = { { 0 } };
	struct iommunest_vtd_pasid_entry got = decode(&words), want;

	memset(&want, 0, sizeof(want));
	want.size = sizeof(want);
	check_same(&got, &want);
}

/* The words may be those of the entry itself. */
TEST(an_entry_is_decoded_in_place)
{
	struct words words = plain();
	struct iommunest_vtd_pasid_entry want = decode(&words);
	struct iommunest_vtd_pasid_entry got =
		IOMMUNEST_INIT(struct iommunest_vtd_pasid_entry);

	memset(&got, 0xa5, sizeof(got));
	got.size = sizeof(got);
	memcpy(got.raw, words.word, sizeof(got.raw));
	ck_assert_int_eq(iommunest_vtd_pasid_decode(&got, got.raw), 0);
	check_same(&got, &want);
}

/* ---- What becomes of an entry ---- */

static const struct {
	uint32_t reason;
	int error;
} errnos[] = {
	{ IOMMUNEST_VTD_PASID_REASON_NONE, 0 },
	{ IOMMUNEST_VTD_PASID_REASON_NOT_PRESENT, -ENOENT },
	{ IOMMUNEST_VTD_PASID_REASON_RESERVED, -EINVAL },
	{ IOMMUNEST_VTD_PASID_REASON_TYPE, -EOPNOTSUPP },
	{ IOMMUNEST_VTD_PASID_REASON_5_LEVEL, -EOPNOTSUPP },
	{ IOMMUNEST_VTD_PASID_REASON_ADDRESS, -EINVAL },
	{ IOMMUNEST_VTD_PASID_REASON_SRE, -EOPNOTSUPP },
	{ IOMMUNEST_VTD_PASID_REASON_EAFE, -EOPNOTSUPP },
	{ IOMMUNEST_VTD_PASID_REASON_ERE, -EOPNOTSUPP },
	{ IOMMUNEST_VTD_PASID_REASON_MEMORY_TYPE, -EOPNOTSUPP },
};

static int errno_of(uint32_t reason)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(errnos); i++) {
		if (errnos[i].reason == reason)
			return errnos[i].error;
	}
	ck_abort_msg("no reason: %#x", reason);
	return 0;
}

/* And that a refused entry writes nothing. */
static void check_reason(const struct words *words,
			 const struct iommunest_hw_info *info,
			 unsigned int addr_bits, uint32_t reason)
{
	struct outcome got = to_s1(words, info, addr_bits);
	struct iommunest_vtd_s1 untouched;

	ck_assert_uint_eq(got.reason, reason);
	ck_assert_int_eq(got.ret, errno_of(reason));
	memset(&untouched, 0xa5, sizeof(untouched));
	untouched.size = sizeof(untouched);
	if (reason != IOMMUNEST_VTD_PASID_REASON_NONE)
		ck_assert_mem_eq(&got.s1, &untouched, sizeof(untouched));
}

static void check_s1(const struct words *words, uint64_t root,
		     uint32_t addr_width, uint32_t flags)
{
	struct iommunest_hw_info info = host();
	struct outcome got = to_s1(words, &info, 64);

	ck_assert_int_eq(got.ret, 0);
	ck_assert_uint_eq(got.reason, IOMMUNEST_VTD_PASID_REASON_NONE);
	ck_assert_uint_eq(got.s1.size, sizeof(got.s1));
	ck_assert_uint_eq(got.s1.pgtbl_addr, root);
	ck_assert_uint_eq(got.s1.addr_width, addr_width);
	ck_assert_uint_eq(got.s1.flags, flags);
}

TEST_LOOP(root_levels_and_flags_are_passed_on, 16)
{
	struct words words = plain();
	uint32_t flags = 0;

	words.word[2] = UINT64_C(0xfedcba9876543000);
	if (_i & 1) {
		words.word[2] |= BIT(0);
		flags |= IOMMUNEST_VTD_S1_SRE;
	}
	if (_i & 2) {
		words.word[2] |= BIT(7);
		flags |= IOMMUNEST_VTD_S1_EAFE;
	}
	if (_i & 4) {
		words.word[2] |= BIT(4);
		flags |= IOMMUNEST_VTD_S1_WPE;
	}
	if (_i & 8)
		words.word[2] |= FSPM(1);
	check_s1(&words, UINT64_C(0xfedcba9876543000), _i & 8 ? 57 : 48, flags);
}

/* Faults, domain, snooping as the host has it, execution, second stage. */
TEST_LOOP(fields_that_the_kernel_does_not_take_change_nothing, 10)
{
	static const struct {
		unsigned int word;
		uint64_t bits;
	} rows[] = {
		{ 0, BIT(1) },		{ 0, BIT(2) | BIT(3) | BIT(4) },
		{ 0, BIT(5) | BIT(9) }, { 0, UINT64_C(0xfffffffffffff000) },
		{ 1, 0xffff },		{ 1, BIT(23) },
		{ 1, BIT(24) },		{ 1, UINT64_C(0xfffffffff8000000) },
		{ 2, BIT(5) },		{ 2, BIT(6) },
	};
	struct words words = plain();

	words.word[rows[_i].word] |= rows[_i].bits;
	check_s1(&words, ROOT, 48, 0);
}

TEST_LOOP(an_entry_that_is_not_present_may_hold_anything, 2)
{
	struct words words;
	struct iommunest_hw_info info = host();

	memset(&words, _i ? 0xff : 0, sizeof(words));
	words.word[0] &= ~P;
	check_reason(&words, &info, 48, IOMMUNEST_VTD_PASID_REASON_NOT_PRESENT);
}

TEST_LOOP(each_reserved_bit_is_refused, 64 * WORDS)
{
	struct words words = plain();
	struct iommunest_hw_info info = host();

	if (field_of((unsigned int)_i)->member != RESERVED)
		return;
	words.word[_i / 64] |= BIT(_i % 64);
	check_reason(&words, &info, 48, IOMMUNEST_VTD_PASID_REASON_RESERVED);
}

TEST_LOOP(types_are_first_stage_or_another_or_reserved, 8)
{
	static const uint32_t reasons[] = {
		IOMMUNEST_VTD_PASID_REASON_RESERVED,
		IOMMUNEST_VTD_PASID_REASON_NONE,
		IOMMUNEST_VTD_PASID_REASON_TYPE,
		IOMMUNEST_VTD_PASID_REASON_TYPE,
		IOMMUNEST_VTD_PASID_REASON_TYPE,
		IOMMUNEST_VTD_PASID_REASON_RESERVED,
		IOMMUNEST_VTD_PASID_REASON_RESERVED,
		IOMMUNEST_VTD_PASID_REASON_RESERVED,
	};
	struct words words = plain();
	struct iommunest_hw_info info = host();

	words.word[0] = P | PGTT(_i);
	check_reason(&words, &info, 48, reasons[_i]);
}

/* Entries without a first stage do not look at its levels. */
TEST_LOOP(levels_are_four_or_five_where_there_is_a_first_stage, 16)
{
	int type = 1 + _i / 4, mode = _i % 4;
	bool first_stage = type == 1 || type == 3;
	struct words words = plain();
	struct iommunest_hw_info info = host();
	uint32_t reason = type == 1 ? IOMMUNEST_VTD_PASID_REASON_NONE
				    : IOMMUNEST_VTD_PASID_REASON_TYPE;

	if (first_stage && mode > 1)
		reason = IOMMUNEST_VTD_PASID_REASON_RESERVED;
	words.word[0] = P | PGTT(type);
	words.word[2] |= FSPM(mode);
	check_reason(&words, &info, 48, reason);
}

TEST_LOOP(a_root_is_below_the_end_of_memory, 33)
{
	unsigned int bits = 32 + (unsigned int)_i;
	uint64_t end = bits < 64 ? BIT(bits) : 0;
	struct words words = plain();
	struct iommunest_hw_info info = host();

	words.word[2] = end - 0x1000;
	check_reason(&words, &info, bits, IOMMUNEST_VTD_PASID_REASON_NONE);
	if (bits == 64)
		return;
	words.word[2] = end;
	check_reason(&words, &info, bits, IOMMUNEST_VTD_PASID_REASON_ADDRESS);
	words.word[2] = UINT64_C(0xfffffffffffff000);
	check_reason(&words, &info, bits, IOMMUNEST_VTD_PASID_REASON_ADDRESS);
}

/* What an entry wants, and the host's bit without which it is refused. */
TEST_LOOP(what_the_host_lacks_is_refused, 5)
{
	static const struct {
		unsigned int word;
		uint64_t bits;
		uint64_t cap;
		uint64_t ecap;
		uint32_t reason;
	} rows[] = {
		{ 2, FSPM(1), FS5LP, 0, IOMMUNEST_VTD_PASID_REASON_5_LEVEL },
		{ 2, BIT(0), 0, SRS, IOMMUNEST_VTD_PASID_REASON_SRE },
		{ 2, BIT(7), 0, EAFS, IOMMUNEST_VTD_PASID_REASON_EAFE },
		{ 1, BIT(23), 0, SMPWCS, IOMMUNEST_VTD_PASID_REASON_RESERVED },
		{ 1, BIT(24), 0, SC, IOMMUNEST_VTD_PASID_REASON_RESERVED },
	};
	struct words words = plain();
	struct iommunest_hw_info info = host();

	/* What it does not want, the host may lack. */
	info.data[VTD_CAP] &= ~rows[_i].cap;
	info.data[VTD_ECAP] &= ~rows[_i].ecap;
	check_reason(&words, &info, 48, IOMMUNEST_VTD_PASID_REASON_NONE);
	words.word[rows[_i].word] |= rows[_i].bits;
	check_reason(&words, &info, 48, rows[_i].reason);
	info = host();
	check_reason(&words, &info, 48, IOMMUNEST_VTD_PASID_REASON_NONE);
	/* All else does not help. */
	info.data[VTD_CAP] = ~rows[_i].cap;
	info.data[VTD_ECAP] = ~rows[_i].ecap;
	check_reason(&words, &info, 48, rows[_i].reason);
}

TEST_LOOP(what_cannot_be_passed_on_is_refused_on_each_host, 3)
{
	static const struct {
		unsigned int word;
		uint64_t bits;
		uint32_t reason;
	} rows[] = {
		{ 2, BIT(1), IOMMUNEST_VTD_PASID_REASON_ERE },
		{ 1, BIT(25), IOMMUNEST_VTD_PASID_REASON_MEMORY_TYPE },
		{ 1, BIT(26), IOMMUNEST_VTD_PASID_REASON_MEMORY_TYPE },
	};
	struct words words = plain();
	struct iommunest_hw_info info = host();

	info.data[VTD_CAP] = UINT64_MAX;
	info.data[VTD_ECAP] = UINT64_MAX;
	words.word[rows[_i].word] |= rows[_i].bits;
	check_reason(&words, &info, 48, rows[_i].reason);
}

/* Everything is wrong, and is fixed from the first reason on. */
TEST(the_first_reason_is_returned)
{
	struct words words = { {
		PGTT(2) | BIT(10),
		BIT(25) | BIT(26),
		BIT(60) | BIT(0) | BIT(1) | BIT(7) | FSPM(1),
	} };
	struct iommunest_hw_info info = host();

	info.data[VTD_CAP] = 0;
	info.data[VTD_ECAP] &= ~(SRS | EAFS);
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_NOT_PRESENT);
	words.word[0] |= P;
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_RESERVED);
	words.word[0] &= ~BIT(10);
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_TYPE);
	words.word[0] = P | PGTT(1);
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_5_LEVEL);
	info.data[VTD_CAP] |= FS5LP;
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_ADDRESS);
	words.word[2] &= ~BIT(60);
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_SRE);
	info.data[VTD_ECAP] |= SRS;
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_EAFE);
	info.data[VTD_ECAP] |= EAFS;
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_ERE);
	words.word[2] &= ~BIT(1);
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_MEMORY_TYPE);
	words.word[1] &= ~(BIT(25) | BIT(26));
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_NONE);
}

TEST(each_reason_has_words_of_its_own)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_LEN(errnos); i++) {
		const char *text =
			iommunest_vtd_pasid_reason_text(errnos[i].reason);

		ck_assert_ptr_nonnull(text);
		ck_assert_str_ne(text, "unknown");
		for (j = 0; j < i; j++)
			ck_assert_str_ne(text, iommunest_vtd_pasid_reason_text(
						       errnos[j].reason));
	}
	ck_assert_str_eq(iommunest_vtd_pasid_reason_text(1u << (i - 1)),
			 "unknown");
	ck_assert_str_eq(iommunest_vtd_pasid_reason_text(3), "unknown");
}
