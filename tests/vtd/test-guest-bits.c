/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Each bit of CAP_REG and ECAP_REG, as the figures of the VT-d specification
 * 5.10 (chapter 11.4) draw them: what a guest is offered of it, and what there
 * is against a guest that is shown it.
 */
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/support.h"
#include "tests/harness/vtd-info.h"

#define BIT(n) (UINT64_C(1) << (n))
#define REASON(name) IOMMUNEST_VTD_GUEST_REASON_##name
#define NEEDED (BIT(1) | BIT(43) | BIT(47)) /* QI, SMTS, FSTS */
#define NEST_OF_HOST (BIT(43) | BIT(26) | BIT(47) | BIT(46))

enum kind {
	/* Offered as the host has it. */
	SHOWN,
	/* ... if the host has device TLBs. */
	SHOWN_WITH_DT,
	/* ... and all that page requests take. */
	SHOWN_WITH_PRI,
	/* Of a width: the kernel and the device count, too. */
	WIDTH,
	/* Offered always. */
	ALWAYS,
	/* Never offered, and nobody minds. */
	OWN,
	/* Never offered, and always a reason. */
	NEVER,
};

struct field {
	const char *name;
	unsigned int high, low;
	enum kind kind;
	/*
	 * Against a guest that has the bit: of NEVER, on each host; of others,
	 * where the host lacks it.  0: nothing.
	 */
	uint64_t reason;
	/* Against a host without it, whatever the guest has. */
	uint64_t lack;
};

static const struct field cap_fields[] = {
	{ "ESRTPS", 63, 63, OWN, 0, 0 },
	{ "ESIRTPS", 62, 62, OWN, 0, 0 },
	{ "ECMDS", 61, 61, NEVER, REASON(HOST_REGISTERS), 0 },
	{ "FS5LP", 60, 60, SHOWN, REASON(5_LEVEL), 0 },
	{ "PI", 59, 59, OWN, 0, 0 },
	{ "reserved", 58, 57, NEVER, REASON(RESERVED), 0 },
	{ "FS1GP", 56, 56, SHOWN, REASON(1GIB_PAGES), 0 },
	{ "DRD", 55, 55, SHOWN, REASON(DRAINING), 0 },
	{ "DWD", 54, 54, SHOWN, REASON(DRAINING), 0 },
	{ "MAMV", 53, 48, SHOWN, 0, 0 },
	{ "NFR", 47, 40, OWN, 0, 0 },
	{ "PSI", 39, 39, SHOWN, 0, 0 },
	{ "reserved", 38, 38, NEVER, REASON(RESERVED), 0 },
	{ "SSLPS, reserved", 37, 36, NEVER, REASON(RESERVED), 0 },
	{ "SSLPS", 35, 34, OWN, 0, 0 },
	{ "FRO", 33, 24, OWN, 0, 0 },
	{ "DEP", 23, 23, NEVER, REASON(RESERVED), 0 },
	{ "ZLR", 22, 22, SHOWN, REASON(ZERO_LENGTH_READ), 0 },
	/* The larger number is the reason, and so all of it is shown. */
	{ "MGAW", 21, 16, WIDTH, REASON(MGAW), 0 },
	{ "reserved", 15, 13, NEVER, REASON(RESERVED), 0 },
	{ "SAGAW, reserved", 12, 12, NEVER, REASON(RESERVED), 0 },
	/* A host without the widest is too narrow for it. */
	{ "SAGAW 57", 11, 11, SHOWN, REASON(SAGAW), 0 },
	{ "SAGAW 48, 39", 10, 9, SHOWN, 0, 0 },
	{ "SAGAW, reserved", 8, 8, NEVER, REASON(RESERVED), 0 },
	{ "CM", 7, 7, OWN, 0, 0 },
	{ "PHMR", 6, 6, OWN, 0, 0 },
	{ "PLMR", 5, 5, OWN, 0, 0 },
	{ "RWBF", 4, 4, NEVER, REASON(HOST_REGISTERS), 0 },
	/* AFL until revision 4: faults are the VMM's. */
	{ "reserved", 3, 3, OWN, 0, 0 },
	{ "ND", 2, 0, OWN, 0, 0 },
};

