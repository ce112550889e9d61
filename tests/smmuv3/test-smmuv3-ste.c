/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Stream table entries, ID registers and events: each field by its bits, and
 * what becomes of an entry.
 */
#include <errno.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/smmuv3/cmd-rows.h"

#define REASON(which) IOMMUNEST_SMMUV3_STE_REASON_##which

/* ---- Entries of a guest ---- */

static struct iommunest_smmuv3_ste ste_of(uint64_t word0, uint64_t word1)
{
	const struct iommunest_smmuv3_entry words = cmd_entry(word0, word1);
	struct iommunest_smmuv3_ste ste =
		IOMMUNEST_INIT(struct iommunest_smmuv3_ste);

	ck_assert_int_eq(iommunest_smmuv3_ste_decode(&ste, words.cmd), 0);
	ck_assert_uint_eq(ste.raw[0], word0);
	ck_assert_uint_eq(ste.raw[1], word1);
	return ste;
}

TEST(fields_of_an_entry_are_where_the_specification_has_them)
{
	struct iommunest_smmuv3_ste ste;

	ste = ste_of(UINT64_C(1) | 5 << 1 | 2 << 4 | UINT64_C(0xabcdef1234fc0) |
			     UINT64_C(20) << 59,
		     UINT64_C(2) | 1 << 2 | 3 << 4 | 2 << 6 | 1 << 27 |
			     1 << 28);
	ck_assert(ste.valid);
	ck_assert_uint_eq(ste.config, 5);
	ck_assert_uint_eq(ste.s1fmt, 2);
	ck_assert_uint_eq(ste.s1contextptr, UINT64_C(0xabcdef1234fc0));
	ck_assert_uint_eq(ste.s1cdmax, 20);
	ck_assert_uint_eq(ste.s1dss, 2);
	ck_assert_uint_eq(ste.s1cir, 1);
	ck_assert_uint_eq(ste.s1cor, 3);
	ck_assert_uint_eq(ste.s1csh, 2);
	ck_assert(ste.s1stalld);
	ck_assert_uint_eq(ste.eats, 1);
	ck_assert_uint_eq(ste.strw, 0);
	ste = ste_of(0, UINT64_C(2) << 30 | UINT64_C(1) << 44);
	ck_assert(!ste.valid);
	ck_assert_uint_eq(ste.strw, 2);
	ck_assert_uint_eq(ste.eats, 0);
}

/* Stage 1, one descriptor at 1 GiB. */
#define S1 (UINT64_C(0x4000000b))
#define CDMAX(n) ((uint64_t)(n) << 59)

