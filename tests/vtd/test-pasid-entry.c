/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest's PASID-table entry: each of its bits, each reason against it, and
 * what becomes of it on the simulator's host.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>
#include <libiommunest-sim.h>

#include "tests/harness/support.h"

#define BIT(n) (UINT64_C(1) << (n))
#define WORDS 8

/* Bits of CAP_REG and ECAP_REG that an entry depends on. */
#define FS5LP BIT(60)
#define SC BIT(7)
#define NEST BIT(26)
#define SRS BIT(31)
#define EAFS BIT(34)
#define SMTS BIT(43)
#define SSTS BIT(46)
#define FSTS BIT(47)
#define SMPWCS BIT(48)
#define HOST_ECAP (SC | NEST | SRS | EAFS | SMTS | SSTS | FSTS | SMPWCS)

/* A first-stage entry with 4 levels at 1 MiB. */
#define P BIT(0)
#define PGTT(type) ((uint64_t)(type) << 6)
#define FSPM(mode) ((uint64_t)(mode) << 2)
#define ROOT UINT64_C(0x100000)

struct words {
	uint64_t word[WORDS];
};

static struct words plain(void)
{
	return (struct words){ { P | PGTT(1), 0, ROOT } };
}

static struct iommunest_vtd_pasid_entry decode(const struct words *words)
{
	struct iommunest_vtd_pasid_entry entry;

	memset(&entry, 0xa5, sizeof(entry));
	ck_assert_int_eq(iommunest_vtd_pasid_decode(&entry, words->word), 0);
	return entry;
}

/* Not the padding, which says nothing. */
static void check_same(const struct iommunest_vtd_pasid_entry *got,
		       const struct iommunest_vtd_pasid_entry *want)
{
	ck_assert_mem_eq(got, want,
			 SIZE_TO(struct iommunest_vtd_pasid_entry,
				 reserved_set));
}

static struct iommunest_hw_info host(void)
{
	return (struct iommunest_hw_info){
		.size = sizeof(struct iommunest_hw_info),
		.type = IOMMUNEST_HW_INTEL_VTD,
		.vtd_cap = FS5LP,
		.vtd_ecap = HOST_ECAP,
	};
}

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

/* Of an entry that was decoded from the same but for one bit. */
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
	struct iommunest_vtd_pasid_entry got;

	flip(&want, (unsigned int)_i);
	words.word[_i / 64] = BIT(_i % 64);
	got = decode(&words);
	check_same(&got, &want);
}

/* From ones, but for reserved bits, which say the same each. */
TEST_LOOP(each_bit_is_missed_among_all_others, 64 * WORDS)
{
	static const uint64_t named[WORDS] = { ~UINT64_C(0xc00),
					       ~UINT64_C(0x7f0000),
					       ~UINT64_C(0xf00) };
	struct words words;
	struct iommunest_vtd_pasid_entry want, got;

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
	check_same(&got, &want);
}

/* The words may be those of the entry itself. */
TEST(an_entry_is_decoded_in_place)
{
	struct words words = plain();
	struct iommunest_vtd_pasid_entry want = decode(&words);
	struct iommunest_vtd_pasid_entry got;

	memset(&got, 0xa5, sizeof(got));
	memcpy(got.raw, words.word, sizeof(got.raw));
	ck_assert_int_eq(iommunest_vtd_pasid_decode(&got, got.raw), 0);
	check_same(&got, &want);
}

/* ---- What becomes of an entry ---- */

struct outcome {
	int ret;
	uint32_t reason;
	struct iommunest_vtd_s1 s1;
};

static struct outcome to_s1(const struct words *words,
			    const struct iommunest_hw_info *info,
			    unsigned int addr_bits)
{
	struct iommunest_vtd_pasid_entry entry = decode(words);
	struct outcome got;

	memset(&got, 0xa5, sizeof(got));
	got.s1.size = sizeof(got.s1);
	got.ret = iommunest_vtd_pasid_to_s1(&entry, info, addr_bits, &got.s1,
					    &got.reason);
	return got;
}

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
TEST_LOOP(what_is_not_the_kernels_changes_nothing, 10)
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

TEST_LOOP(an_entry_that_is_not_present_may_say_anything, 2)
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
	info.vtd_cap &= ~rows[_i].cap;
	info.vtd_ecap &= ~rows[_i].ecap;
	check_reason(&words, &info, 48, IOMMUNEST_VTD_PASID_REASON_NONE);
	words.word[rows[_i].word] |= rows[_i].bits;
	check_reason(&words, &info, 48, rows[_i].reason);
	info = host();
	check_reason(&words, &info, 48, IOMMUNEST_VTD_PASID_REASON_NONE);
	/* All else does not help. */
	info.vtd_cap = ~rows[_i].cap;
	info.vtd_ecap = ~rows[_i].ecap;
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

	info.vtd_cap = UINT64_MAX;
	info.vtd_ecap = UINT64_MAX;
	words.word[rows[_i].word] |= rows[_i].bits;
	check_reason(&words, &info, 48, rows[_i].reason);
}

