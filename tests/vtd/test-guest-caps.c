/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What a guest may be shown, and the check: each bit of both registers by
 * hand, each reason alone, and properties over random hosts and guests.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/support.h"
#include "tests/harness/vtd-info.h"

#define BIT(n) (UINT64_C(1) << (n))
#define REASON(name) IOMMUNEST_VTD_GUEST_REASON_##name
#define REASONS 21u

/* Bits of ECAP_REG that the tests name. */
#define C BIT(0)
#define QI BIT(1)
#define DT BIT(2)
#define SC BIT(7)
#define NEST BIT(26)
#define PRS BIT(29)
#define ERS BIT(30)
#define SRS BIT(31)
#define NWFS BIT(33)
#define EAFS BIT(34)
#define PSS(bits) ((uint64_t)((bits)-1) << 35)
#define PASID BIT(40)
#define DIT BIT(41)
#define PDS BIT(42)
#define SMTS BIT(43)
#define SSTS BIT(46)
#define FSTS BIT(47)
#define SMPWCS BIT(48)
/* And of CAP_REG. */
#define FS1GP BIT(56)
#define FS5LP BIT(60)

#define CAN_NEST (SMTS | NEST | FSTS | SSTS)

/* Of a host with everything; by hand, from the table in the manual page. */
#define ALL_CAP UINT64_C(0x11ff0080007f1f00)
#define ALL_ECAP UINT64_C(0x00018f9ea0000087)

/* Granite Rapids, and what its guest may be shown. */
#define GNR_CAP UINT64_C(0xf9ed008cee780c66)
#define GNR_ECAP UINT64_C(0x003fef9ea6f0efdf)
#define GNR_GUEST_CAP UINT64_C(0x11ed008000780c00)
#define GNR_GUEST_ECAP UINT64_C(0x00018f9ea0000087)

static struct iommunest_hw_info host_of(uint64_t cap, uint64_t ecap)
{
	return (struct iommunest_hw_info){
		.size = sizeof(struct iommunest_hw_info),
		.type = IOMMUNEST_HW_INTEL_VTD,
		.data[VTD_CAP] = cap,
		.data[VTD_ECAP] = ecap,
		.max_pasid_log2 = 20,
	};
}

static struct iommunest_vtd_guest guest_of(const struct iommunest_hw_info *host)
{
	struct iommunest_vtd_guest guest = {
		.size = sizeof(guest),
		.cap = 0xa5a5a5a5a5a5a5a5,
		.ecap = 0xa5a5a5a5a5a5a5a5,
	};

	ck_assert_int_eq(
		iommunest_vtd_guest_caps(host, &guest.cap, &guest.ecap), 0);
	return guest;
}

static unsigned int count(uint64_t bits)
{
	unsigned int n = 0;

	for (; bits; bits &= bits - 1)
		n++;
	return n;
}

static uint64_t check(const struct iommunest_hw_info *host,
		      const struct iommunest_vtd_guest *guest)
{
	uint64_t reasons = 0xa5a5a5a5a5a5a5a5;
	int ret = iommunest_vtd_guest_check(host, guest, &reasons);

	if (ret < 0 || (unsigned int)ret != count(reasons))
		ck_abort_msg("%d of %#llx", ret, (unsigned long long)reasons);
	return reasons;
}

/* ---- What is shown ---- */

TEST(only_the_bits_that_the_manual_lists_are_shown)
{
	struct iommunest_hw_info host = host_of(UINT64_MAX, UINT64_MAX);
	struct iommunest_vtd_guest guest = guest_of(&host);

	ck_assert_uint_eq(guest.cap, ALL_CAP);
	ck_assert_uint_eq(guest.ecap, ALL_ECAP);
}

TEST(a_host_without_any_bit_still_shows_the_queue)
{
	struct iommunest_hw_info host = host_of(0, 0);
	struct iommunest_vtd_guest guest = guest_of(&host);

	ck_assert_uint_eq(guest.cap, 0);
	ck_assert_uint_eq(guest.ecap, QI);
}