static const struct {
	uint64_t word0;
	uint64_t word1;
	/* Of hardware without substreams, ATS and two levels. */
	bool small;
	uint32_t reason;
	int ret;
	/* What the kernel gets. */
	uint64_t data[2];
} entries[] = {
	/* Not valid: the rest is not looked at. */
	{ UINT64_C(0xfffffffffffffffe), UINT64_MAX, true, 0, 0, { 0, 0 } },
	{ S1, 0, true, 0, 0, { S1, 0 } },
	/* Abort and bypass; their stage 1 is not looked at. */
	{ 1, 0, true, 0, 0, { 1, 0 } },
	{ 1 | 4 << 1 | CDMAX(31) | 3 << 4, 3, true, 0, 0, { 9, 0 } },
	{ 1 | 4 << 1, 1 << 28, false, 0, 0, { 9, 1 << 28 } },
	/* Stage 2, nested, and others. */
	{ 1 | 6 << 1, 0, false, REASON(CONFIG), -EOPNOTSUPP, { 0 } },
	{ 1 | 7 << 1, 0, false, REASON(CONFIG), -EOPNOTSUPP, { 0 } },
	{ 1 | 1 << 1, 0, false, REASON(CONFIG), -EOPNOTSUPP, { 0 } },
	{ S1, UINT64_C(2) << 30, false, REASON(STRW), -EOPNOTSUPP, { 0 } },
	{ S1 | UINT64_C(1) << 47, 0, false, 0, 0, { S1 | UINT64_C(1) << 47 } },
	{ S1 | UINT64_C(1) << 48, 0, false, REASON(ADDRESS), -EINVAL, { 0 } },
	{ S1 | CDMAX(20), 0, false, 0, 0, { S1 | CDMAX(20), 0 } },
	{ S1 | CDMAX(21), 0, false, REASON(S1CDMAX), -EINVAL, { 0 } },
	{ S1 | CDMAX(1), 0, true, REASON(S1CDMAX), -EINVAL, { 0 } },
	{ S1 | CDMAX(8) | 2 << 4,
	  2,
	  false,
	  0,
	  0,
	  { S1 | CDMAX(8) | 2 << 4, 2 } },
	{ S1 | CDMAX(8) | 3 << 4, 0, false, REASON(S1FMT), -EINVAL, { 0 } },
	{ S1 | CDMAX(8), 3, false, REASON(S1DSS), -EINVAL, { 0 } },
	/* With one descriptor these mean nothing. */
	{ S1 | 3 << 4, 3, true, 0, 0, { S1 | 3 << 4, 3 } },
	{ S1, 1 << 28, false, 0, 0, { S1, 1 << 28 } },
	{ S1, 1 << 28, true, REASON(EATS), -EOPNOTSUPP, { 0 } },
	{ S1, 2 << 28, false, REASON(EATS), -EOPNOTSUPP, { 0 } },
	{ S1, UINT64_C(3) << 28, false, REASON(EATS), -EOPNOTSUPP, { 0 } },
	/* SHCFG, MTCFG, MEV, S2 and more go: the kernel has no room. */
	{ S1 | UINT64_C(0x7f) << 52,
	  UINT64_C(0x3fffff0007fcff00),
	  false,
	  0,
	  0,
	  { S1, 0 } },
	{ S1, 0xff | 1 << 27, false, REASON(NONE), 0, { S1, 0xff | 1 << 27 } },
};

TEST_LOOP(an_entry_becomes_data_or_says_why_not, ARRAY_LEN(entries))
{
	const struct iommunest_smmuv3_ste ste =
		ste_of(entries[_i].word0, entries[_i].word1);
	const struct iommunest_smmuv3_entry want =
		cmd_entry(entries[_i].data[0], entries[_i].data[1]);
	struct iommunest_smmuv3_caps caps = cmd_full_caps();
	struct iommunest_smmuv3_s1 s1 = { { 7, 7 } };
	uint32_t reason = 99;

	if (entries[_i].small) {
		caps.ssid_bits = 0;
		caps.ats = false;
		caps.cd2l = false;
	}
	ck_assert_int_eq(iommunest_smmuv3_ste_to_s1(&ste, &caps, 48, &s1,
						    &reason),
			 entries[_i].ret);
	ck_assert_uint_eq(reason, entries[_i].reason);
	if (entries[_i].ret)
		ck_assert_uint_eq(s1.ste[0], 7);
	else
		ck_assert_mem_eq(&s1, &want, sizeof(s1));
	ck_assert_int_eq(iommunest_smmuv3_ste_to_s1(&ste, &caps, 48, &s1, NULL),
			 entries[_i].ret);
}

TEST(two_levels_want_the_hosts)
{
	const struct iommunest_smmuv3_ste ste =
		ste_of(S1 | CDMAX(8) | 1 << 4, 0);
	struct iommunest_smmuv3_caps caps = cmd_full_caps();
	struct iommunest_smmuv3_s1 s1;
	uint32_t reason;

	ck_assert_int_eq(
		iommunest_smmuv3_ste_to_s1(&ste, &caps, 64, &s1, &reason), 0);
	caps.cd2l = false;
	ck_assert_int_eq(iommunest_smmuv3_ste_to_s1(&ste, &caps, 64, &s1,
						    &reason),
			 -EINVAL);
	ck_assert_uint_eq(reason, REASON(S1FMT));
}