/* Everything is wrong, and is mended from the first reason on. */
TEST(the_first_reason_is_told)
{
	struct words words = { {
		PGTT(2) | BIT(10),
		BIT(25) | BIT(26),
		BIT(60) | BIT(0) | BIT(1) | BIT(7) | FSPM(1),
	} };
	struct iommunest_hw_info info = host();

	info.vtd_cap = 0;
	info.vtd_ecap &= ~(SRS | EAFS);
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_NOT_PRESENT);
	words.word[0] |= P;
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_RESERVED);
	words.word[0] &= ~BIT(10);
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_TYPE);
	words.word[0] = P | PGTT(1);
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_5_LEVEL);
	info.vtd_cap |= FS5LP;
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_ADDRESS);
	words.word[2] &= ~BIT(60);
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_SRE);
	info.vtd_ecap |= SRS;
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_EAFE);
	info.vtd_ecap |= EAFS;
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_ERE);
	words.word[2] &= ~BIT(1);
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_MEMORY_TYPE);
	words.word[1] &= ~(BIT(25) | BIT(26));
	check_reason(&words, &info, 52, IOMMUNEST_VTD_PASID_REASON_NONE);
}

/* ---- On the simulator's host ---- */

struct rig {
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	struct iommunest_hw_info info;
	uint32_t dev;
	uint32_t parent;
};

static void rig_start(struct rig *rig, uint64_t cap, uint64_t ecap)
{
	struct iommunest_sim_options sim_options = {
		.size = sizeof(sim_options), .cap = cap, .ecap = ecap
	};
	struct iommunest_open_options options = { .size = sizeof(options),
						  .sys = iommunest_sim_sys() };
	uint32_t ioas;

	ck_assert_int_eq(iommunest_sim_new(&rig->sim, &sim_options), 0);
	options.sys_data = rig->sim;
	ck_assert_int_eq(iommunest_open(&rig->ctx, &options), 0);
	ck_assert_int_eq(iommunest_sim_bind(rig->sim, iommunest_fd(rig->ctx), 0,
					    &rig->dev),
			 0);
	ck_assert_int_eq(iommunest_ioas_alloc(rig->ctx, &ioas), 0);
	ck_assert_int_eq(iommunest_hwpt_alloc_parent(rig->ctx, rig->dev, ioas,
						     &rig->parent),
			 0);
	rig->info.size = sizeof(rig->info);
	ck_assert_int_eq(iommunest_hw_info(rig->ctx, rig->dev, &rig->info), 0);
}

static void rig_end(struct rig *rig)
{
	iommunest_close(rig->ctx);
	iommunest_sim_free(rig->sim);
}

/* As the driver: allocated, and then refused at attach or not. */
static int try_s1(struct rig *rig, const struct iommunest_vtd_s1 *s1)
{
	uint32_t hwpt;
	int ret;

	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(rig->ctx, rig->dev,
						  rig->parent, s1, &hwpt),
			 0);
	ret = iommunest_sim_attach(rig->sim, iommunest_fd(rig->ctx), rig->dev,
				   hwpt);
	ck_assert_int_eq(iommunest_sim_attach(rig->sim, iommunest_fd(rig->ctx),
					      rig->dev, 0),
			 0);
	ck_assert_int_eq(iommunest_object_destroy(rig->ctx, hwpt), 0);
	return ret;
}

/* What a VMM would ask for that looks at nothing. */
static struct iommunest_vtd_s1 unchecked(const struct words *words)
{
	uint64_t word = words->word[2];

	return (struct iommunest_vtd_s1){
		.size = sizeof(struct iommunest_vtd_s1),
		.pgtbl_addr = word & ~UINT64_C(0xfff),
		.addr_width = word & FSPM(1) ? 57 : 48,
		.flags = (word & BIT(0) ? IOMMUNEST_VTD_S1_SRE : 0) |
			 (word & BIT(4) ? IOMMUNEST_VTD_S1_WPE : 0) |
			 (word & BIT(7) ? IOMMUNEST_VTD_S1_EAFE : 0),
	};
}

