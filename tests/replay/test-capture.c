/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The capture reader: what it takes, and what it refuses, where and why. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tools/capture.h"
#include "tests/harness/support.h"

#define HEAD "iq-capture 1\n"
/* 256 bits, 256 slots; 128 bits, 256 slots; 256 bits, 128 slots */
#define WIDE "iqa 0x1801\n"
#define NARROW "iqa 0x1000\n"
#define SMALL "iqa 0x2800\n"

#define MEM(text) text, sizeof(text) - 1

static char message[CAPTURE_ERROR_MAX];

static int parse(struct capture *capture, const char *text, size_t length)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, length, "r");
	int ret;

	ck_assert_ptr_nonnull(in);
	message[0] = '\0';
	ret = capture_read(capture, in, "name", message, sizeof(message));
	fclose(in);
	return ret;
}

/* ---- Refused ---- */

static const struct refused {
	const char *what;
	const char *text;
	size_t length;
	unsigned int line;
	const char *reason;
} refused[] = {
	{ "first line wrong", MEM("iq-capture 2\n"), 1, "not a capture" },
	{ "first line longer", MEM("iq-capture 1 \n"), 1, "not a capture" },
	{ "first line indented", MEM(" iq-capture 1\n"), 1, "not a capture" },
	{ "comment first", MEM("# x\n" HEAD), 1, "not a capture" },
	{ "first line cut off", MEM("iq-capture 1"), 1, "no newline" },
	{ "first line twice", MEM(HEAD HEAD), 2, "unknown keyword" },

	{ "unknown keyword", MEM(HEAD WIDE "kik 1\n"), 3, "keyword \"kik\"" },
	{ "keyword in capitals", MEM(HEAD "IQA 0x1000\n"), 2, "keyword" },
	{ "keyword prefix", MEM(HEAD WIDE "kicks 1\n"), 3, "keyword" },
	{ "control bytes in a keyword", MEM(HEAD "\x1b[2J 1\n"), 2,
	  "\"?[2J\"" },
	{ "blank line", MEM(HEAD "\n" WIDE), 2, "blank line" },
	{ "blank last line", MEM(HEAD WIDE "\n"), 3, "blank line" },
	{ "line of blanks", MEM(HEAD "  \n"), 2, "begins with a blank" },
	{ "leading blank", MEM(HEAD " " WIDE), 2, "begins with a blank" },
	{ "trailing blank", MEM(HEAD "iqa 0x1000 \n"), 2, "ends with a blank" },
	{ "trailing tab", MEM(HEAD "iqa 0x1000\t\n"), 2, "ends with a blank" },
	{ "carriage return", MEM(HEAD "iqa 0x1000\r\n"), 2, "carriage" },
	{ "comment behind words", MEM(HEAD "iqa 0x1000 # x\n"), 2, "more" },
	{ "NUL in a line", MEM(HEAD "iqa 0x\0001000\n"), 2, "NUL" },
	{ "NUL in a comment", MEM(HEAD "# \0\n"), 2, "NUL" },
	{ "NUL in line 1", MEM("iq-capture 1\0\n"), 1, "NUL" },

	{ "iqa alone", MEM(HEAD "iqa\n"), 2, "iqa takes 1 number, " },
	{ "iqa with two", MEM(HEAD "iqa 0x1000 1\n"), 2, "more" },
	{ "iqa reserved bit 3", MEM(HEAD "iqa 0x1008\n"), 2, "reserved" },
	{ "iqa reserved bit 10", MEM(HEAD "iqa 0x1400\n"), 2, "reserved" },
	{ "iqa no number", MEM(HEAD "iqa x\n"), 2, "\"x\" is not a number" },

	{ "hex without digits", MEM(HEAD "iqa 0x\n"), 2, "not a number" },
	{ "hex digit beyond", MEM(HEAD "iqa 0x100g\n"), 2, "not a number" },
	{ "octal digit beyond", MEM(HEAD "iqa 08\n"), 2, "not a number" },
	{ "hex digits without 0x", MEM(HEAD "iqa 1a\n"), 2, "not a number" },
	{ "negative", MEM(HEAD "iqa -4096\n"), 2, "not a number" },
	{ "plus sign", MEM(HEAD "iqa +4096\n"), 2, "not a number" },
	{ "binary", MEM(HEAD "iqa 0b1\n"), 2, "not a number" },
	{ "suffix", MEM(HEAD "iqa 0x1000ull\n"), 2, "not a number" },
	{ "fraction", MEM(HEAD "iqa 1.0\n"), 2, "not a number" },
	{ "65 bits, hex", MEM(HEAD "iqa 0x10000000000000000\n"), 2, "64 bits" },
	{ "65 bits, decimal", MEM(HEAD "iqa 18446744073709551616\n"), 2,
	  "64 bits" },
	{ "65 bits, octal", MEM(HEAD "iqa 02000000000000000000000\n"), 2,
	  "64 bits" },

	{ "kick before iqa", MEM(HEAD "kick 0\n"), 2, "kick before" },
	{ "kick alone", MEM(HEAD WIDE "kick\n"), 3, "fewer" },
	{ "kick with two", MEM(HEAD WIDE "kick 1 2\n"), 3, "more" },
	{ "kick beyond 256 slots", MEM(HEAD WIDE "kick 256\n"), 3, "beyond" },
	{ "kick beyond 128-bit ring", MEM(HEAD NARROW "kick 256\n"), 3,
	  "beyond" },
	{ "kick beyond 128 slots", MEM(HEAD SMALL "kick 128\n"), 3, "beyond" },
	{ "kick of 2^32", MEM(HEAD WIDE "kick 0x100000000\n"), 3, "beyond" },

	{ "d before iqa", MEM(HEAD "d 0 0\n"), 2, "d before" },
	{ "d before a kick", MEM(HEAD WIDE "d 0 0 0 0\n"), 3, "d before" },
	{ "d before a new ring's kick",
	  MEM(HEAD WIDE "kick 1\nd 5 0 0 0\n" NARROW "d 5 0\n"), 6,
	  "d before" },
	{ "d alone", MEM(HEAD WIDE "kick 1\nd\n"), 4, "d takes 4 numbers" },
	{ "two words in 256 bits", MEM(HEAD WIDE "kick 1\nd 0 0\n"), 4,
	  "fewer" },
	{ "three words in 256 bits", MEM(HEAD WIDE "kick 1\nd 0 0 0\n"), 4,
	  "fewer" },
	{ "five words in 256 bits", MEM(HEAD WIDE "kick 1\nd 0 0 0 0 0\n"), 4,
	  "more" },
	{ "six words in 256 bits", MEM(HEAD WIDE "kick 1\nd 0 0 0 0 0 0\n"), 4,
	  "more" },
	{ "one word in 128 bits", MEM(HEAD NARROW "kick 1\nd 0\n"), 4,
	  "d takes 2 numbers" },
	{ "four words in 128 bits", MEM(HEAD NARROW "kick 1\nd 0 0 0 0\n"), 4,
	  "more" },
	{ "last word bad", MEM(HEAD WIDE "kick 1\nd 0 0 0 z\n"), 4,
	  "not a number" },

	{ "d missing at the end", MEM(HEAD WIDE "kick 2\nd 4 0 0 0\n"), 5,
	  "line 3 lacks 1 descriptor" },
	{ "all d missing at the end", MEM(HEAD WIDE "kick 2\n"), 4,
	  "line 3 lacks 2 descriptors" },
	{ "d missing before a kick",
	  MEM(HEAD WIDE "kick 2\nd 4 0 0 0\nkick 3\nd 5 0 0 0\n"), 5,
	  "line 3 lacks 1 descriptor" },
	{ "d missing before an iqa",
	  MEM(HEAD WIDE "kick 2\nd 4 0 0 0\n# x\n" NARROW), 6,
	  "line 3 lacks 1 descriptor" },
	{ "wait alone at the end", MEM(HEAD WIDE "kick 2\nd 5 0 0 0\n"), 5,
	  "line 3 lacks 1 descriptor" },
	{ "wait alone in 128 bits", MEM(HEAD NARROW "kick 2\nd 5 0\nkick 2\n"),
	  5, "line 3 lacks 1 descriptor" },
	{ "wait alone of three", MEM(HEAD WIDE "kick 3\nd 5 0 0 0\nkick 3\n"),
	  5, "line 3 lacks 2 descriptors" },
	{ "two waits of three",
	  MEM(HEAD WIDE "kick 3\nd 5 0 0 0\nd 5 0 0 0\nkick 3\n"), 6,
	  "line 3 lacks 1 descriptor" },
	{ "almost a wait alone",
	  MEM(HEAD WIDE "kick 2\nd 0x205 0 0 0\nkick 2\n"), 5,
	  "line 3 lacks 1 descriptor" },
	{ "more than a wait alone",
	  MEM(HEAD WIDE "kick 2\nd 5 0 0 0\nkick 2\nd 5 0 0 0\n"), 6,
	  "more descriptors than the kick in line 5" },
	{ "one d too many", MEM(HEAD WIDE "kick 1\nd 5 0 0 0\nd 5 0 0 0\n"), 5,
	  "more descriptors than the kick in line 3" },
	{ "d of a kick that does not move",
	  MEM(HEAD WIDE "kick 0\nd 5 0 0 0\n"), 4, "more descriptors" },
	{ "wrapping kick with too few",
	  MEM(HEAD WIDE "kick 1\nd 5 0 0 0\nkick 0\nd 5 0 0 0\n"), 7,
	  "line 5 lacks 254 descriptors" },

	{ "last line cut off", MEM(HEAD WIDE "kick 1\nd 5 0 0 0x1"), 4,
	  "no newline" },
	{ "comment cut off", MEM(HEAD "# x"), 2, "no newline" },
};