TEST_LOOP(each_bit_of_cap_is_shown_or_not, 64)
{
	struct iommunest_hw_info host = host_of(BIT(_i), 0);
	struct iommunest_vtd_guest guest = guest_of(&host);

	ck_assert_uint_eq(guest.cap, ALL_CAP & BIT(_i));
	ck_assert_uint_eq(guest.ecap, QI);
	host.data[VTD_CAP] = ~BIT(_i);
	guest = guest_of(&host);
	ck_assert_uint_eq(guest.cap, ALL_CAP & ~BIT(_i));
}

/* What the bits that need others show alone. */
TEST_LOOP(each_bit_of_ecap_is_shown_or_not, 64)
{
	uint64_t bit = BIT(_i);
	uint64_t alone = C | DT | SC | SRS | EAFS | SMTS | FSTS | SMPWCS;
	struct iommunest_hw_info host = host_of(0, bit);
	struct iommunest_vtd_guest guest = guest_of(&host);
	/* A PASID of one bit. */
	uint64_t want = bit & (alone | PASID);

	ck_assert_uint_eq(guest.cap, 0);
	ck_assert_uint_eq(guest.ecap, want | QI);
}

TEST_LOOP(without_a_bit_of_ecap_what_needs_it_is_not_shown, 64)
{
	uint64_t bit = BIT(_i), want = ALL_ECAP & ~bit;
	struct iommunest_hw_info host = host_of(UINT64_MAX, ~bit);

	if (bit == QI)
		want |= QI;
	if (bit == DT)
		want &= ~(NWFS | DIT | PRS | PDS);
	if (bit == PRS || bit == PDS)
		want &= ~(PRS | PDS);
	/* 32 bits without one are 20 and more, except for the fifth. */
	if (bit & PSS(32))
		want = (ALL_ECAP & ~PSS(32)) | PSS(bit == BIT(39) ? 16 : 20);
	if (bit == PASID)
		want &= ~PSS(32);
	ck_assert_uint_eq(guest_of(&host).ecap, want);
}

/* The host's widths 1 to 32 and none, a device's 0 to 22. */
TEST_LOOP(pasids_are_as_wide_as_host_and_device_allow, 33)
{
	unsigned int width, host_bits = (unsigned int)_i;

	for (width = 0; width <= 22; width++) {
		uint64_t ecap = host_bits ? PASID | PSS(host_bits) : PSS(32);
		struct iommunest_hw_info host = host_of(0, ecap);
		unsigned int want = host_bits < width ? host_bits : width;

		host.max_pasid_log2 = width;
		want = want < 20 ? want : 20;
		ck_assert_uint_eq(guest_of(&host).ecap,
				  QI | (want ? PASID | PSS(want) : 0));
	}
}

TEST(a_machine_shows_what_the_manual_says)
{
	struct iommunest_hw_info host = host_of(GNR_CAP, GNR_ECAP);
	struct iommunest_vtd_guest guest = guest_of(&host);

	ck_assert_uint_eq(guest.cap, GNR_GUEST_CAP);
	ck_assert_uint_eq(guest.ecap, GNR_GUEST_ECAP);
	ck_assert_uint_eq(check(&host, &guest), 0);

	/* Sapphire Rapids: no PASIDs, no page requests. */
	host = host_of(0x19ed008c40780c66, 0x3ee9e86f050df);
	guest = guest_of(&host);
	ck_assert_uint_eq(guest.cap, 0x11ed008000780c00);
	ck_assert_uint_eq(guest.ecap, 0x18a0680000087);
	ck_assert_uint_eq(check(&host, &guest), 0);
}

/* ---- Each reason alone ---- */

struct row {
	const char *name;
	/* Of the host, taken away. */
	uint64_t no_cap;
	uint64_t no_ecap;
	/* Of the guest, flipped after what the full host shows. */
	uint64_t guest_cap;
	uint64_t guest_ecap;
	uint32_t flags;
	uint32_t vtd_flags;
	/* Taken from the device's 20. */
	uint32_t narrower;
	uint64_t reasons;
};

#define READ_ONLY IOMMUNEST_VTD_GUEST_READ_ONLY
#define ATS IOMMUNEST_VTD_GUEST_ATS
#define PRI IOMMUNEST_VTD_GUEST_PRI
#define ERRATUM IOMMUNEST_VTD_ERRATA_772415_SPR17