/* Each of the 8 hosts, and random entries. */
TEST_LOOP(what_is_built_is_attached_and_what_is_refused_is_not, 8)
{
	uint64_t ecap = SC | SMPWCS | NEST | SMTS | SSTS | FSTS;
	struct support_rng rng;
	struct rig rig = { 0 };
	int i;

	support_rng_start(&rng, "pasid");
	ecap |= (_i & 1 ? SRS : 0) | (_i & 2 ? EAFS : 0);
	rig_start(&rig, BIT(39) | (_i & 4 ? FS5LP : 0), ecap);
	for (i = 0; i < 1000; i++) {
		struct words words = plain();
		struct iommunest_vtd_s1 s1;
		struct outcome got;
		int ret;

		words.word[2] = support_rng_next(&rng) &
				~(UINT64_C(0xf00) | FSPM(2) | BIT(1));
		s1 = unchecked(&words);
		ret = try_s1(&rig, &s1);
		got = to_s1(&words, &rig.info, 64);
		support_assert(&rng, (got.ret == 0) == (ret == 0));
		if (!got.ret)
			support_assert(&rng, !memcmp(&got.s1, &s1, sizeof(s1)));
	}
	rig_end(&rig);
}

/* ---- Arguments ---- */

TEST(null_arguments_are_refused)
{
	struct words words = plain();
	struct iommunest_vtd_pasid_entry entry = decode(&words);
	struct iommunest_vtd_s1 s1 = { .size = sizeof(s1) };
	struct iommunest_hw_info info = host();
	uint32_t reason = 7;

	ck_assert_int_eq(iommunest_vtd_pasid_decode(NULL, words.word), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_pasid_decode(&entry, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_pasid_to_s1(NULL, &info, 48, &s1,
						   &reason),
			 -EINVAL);
	ck_assert_uint_eq(reason, IOMMUNEST_VTD_PASID_REASON_NONE);
	ck_assert_int_eq(iommunest_vtd_pasid_to_s1(&entry, NULL, 48, &s1,
						   &reason),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_pasid_to_s1(&entry, &info, 48, NULL,
						   &reason),
			 -EINVAL);
	ck_assert_int_eq(
		iommunest_vtd_pasid_to_s1(&entry, &info, 48, &s1, NULL), 0);
	entry.present = false;
	ck_assert_int_eq(iommunest_vtd_pasid_to_s1(&entry, &info, 48, &s1,
						   NULL),
			 -ENOENT);
}

TEST_LOOP(widths_of_addresses_are_32_to_64, 4)
{
	static const unsigned int widths[] = { 0, 31, 65, UINT_MAX };
	struct words words = plain();
	struct iommunest_hw_info info = host();
	struct outcome got = to_s1(&words, &info, widths[_i]);

	ck_assert_int_eq(got.ret, -EINVAL);
	ck_assert_uint_eq(got.reason, IOMMUNEST_VTD_PASID_REASON_NONE);
}

TEST(short_structs_are_refused)
{
	struct words words = plain();
	struct iommunest_vtd_pasid_entry entry = decode(&words);
	struct iommunest_vtd_s1 s1 = {
		.size = SIZE_TO(struct iommunest_vtd_s1, flags) - 1
	};
	struct iommunest_hw_info info = host();

	ck_assert_int_eq(iommunest_vtd_pasid_to_s1(&entry, &info, 48, &s1,
						   NULL),
			 -EINVAL);
	s1.size = sizeof(s1);
	info.size = SIZE_TO(struct iommunest_hw_info, reserved) - 1;
	ck_assert_int_eq(iommunest_vtd_pasid_to_s1(&entry, &info, 48, &s1,
						   NULL),
			 -EINVAL);
	ck_assert_uint_eq(s1.addr_width, 0);
}

TEST(what_a_newer_caller_has_becomes_zero)
{
	struct words words = plain();
	struct iommunest_vtd_pasid_entry entry = decode(&words);
	struct iommunest_hw_info info = host();
	unsigned char filled[sizeof(struct iommunest_vtd_s1) + 16];
	struct iommunest_vtd_s1 *s1;

	memset(filled, 0xa5, sizeof(filled));
	s1 = support_sized(filled, sizeof(filled), sizeof(filled));
	ck_assert_int_eq(iommunest_vtd_pasid_to_s1(&entry, &info, 48, s1, NULL),
			 0);
	memset(filled, 0, sizeof(filled));
	ck_assert_uint_eq(s1->size, sizeof(filled));
	ck_assert_mem_eq(s1 + 1, filled, 16);
	free(s1);
}

TEST_LOOP(another_iommu_is_refused_without_a_reason, 2)
{
	struct words words = plain();
	struct iommunest_hw_info info = host();
	struct outcome got;

	info.type = _i ? 2 : IOMMUNEST_HW_NONE;
	got = to_s1(&words, &info, 48);
	ck_assert_int_eq(got.ret, -EOPNOTSUPP);
	ck_assert_uint_eq(got.reason, IOMMUNEST_VTD_PASID_REASON_NONE);
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