TEST_LOOP(a_malformed_capture_is_refused_at_its_line,
	  sizeof(refused) / sizeof(refused[0]))
{
	const struct refused *r = &refused[_i];
	char where[32];
	struct capture capture;

	ck_assert_msg(parse(&capture, r->text, r->length) == -EINVAL,
		      "%s: taken", r->what);
	snprintf(where, sizeof(where), "name:%u: ", r->line);
	ck_assert_msg(!strncmp(message, where, strlen(where)),
		      "%s: \"%s\" is not at %s", r->what, message, where);
	ck_assert_msg(strstr(message, r->reason), "%s: \"%s\" lacks \"%s\"",
		      r->what, message, r->reason);
	ck_assert_ptr_null(capture.rings);
	ck_assert_uint_eq(capture.desc_count, 0);
}

TEST(an_empty_file_is_refused)
{
	struct capture capture;
	FILE *in = fopen("/dev/null", "r");

	ck_assert_int_eq(capture_read(&capture, in, "name", message,
				      sizeof(message)),
			 -EINVAL);
	fclose(in);
	ck_assert_ptr_nonnull(strstr(message, "name:1: not a capture"));
}

TEST(a_file_that_cannot_be_read_is_reported)
{
	struct capture capture;
	FILE *in = fopen("/", "r");

	ck_assert_int_eq(capture_read(&capture, in, "name", message,
				      sizeof(message)),
			 -EISDIR);
	fclose(in);
	ck_assert_ptr_nonnull(strstr(message, "name:1: cannot read: "));
}