TEST(each_reason_of_an_entry_has_a_text_of_its_own)
{
	uint32_t a, b;

	ck_assert_str_eq(iommunest_smmuv3_ste_reason_text(0), "ok");
	for (a = 1; a <= REASON(EATS); a <<= 1) {
		ck_assert_str_ne(iommunest_smmuv3_ste_reason_text(a),
				 "unknown");
		for (b = 1; b < a; b <<= 1)
			ck_assert_str_ne(iommunest_smmuv3_ste_reason_text(a),
					 iommunest_smmuv3_ste_reason_text(b));
	}
	ck_assert_str_eq(iommunest_smmuv3_ste_reason_text(a), "unknown");
}

TEST(arguments_of_an_entry_are_checked)
{
	struct iommunest_smmuv3_ste ste = ste_of(S1, 0);
	struct iommunest_smmuv3_caps caps = cmd_full_caps();
	struct iommunest_smmuv3_s1 s1;
	const uint64_t words[2] = { 0 };

	ck_assert_int_eq(iommunest_smmuv3_ste_to_s1(NULL, &caps, 48, &s1, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_ste_to_s1(&ste, NULL, 48, &s1, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_ste_to_s1(&ste, &caps, 48, NULL,
						    NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_ste_to_s1(&ste, &caps, 31, &s1, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_ste_to_s1(&ste, &caps, 65, &s1, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_ste_decode(NULL, words), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_ste_decode(&ste, NULL), -EINVAL);
	ste.size = 8;
	ck_assert_int_eq(iommunest_smmuv3_ste_decode(&ste, words), -EINVAL);
	ste.size = 4097;
	ck_assert_int_eq(iommunest_smmuv3_ste_decode(&ste, words), -E2BIG);
	ck_assert_int_eq(iommunest_smmuv3_ste_to_s1(&ste, &caps, 48, &s1, NULL),
			 -E2BIG);
}

/* ---- ID registers ---- */

/* flags, 0, IDR0 to IDR5, IIDR, AIDR */
#define INFO_LEN 40u

static struct iommunest_hw_info info_of(const uint32_t words[10])
{
	struct iommunest_hw_info info = {
		.size = sizeof(info),
		.type = 2,
		.data_len = INFO_LEN,
	};

	memcpy(info.data, words, INFO_LEN);
	return info;
}

static struct iommunest_smmuv3_caps caps_of(const uint32_t words[10])
{
	const struct iommunest_hw_info info = info_of(words);
	struct iommunest_smmuv3_caps caps =
		IOMMUNEST_INIT(struct iommunest_smmuv3_caps);

	ck_assert_int_eq(iommunest_smmuv3_caps_decode(&caps, &info), 0);
	return caps;
}

/* What QEMU 10's SMMU says of itself. */
TEST(qemus_registers_are_read)
{
	static const uint32_t words[10] = {
		0, 0, 0x0d44101b, 0x02730010, 0, 0x1414, 0, 0x74, 0x43b0, 3
	};
	const struct iommunest_smmuv3_caps caps = caps_of(words);

	ck_assert_uint_eq(caps.flags, 0);
	ck_assert_uint_eq(caps.st_level, 1);
	ck_assert(caps.term_model);
	ck_assert_uint_eq(caps.stall_model, 1);
	ck_assert_uint_eq(caps.ttendian, 2);
	ck_assert(!caps.cd2l);
	ck_assert_uint_eq(caps.asid_bits, 16);
	ck_assert_uint_eq(caps.ttf, 2);
	ck_assert_uint_eq(caps.sid_bits, 16);
	ck_assert_uint_eq(caps.ssid_bits, 0);
	ck_assert_uint_eq(caps.bbml, 2);
	ck_assert(caps.ril);
	ck_assert(caps.gran4k && caps.gran16k && caps.gran64k);
	ck_assert(!caps.ds);
	ck_assert_uint_eq(caps.vax, 0);
	ck_assert_uint_eq(caps.iidr, 0x43b0);
	ck_assert_uint_eq(caps.aidr, 3);
	ck_assert(caps.ats);
}

TEST(only_what_may_be_read_is_handed_out)
{
	static const uint32_t ones[10] = { ~0u, ~0u, ~0u, ~0u, ~0u,
					   ~0u, ~0u, ~0u, ~0u, ~0u };
	const struct iommunest_smmuv3_caps caps = caps_of(ones);

	ck_assert_uint_eq(caps.idr[0], 0x1f68100c);
	ck_assert_uint_eq(caps.idr[1], 0x7ff);
	ck_assert_uint_eq(caps.idr[2], 0);
	ck_assert_uint_eq(caps.idr[3], 0x1c00);
	ck_assert_uint_eq(caps.idr[4], 0);
	ck_assert_uint_eq(caps.idr[5], 0xcf0);
	ck_assert_uint_eq(caps.iidr, ~0u);
	ck_assert_uint_eq(caps.aidr, ~0u);
	ck_assert(caps.flags & IOMMUNEST_SMMUV3_ERRATA_REPEAT);
	ck_assert_uint_eq(caps.sid_bits, 63);
	ck_assert_uint_eq(caps.ssid_bits, 31);
}

/* Of which member, and whether it is set. */
TEST(each_bit_of_a_register_is_one_members)
{
	uint32_t words[10] = { 0 };

	ck_assert_uint_eq(caps_of(words).asid_bits, 8);
	words[2] = 1u << 12;
	ck_assert_uint_eq(caps_of(words).asid_bits, 16);
	words[2] = 1u << 19;
	ck_assert(caps_of(words).cd2l);
	words[2] = 1u << 26;
	ck_assert(caps_of(words).term_model);
	words[5] = 1u << 10;
	ck_assert(caps_of(words).ril);
	words[5] = 1u << 12;
	ck_assert(!caps_of(words).ril);
	ck_assert_uint_eq(caps_of(words).bbml, 2);
	words[7] = 1u << 4;
	ck_assert(caps_of(words).gran4k && !caps_of(words).gran16k);
	words[7] = 1u << 5;
	ck_assert(caps_of(words).gran16k && !caps_of(words).gran64k);
	words[7] = 1u << 6;
	ck_assert(caps_of(words).gran64k && !caps_of(words).ds);
	words[7] = 1u << 7;
	ck_assert(caps_of(words).ds && !caps_of(words).gran4k);
	words[7] = 1u << 10;
	ck_assert_uint_eq(caps_of(words).vax, 1);
}

TEST(other_information_is_refused)
{
	static const uint32_t words[10] = { 0 };
	struct iommunest_hw_info info = info_of(words);
	struct iommunest_smmuv3_caps caps =
		IOMMUNEST_INIT(struct iommunest_smmuv3_caps);

	info.capabilities = IOMMUNEST_HW_CAP_NO_ATS;
	ck_assert_int_eq(iommunest_smmuv3_caps_decode(&caps, &info), 0);
	ck_assert(!caps.ats);
	info.type = IOMMUNEST_HW_INTEL_VTD;
	ck_assert_int_eq(iommunest_smmuv3_caps_decode(&caps, &info),
			 -EOPNOTSUPP);
	info.type = 2;
	info.data_len = INFO_LEN - 4;
	ck_assert_int_eq(iommunest_smmuv3_caps_decode(&caps, &info),
			 -EOPNOTSUPP);
	info.data_len = INFO_LEN;
	ck_assert_int_eq(iommunest_smmuv3_caps_decode(NULL, &info), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_caps_decode(&caps, NULL), -EINVAL);
	info.size = 8;
	ck_assert_int_eq(iommunest_smmuv3_caps_decode(&caps, &info), -EINVAL);
	info.size = sizeof(info);
	caps.size = 8;
	ck_assert_int_eq(iommunest_smmuv3_caps_decode(&caps, &info), -EINVAL);
	caps.size = 4097;
	ck_assert_int_eq(iommunest_smmuv3_caps_decode(&caps, &info), -E2BIG);
}

/* ---- Events ---- */

static struct iommunest_smmuv3_event event_of(const uint64_t words[4])
{
	struct iommunest_smmuv3_event event =
		IOMMUNEST_INIT(struct iommunest_smmuv3_event);
	const struct iommunest_smmuv3_entry data[2] = {
		cmd_entry(words[0], words[1]),
		cmd_entry(words[2], words[3]),
	};

	ck_assert_int_eq(iommunest_smmuv3_event_decode(&event, data), 0);
	ck_assert_mem_eq(event.raw, words, sizeof(event.raw));
	return event;
}

TEST(an_event_is_decoded)
{
	static const uint64_t words[4] = {
		UINT64_C(0x10) | 1 << 11 | 0x345 << 12 | UINT64_C(0x20) << 32,
		UINT64_C(0x99) | UINT64_C(1) << 31 | UINT64_C(1) << 33 |
			UINT64_C(1) << 35 | UINT64_C(2) << 40,
		UINT64_C(0xffff80001234567f),
		UINT64_C(0xfff8000000012348) | 7,
	};
	const struct iommunest_smmuv3_event event = event_of(words);

	ck_assert_uint_eq(event.type, IOMMUNEST_SMMUV3_EVENT_TRANSLATION);
	ck_assert_uint_eq(event.sid, 0x20);
	ck_assert_uint_eq(event.ssid, 0x345);
	ck_assert_uint_eq(event.stag, 0x99);
	ck_assert_uint_eq(event.flags,
			  IOMMUNEST_SMMUV3_EVENT_SSV |
				  IOMMUNEST_SMMUV3_EVENT_STALL |
				  IOMMUNEST_SMMUV3_EVENT_PRIVILEGED |
				  IOMMUNEST_SMMUV3_EVENT_READ);
	ck_assert_uint_eq(event.access_class, 2);
	ck_assert_uint_eq(event.addr, words[2]);
	ck_assert_uint_eq(event.fetch_addr, UINT64_C(0x8000000012348));
	ck_assert_str_eq(iommunest_smmuv3_event_name(event.type),
			 "F_TRANSLATION");
}

TEST(other_flags_of_an_event_are_told)
{
	static const uint64_t words[4] = {
		UINT64_C(0x345013),
		UINT64_C(1) << 34 | UINT64_C(1) << 39,
	};
	const struct iommunest_smmuv3_event event = event_of(words);

	ck_assert_uint_eq(event.flags, IOMMUNEST_SMMUV3_EVENT_INSTRUCTION |
					       IOMMUNEST_SMMUV3_EVENT_STAGE_2);
	/* Not valid without SSV. */
	ck_assert_uint_eq(event.ssid, 0);
}

TEST(known_events_have_names)
{
	unsigned int type, known = 0;

	for (type = 0; type < 256; type++)
		known += strcmp(iommunest_smmuv3_event_name(type), "unknown") !=
			 0;
	ck_assert_uint_eq(known, 11);
}

TEST(arguments_of_an_event_are_checked)
{
	struct iommunest_smmuv3_event event = { .size = 8 };
	const uint64_t words[4] = { 0 };

	ck_assert_int_eq(iommunest_smmuv3_event_decode(NULL, words), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_event_decode(&event, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_event_decode(&event, words), -EINVAL);
	event.size = 4097;
	ck_assert_int_eq(iommunest_smmuv3_event_decode(&event, words), -E2BIG);
}
