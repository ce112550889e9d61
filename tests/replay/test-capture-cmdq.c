/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The capture reader, of an SMMUv3's command queue: what it takes, and what it
 * refuses, where and why.  Lines and numbers are in test-capture.c.
 */
#include <errno.h>
#include <string.h>

#include "tools/capture.h"
#include "tests/harness/support.h"

#define HEAD "cmdq-capture 1\n"
/* 4 slots at 0x1000, disabled and enabled. */
#define BASE HEAD "base 0x1002\n"
#define ON BASE "cr0 8\n"
#define C "c 0x46 0\n"

static char message[CAPTURE_ERROR_MAX];

static int parse(struct capture *capture, const char *text)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	int ret;

	ck_assert_ptr_nonnull(in);
	message[0] = '\0';
	ret = capture_read(capture, in, "name", message, sizeof(message));
	fclose(in);
	return ret;
}

static const struct refused {
	const char *what;
	const char *text;
	unsigned int line;
	const char *reason;
} refused[] = {
	{ "unknown keyword", BASE "kick 1\n", 3, "keyword \"kick\"" },
	{ "a register of another queue", BASE "iqa 0x1000\n", 3, "keyword" },
	{ "capitals", BASE "PROD 0\n", 3, "keyword" },
	{ "bad hex", ON "prod 0x\n", 4, "not a number" },
	{ "bad hex of a command", ON "prod 1\nc 0x4g 0\n", 5, "not a number" },
	{ "65 bits", HEAD "base 0x10000000000000000\n", 2, "64 bits" },
	{ "33 bits of CR0", HEAD "cr0 0x100000000\n", 2, "cr0 has more" },
	{ "33 bits of PROD", ON "prod 0x100000000\n", 4, "prod has more" },
	{ "33 bits of GERRORN", HEAD "gerrorn 0x100000001\n", 2, "32 bits" },
	{ "no number", HEAD "cr0\n", 2, "cr0 takes 1 number, " },
	{ "two numbers", HEAD "base 0x1000 1\n", 2, "more" },
	{ "one word", ON "prod 1\nc 0x46\n", 5, "c takes 2 numbers, " },
	{ "three words", ON "prod 1\nc 0x46 0 0\n", 5, "more" },

	{ "PROD before BASE", HEAD "prod 0\n", 2, "prod before the first" },
	{ "CONS before BASE", HEAD "cons 0\n", 2, "cons before the first" },
	{ "enabled before BASE", HEAD "cr0 0xd\n", 2, "before a base" },
	{ "BASE while enabled", ON "base 0x1002\n", 4, "base while" },
	{ "CONS while enabled", ON "cons 0\n", 4, "cons while" },
	{ "PROD beyond the queue", ON "prod 8\n", 4,
	  "prod 8 is beyond the queue of 4 slots" },
	{ "CONS beyond the queue", BASE "cons 8\n", 3, "beyond" },
	{ "CONS beyond its error", BASE "cons 0x80000000\n", 3, "beyond" },
	{ "PROD beyond one slot", HEAD "base 0x1000\nprod 2\n", 3, "beyond" },
	{ "more than the queue has", ON "prod 5\n", 4,
	  "prod moves by 5 slots, and the queue has 4" },
	{ "PROD goes back", ON "prod 1\n" C "prod 0\n", 6, "moves by 7" },

	{ "c before PROD", ON C, 4, "c before the first prod" },
	{ "c of none", ON "prod 0\n" C, 5, "more commands than" },
	{ "c too many", ON "prod 1\n" C C, 6, "the prod in line 4" },
	{ "c behind another register", ON "prod 1\n" C "gerrorn 1\n" C, 7,
	  "the prod in line 4" },
	{ "c missing", ON "prod 2\n" C "prod 3\n" C, 6,
	  "line 4 lacks 1 command" },
	{ "all c missing", ON "prod 2\ngerrorn 0\n", 5,
	  "line 4 lacks 2 commands" },
	{ "c missing at the end", ON "prod 2\n" C, 6,
	  "line 4 lacks 1 command" },
	{ "all c missing at the end", ON "prod 3\n", 5, "lacks 3 commands" },

	{ "disabled: c missing", BASE "prod 2\n" C "cr0 8\n", 5,
	  "line 3 lacks 1 command" },
	{ "disabled: c too many", BASE "prod 1\n" C C, 5, "more commands" },
	{ "disabled: c missing at the end", BASE "prod 2\n" C, 5, "lacks 1" },
	{ "disabled: all c missing at the end", BASE "prod 2\n", 4, "lacks 2" },
	{ "disabled: all c missing, and then some",
	  BASE "prod 2\nprod 3\n" C "cr0 8\n", 6,
	  "with 3 commands in it that no line has" },
	{ "disabled: all c missing, and other registers",
	  BASE "prod 1\ncr0 8\n", 4, "with 1 command in it" },
	{ "disabled: CONS alone", BASE "cons 2\ncr0 8\n", 4, "commands in it" },
	{ "disabled: CONS elsewhere", BASE "prod 3\ncons 2\ncr0 8\n", 5,
	  "with 1 command in it" },
	{ "disabled: CONS before what is known",
	  BASE "cons 1\nprod 2\n" C "cons 0\ncr0 8\n", 7,
	  "with 2 commands in it" },
	{ "disabled: c where PROD went back", BASE "prod 2\n" C C "prod 0\n" C,
	  7, "more commands" },
};