/* A comment of @length bytes, on line 2. */
static int parse_long_line(struct capture *capture, size_t length)
{
	size_t size = strlen(HEAD) + length + 1;
	char *text = malloc(size);
	int ret;

	ck_assert_ptr_nonnull(text);
	memset(text, '#', size);
	memcpy(text, HEAD, strlen(HEAD));
	text[size - 1] = '\n';
	ret = parse(capture, text, size);
	free(text);
	return ret;
}

TEST(a_line_too_long_is_refused)
{
	struct capture capture;

	ck_assert_int_eq(parse_long_line(&capture, CAPTURE_LINE_MAX), 0);
	capture_free(&capture);
	ck_assert_int_eq(parse_long_line(&capture, CAPTURE_LINE_MAX + 1),
			 -EINVAL);
	ck_assert_str_eq(message, "name:2: a line of more than 4095 bytes");
}

/* A message that does not fit is cut, and never written past its end. */
TEST(a_message_is_cut_at_the_end_of_its_buffer)
{
	static const char text[] = "x\n";
	char small[16];
	struct capture capture;
	size_t size;

	for (size = 0; size <= sizeof(small); size++) {
		FILE *in = fmemopen((void *)(uintptr_t)text, 2, "r");

		memset(small, 'A', sizeof(small));
		ck_assert_int_eq(capture_read(&capture, in, "name", small,
					      size),
				 -EINVAL);
		fclose(in);
		if (size)
			ck_assert_uint_lt(strnlen(small, size), size);
		if (size < sizeof(small))
			ck_assert_int_eq(small[size], 'A');
	}
}

