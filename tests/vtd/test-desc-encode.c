/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Encoding of descriptors, and the builders: exactly what decoding reads. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/support.h"
#include "tests/vtd/desc-rows.h"

#define ROUNDS 20000

static bool is_same(const struct iommunest_vtd_desc *a,
		    const struct iommunest_vtd_desc *b)
{
	return !memcmp(a, b, SIZE_TO(struct iommunest_vtd_desc, reserved));
}

static int decode(struct iommunest_vtd_desc *desc, const uint64_t *words)
{
	return iommunest_vtd_desc_decode(desc, words, 256,
					 IOMMUNEST_VTD_TTM_SCALABLE);
}

/* ---- Known words ---- */

/* All of a device TLB has two forms; encoding makes that without bit 63. */
static bool is_other_form(const struct iommunest_vtd_desc *desc)
{
	return desc->am == 52 && desc->raw[1] >> 63;
}

TEST_LOOP(known_fields_encode_to_their_words, DESC_ROWS)
{
	const struct desc_row *row = &desc_rows[_i];
	struct iommunest_vtd_desc desc = row->desc;
	bool is_same_form;

	memset(desc.raw, 0xa5, sizeof(desc.raw));
	ck_assert_int_eq(iommunest_vtd_desc_encode(&desc), 0);
	is_same_form = !memcmp(desc.raw, row->desc.raw, sizeof(desc.raw));
	ck_assert_msg(is_same_form == !is_other_form(&row->desc), "%s",
		      row->text);
	memcpy(desc.raw, row->desc.raw, sizeof(desc.raw));
	ck_assert_msg(is_same(&desc, &row->desc), "%s", row->text);
}

/* ---- What a field can hold ---- */

enum member {
	STATUS_DATA,
	PASID,
	DID,
	SID,
	PFSID,
	IIDX,
	PRGI,
	AM,
	FM,
	MIP,
	RESPONSE,
	IQEI,
	RESERVED,
	MEMBERS,
};

/* A type and granularity: what is not named must be 0. */
struct shape {
	const char *name;
	uint8_t type;
	uint8_t granularity;
	/* Set in all of them. */
	uint32_t base_flags;
	/* All that may be set. */
	uint32_t flags;
	/* The lowest bit that an address may have set; 64 is none. */
	unsigned int addr_low;
	uint32_t most[MEMBERS];
};

#define DEV_TLB_MOST [SID] = 0xffff, [PFSID] = 0xffff, [AM] = 52, [MIP] = 31

/* clang-format off */
static const struct shape shapes[] = {
	{ "context cache, global", 1, 1, 0, 0, 64, { 0 } },
	{ "context cache, domain", 1, 2, 0, 0, 64, { [DID] = 0xffff } },
	{ "context cache, device", 1, 3, 0, 0, 64,
	  { [DID] = 0xffff, [SID] = 0xffff, [FM] = 3 } },
	{ "iotlb, global", 2, 1, 0, 0x60, 64, { 0 } },
	{ "iotlb, domain", 2, 2, 0, 0x60, 64, { [DID] = 0xffff } },
	{ "iotlb, pages", 2, 3, 0, 0x61, 12, { [DID] = 0xffff, [AM] = 63 } },
	{ "device TLB", 3, 0, 0, 0, 12, { DEV_TLB_MOST } },
	{ "interrupt entries, global", 4, 0, 0, 0, 64, { 0 } },
	{ "interrupt entries, index", 4, 1, 0, 0, 64,
	  { [IIDX] = 0xffff, [AM] = 31 } },
	{ "wait", 5, 0, 0, 0x1e, 2, { [STATUS_DATA] = 0xffffffff } },
	{ "PASID-based iotlb, all", 6, 2, 0, 0, 64,
	  { [DID] = 0xffff, [PASID] = 0xfffff } },
	{ "PASID-based iotlb, pages", 6, 3, 0, 0x01, 12,
	  { [DID] = 0xffff, [PASID] = 0xfffff, [AM] = 63 } },
	{ "PASID cache, domain", 7, 0, 0, 0, 64, { [DID] = 0xffff } },
	{ "PASID cache, PASID", 7, 1, 0, 0, 64,
	  { [DID] = 0xffff, [PASID] = 0xfffff } },
	{ "PASID cache, global", 7, 3, 0, 0, 64, { 0 } },
	{ "PASID-based device TLB, PASID", 8, 0, 0, 0, 12,
	  { DEV_TLB_MOST, [PASID] = 0xfffff } },
	{ "PASID-based device TLB, global", 8, 1, 0, 0, 12, { DEV_TLB_MOST } },
	{ "page response", 9, 0, 0, 0x80, 64,
	  { [SID] = 0xffff, [PRGI] = 511, [RESPONSE] = 15 } },
	{ "page response with a PASID", 9, 0, 0x80, 0x80, 64,
	  { [SID] = 0xffff, [PASID] = 0xfffff, [PRGI] = 511,
	    [RESPONSE] = 15 } },
};
/* clang-format on */

