/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What a guest may be shown, and the check: each reason alone, and properties
 * over random hosts and guests.  Each bit of both registers is in
 * test-guest-bits.c.
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
#define REASONS 38u

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
#define MTS BIT(25)
#define RPRIVS BIT(53)
/* And of CAP_REG. */
#define ZLR BIT(22)
#define FS1GP BIT(56)
#define FS5LP BIT(60)

#define CAN_NEST (SMTS | NEST | FSTS | SSTS)

/* Of a host with everything; by hand, from the table in the manual page. */
#define ALL_CAP UINT64_C(0x11ff0080007f0e00)
#define ALL_ECAP UINT64_C(0x00018f9ea0000087)

/* Granite Rapids, and what its guest may be shown. */
#define GNR_CAP UINT64_C(0xf9ed008cee780c66)
#define GNR_ECAP UINT64_C(0x003fef9ea6f0efdf)
#define GNR_GUEST_CAP UINT64_C(0x11ed008000780c00)
#define GNR_GUEST_ECAP UINT64_C(0x00018f9ea0000087)

/* Kernels that can, and cannot, attach PASIDs and take page requests. */
#define F(name) IOMMUNEST_FEATURE_##name
#define OLD (F(IOAS) | F(HWPT) | F(NESTED) | F(INVALIDATE))
#define NEW (OLD | F(FAULT_QUEUE) | F(PASID))
#define NO_NESTED_ATS IOMMUNEST_VTD_KERNEL_FAULT_NO_NESTED_ATS
#define PLAIN_IOTLB IOMMUNEST_VTD_KERNEL_FAULT_PLAIN_IOTLB
#define ALL_AM_52 IOMMUNEST_VTD_KERNEL_FAULT_ALL_AM_52

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

static struct iommunest_vtd_guest guest_on(const struct iommunest_hw_info *host,
					   uint64_t features,
					   uint64_t kernel_faults)
{
	struct iommunest_vtd_guest guest = {
		.size = sizeof(guest),
		.cap = 0xa5a5a5a5a5a5a5a5,
		.ecap = 0xa5a5a5a5a5a5a5a5,
		.features = features,
		.kernel_faults = kernel_faults,
	};

	ck_assert_int_eq(iommunest_vtd_guest_offer(host, &guest), 0);
	return guest;
}