TEST_LOOP(a_malformed_command_queue_is_refused_at_its_line,
	  sizeof(refused) / sizeof(refused[0]))
{
	const struct refused *r = &refused[_i];
	char where[32];
	struct capture capture;

	ck_assert_msg(parse(&capture, r->text) == -EINVAL, "%s: taken",
		      r->what);
	snprintf(where, sizeof(where), "name:%u: ", r->line);
	ck_assert_msg(!strncmp(message, where, strlen(where)),
		      "%s: \"%s\" is not at %s", r->what, message, where);
	ck_assert_msg(strstr(message, r->reason), "%s: \"%s\" lacks \"%s\"",
		      r->what, message, r->reason);
	ck_assert_ptr_null(capture.cmdq.writes);
	ck_assert_ptr_null(capture.cmdq.commands);
	ck_assert_uint_eq(capture.cmdq.command_count, 0);
}

static const struct taken {
	const char *what;
	const char *text;
	size_t writes;
	size_t commands;
} taken[] = {
	{ "nothing", HEAD, 0, 0 },
	{ "nothing but registers", HEAD "gerrorn 0xffffffff\ncr0 0\n", 2, 0 },
	{ "one command", ON "prod 1\n" C, 3, 1 },
	{ "a full queue, twice", ON "prod 4\n" C C C C "prod 0\n" C C C C, 4,
	  8 },
	{ "around", ON "prod 3\n" C C C "prod 5\n" C C "# x\nprod 0\n" C C C, 5,
	  8 },
	{ "PROD that does not move", ON "prod 0\nprod 1\n" C "prod 1\n", 5, 1 },
	{ "one slot", HEAD "base 0x1000\ncr0 8\nprod 1\n" C "prod 0\n" C, 4,
	  2 },
	{ "2^31 slots are 2^19", HEAD "base 0x1f\ncr0 8\nprod 1\n" C, 3, 1 },
	{ "disabled: commands wait", BASE "prod 1\n" C "prod 3\n" C C "cr0 8\n",
	  4, 3 },
	{ "disabled: commands that never run", BASE "prod 1\n" C, 2, 1 },
	{ "disabled: CONS among them", BASE "prod 2\n" C C "cons 1\ncr0 8\n", 4,
	  2 },
	{ "disabled: where it begins, PROD first",
	  BASE "prod 6\ncons 6\ncr0 8\nprod 7\n" C, 5, 1 },
	{ "disabled: where it begins, CONS first",
	  BASE "cons 6\nprod 6\ncr0 8\nprod 7\n" C, 5, 1 },
	{ "disabled: commands after CONS", BASE "cons 6\nprod 7\n" C "cr0 8\n",
	  4, 1 },
	{ "CONS with its error", BASE "prod 1\n" C "cons 0x1000000\ncr0 8\n", 4,
	  1 },
	{ "enabled again",
	  ON "prod 3\n" C C C "cr0 0\nprod 0\ncons 0\ncr0 9\n"
	     "prod 1\n" C,
	  8, 4 },
	{ "another queue",
	  ON "prod 3\n" C C C "cr0 0\nbase 0x2001\n"
	     "prod 0\ncons 0\ncr0 8\nprod 2\n" C C,
	  9, 5 },
	{ "CONS past what was refused",
	  ON "prod 3\n" C C C "cr0 0\ncons 0x1000001\ngerrorn 1\ncr0 8\n"
	     "prod 4\n" C,
	  8, 4 },
	{ "enabled twice", ON "prod 1\n" C "cr0 0xd\nprod 2\n" C, 5, 2 },
	{ "disabled twice", BASE "prod 1\n" C "cr0 0\ncr0 8\n", 4, 1 },
};