static struct iommunest_vtd_desc plain(const struct shape *shape)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	memset(&desc, 0, sizeof(desc));
	desc.size = sizeof(desc);
	desc.type = shape->type;
	desc.granularity = shape->granularity;
	desc.flags = shape->base_flags;
	return desc;
}

/* Returns the largest value that the member itself holds. */
static uint32_t set(struct iommunest_vtd_desc *desc, enum member member,
		    uint32_t value)
{
	uint16_t *const halves[MEMBERS] = {
		[DID] = &desc->did,	[SID] = &desc->sid,
		[PFSID] = &desc->pfsid, [IIDX] = &desc->iidx,
		[PRGI] = &desc->prgi,
	};
	uint8_t *const bytes[MEMBERS] = {
		[AM] = &desc->am,     [FM] = &desc->fm,
		[MIP] = &desc->mip,   [RESPONSE] = &desc->response,
		[IQEI] = &desc->iqei, [RESERVED] = &desc->reserved,
	};

	if (halves[member]) {
		*halves[member] = (uint16_t)value;
		return UINT16_MAX;
	}
	if (bytes[member]) {
		*bytes[member] = (uint8_t)value;
		return UINT8_MAX;
	}
	if (member == PASID)
		desc->pasid = value;
	else
		desc->status_data = value;
	return UINT32_MAX;
}

static void check_encodes(struct iommunest_vtd_desc desc, const char *what)
{
	struct iommunest_vtd_desc decoded =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	int ret = iommunest_vtd_desc_encode(&desc);

	ck_assert_msg(ret == 0, "%s: %d", what, ret);
	ck_assert_int_eq(decode(&decoded, desc.raw), 0);
	ck_assert_msg(is_same(&decoded, &desc), "%s", what);
}

static void check_refused(struct iommunest_vtd_desc desc, const char *what)
{
	struct iommunest_vtd_desc before =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	int ret;

	memset(desc.raw, 0xa5, sizeof(desc.raw));
	before = desc;
	ret = iommunest_vtd_desc_encode(&desc);
	ck_assert_msg(ret == -EINVAL, "%s: %d", what, ret);
	ck_assert_msg(is_same(&desc, &before), "%s", what);
}

static void check_member(const struct shape *shape, enum member member)
{
	struct iommunest_vtd_desc desc = plain(shape);
	uint32_t most = shape->most[member];
	uint32_t room = set(&desc, member, most);

	check_encodes(desc, shape->name);
	if (most == room)
		return;
	set(&desc, member, most + 1);
	check_refused(desc, shape->name);
	set(&desc, member, room);
	check_refused(desc, shape->name);
}

TEST_LOOP(a_member_holds_what_its_field_holds, ARRAY_LEN(shapes))
{
	enum member member;

	for (member = 0; member < MEMBERS; member++)
		check_member(&shapes[_i], member);
}

TEST_LOOP(a_flag_is_of_its_type_or_refused, ARRAY_LEN(shapes))
{
	const struct shape *shape = &shapes[_i];
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		struct iommunest_vtd_desc desc = plain(shape);

		desc.flags |= UINT32_C(1) << bit;
		if (desc.flags & ~shape->flags)
			check_refused(desc, shape->name);
		else
			check_encodes(desc, shape->name);
	}
}