static const struct field ecap_fields[] = {
	{ "reserved", 63, 63, NEVER, REASON(RESERVED), 0 },
	{ "IRREQ", 62, 62, OWN, 0, 0 },
	{ "EIMER", 61, 61, OWN, 0, 0 },
	{ "RDTS", 60, 60, NEVER, REASON(HOST_TABLES), 0 },
	{ "HPT1GPS", 59, 59, NEVER, REASON(HOST_TABLES), 0 },
	{ "SMS", 58, 58, NEVER, REASON(STOP_MARKER), 0 },
	{ "SSIRWS", 57, 57, NEVER, REASON(SECOND_STAGE), 0 },
	{ "PTRS", 56, 56, NEVER, REASON(TRANSLATED_PASID), 0 },
	{ "HPTS", 55, 55, NEVER, REASON(HOST_TABLES), 0 },
	{ "reserved", 54, 54, NEVER, REASON(RESERVED), 0 },
	{ "RPRIVS", 53, 53, NEVER, REASON(PRIVILEGE), 0 },
	{ "ADMS", 52, 52, OWN, 0, 0 },
	{ "PMS", 51, 51, NEVER, REASON(HOST_REGISTERS), 0 },
	{ "TDXCS", 50, 50, NEVER, REASON(HOST_TABLES), 0 },
	{ "RPS", 49, 49, OWN, 0, 0 },
	{ "SMPWCS", 48, 48, SHOWN, REASON(COHERENCY), 0 },
	{ "FSTS", 47, 47, SHOWN, 0, REASON(HOST_NO_FIRST_STAGE) },
	{ "SSTS", 46, 46, NEVER, REASON(SECOND_STAGE),
	  REASON(HOST_NO_SECOND_STAGE) },
	{ "SSADS", 45, 45, NEVER, REASON(SECOND_STAGE), 0 },
	{ "VCS", 44, 44, OWN, 0, 0 },
	{ "SMTS", 43, 43, SHOWN, 0, REASON(HOST_NO_SCALABLE) },
	{ "PDS", 42, 42, SHOWN_WITH_PRI, REASON(PAGE_REQUESTS), 0 },
	{ "DIT", 41, 41, SHOWN_WITH_DT, REASON(THROTTLE), 0 },
	{ "PASID", 40, 40, WIDTH, REASON(PASID), 0 },
	{ "PSS", 39, 35, WIDTH, 0, 0 },
	{ "EAFS", 34, 34, SHOWN, REASON(EXTENDED_ACCESS), 0 },
	{ "NWFS", 33, 33, SHOWN_WITH_DT, REASON(NO_WRITE_FLAG), 0 },
	{ "reserved", 32, 32, NEVER, REASON(RESERVED), 0 },
	{ "SRS", 31, 31, SHOWN, REASON(SUPERVISOR), 0 },
	{ "ERS", 30, 30, NEVER, REASON(EXECUTE), 0 },
	{ "PRS", 29, 29, SHOWN_WITH_PRI, REASON(PAGE_REQUESTS), 0 },
	{ "DEP", 28, 28, NEVER, REASON(RESERVED), 0 },
	{ "reserved", 27, 27, NEVER, REASON(RESERVED), 0 },
	{ "NEST", 26, 26, NEVER, REASON(NESTING), REASON(HOST_NO_NESTING) },
	{ "MTS", 25, 25, NEVER, REASON(MEMORY_TYPE), 0 },
	{ "DEP", 24, 24, NEVER, REASON(RESERVED), 0 },
	{ "MHMV", 23, 20, OWN, 0, 0 },
	{ "reserved", 19, 18, NEVER, REASON(RESERVED), 0 },
	{ "IRO", 17, 8, OWN, 0, 0 },
	{ "SC", 7, 7, SHOWN, REASON(COHERENCY), 0 },
	{ "PT", 6, 6, OWN, 0, 0 },
	{ "DEP", 5, 5, NEVER, REASON(RESERVED), 0 },
	{ "EIM", 4, 4, OWN, 0, 0 },
	{ "IR", 3, 3, OWN, 0, 0 },
	{ "DT", 2, 2, SHOWN, REASON(DEVICE_TLB), 0 },
	{ "QI", 1, 1, ALWAYS, 0, 0 },
	{ "C", 0, 0, SHOWN, REASON(COHERENCY), 0 },
};