TEST_LOOP(a_command_queue_is_read, sizeof(taken) / sizeof(taken[0]))
{
	const struct taken *t = &taken[_i];
	struct capture capture;

	ck_assert_msg(!parse(&capture, t->text), "%s: %s", t->what, message);
	ck_assert_int_eq(capture.format, CAPTURE_CMDQ);
	ck_assert_msg(capture.cmdq.write_count == t->writes, "%s: %zu writes",
		      t->what, capture.cmdq.write_count);
	ck_assert_msg(capture.cmdq.command_count == t->commands,
		      "%s: %zu commands", t->what, capture.cmdq.command_count);
	capture_free(&capture);
}

TEST(each_line_of_a_command_queue_is_kept)
{
	struct capture capture;
	const struct cmdq_write *writes;

	ck_assert_int_eq(parse(&capture, HEAD
			       "base 0x4000000012345004\ngerrorn 0x11\n"
			       "prod 0x10\ncons 0x1000010\ncr0 0xd\n"
			       "prod 0x12\nc 1 2\nc 3 0xffffffffffffffff\n"),
			 0);
	writes = capture.cmdq.writes;
	ck_assert_uint_eq(capture.cmdq.write_count, 6);
	ck_assert_int_eq(writes[0].reg, CMDQ_BASE);
	ck_assert_uint_eq(writes[0].value, 0x4000000012345004);
	ck_assert_int_eq(writes[1].reg, CMDQ_GERRORN);
	ck_assert_uint_eq(writes[1].value, 0x11);
	ck_assert_int_eq(writes[2].reg, CMDQ_PROD);
	ck_assert_uint_eq(writes[2].count, 0);
	ck_assert_int_eq(writes[3].reg, CMDQ_CONS);
	ck_assert_uint_eq(writes[3].value, 0x1000010);
	ck_assert_int_eq(writes[4].reg, CMDQ_CR0);
	ck_assert_uint_eq(writes[4].value, 0xd);
	ck_assert_uint_eq(writes[5].value, 0x12);
	ck_assert_uint_eq(writes[5].count, 2);
	ck_assert_uint_eq(writes[5].first, 0);
	ck_assert_uint_eq(capture.cmdq.commands[0].words[1], 2);
	ck_assert_uint_eq(capture.cmdq.commands[1].words[1], UINT64_MAX);
	capture_free(&capture);
}

/* SMMU specification, chapter 6, SMMU_CMDQ_BASE. */
TEST(a_queue_is_aligned_to_its_size)
{
	ck_assert_uint_eq(cmdq_address(0x4000000041800012), 0x41800000);
	ck_assert_uint_eq(cmdq_address(0x12345), 0x12200);
	ck_assert_uint_eq(cmdq_address(0x123e0), 0x123e0);
	ck_assert_uint_eq(cmdq_address(0x123e1), 0x123e0);
	ck_assert_uint_eq(cmdq_address(UINT64_MAX), 0xfffffff800000);
}