static struct iommunest_vtd_guest guest_of(const struct iommunest_hw_info *host)
{
	return guest_on(host, NEW, 0);
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

/* ---- What the kernel has to carry ---- */

#define PAGE_REQUESTS (PRS | PDS)

static const struct kernel_row {
	const char *name;
	uint64_t features;
	uint64_t faults;
	/* Of ECAP_REG, not shown. */
	uint64_t without;
	/* Of a guest that is shown it all the same. */
	uint64_t reasons;
} kernel_rows[] = {
	{ "new", NEW, 0, 0, 0 },
	{ "a kernel with a harmless fault", NEW, ALL_AM_52, 0, 0 },
	{ "no PASIDs", NEW & ~F(PASID), 0, PASID | PSS(32),
	  REASON(KERNEL_NO_PASID) },
	{ "no fault queues", NEW & ~F(FAULT_QUEUE), 0, PAGE_REQUESTS,
	  REASON(KERNEL_NO_PAGE_REQUESTS) },
	{ "no ATS where a guest is nested", NEW, NO_NESTED_ATS, PAGE_REQUESTS,
	  REASON(KERNEL_NO_PAGE_REQUESTS) },
	{ "old", OLD, 0, PAGE_REQUESTS | PASID | PSS(32),
	  REASON(KERNEL_NO_PASID) | REASON(KERNEL_NO_PAGE_REQUESTS) },
	{ "unknown", 0, 0, PAGE_REQUESTS | PASID | PSS(32),
	  REASON(KERNEL_NO_PASID) | REASON(KERNEL_NO_PAGE_REQUESTS) },
	{ "no invalidation", NEW & ~F(INVALIDATE), 0, 0,
	  REASON(KERNEL_NO_NESTING) },
	{ "no nested HWPTs", NEW & ~F(NESTED), 0, 0,
	  REASON(KERNEL_NO_NESTING) },
	{ "wrong invalidations", NEW, PLAIN_IOTLB, 0, REASON(KERNEL_FAULT) },
};

TEST_LOOP(what_the_kernel_cannot_carry_is_not_shown, ARRAY_LEN(kernel_rows))
{
	const struct kernel_row *row = &kernel_rows[_i];
	struct iommunest_hw_info host = host_of(UINT64_MAX, UINT64_MAX);
	struct iommunest_vtd_guest guest =
		guest_on(&host, row->features, row->faults);

	ck_assert_msg(guest.ecap == (ALL_ECAP & ~row->without), "%s: %#llx",
		      row->name, (unsigned long long)guest.ecap);
	ck_assert_uint_eq(guest.cap, ALL_CAP);
}

TEST_LOOP(what_the_kernel_cannot_carry_is_a_reason, ARRAY_LEN(kernel_rows))
{
	const struct kernel_row *row = &kernel_rows[_i];
	struct iommunest_hw_info host = host_of(UINT64_MAX, UINT64_MAX);
	struct iommunest_vtd_guest guest = guest_of(&host);
	uint64_t got;

	guest.features = row->features;
	guest.kernel_faults = row->faults;
	got = check(&host, &guest);
	ck_assert_msg(got == row->reasons, "%s: %#llx", row->name,
		      (unsigned long long)got);
}

/* It knows no kernel, and promises nothing of one. */
TEST(guest_caps_are_those_of_an_unknown_kernel)
{
	struct iommunest_hw_info host = host_of(UINT64_MAX, UINT64_MAX);
	struct iommunest_vtd_guest guest = guest_on(&host, 0, 0);
	uint64_t cap, ecap;

	ck_assert_int_eq(iommunest_vtd_guest_caps(&host, &cap, &ecap), 0);
	ck_assert_uint_eq(cap, guest.cap);
	ck_assert_uint_eq(ecap, guest.ecap);
	ck_assert_uint_eq(ecap & (PASID | PSS(32) | PAGE_REQUESTS), 0);
}

/* A caller from before the kernel's members. */
TEST(a_caller_that_does_not_tell_of_the_kernel_is_not_offered_much)
{
	struct iommunest_hw_info host = host_of(UINT64_MAX, UINT64_MAX);
	struct iommunest_vtd_guest known = guest_on(&host, NEW, 0);
	struct iommunest_vtd_guest *old =
		support_sized(&known, sizeof(known),
			      SIZE_TO(struct iommunest_vtd_guest, reserved));
	uint64_t reasons;

	ck_assert_int_eq(iommunest_vtd_guest_check(&host, old, &reasons), 2);
	ck_assert_uint_eq(reasons, REASON(KERNEL_NO_PASID) |
					   REASON(KERNEL_NO_PAGE_REQUESTS));
	ck_assert_int_eq(iommunest_vtd_guest_offer(&host, old), 0);
	ck_assert_uint_eq(old->ecap & (PASID | PAGE_REQUESTS), 0);
	ck_assert_int_eq(iommunest_vtd_guest_check(&host, old, &reasons), 0);
	free(old);
}

TEST(page_requests_of_the_device_need_the_kernel_too)
{
	struct iommunest_hw_info host = host_of(GNR_CAP, GNR_ECAP);
	struct iommunest_vtd_guest guest = guest_on(&host, OLD, 0);

	guest.flags = IOMMUNEST_VTD_GUEST_PRI;
	ck_assert_uint_eq(check(&host, &guest),
			  REASON(KERNEL_NO_PAGE_REQUESTS));
}

TEST(a_device_that_the_kernel_keeps_from_ats_cannot_use_it)
{
	struct iommunest_hw_info host = host_of(GNR_CAP, GNR_ECAP);
	struct iommunest_vtd_guest guest = guest_of(&host);

	host.capabilities = IOMMUNEST_HW_CAP_NO_ATS;
	ck_assert_uint_eq(check(&host, &guest), 0);
	guest.flags = IOMMUNEST_VTD_GUEST_ATS;
	ck_assert_uint_eq(check(&host, &guest), REASON(DEVICE_TLB));
}

/* ---- Widths ---- */

#define MGAW(bits) ((uint64_t)((bits)-1) << 16)
#define SAGAW_39 BIT(9)
#define SAGAW_48 BIT(10)
#define SAGAW_57 BIT(11)

static const struct width_row {
	uint64_t host;
	uint64_t guest;
	uint64_t reasons;
} width_rows[] = {
	{ MGAW(57), MGAW(57), 0 },
	{ MGAW(57), MGAW(48), 0 },
	{ MGAW(48), MGAW(57), REASON(MGAW) },
	{ MGAW(48), MGAW(49), REASON(MGAW) },
	{ MGAW(39), MGAW(48), REASON(MGAW) },
	{ SAGAW_48 | SAGAW_57, SAGAW_48, 0 },
	/* Hosts without 3 levels are common, and so are guests that see them.
	 */
	{ SAGAW_48 | SAGAW_57, SAGAW_39 | SAGAW_48, 0 },
	{ SAGAW_48, SAGAW_39, 0 },
	{ SAGAW_48, SAGAW_48 | SAGAW_57, REASON(SAGAW) },
	{ SAGAW_39, SAGAW_39 | SAGAW_48, REASON(SAGAW) },
	{ SAGAW_57, 0, 0 },
	{ 0, SAGAW_39, REASON(SAGAW) },
	{ 0, 0, 0 },
	{ MGAW(48) | SAGAW_48, MGAW(57) | SAGAW_57,
	  REASON(MGAW) | REASON(SAGAW) },
};

TEST_LOOP(a_guest_is_no_wider_than_its_host, ARRAY_LEN(width_rows))
{
	const struct width_row *row = &width_rows[_i];
	struct iommunest_hw_info host = host_of(row->host, UINT64_MAX);
	struct iommunest_vtd_guest guest = guest_of(&host);

	ck_assert_uint_eq(guest.cap, row->host);
	guest.cap = row->guest;
	ck_assert_uint_eq(check(&host, &guest), row->reasons);
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

/* What says how device TLBs work. */
#define WITH_DT (NWFS | DIT)
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
	{ .name = "DT, and with it all that needs it",
	  .no_ecap = DT,
	  .reasons = REASON(DEVICE_TLB) | REASON(PAGE_REQUESTS) |
		     REASON(NO_WRITE_FLAG) | REASON(THROTTLE) },
	{ .name = "DT",
	  .no_ecap = DT,
	  .guest_ecap = PRS | PDS | WITH_DT,
	  .reasons = REASON(DEVICE_TLB) },
	{ .name = "DT, not shown",
	  .no_ecap = DT,
	  .guest_ecap = DT | PRS | PDS | WITH_DT },
	{ .name = "ATS",
	  .no_ecap = DT,
	  .guest_ecap = DT | PRS | PDS | WITH_DT,
	  .flags = ATS,
	  .reasons = REASON(DEVICE_TLB) },
	{ .name = "PRS", .no_ecap = PRS, .reasons = REASON(PAGE_REQUESTS) },
	{ .name = "PRS without PDS",
	  .no_ecap = PDS,
	  .reasons = REASON(PAGE_REQUESTS) },
	{ .name = "PRS, not shown", .no_ecap = PRS, .guest_ecap = PRS | PDS },
	{ .name = "PRI",
	  .no_ecap = PRS,
	  .guest_ecap = PRS | PDS,
	  .flags = PRI,
	  .reasons = REASON(PAGE_REQUESTS) },
	{ .name = "PRI without a device TLB",
	  .no_ecap = DT,
	  .guest_ecap = DT | PRS | PDS | WITH_DT,
	  .flags = PRI,
	  .reasons = REASON(PAGE_REQUESTS) },
	{ .name = "PDS alone",
	  .no_ecap = PDS,
	  .guest_ecap = PRS,
	  .reasons = REASON(PAGE_REQUESTS) },
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
	{ .name = "ZLR", .no_cap = ZLR, .reasons = REASON(ZERO_LENGTH_READ) },
	{ .name = "DWD", .no_cap = BIT(54), .reasons = REASON(DRAINING) },
	{ .name = "DRD", .no_cap = BIT(55), .reasons = REASON(DRAINING) },
	{ .name = "NWFS", .no_ecap = NWFS, .reasons = REASON(NO_WRITE_FLAG) },
	{ .name = "DIT", .no_ecap = DIT, .reasons = REASON(THROTTLE) },
	{ .name = "MTS", .guest_ecap = MTS, .reasons = REASON(MEMORY_TYPE) },
	{ .name = "RPRIVS",
	  .guest_ecap = RPRIVS,
	  .reasons = REASON(PRIVILEGE) },
	{ .name = "PTRS",
	  .guest_ecap = BIT(56),
	  .reasons = REASON(TRANSLATED_PASID) },
	{ .name = "SMS",
	  .guest_ecap = BIT(58),
	  .reasons = REASON(STOP_MARKER) },
	{ .name = "RWBF",
	  .guest_cap = BIT(4),
	  .reasons = REASON(HOST_REGISTERS) },
	{ .name = "HPTS",
	  .guest_ecap = BIT(55),
	  .reasons = REASON(HOST_TABLES) },
	{ .name = "a reserved bit",
	  .guest_ecap = BIT(63),
	  .reasons = REASON(RESERVED) },
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
	for (i = 0; i < ARRAY_LEN(kernel_rows); i++)
		seen |= kernel_rows[i].reasons;
	for (i = 0; i < ARRAY_LEN(width_rows); i++)
		seen |= width_rows[i].reasons;
	ck_assert_uint_eq(seen, (BIT(REASONS) - 1) & ~REASON(HOST_NOT_VTD));
}

/* Whatever else there is against it. */
TEST_LOOP(a_host_that_is_not_vtd_is_the_only_reason, 2)
{
	struct iommunest_hw_info host = host_of(0, 0);
	struct iommunest_vtd_guest guest = {
		.size = sizeof(guest),
		.cap = UINT64_MAX,
		.ecap = ~(SMTS | FSTS | QI),
		.flags = READ_ONLY | ATS | PRI,
		.features = F(IOAS),
		.kernel_faults = PLAIN_IOTLB,
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
#define OWN_CAP UINT64_C(0xc800ff0fff0000ef)
#define OWN_ECAP UINT64_C(0x6012100000f3ff58)

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
			.features = support_rng_next(&rng),
			.kernel_faults = support_rng_next(&rng),
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
	struct iommunest_vtd_guest guest = { .size = sizeof(guest), .cap = 3 };
	uint64_t cap = 1, ecap = 2;

	host.type = _i ? 2 : IOMMUNEST_HW_NONE;
	ck_assert_int_eq(iommunest_vtd_guest_caps(&host, &cap, &ecap),
			 -EOPNOTSUPP);
	ck_assert_uint_eq(cap, 1);
	ck_assert_uint_eq(ecap, 2);
	ck_assert_int_eq(iommunest_vtd_guest_offer(&host, &guest), -EOPNOTSUPP);
	ck_assert_uint_eq(guest.cap, 3);
}

TEST(null_arguments_are_refused)
{
	struct iommunest_hw_info host = host_of(GNR_CAP, GNR_ECAP);
	struct iommunest_vtd_guest guest = guest_of(&host);
	uint64_t word;

	ck_assert_int_eq(iommunest_vtd_guest_caps(NULL, &word, &word), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_guest_caps(&host, NULL, &word), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_guest_caps(&host, &word, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_guest_offer(NULL, &guest), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_guest_offer(&host, NULL), -EINVAL);
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
	ck_assert_int_eq(iommunest_vtd_guest_offer(&host, &guest), -EINVAL);
	guest.size = sizeof(guest);
	host.size = SIZE_TO(struct iommunest_hw_info, reserved) - 1;
	ck_assert_int_eq(iommunest_vtd_guest_check(&host, &guest, &reasons),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_guest_caps(&host, &cap, &ecap), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_guest_offer(&host, &guest), -EINVAL);
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
	ck_assert_int_eq(iommunest_vtd_guest_offer(&host, &guest), -EINVAL);
	guest.reserved = 0;
	guest.flags = 1u << 3;
	ck_assert_int_eq(iommunest_vtd_guest_check(&host, &guest, &reasons),
			 -EOPNOTSUPP);
	ck_assert_int_eq(iommunest_vtd_guest_offer(&host, &guest), -EOPNOTSUPP);
	guest.flags = 0;
	longer = support_sized(&guest, sizeof(guest), sizeof(guest) + 8);
	ck_assert_int_eq(iommunest_vtd_guest_check(&host, longer, &reasons), 0);
	reasons = 7;
	((unsigned char *)longer)[sizeof(guest) + 7] = 1;
	ck_assert_int_eq(iommunest_vtd_guest_check(&host, longer, &reasons),
			 -E2BIG);
	ck_assert_int_eq(iommunest_vtd_guest_offer(&host, longer), -E2BIG);
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