static const struct row rows[] = {
	{ .name = "nothing" },
	{ .name = "nothing, with ATS and PRI", .flags = ATS | PRI },
	{ .name = "read-only", .flags = READ_ONLY },
	{ .name = "the erratum alone", .vtd_flags = ERRATUM },
	{ .name = "both",
	  .flags = READ_ONLY,
	  .vtd_flags = ERRATUM,
	  .reasons = REASON(HOST_ERRATUM_772415) },
	{ .name = "another flag of the host's",
	  .flags = READ_ONLY,
	  .vtd_flags = ~ERRATUM },
	{ .name = "host SMTS",
	  .no_ecap = SMTS,
	  .reasons = REASON(HOST_NO_SCALABLE) },
	{ .name = "host NEST",
	  .no_ecap = NEST,
	  .reasons = REASON(HOST_NO_NESTING) },
	{ .name = "host FSTS",
	  .no_ecap = FSTS,
	  .reasons = REASON(HOST_NO_FIRST_STAGE) },
	{ .name = "host SSTS",
	  .no_ecap = SSTS,
	  .reasons = REASON(HOST_NO_SECOND_STAGE) },
	{ .name = "FS5LP", .no_cap = FS5LP, .reasons = REASON(5_LEVEL) },
	{ .name = "FS5LP, not shown", .no_cap = FS5LP, .guest_cap = FS5LP },
	{ .name = "FS1GP", .no_cap = FS1GP, .reasons = REASON(1GIB_PAGES) },
	{ .name = "FS1GP, not shown", .no_cap = FS1GP, .guest_cap = FS1GP },
	{ .name = "SRS", .no_ecap = SRS, .reasons = REASON(SUPERVISOR) },
	{ .name = "SRS, not shown", .no_ecap = SRS, .guest_ecap = SRS },
	{ .name = "EAFS", .no_ecap = EAFS, .reasons = REASON(EXTENDED_ACCESS) },
	{ .name = "EAFS, not shown", .no_ecap = EAFS, .guest_ecap = EAFS },
	{ .name = "PASID", .no_ecap = PASID, .reasons = REASON(PASID) },
	{ .name = "PASID, not shown", .no_ecap = PASID, .guest_ecap = PASID },
	{ .name = "PASIDs of the device",
	  .narrower = 20,
	  .reasons = REASON(PASID) },
	{ .name = "width of the device",
	  .narrower = 1,
	  .reasons = REASON(PASID_WIDTH) },
	{ .name = "width of the device, not shown",
	  .narrower = 1,
	  .guest_ecap = PSS(20) ^ PSS(19) },
	{ .name = "width of the host",
	  .no_ecap = BIT(35),
	  .reasons = REASON(PASID_WIDTH) },
	{ .name = "width that no PASID has",
	  .guest_ecap = PSS(20) ^ PSS(21),
	  .reasons = REASON(PASID_WIDTH) },
	{ .name = "a width without PASIDs",
	  .narrower = 20,
	  .guest_ecap = PASID },
	{ .name = "DT, and with it page requests",
	  .no_ecap = DT,
	  .reasons = REASON(DEVICE_TLB) | REASON(PAGE_REQUESTS) },
	{ .name = "DT",
	  .no_ecap = DT,
	  .guest_ecap = PRS,
	  .reasons = REASON(DEVICE_TLB) },
	{ .name = "DT, not shown", .no_ecap = DT, .guest_ecap = DT | PRS },
	{ .name = "ATS",
	  .no_ecap = DT,
	  .guest_ecap = DT | PRS,
	  .flags = ATS,
	  .reasons = REASON(DEVICE_TLB) },
	{ .name = "PRS", .no_ecap = PRS, .reasons = REASON(PAGE_REQUESTS) },
	{ .name = "PRS without PDS",
	  .no_ecap = PDS,
	  .reasons = REASON(PAGE_REQUESTS) },
	{ .name = "PRS, not shown", .no_ecap = PRS, .guest_ecap = PRS },
	{ .name = "PRI",
	  .no_ecap = PRS,
	  .guest_ecap = PRS,
	  .flags = PRI,
	  .reasons = REASON(PAGE_REQUESTS) },
	{ .name = "PRI without a device TLB",
	  .no_ecap = DT,
	  .guest_ecap = DT | PRS,
	  .flags = PRI,
	  .reasons = REASON(PAGE_REQUESTS) },
	{ .name = "PDS, which is shown alone",
	  .no_ecap = PDS,
	  .guest_ecap = PRS },
	{ .name = "ERS, which the host has not",
	  .guest_ecap = ERS,
	  .reasons = REASON(EXECUTE) },
	{ .name = "C", .no_ecap = C, .reasons = REASON(COHERENCY) },
	{ .name = "SC", .no_ecap = SC, .reasons = REASON(COHERENCY) },
	{ .name = "SMPWCS", .no_ecap = SMPWCS, .reasons = REASON(COHERENCY) },
	{ .name = "C, SC and SMPWCS, not shown",
	  .no_ecap = C | SC | SMPWCS,
	  .guest_ecap = C | SC | SMPWCS },
	{ .name = "NEST", .guest_ecap = NEST, .reasons = REASON(NESTING) },
	{ .name = "SSTS", .guest_ecap = SSTS, .reasons = REASON(SECOND_STAGE) },
	{ .name = "no SMTS",
	  .guest_ecap = SMTS,
	  .reasons = REASON(NO_SCALABLE) },
	{ .name = "no FSTS",
	  .guest_ecap = FSTS,
	  .reasons = REASON(NO_FIRST_STAGE) },
	{ .name = "no QI", .guest_ecap = QI, .reasons = REASON(NO_QUEUE) },
	{ .name = "no queue of the host's", .no_ecap = QI },
	{ .name = "two at once",
	  .no_cap = FS5LP,
	  .no_ecap = EAFS,
	  .reasons = REASON(5_LEVEL) | REASON(EXTENDED_ACCESS) },
};