TEST_LOOP(an_address_is_aligned_to_its_block_or_refused, ARRAY_LEN(shapes))
{
	const struct shape *shape = &shapes[_i];
	struct iommunest_vtd_desc desc = plain(shape);
	unsigned int am, bit;

	for (am = 0; am <= shape->most[AM]; am++) {
		desc.am = (uint8_t)am;
		for (bit = 0; bit < 64; bit++) {
			desc.addr = UINT64_C(1) << bit;
			if (bit < shape->addr_low + am)
				check_refused(desc, shape->name);
			else
				check_encodes(desc, shape->name);
		}
	}
}

TEST_LOOP(an_interrupt_index_is_aligned_to_its_block_or_refused, 32)
{
	struct iommunest_vtd_desc desc = { .size = sizeof(desc),
					   .type = 4,
					   .granularity = 1 };
	unsigned int bit;

	desc.am = (uint8_t)_i;
	for (bit = 0; bit < 16; bit++) {
		desc.iidx = (uint16_t)(1u << bit);
		if (bit < (unsigned int)_i)
			check_refused(desc, "index");
		else
			check_encodes(desc, "index");
	}
}

TEST_LOOP(types_and_granularities_exist_or_are_refused, 256)
{
	unsigned int type = (unsigned int)_i;
	unsigned int granularity;
	size_t i;

	for (granularity = 0; granularity < 256; granularity++) {
		struct iommunest_vtd_desc desc =
			IOMMUNEST_INIT(struct iommunest_vtd_desc);

		memset(&desc, 0, sizeof(desc));
		desc.size = sizeof(desc);
		desc.type = (uint8_t)type;
		desc.granularity = (uint8_t)granularity;
		for (i = 0; i < ARRAY_LEN(shapes); i++) {
			if (shapes[i].type == type &&
			    shapes[i].granularity == granularity)
				break;
		}
		if (i == ARRAY_LEN(shapes))
			check_refused(desc, "type");
		else
			check_encodes(desc, "type");
	}
}

TEST(null_is_refused)
{
	ck_assert_int_eq(iommunest_vtd_desc_encode(NULL), -EINVAL);
}

/* ---- Round trips ---- */

static uint64_t clear_below(uint64_t value, unsigned int bit)
{
	return bit < 64 ? value >> bit << bit : 0;
}

static struct iommunest_vtd_desc random_desc(struct support_rng *rng,
					     const struct shape *shape)
{
	struct iommunest_vtd_desc desc = plain(shape);
	enum member member;

	for (member = 0; member < MEMBERS; member++) {
		uint64_t room = (uint64_t)shape->most[member] + 1;

		set(&desc, member, (uint32_t)(support_rng_next(rng) % room));
	}
	desc.iidx = (uint16_t)clear_below(desc.iidx, desc.am);
	desc.flags |= (uint32_t)support_rng_next(rng) & shape->flags;
	desc.addr =
		clear_below(support_rng_next(rng), shape->addr_low + desc.am);
	return desc;
}

TEST(random_fields_come_back)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct iommunest_vtd_desc decoded =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct support_rng rng;
	uint32_t i;

	support_rng_start(&rng, "random_fields_come_back");
	for (i = 0; i < ROUNDS; i++) {
		uint32_t n = support_rng_below(&rng, ARRAY_LEN(shapes));

		desc = random_desc(&rng, &shapes[n]);
		support_assert(&rng, iommunest_vtd_desc_encode(&desc) == 0);
		support_assert(&rng, decode(&decoded, desc.raw) == 0);
		support_assert(&rng, is_same(&desc, &decoded));
	}
}

/* The bits that hardware looks at, whatever they are. */
struct looked_at {
	uint64_t base[2];
	uint64_t mask[2];
	/* A block of the address or the index: where AM and the block begin. */
	unsigned int am_low;
	unsigned int am_bits;
	unsigned int word;
	unsigned int block_low;
};

#define BLOCK_OF_PAGES 64, 6, 1, 12

