/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Fault queues: the command's bytes, closing, waiting. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/script.h"
#include "tests/harness/support.h"

/* The ABI's number, written out here a second time. */
#define FAULT_QUEUE_ALLOC 0x3b8eul
#define QUEUE_FD 77
#define UNTOUCHED 0xabcdu

static const uint32_t words[] = { 16, 0, 0, 0 };

TEST(alloc_gives_the_id_and_the_descriptor)
{
	static const struct script_row row = { .function = SCRIPT_COMMAND,
					       .request = FAULT_QUEUE_ALLOC,
					       .words = words,
					       .out = { { 2, 0x99 },
							{ 3, QUEUE_FD } } };
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED;
	int fd = -1;

	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_fault_queue_alloc(ctx, &id, &fd), 0);
	ck_assert_uint_eq(id, 0x99);
	ck_assert_int_eq(fd, QUEUE_FD);
	script_done(&script);
	iommunest_close(ctx);
}

static const int alloc_errors[] = { -ENOTTY, -EOPNOTSUPP, -EMFILE, -ENFILE,
				    -ENOMEM };

TEST_LOOP(an_error_of_alloc_passes_unchanged, ARRAY_LEN(alloc_errors))
{
	const struct script_row row = { .function = SCRIPT_COMMAND,
					.request = FAULT_QUEUE_ALLOC,
					.words = words,
					.out = { { 2, 1 }, { 3, 2 } },
					.ret = alloc_errors[_i] };
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED;
	int fd = -7;

	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_fault_queue_alloc(ctx, &id, &fd),
			 alloc_errors[_i]);
	ck_assert_uint_eq(id, UNTOUCHED);
	ck_assert_int_eq(fd, -7);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(without_an_argument_nothing_is_called)
{
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id;
	int fd;

	ctx = script_open(&script, NULL, 0);
	ck_assert_int_eq(iommunest_fault_queue_alloc(NULL, &id, &fd), -EINVAL);
	ck_assert_int_eq(iommunest_fault_queue_alloc(ctx, NULL, &fd), -EINVAL);
	ck_assert_int_eq(iommunest_fault_queue_alloc(ctx, &id, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_fault_queue_wait(NULL, QUEUE_FD, 0),
			 -EINVAL);
	ck_assert_int_eq(iommunest_fault_queue_wait(ctx, -1, -1), -EBADF);
	iommunest_fault_queue_close(NULL, QUEUE_FD);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(close_closes_the_descriptor)
{
	static const struct script_row row = { .function = SCRIPT_CLOSE,
					       .ret = -EINTR };
	struct iommunest_ctx *ctx;
	struct script script;

	ctx = script_open(&script, &row, 1);
	iommunest_fault_queue_close(ctx, SCRIPT_FD);
	script_done(&script);
	iommunest_close(ctx);
}

/* ---- Waiting ---- */

struct waited {
	int ret;
	short revents;
	int want;
};

static const struct waited waits[] = {
	{ 0, 0, 0 },
	{ 1, POLLIN, 1 },
	{ 1, POLLIN | POLLERR, 1 },
	{ 1, POLLERR, -EIO },
	{ 1, POLLHUP, -EIO },
	{ 1, POLLNVAL, -EBADF },
	{ -EINTR, POLLIN, -EINTR },
	{ -ENOMEM, 0, -ENOMEM },
};

static int wait_poll(void *data, struct pollfd *fds, nfds_t count, int timeout)
{
	const struct waited *waited = data;

	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(fds->fd, QUEUE_FD);
	ck_assert_int_eq(fds->events, POLLIN);
	ck_assert_int_eq(timeout, 1234);
	fds->revents = waited->revents;
	return waited->ret;
}

TEST_LOOP(waiting_is_a_poll_for_input, ARRAY_LEN(waits))
{
	struct iommunest_sys sys = script_sys;
	struct waited waited = waits[_i];
	struct iommunest_open_options options = { .size = sizeof(options),
						  .sys = &sys,
						  .sys_data = &waited };
	struct iommunest_ctx *ctx;

	sys.poll = wait_poll;
	ck_assert_int_eq(iommunest_open_fd(&ctx, 3, &options), 0);
	ck_assert_int_eq(iommunest_fault_queue_wait(ctx, QUEUE_FD, 1234),
			 waited.want);
	iommunest_close(ctx);
}

TEST(a_table_without_poll_cannot_wait)
{
	struct iommunest_sys sys = script_sys;
	struct iommunest_open_options options = { .size = sizeof(options),
						  .sys = &sys };
	struct iommunest_ctx *ctx;

	sys.poll = NULL;
	ck_assert_int_eq(iommunest_open_fd(&ctx, 3, &options), 0);
	ck_assert_int_eq(iommunest_fault_queue_wait(ctx, QUEUE_FD, 0), -ENOSYS);
	iommunest_close(ctx);
}

/* The real poll(), on a pipe in place of a queue. */
TEST(the_kernels_own_poll_waits)
{
	struct iommunest_ctx *ctx;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(iommunest_open_fd(&ctx, ends[0], NULL), 0);
	ck_assert_int_eq(iommunest_fault_queue_wait(ctx, ends[0], 0), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(iommunest_fault_queue_wait(ctx, ends[0], -1), 1);
	iommunest_fault_queue_close(ctx, ends[0]);
	ck_assert_int_eq(fcntl(ends[0], F_GETFD), -1);
	ck_assert_int_eq(iommunest_fault_queue_wait(ctx, ends[0], -1), -EBADF);
	close(ends[1]);
	iommunest_close(ctx);
}