TEST_LOOP(each_reason_can_be_the_only_one, ARRAY_LEN(rows))
{
	const struct row *row = &rows[_i];
	struct iommunest_hw_info host = host_of(GNR_CAP, GNR_ECAP);
	struct iommunest_vtd_guest guest = guest_of(&host);
	uint64_t got;

	host.data[VTD_CAP] &= ~row->no_cap;
	host.data[VTD_ECAP] &= ~row->no_ecap;
	host.data[VTD_FLAGS] = VTD_FLAGS_WORD(row->vtd_flags);
	host.max_pasid_log2 -= row->narrower;
	guest.cap ^= row->guest_cap;
	guest.ecap ^= row->guest_ecap;
	guest.flags = row->flags;
	got = check(&host, &guest);
	ck_assert_msg(got == row->reasons, "%s: %#llx", row->name,
		      (unsigned long long)got);
}

/* The host's own execute requests do not help: nobody can pass them on. */
TEST(execute_requests_are_a_reason_on_each_host)
{
	struct iommunest_hw_info host = host_of(UINT64_MAX, UINT64_MAX);
	struct iommunest_vtd_guest guest = guest_of(&host);

	guest.ecap |= ERS;
	ck_assert_uint_eq(check(&host, &guest), REASON(EXECUTE));
}

/* The rows have every reason but one, which is alone by its nature. */
TEST(each_reason_has_a_row)
{
	uint64_t seen = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++)
		seen |= rows[i].reasons;
	ck_assert_uint_eq(seen, (BIT(REASONS) - 1) & ~REASON(HOST_NOT_VTD));
}

TEST_LOOP(a_host_that_is_not_vtd_is_the_only_reason, 2)
{
	struct iommunest_hw_info host = host_of(0, 0);
	struct iommunest_vtd_guest guest = {
		.size = sizeof(guest),
		.cap = UINT64_MAX,
		.ecap = ~(SMTS | FSTS | QI),
		.flags = READ_ONLY | ATS | PRI,
	};

	host.data[VTD_FLAGS] = VTD_FLAGS_WORD(ERRATUM);
	/* All but that, and the width of PASIDs that the host has not. */
	ck_assert_uint_eq(check(&host, &guest), (BIT(REASONS) - 1) &
							~REASON(HOST_NOT_VTD) &
							~REASON(PASID_WIDTH));
	host.type = _i ? 2 : IOMMUNEST_HW_NONE;
	ck_assert_uint_eq(check(&host, &guest), REASON(HOST_NOT_VTD));
}