/* ---- Taken ---- */

TEST(a_header_alone_is_accepted)
{
	struct capture capture;

	ck_assert_int_eq(parse(&capture, MEM(HEAD)), 0);
	ck_assert_uint_eq(capture.ring_count, 0);
	ck_assert_uint_eq(capture.kick_count, 0);
	capture_free(&capture);
}

TEST(all_c_literals_are_accepted)
{
	static const char text[] =
		HEAD "iqa 0X1801\nkick 01\n"
		     "d 18446744073709551615 0xFFFFffffFFFFffff "
		     "01777777777777777777777 0\n";
	struct capture capture;

	ck_assert_int_eq(parse(&capture, MEM(text)), 0);
	ck_assert_uint_eq(capture.rings[0].iqa, 0x1801);
	ck_assert_uint_eq(capture.kicks[0].tail, 1);
	ck_assert_uint_eq(capture.descs[0].words[0], UINT64_MAX);
	ck_assert_uint_eq(capture.descs[0].words[1], UINT64_MAX);
	ck_assert_uint_eq(capture.descs[0].words[2], UINT64_MAX);
	ck_assert_uint_eq(capture.descs[0].words[3], 0);
	capture_free(&capture);
}

TEST(comments_are_accepted_anywhere_after_line_1)
{
	static const char text[] =
		HEAD "#\n" WIDE "# a\nkick 2\n#b\nd 1 2 3 4\n"
		     "# \xc3\xa4\nd 5 6 7 8\n# end\n";
	struct capture capture;

	ck_assert_int_eq(parse(&capture, MEM(text)), 0);
	ck_assert_uint_eq(capture.desc_count, 2);
	ck_assert_uint_eq(capture.descs[1].words[3], 8);
	capture_free(&capture);
}

TEST(words_may_have_several_blanks_between_them)
{
	static const char text[] = HEAD WIDE "kick\t1\nd  1 \t2 3   4\n";
	struct capture capture;

	ck_assert_int_eq(parse(&capture, MEM(text)), 0);
	ck_assert_uint_eq(capture.descs[0].words[3], 4);
	capture_free(&capture);
}

/* QS and DW to slots and width: VT-d specification, chapter 11, IQA_REG. */
TEST_LOOP(every_ring_size_is_accepted, 16)
{
	unsigned int qs = (unsigned int)_i % 8, wide = (unsigned int)_i / 8;
	unsigned int slots = wide ? 128u << qs : 256u << qs;
	struct capture capture;
	char text[80];
	size_t length;

	length =
		(size_t)snprintf(text, sizeof(text), HEAD "iqa 0x%x\nkick %u\n",
				 0xabc000 | wide << 11 | qs, slots);
	ck_assert_int_eq(parse(&capture, text, length), -EINVAL);
	length = (size_t)snprintf(text, sizeof(text), HEAD "iqa 0x%x\n",
				  0xabc000 | wide << 11 | qs);
	ck_assert_int_eq(parse(&capture, text, length), 0);
	ck_assert_uint_eq(capture.rings[0].size, slots);
	ck_assert_uint_eq(capture.rings[0].width, wide ? 256 : 128);
	ck_assert_uint_eq(capture.rings[0].base, 0xabc000);
	capture_free(&capture);
}

static size_t put_kick(char *text, unsigned int tail, unsigned int count)
{
	size_t length = (size_t)sprintf(text, "kick %u\n", tail);
	unsigned int i;

	for (i = 0; i < count; i++)
		length += (size_t)sprintf(text + length, "d %u 0 0 0\n", i);
	return length;
}

