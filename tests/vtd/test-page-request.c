/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A guest's page request descriptors, held against the fields as the VT-d
 * specification draws them; and its answers, from its own queue to the kernel.
 */
#include <errno.h>
#include <string.h>

#include "tests/harness/fault-stream.h"
#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"

#define PASID IOMMUNEST_PAGE_REQUEST_PASID
#define LAST IOMMUNEST_PAGE_REQUEST_LAST
#define GARBAGE UINT64_C(0xa5a5a5a5a5a5a5a5)

/* ---- Page request descriptors ---- */

struct row {
	const char *name;
	struct iommunest_page_request request;
	uint16_t sid;
	uint64_t words[2];
};

/* Each field alone, at its ends; bits 64 to 127 are the second word. */
static const struct row rows[] = {
	{ "nothing", { 0 }, 0, { 0x01, 0 } },
	{ "SID", { 0 }, 0xffff, { 0xffff0001, 0 } },
	{ "SID 1", { 0 }, 1, { 0x10001, 0 } },
	{ "PASID 0", { .flags = PASID }, 0, { 0x101, 0 } },
	{ "PASID",
	  { .flags = PASID, .pasid = 0xfffff },
	  0,
	  { 0x000fffff00000101, 0 } },
	{ "no PASID", { .pasid = 0xffffffff }, 0, { 0x01, 0 } },
	{ "execute",
	  { .perm = IOMMUNEST_PAGE_REQUEST_EXEC },
	  0,
	  { 1ull << 52 | 1, 0 } },
	{ "privileged",
	  { .perm = IOMMUNEST_PAGE_REQUEST_PRIV },
	  0,
	  { 1ull << 53 | 1, 0 } },
	{ "read", { .perm = IOMMUNEST_PAGE_REQUEST_READ }, 0, { 1, 1 } },
	{ "write", { .perm = IOMMUNEST_PAGE_REQUEST_WRITE }, 0, { 1, 2 } },
	{ "last", { .flags = LAST }, 0, { 1, 4 } },
	{ "group 1", { .prgi = 1 }, 0, { 1, 8 } },
	{ "group", { .prgi = 0x1ff }, 0, { 1, 0xff8 } },
	{ "address", { .addr = ~0ull }, 0, { 1, ~0xfffull } },
};

static void expect_words(const struct row *row)
{
	uint64_t words[5] = { GARBAGE, GARBAGE, GARBAGE, GARBAGE, GARBAGE };

	ck_assert_int_eq(iommunest_vtd_page_request_build(words, &row->request,
							  row->sid),
			 0);
	ck_assert_msg(words[0] == row->words[0] && words[1] == row->words[1],
		      "%s: %#llx %#llx", row->name,
		      (unsigned long long)words[0],
		      (unsigned long long)words[1]);
	ck_assert_uint_eq(words[2], 0);
	ck_assert_uint_eq(words[3], 0);
	ck_assert_uint_eq(words[4], GARBAGE);
}

TEST_LOOP(each_field_is_where_the_specification_has_it, ARRAY_LEN(rows))
{
	expect_words(&rows[_i]);
}

static struct iommunest_page_request any_request(struct support_rng *rng)
{
	struct iommunest_page_request request = {
		.flags = support_rng_below(rng, 4),
		.prgi = support_rng_below(rng, 512),
		.perm = support_rng_below(rng, 16),
		.addr = support_rng_next(rng) & ~UINT64_C(0xfff),
	};

	if (request.flags & PASID)
		request.pasid = support_rng_below(rng, 1 << 20);
	return request;
}

TEST(decoding_is_the_reverse)
{
	struct iommunest_page_request in, out;
	struct support_rng rng;
	uint64_t words[4];
	uint16_t sid, found;
	int i;

	support_rng_start(&rng, "page request descriptors");
	for (i = 0; i < 10000; i++) {
		in = any_request(&rng);
		sid = (uint16_t)support_rng_next(&rng);
		support_assert(&rng, !iommunest_vtd_page_request_build(
					     words, &in, sid));
		memset(&out, 0xff, sizeof(out));
		support_assert(&rng, !iommunest_vtd_page_request_decode(
					     &out, &found, words));
		support_assert(&rng, !memcmp(&in, &out, sizeof(in)));
		support_assert(&rng, found == sid);
		/* Reserved bits change nothing. */
		words[0] |= (support_rng_next(&rng) & 0xffc000000000fe00);
		words[2] = words[3] = support_rng_next(&rng);
		support_assert(&rng, !iommunest_vtd_page_request_decode(
					     &out, &found, words));
		support_assert(&rng, !memcmp(&in, &out, sizeof(in)));
	}
}