/* clang-format off */
static const struct looked_at looked_at[] = {
	{ { 0x11 }, { 0 }, 0, 0, 0, 0 },
	{ { 0x21 }, { 0x00000000ffff0000 }, 0, 0, 0, 0 },
	{ { 0x31 }, { 0x0003ffffffff0000 }, 0, 0, 0, 0 },
	{ { 0x12 }, { 0x00000000000000c0 }, 0, 0, 0, 0 },
	{ { 0x22 }, { 0x00000000ffff00c0 }, 0, 0, 0, 0 },
	{ { 0x32 }, { 0x00000000ffff00c0, 0xfffffffffffff07f },
	  BLOCK_OF_PAGES },
	{ { 0x03 }, { 0xfff0ffff001ff000, 0xfffffffffffff000 }, 0, 0, 0, 0 },
	{ { 0x03, 0x1 }, { 0xfff0ffff001ff000, 0x7ffffffffffff000 },
	  0, 0, 0, 0 },
	{ { 0x04 }, { 0 }, 0, 0, 0, 0 },
	{ { 0x14 }, { 0x0000fffff8000000 }, 27, 5, 0, 32 },
	{ { 0x05 }, { 0xffffffff000000f0, 0xfffffffffffffffc }, 0, 0, 0, 0 },
	{ { 0x26 }, { 0x000fffffffff0000 }, 0, 0, 0, 0 },
	{ { 0x36 }, { 0x000fffffffff0000, 0xfffffffffffff07f },
	  BLOCK_OF_PAGES },
	{ { 0x07 }, { 0x00000000ffff0000 }, 0, 0, 0, 0 },
	{ { 0x17 }, { 0x000fffffffff0000 }, 0, 0, 0, 0 },
	{ { 0x37 }, { 0 }, 0, 0, 0, 0 },
	{ { 0x08 }, { 0xfffffffffffff1f0, 0xfffffffffffff000 }, 0, 0, 0, 0 },
	{ { 0x08, 0x800 }, { 0xfffffffffffff1f0, 0x7ffffffffffff000 },
	  0, 0, 0, 0 },
	{ { 0x08, 0x801 }, { 0xfff00000fffff1f0, 0x7ffffffffffff000 },
	  0, 0, 0, 0 },
	{ { 0x09 }, { 0x00000000fffff000, 0x0000000000000ff8 }, 0, 0, 0, 0 },
	{ { 0x19 }, { 0x000ffffffffff000, 0x0000000000000ff8 }, 0, 0, 0, 0 },
};
/* clang-format on */

static void random_words(struct support_rng *rng, const struct looked_at *from,
			 uint64_t *words)
{
	uint64_t am, low_bits;

	memset(words, 0, 4 * sizeof(*words));
	words[0] = from->base[0] | (support_rng_next(rng) & from->mask[0]);
	words[1] = from->base[1] | (support_rng_next(rng) & from->mask[1]);
	if (!from->am_bits)
		return;
	am = words[from->am_low / 64] >> from->am_low % 64;
	am &= (1u << from->am_bits) - 1;
	if (am > 63 - from->block_low)
		am = 64 - from->block_low;
	low_bits = (UINT64_C(1) << am) - 1;
	words[from->word] &= ~(low_bits << from->block_low);
}

TEST(random_words_come_back)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct support_rng rng;
	uint64_t words[4];
	uint32_t i;

	support_rng_start(&rng, "random_words_come_back");
	for (i = 0; i < ROUNDS; i++) {
		random_words(&rng, &looked_at[i % ARRAY_LEN(looked_at)], words);
		support_assert(&rng, decode(&desc, words) == 0);
		memset(desc.raw, 0, sizeof(desc.raw));
		support_assert(&rng, iommunest_vtd_desc_encode(&desc) == 0);
		support_assert(&rng,
			       !memcmp(desc.raw, words, sizeof(desc.raw)));
	}
}

/* ---- Builders ---- */