TEST(slots_wrap_at_the_end_of_the_ring)
{
	char text[4096];
	struct capture capture;
	size_t length;

	length = (size_t)sprintf(text, HEAD SMALL);
	length += put_kick(text + length, 127, 127);
	length += put_kick(text + length, 2, 3);
	/* One short of a whole ring, the most that a kick can say. */
	length += put_kick(text + length, 1, 127);
	ck_assert_int_eq(parse(&capture, text, length), 0);
	ck_assert_uint_eq(capture.kick_count, 3);
	ck_assert_uint_eq(capture.kicks[1].count, 3);
	ck_assert_uint_eq(capture.kicks[1].first, 127);
	ck_assert_uint_eq(capture.kicks[2].first, 130);
	ck_assert_uint_eq(capture.descs[129].words[0], 2);
	capture_free(&capture);
}

TEST(a_new_ring_of_another_width_starts_at_slot_0)
{
	static const char text[] =
		HEAD WIDE "kick 2\nd 1 0 0 0\nd 2 0 0 0\n" NARROW
			  "kick 1\nd 3 4\nkick 2\nd 5 6\n" SMALL WIDE
			  "kick 1\nd 7 8 9 10\n";
	struct capture capture;

	ck_assert_int_eq(parse(&capture, MEM(text)), 0);
	ck_assert_uint_eq(capture.ring_count, 4);
	ck_assert_uint_eq(capture.rings[1].first_kick, 1);
	ck_assert_uint_eq(capture.rings[1].kick_count, 2);
	ck_assert_uint_eq(capture.rings[2].kick_count, 0);
	ck_assert_uint_eq(capture.rings[3].first_kick, 3);
	ck_assert_uint_eq(capture.kicks[1].first, 2);
	ck_assert_uint_eq(capture.descs[3].words[1], 6);
	ck_assert_uint_eq(capture.descs[3].words[2], 0);
	ck_assert_uint_eq(capture.descs[4].words[3], 10);
	capture_free(&capture);
}

/* See tests/data/guest-iq/README.md for why. */
TEST(a_lone_wait_follows_a_pasid_cache_descriptor)
{
	static const char text[] = HEAD WIDE "kick 2\nd 0x25 0 0 0\n"
					     "kick 3\nd 4 0 0 0\n";
	struct capture capture;

	ck_assert_int_eq(parse(&capture, MEM(text)), 0);
	ck_assert_uint_eq(capture.kicks[0].unseen, 1);
	ck_assert_uint_eq(capture.kicks[0].count, 1);
	ck_assert_uint_eq(capture.kicks[1].unseen, 0);
	ck_assert_uint_eq(capture.kicks[1].count, 1);
	ck_assert_uint_eq(capture.kicks[1].first, 1);
	capture_free(&capture);
}

TEST(a_kick_may_leave_the_tail_alone)
{
	static const char text[] =
		HEAD WIDE "kick 0\nkick 1\nd 5 0 0 0\nkick 1\n";
	struct capture capture;

	ck_assert_int_eq(parse(&capture, MEM(text)), 0);
	ck_assert_uint_eq(capture.kick_count, 3);
	ck_assert_uint_eq(capture.kicks[0].count, 0);
	ck_assert_uint_eq(capture.kicks[1].count, 1);
	ck_assert_uint_eq(capture.kicks[2].count, 0);
	capture_free(&capture);
}

TEST(more_than_one_allocation_of_everything_is_kept)
{
	enum { RINGS = 300 };
	char *text = malloc(RINGS * 64);
	struct capture capture;
	size_t length, i;

	ck_assert_ptr_nonnull(text);
	length = (size_t)sprintf(text, HEAD);
	for (i = 0; i < RINGS; i++)
		length += (size_t)sprintf(text + length,
					  WIDE "kick 1\nd %zu 0 0 0\n", i);
	ck_assert_int_eq(parse(&capture, text, length), 0);
	free(text);
	ck_assert_uint_eq(capture.ring_count, RINGS);
	for (i = 0; i < RINGS; i++) {
		ck_assert_uint_eq(capture.rings[i].first_kick, i);
		ck_assert_uint_eq(capture.kicks[i].first, i);
		ck_assert_uint_eq(capture.descs[i].words[0], i);
	}
	capture_free(&capture);
}