/* ---- What holds for a bit of either ---- */

struct both {
	uint64_t cap;
	uint64_t ecap;
};

static struct iommunest_hw_info host_of(const struct both *regs)
{
	return (struct iommunest_hw_info){
		.size = sizeof(struct iommunest_hw_info),
		.type = IOMMUNEST_HW_INTEL_VTD,
		.data[VTD_CAP] = regs->cap,
		.data[VTD_ECAP] = regs->ecap,
		.max_pasid_log2 = 20,
	};
}

/* On a kernel that can carry all. */
static struct iommunest_vtd_guest guest_of(const struct both *regs)
{
	return (struct iommunest_vtd_guest){
		.size = sizeof(struct iommunest_vtd_guest),
		.cap = regs->cap,
		.ecap = regs->ecap,
		.features = IOMMUNEST_FEATURE_NESTED |
			    IOMMUNEST_FEATURE_INVALIDATE |
			    IOMMUNEST_FEATURE_FAULT_QUEUE |
			    IOMMUNEST_FEATURE_PASID,
	};
}

static struct both offered(const struct both *host)
{
	const struct iommunest_hw_info info = host_of(host);
	struct iommunest_vtd_guest guest = guest_of(&(struct both){ 0 });

	ck_assert_int_eq(iommunest_vtd_guest_offer(&info, &guest), 0);
	return (struct both){ guest.cap, guest.ecap };
}

static uint64_t reasons(const struct both *host, const struct both *shown)
{
	const struct iommunest_hw_info info = host_of(host);
	const struct iommunest_vtd_guest guest = guest_of(shown);
	uint64_t got = UINT64_MAX;
	int ret = iommunest_vtd_guest_check(&info, &guest, &got);

	ck_assert_int_eq(ret, __builtin_popcountll(got));
	return got;
}

/* The field of bit @n, and its bits; fails if there is not just one. */
static const struct field *field_of(const struct field *fields, size_t count,
				    unsigned int n)
{
	const struct field *found = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		if (n > fields[i].high || n < fields[i].low)
			continue;
		ck_assert_msg(!found, "bit %u is in two fields", n);
		found = &fields[i];
	}
	ck_assert_msg(found, "bit %u is in no field", n);
	return found;
}

/* The 128 bits: those of CAP_REG, then those of ECAP_REG. */
struct probe {
	const struct field *field;
	struct both bit;
	/* What a guest is shown to have it. */
	struct both shown;
};

static struct probe probe_of(unsigned int i)
{
	const bool in_cap = i < 64;
	const unsigned int n = i % 64;
	struct probe probe = {
		.field = in_cap ? field_of(cap_fields, ARRAY_LEN(cap_fields), n)
				: field_of(ecap_fields, ARRAY_LEN(ecap_fields),
					   n),
		.bit = { in_cap ? BIT(n) : 0, in_cap ? 0 : BIT(n) },
	};

	probe.shown = probe.bit;
	/* A number is compared as one. */
	if (probe.field->kind == WIDTH && in_cap)
		probe.shown.cap = (BIT(probe.field->high + 1) - 1) &
				  ~(BIT(probe.field->low) - 1);
	probe.shown.ecap |= NEEDED;
	return probe;
}

static struct both without(const struct both *regs, const struct both *bits)
{
	return (struct both){ regs->cap & ~bits->cap,
			      regs->ecap & ~bits->ecap };
}

static bool has(const struct both *regs, const struct both *bit)
{
	return (regs->cap & bit->cap) || (regs->ecap & bit->ecap);
}