/* ---- Properties ---- */

#define ROUNDS 100000

static struct iommunest_hw_info random_host(struct support_rng *rng)
{
	struct iommunest_hw_info host =
		host_of(support_rng_next(rng), support_rng_next(rng));

	host.data[VTD_FLAGS] =
		VTD_FLAGS_WORD(support_rng_below(rng, 2) ? ERRATUM : 0);
	host.max_pasid_log2 = support_rng_below(rng, 21);
	return host;
}

/* What the manual leaves to the VMM: never a reason, whatever it fills in. */
#define OWN_CAP (~ALL_CAP)
#define OWN_ECAP                                                            \
	(~(ALL_ECAP | NEST | ERS | SSTS | PSS(32) | PRS | PDS | DT | NWFS | \
	   DIT))

/* Whatever it fills in, whatever it clears of the rest but the basis. */
TEST(what_a_capable_host_may_show_has_no_reason_against_it)
{
	struct support_rng rng;
	int i;

	support_rng_start(&rng, "guest-caps");
	for (i = 0; i < ROUNDS; i++) {
		struct iommunest_hw_info host = random_host(&rng);
		struct iommunest_vtd_guest guest;

		host.data[VTD_ECAP] |= CAN_NEST;
		guest = guest_of(&host);
		support_assert(&rng, check(&host, &guest) == 0);

		guest.cap &= support_rng_next(&rng);
		guest.ecap &= support_rng_next(&rng) | SMTS | FSTS | QI;
		guest.cap |= support_rng_next(&rng) & OWN_CAP;
		guest.ecap |= support_rng_next(&rng) & OWN_ECAP;
		guest.flags = host.data[VTD_FLAGS] ? 0 : READ_ONLY;
		if (host.data[VTD_ECAP] & DT)
			guest.flags |= ATS;
		if (!(~host.data[VTD_ECAP] & (DT | PRS | PDS)))
			guest.flags |= PRI;
		support_assert(&rng, check(&host, &guest) == 0);
	}
}

TEST(only_the_queue_is_shown_without_the_host_having_it)
{
	struct support_rng rng;
	int i;

	support_rng_start(&rng, "guest-caps");
	for (i = 0; i < ROUNDS; i++) {
		struct iommunest_hw_info host = random_host(&rng);
		struct iommunest_vtd_guest guest = guest_of(&host);
		uint64_t extra = guest.ecap & ~host.data[VTD_ECAP];

		support_assert(&rng, !(guest.cap & ~host.data[VTD_CAP]));
		/* A smaller width may have bits that a larger has not. */
		support_assert(&rng, !(extra & ~(QI | PSS(32))));
		support_assert(&rng, (guest.ecap & PSS(32)) <=
					     (host.data[VTD_ECAP] & PSS(32)));
	}
}

/* Of what the guest cannot do without. */
#define LACKS (REASON(NO_SCALABLE) | REASON(NO_QUEUE) | REASON(NO_FIRST_STAGE))
#define PASID_REASONS (REASON(PASID) | REASON(PASID_WIDTH))

/* A reason about PASIDs may turn into the other. */
static uint64_t merged(uint64_t reasons)
{
	if (reasons & PASID_REASONS)
		reasons |= PASID_REASONS;
	return reasons;
}

TEST(a_better_host_or_a_lesser_guest_adds_no_reason)
{
	struct support_rng rng;
	int i;

	support_rng_start(&rng, "guest-caps");
	for (i = 0; i < ROUNDS; i++) {
		struct iommunest_hw_info host = random_host(&rng);
		struct iommunest_vtd_guest guest = {
			.size = sizeof(guest),
			.cap = support_rng_next(&rng),
			.ecap = support_rng_next(&rng),
			.flags = support_rng_below(&rng, 8),
		};
		uint64_t before = merged(check(&host, &guest));
		uint64_t after;

		host.data[VTD_CAP] |= BIT(support_rng_below(&rng, 64));
		host.data[VTD_ECAP] |= BIT(support_rng_below(&rng, 64));
		after = check(&host, &guest);
		support_assert(&rng, !(after & ~before));

		guest.cap &= ~BIT(support_rng_below(&rng, 64));
		guest.ecap &= ~BIT(support_rng_below(&rng, 64));
		after = check(&host, &guest);
		support_assert(&rng, !(after & ~(before | LACKS)));
	}
}