static const struct iommunest_page_request bad[] = {
	{ .flags = 4 },
	{ .flags = 1u << 31 },
	{ .perm = 16 },
	{ .perm = 1u << 31 },
	{ .prgi = 512 },
	{ .prgi = UINT32_MAX },
	{ .flags = PASID, .pasid = 1 << 20 },
	{ .flags = PASID, .pasid = UINT32_MAX },
};

TEST_LOOP(what_does_not_fit_is_einval, ARRAY_LEN(bad))
{
	uint64_t words[4] = { GARBAGE, GARBAGE, GARBAGE, GARBAGE };

	ck_assert_int_eq(iommunest_vtd_page_request_build(words, &bad[_i], 0),
			 -EINVAL);
	ck_assert_uint_eq(words[0], GARBAGE);
	ck_assert_uint_eq(words[3], GARBAGE);
}

TEST(another_type_is_ebadmsg)
{
	struct iommunest_page_request request = { .prgi = 77 };
	uint64_t words[4] = { 0 };
	uint16_t sid = 78;
	unsigned int type;

	for (type = 0; type < 256; type++) {
		words[0] = type;
		ck_assert_int_eq(iommunest_vtd_page_request_decode(&request,
								   &sid, words),
				 type == 1 ? 0 : -EBADMSG);
		if (type == 0) {
			ck_assert_uint_eq(request.prgi, 77);
			ck_assert_uint_eq(sid, 78);
		}
	}
}

TEST(descriptors_need_their_arguments)
{
	struct iommunest_page_request request = { 0 };
	uint64_t words[4] = { 1 };
	uint16_t sid;

	ck_assert_int_eq(iommunest_vtd_page_request_build(NULL, &request, 0),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_page_request_build(words, NULL, 0),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_page_request_decode(NULL, &sid, words),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_page_request_decode(&request, NULL,
							   words),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_page_request_decode(&request, &sid,
							   NULL),
			 -EINVAL);
}

/* ---- The guest's answers ---- */

static struct stream stream;

static void set_up(void)
{
	stream_open(&stream, NULL);
}

static void tear_down(void)
{
	stream_close(&stream);
}
FIXTURE(set_up, tear_down);

/* Device 5 of the stream, whose PASID is 0x1234. */
static void hand_out(uint32_t cookie, uint32_t prgi, uint32_t flags)
{
	stream_add(&stream, cookie, prgi, 0x1000, LAST | flags);
	stream_next(&stream);
}

static struct iommunest_vtd_desc answer_of(uint32_t pasid, uint32_t flags,
					   unsigned int prgi,
					   unsigned int response)
{
	struct iommunest_vtd_desc desc = { .size = sizeof(desc) };

	ck_assert_int_eq(iommunest_vtd_desc_page_response(
				 &desc, 0x10, pasid, flags, prgi, response),
			 0);
	return desc;
}

static int pass_on(uint32_t pasid, uint32_t flags, unsigned int prgi,
		   unsigned int response)
{
	const struct iommunest_vtd_desc desc =
		answer_of(pasid, flags, prgi, response);

	return iommunest_vtd_page_response(stream.reader, 5, &desc);
}

TEST_LOOP(each_response_code_has_its_own, 16)
{
	hand_out(1, 7, 0);
	ck_assert_int_eq(pass_on(0, 0, 7, (unsigned int)_i), 0);
	ck_assert_uint_eq(stream.n_answers, 1);
	ck_assert_uint_eq(stream.answers[0].cookie, 1);
	ck_assert_uint_eq(stream.answers[0].code, _i ? 1 : 0);
}

TEST(an_answer_goes_to_the_group_that_it_names)
{
	hand_out(1, 7, 0);
	hand_out(2, 7, PASID);
	hand_out(3, 8, PASID);
	ck_assert_int_eq(pass_on(0x1234, IOMMUNEST_VTD_DESC_PP, 8, 0), 0);
	ck_assert_int_eq(pass_on(0x1234, IOMMUNEST_VTD_DESC_PP, 7, 1), 0);
	ck_assert_int_eq(pass_on(0, 0, 7, 0), 0);
	ck_assert_uint_eq(stream.answers[0].cookie, 3);
	ck_assert_uint_eq(stream.answers[1].cookie, 2);
	ck_assert_uint_eq(stream.answers[1].code, 1);
	ck_assert_uint_eq(stream.answers[2].cookie, 1);
}