/* By any builder, from a row's fields; all it takes are those. */
static int build(struct iommunest_vtd_desc *to,
		 const struct iommunest_vtd_desc *d)
{
	switch (d->type) {
	case IOMMUNEST_VTD_DESC_CONTEXT_CACHE:
		return iommunest_vtd_desc_context_cache(to, d->granularity,
							d->did, d->sid, d->fm);
	case IOMMUNEST_VTD_DESC_IOTLB:
		return iommunest_vtd_desc_iotlb(to, d->granularity, d->did,
						d->addr, d->am, d->flags);
	case IOMMUNEST_VTD_DESC_DEV_TLB:
		return iommunest_vtd_desc_dev_tlb(to, d->sid, d->pfsid, d->mip,
						  d->addr, d->am);
	case IOMMUNEST_VTD_DESC_IEC:
		return iommunest_vtd_desc_iec(to, d->granularity, d->iidx,
					      d->am);
	case IOMMUNEST_VTD_DESC_WAIT:
		return iommunest_vtd_desc_wait(to, d->flags, d->addr,
					       d->status_data);
	case IOMMUNEST_VTD_DESC_PIOTLB:
		return iommunest_vtd_desc_piotlb(to, d->granularity, d->did,
						 d->pasid, d->addr, d->am,
						 d->flags);
	case IOMMUNEST_VTD_DESC_PASID_CACHE:
		return iommunest_vtd_desc_pasid_cache(to, d->granularity,
						      d->did, d->pasid);
	case IOMMUNEST_VTD_DESC_PASID_DEV_TLB:
		return iommunest_vtd_desc_pasid_dev_tlb(to, d->granularity,
							d->sid, d->pfsid,
							d->pasid, d->mip,
							d->addr, d->am);
	default:
		return iommunest_vtd_desc_page_response(
			to, d->sid, d->pasid, d->flags, d->prgi, d->response);
	}
}

TEST_LOOP(a_builder_writes_the_whole_descriptor, DESC_ROWS)
{
	const struct desc_row *row = &desc_rows[_i];
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	memset(&desc, 0xa5, sizeof(desc));
	desc.size = sizeof(desc);
	ck_assert_int_eq(build(&desc, &row->desc), 0);
	if (is_other_form(&row->desc))
		memcpy(desc.raw, row->desc.raw, sizeof(desc.raw));
	ck_assert_msg(is_same(&desc, &row->desc), "%s", row->text);
}

TEST_LOOP(a_builder_of_no_descriptor_is_einval, DESC_ROWS)
{
	ck_assert_int_eq(build(NULL, &desc_rows[_i].desc), -EINVAL);
}

TEST_LOOP(builders_align_addresses_down, 64)
{
	const uint64_t addr = UINT64_C(0xfedcba9876543fff);
	unsigned int am = (unsigned int)_i;
	uint64_t want = clear_below(addr, am + 12);
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	ck_assert_int_eq(iommunest_vtd_desc_iotlb(&desc, 3, 1, addr, am, 0), 0);
	ck_assert_uint_eq(desc.addr, want);
	ck_assert_uint_eq(desc.raw[1], want | am);
	ck_assert_int_eq(iommunest_vtd_desc_piotlb(&desc, 3, 1, 2, addr, am, 0),
			 0);
	ck_assert_uint_eq(desc.addr, want);
	ck_assert_uint_eq(desc.raw[1], want | am);
	if (am > 52)
		return;
	ck_assert_int_eq(iommunest_vtd_desc_dev_tlb(&desc, 1, 2, 3, addr, am),
			 0);
	ck_assert_uint_eq(desc.addr, want);
	ck_assert_uint_eq(desc.am, am);
	ck_assert_int_eq(iommunest_vtd_desc_pasid_dev_tlb(&desc, 0, 1, 2, 3, 4,
							  addr, am),
			 0);
	ck_assert_uint_eq(desc.addr, want);
	ck_assert_uint_eq(desc.am, am);
}

TEST_LOOP(a_builder_aligns_an_interrupt_index_down, 32)
{
	unsigned int im = (unsigned int)_i;
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	ck_assert_int_eq(iommunest_vtd_desc_iec(&desc, 1, 0xfedb, im), 0);
	ck_assert_uint_eq(desc.iidx, clear_below(0xfedb, im));
	ck_assert_uint_eq(desc.am, im);
}

/* Where a status goes is no block: nothing is moved. */
TEST_LOOP(an_unaligned_status_address_is_einval, 3)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	ck_assert_int_eq(iommunest_vtd_desc_wait(&desc, IOMMUNEST_VTD_DESC_SW,
						 0x1001 + (uint64_t)_i, 7),
			 -EINVAL);
}

/* What is too large, and with its upper bits cut off would not be. */
static const unsigned int too_large[] = { 64,	     255,	256,
					  257,	     258,	259,
					  0x10000,   0x10001,	0x10003,
					  0x1000000, UINT32_MAX };

#define CHECK_EINVAL(call)                                          \
	do {                                                        \
		memset(&desc, 0xa5, sizeof(desc));                  \
		desc.size = sizeof(desc);                           \
		before = desc;                                      \
		ck_assert_int_eq((call), -EINVAL);                  \
		ck_assert_mem_eq(&desc, &before,                    \
				 SIZE_TO(struct iommunest_vtd_desc, \
					 reserved));                \
	} while (0)