static const struct both all = { UINT64_MAX, UINT64_MAX };

#define BITS_OF_BOTH 128

/* PSS is a number, and 20 has not all of its bits. */
static bool is_in_20_bits(const struct probe *probe)
{
	return probe->bit.ecap & ((uint64_t)19 << 35);
}

TEST_LOOP(a_host_with_every_bit_offers_those_that_can_be_carried, BITS_OF_BOTH)
{
	const struct probe probe = probe_of((unsigned int)_i);
	const struct both offer = offered(&all);
	const enum kind kind = probe.field->kind;
	bool want = kind != OWN && kind != NEVER;

	if (!strcmp(probe.field->name, "PSS"))
		want = is_in_20_bits(&probe);
	ck_assert_msg(has(&offer, &probe.bit) == want, "%s", probe.field->name);
}

TEST_LOOP(a_host_without_a_bit_does_not_offer_it, BITS_OF_BOTH)
{
	const struct probe probe = probe_of((unsigned int)_i);
	const struct both host = without(&all, &probe.bit);
	const struct both offer = offered(&host);

	/* The width that is left has 20 bits, too, except without the last. */
	if (!strcmp(probe.field->name, "PSS"))
		return;
	ck_assert_msg(has(&offer, &probe.bit) == (probe.field->kind == ALWAYS),
		      "%s", probe.field->name);
}

TEST_LOOP(a_host_with_one_bit_offers_what_needs_no_other, BITS_OF_BOTH)
{
	const struct probe probe = probe_of((unsigned int)_i);
	const struct both offer = offered(&probe.bit);
	const enum kind kind = probe.field->kind;
	const bool pss = !strcmp(probe.field->name, "PSS");

	ck_assert_msg(has(&offer, &probe.bit) ==
			      (kind == SHOWN || kind == ALWAYS ||
			       (kind == WIDTH && !pss)),
		      "%s", probe.field->name);
}

TEST_LOOP(what_a_guest_is_shown_beyond_its_host_is_a_reason, BITS_OF_BOTH)
{
	const struct probe probe = probe_of((unsigned int)_i);
	const struct both host = without(&all, &probe.bit);
	const uint64_t got = reasons(&host, &probe.shown);
	const uint64_t want = probe.field->reason | probe.field->lack;

	ck_assert_msg(got == want, "%s: %#llx, not %#llx", probe.field->name,
		      (unsigned long long)got, (unsigned long long)want);
}

TEST_LOOP(what_nobody_can_carry_is_a_reason_on_each_host, BITS_OF_BOTH)
{
	const struct probe probe = probe_of((unsigned int)_i);
	const uint64_t got = reasons(&all, &probe.shown);
	const uint64_t want =
		probe.field->kind == NEVER ? probe.field->reason : 0;

	ck_assert_msg(got == want, "%s: %#llx, not %#llx", probe.field->name,
		      (unsigned long long)got, (unsigned long long)want);
}

/* What is offered has nothing against it, whichever bit a host lacks. */
TEST_LOOP(what_is_offered_has_no_reason_against_it, BITS_OF_BOTH)
{
	const struct probe probe = probe_of((unsigned int)_i);
	const struct both host = without(&all, &probe.bit);
	struct both offer = offered(&host);

	offer.ecap |= NEEDED;
	ck_assert_uint_eq(reasons(&host, &offer), probe.field->lack);
}

/* A guest of a VMM that emulates everything that is its own. */
TEST(the_vmms_own_bits_are_never_a_reason)
{
	struct both shown = { 0, NEEDED };
	struct both none = { 0, NEST_OF_HOST };
	unsigned int i;

	for (i = 0; i < BITS_OF_BOTH; i++) {
		const struct probe probe = probe_of(i);

		if (probe.field->kind != OWN)
			continue;
		shown.cap |= probe.bit.cap;
		shown.ecap |= probe.bit.ecap;
	}
	ck_assert_uint_eq(reasons(&none, &shown), 0);
	ck_assert_uint_eq(reasons(&all, &shown), 0);
}