TEST(an_answer_that_nobody_waits_for_is_enoent)
{
	const struct iommunest_vtd_desc desc = answer_of(0, 0, 7, 0);

	hand_out(1, 7, 0);
	ck_assert_int_eq(pass_on(0, 0, 8, 0), -ENOENT);
	ck_assert_int_eq(pass_on(0x1234, IOMMUNEST_VTD_DESC_PP, 7, 0), -ENOENT);
	ck_assert_int_eq(iommunest_vtd_page_response(stream.reader, 6, &desc),
			 -ENOENT);
	ck_assert_uint_eq(stream.n_writes, 0);
	ck_assert_int_eq(pass_on(0, 0, 7, 0), 0);
	ck_assert_int_eq(pass_on(0, 0, 7, 0), -ENOENT);
	ck_assert_uint_eq(stream.n_answers, 1);
}

/* The device was detached, and asked again by the same name. */
TEST(a_group_that_the_kernel_answered_is_passed_over)
{
	hand_out(1, 7, 0);
	hand_out(2, 7, 0);
	stream.writes[0] = -EINVAL;
	ck_assert_int_eq(pass_on(0, 0, 7, 0), 0);
	ck_assert_uint_eq(stream.n_answers, 1);
	ck_assert_uint_eq(stream.answers[0].cookie, 2);
	ck_assert_uint_eq(iommunest_fault_waiting(stream.reader), 0);
}

TEST(an_answer_that_cannot_be_sent_waits)
{
	hand_out(1, 7, 0);
	stream.writes[0] = -EINTR;
	ck_assert_int_eq(pass_on(0, 0, 7, 0), -EINTR);
	ck_assert_int_eq(pass_on(0, 0, 7, 0), 0);
}

TEST(only_a_page_response_is_one)
{
	struct iommunest_vtd_desc desc = answer_of(0, 0, 7, 0);
	unsigned int type;

	hand_out(1, 7, 0);
	for (type = 0; type < 256; type++) {
		desc.type = (uint8_t)type;
		if (type != IOMMUNEST_VTD_DESC_PAGE_RESPONSE)
			ck_assert_int_eq(iommunest_vtd_page_response(
						 stream.reader, 5, &desc),
					 -EINVAL);
	}
	desc = answer_of(0, 0, 7, 0);
	ck_assert_int_eq(iommunest_vtd_page_response(NULL, 5, &desc), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_page_response(stream.reader, 5, NULL),
			 -EINVAL);
	desc.size = SIZE_TO(struct iommunest_vtd_desc, reserved) - 1;
	ck_assert_int_eq(iommunest_vtd_page_response(stream.reader, 5, &desc),
			 -EINVAL);
	desc.size = 4097;
	ck_assert_int_eq(iommunest_vtd_page_response(stream.reader, 5, &desc),
			 -E2BIG);
	ck_assert_uint_eq(stream.n_writes, 0);
}

/* ---- Through the engine ---- */

static struct rig rig;

static int on_event(struct guest *guest, const struct guest_event *event)
{
	int ret;

	(void)guest;
	if (event->kind != GUEST_DESCRIPTOR)
		return 0;
	ret = iommunest_vtd_page_response(stream.reader, 5, &event->desc);
	return ret == -ENOENT ? 0 : ret;
}

static void put_answer(unsigned int prgi, uint64_t more)
{
	const struct iommunest_vtd_desc desc = answer_of(0, 0, prgi, 0);
	struct guest_desc words;

	memcpy(words.words, desc.raw, sizeof(words.words));
	words.words[1] |= more;
	rig_put(&rig, words);
}

/* After what precedes it in the ring; Linux before September 2025 sets LPIG. */
TEST(a_guests_queue_answers_its_page_requests)
{
	rig_open(&rig, NULL);
	rig.guest.hook = on_event;
	hand_out(1, 7, 0);
	hand_out(2, 8, 0);
	rig_page(&rig, 0x1000);
	put_answer(8, 0);
	put_answer(9, 0);
	put_answer(7, 4);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1, vmm 1, vmm 2, vmm 3, status 4");
	rig_is_done(&rig);
	ck_assert_uint_eq(stream.n_answers, 2);
	ck_assert_uint_eq(stream.answers[0].cookie, 2);
	ck_assert_uint_eq(stream.answers[1].cookie, 1);
	rig_close(&rig);
}