TEST_LOOP(a_number_too_large_is_einval_and_nothing_is_built,
	  ARRAY_LEN(too_large))
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct iommunest_vtd_desc before =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	unsigned int n = too_large[_i];

	CHECK_EINVAL(iommunest_vtd_desc_context_cache(&desc, n, 0, 0, 0));
	CHECK_EINVAL(iommunest_vtd_desc_context_cache(&desc, 3, 1, 1, n));
	CHECK_EINVAL(iommunest_vtd_desc_iotlb(&desc, n, 0, 0, 0, 0));
	CHECK_EINVAL(iommunest_vtd_desc_iotlb(&desc, 3, 1, 0, n, 0));
	CHECK_EINVAL(iommunest_vtd_desc_dev_tlb(&desc, 1, 1, n, 0, 0));
	CHECK_EINVAL(iommunest_vtd_desc_dev_tlb(&desc, 1, 1, 0, 0, n));
	CHECK_EINVAL(iommunest_vtd_desc_iec(&desc, n, 0, 0));
	CHECK_EINVAL(iommunest_vtd_desc_iec(&desc, 1, 0, n));
	CHECK_EINVAL(iommunest_vtd_desc_piotlb(&desc, n, 1, 1, 0, 0, 0));
	CHECK_EINVAL(iommunest_vtd_desc_piotlb(&desc, 3, 1, 1, 0, n, 0));
	CHECK_EINVAL(iommunest_vtd_desc_pasid_cache(&desc, n, 0, 0));
	CHECK_EINVAL(
		iommunest_vtd_desc_pasid_dev_tlb(&desc, n, 1, 1, 0, 0, 0, 0));
	CHECK_EINVAL(
		iommunest_vtd_desc_pasid_dev_tlb(&desc, 0, 1, 1, 1, n, 0, 0));
	CHECK_EINVAL(
		iommunest_vtd_desc_pasid_dev_tlb(&desc, 0, 1, 1, 1, 0, 0, n));
	CHECK_EINVAL(iommunest_vtd_desc_page_response(&desc, 1, 0, 0, 0, n));
	if (n > 511)
		CHECK_EINVAL(
			iommunest_vtd_desc_page_response(&desc, 1, 0, 0, n, 0));
}

TEST(a_field_that_the_granularity_does_not_use_is_einval)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct iommunest_vtd_desc before =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	CHECK_EINVAL(iommunest_vtd_desc_context_cache(&desc, 1, 5, 0, 0));
	CHECK_EINVAL(iommunest_vtd_desc_context_cache(&desc, 2, 5, 1, 0));
	CHECK_EINVAL(iommunest_vtd_desc_context_cache(&desc, 2, 5, 0, 1));
	CHECK_EINVAL(iommunest_vtd_desc_iotlb(&desc, 1, 5, 0, 0, 0));
	CHECK_EINVAL(iommunest_vtd_desc_iotlb(&desc, 2, 5, 0x1000, 0, 0));
	CHECK_EINVAL(iommunest_vtd_desc_iotlb(&desc, 2, 5, 0, 1, 0));
	CHECK_EINVAL(iommunest_vtd_desc_iotlb(&desc, 2, 5, 0, 0,
					      IOMMUNEST_VTD_DESC_IH));
	CHECK_EINVAL(iommunest_vtd_desc_iec(&desc, 0, 1, 0));
	CHECK_EINVAL(iommunest_vtd_desc_iec(&desc, 0, 0, 1));
	CHECK_EINVAL(iommunest_vtd_desc_piotlb(&desc, 2, 1, 1, 0x1000, 0, 0));
	CHECK_EINVAL(iommunest_vtd_desc_pasid_cache(&desc, 0, 1, 1));
	CHECK_EINVAL(iommunest_vtd_desc_pasid_cache(&desc, 3, 1, 0));
	CHECK_EINVAL(
		iommunest_vtd_desc_pasid_dev_tlb(&desc, 1, 1, 1, 1, 0, 0, 0));
	CHECK_EINVAL(iommunest_vtd_desc_page_response(&desc, 1, 1, 0, 0, 0));
}