/* ---- Arguments ---- */

TEST_LOOP(another_iommu_has_nothing_to_show, 2)
{
	struct iommunest_hw_info host = host_of(UINT64_MAX, UINT64_MAX);
	uint64_t cap = 1, ecap = 2;

	host.type = _i ? 2 : IOMMUNEST_HW_NONE;
	ck_assert_int_eq(iommunest_vtd_guest_caps(&host, &cap, &ecap),
			 -EOPNOTSUPP);
	ck_assert_uint_eq(cap, 1);
	ck_assert_uint_eq(ecap, 2);
}

TEST(null_arguments_are_refused)
{
	struct iommunest_hw_info host = host_of(GNR_CAP, GNR_ECAP);
	struct iommunest_vtd_guest guest = guest_of(&host);
	uint64_t word;

	ck_assert_int_eq(iommunest_vtd_guest_caps(NULL, &word, &word), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_guest_caps(&host, NULL, &word), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_guest_caps(&host, &word, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_guest_check(NULL, &guest, &word),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_guest_check(&host, NULL, &word),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_guest_check(&host, &guest, NULL),
			 -EINVAL);
}

TEST(a_short_struct_is_refused)
{
	struct iommunest_hw_info host = host_of(GNR_CAP, GNR_ECAP);
	struct iommunest_vtd_guest guest = guest_of(&host);
	uint64_t cap = 7, ecap = 7, reasons = 7;

	guest.size = SIZE_TO(struct iommunest_vtd_guest, reserved) - 1;
	ck_assert_int_eq(iommunest_vtd_guest_check(&host, &guest, &reasons),
			 -EINVAL);
	guest.size = sizeof(guest);
	host.size = SIZE_TO(struct iommunest_hw_info, reserved) - 1;
	ck_assert_int_eq(iommunest_vtd_guest_check(&host, &guest, &reasons),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_guest_caps(&host, &cap, &ecap), -EINVAL);
	ck_assert_uint_eq(cap & ecap & reasons, 7);
}

TEST(what_has_no_meaning_yet_is_refused)
{
	struct iommunest_hw_info host = host_of(GNR_CAP, GNR_ECAP);
	struct iommunest_vtd_guest guest = guest_of(&host);
	struct iommunest_vtd_guest *longer;
	uint64_t reasons = 7;

	guest.reserved = 1;
	ck_assert_int_eq(iommunest_vtd_guest_check(&host, &guest, &reasons),
			 -EINVAL);
	guest.reserved = 0;
	guest.flags = 1u << 3;
	ck_assert_int_eq(iommunest_vtd_guest_check(&host, &guest, &reasons),
			 -EOPNOTSUPP);
	guest.flags = 0;
	longer = support_sized(&guest, sizeof(guest), sizeof(guest) + 8);
	ck_assert_int_eq(iommunest_vtd_guest_check(&host, longer, &reasons), 0);
	reasons = 7;
	((unsigned char *)longer)[sizeof(guest) + 7] = 1;
	ck_assert_int_eq(iommunest_vtd_guest_check(&host, longer, &reasons),
			 -E2BIG);
	free(longer);
	ck_assert_uint_eq(reasons, 7);
}

/* ---- Words ---- */

TEST(each_reason_has_words_of_its_own)
{
	unsigned int i, j;

	for (i = 0; i < REASONS; i++) {
		const char *text = iommunest_vtd_guest_reason_text(BIT(i));

		ck_assert_ptr_nonnull(text);
		ck_assert_str_ne(text, "unknown");
		for (j = 0; j < i; j++)
			ck_assert_str_ne(
				text, iommunest_vtd_guest_reason_text(BIT(j)));
	}
	ck_assert_str_eq(iommunest_vtd_guest_reason_text(BIT(REASONS)),
			 "unknown");
	ck_assert_str_eq(iommunest_vtd_guest_reason_text(0), "unknown");
	ck_assert_str_eq(iommunest_vtd_guest_reason_text(BIT(0) | BIT(1)),
			 "unknown");
}
