/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Contexts: opening, ownership of the descriptor, options, the real table. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/script.h"
#include "tests/harness/support.h"

#define OPEN_FLAGS (O_RDWR | O_CLOEXEC)

/* What *ctx was before a call that has to make it NULL. */
#define GARBAGE ((struct iommunest_ctx *)(uintptr_t)0x5a5a5a5a)

static struct iommunest_open_options scripted(struct script *script)
{
	return (struct iommunest_open_options){
		.size = sizeof(struct iommunest_open_options),
		.sys = &script_sys,
		.sys_data = script,
	};
}

/* ---- Opening by path ---- */

TEST(opens_dev_iommu_close_on_exec_and_closes_it)
{
	static const struct script_row rows[] = {
		{ .function = SCRIPT_OPEN,
		  .path = "/dev/iommu",
		  .flags = OPEN_FLAGS,
		  .ret = SCRIPT_FD },
		{ .function = SCRIPT_CLOSE },
	};
	struct iommunest_open_options options;
	struct iommunest_ctx *ctx = NULL;
	struct script script;

	script_start(&script, rows, ARRAY_LEN(rows));
	options = scripted(&script);
	ck_assert_int_eq(iommunest_open(&ctx, &options), 0);
	ck_assert_ptr_nonnull(ctx);
	ck_assert_int_eq(iommunest_fd(ctx), SCRIPT_FD);
	ck_assert_uint_eq(script.next, 1);
	iommunest_close(ctx);
	script_done(&script);
}

TEST(opens_the_path_of_the_options)
{
	static const struct script_row rows[] = {
		{ .function = SCRIPT_OPEN,
		  .path = "/dev/other",
		  .flags = OPEN_FLAGS,
		  .ret = SCRIPT_FD },
		{ .function = SCRIPT_CLOSE, .ret = -EINTR },
	};
	struct iommunest_open_options options;
	struct iommunest_ctx *ctx;
	struct script script;

	script_start(&script, rows, ARRAY_LEN(rows));
	options = scripted(&script);
	options.path = "/dev/other";
	ck_assert_int_eq(iommunest_open(&ctx, &options), 0);
	/* An interrupted close is not made again: the number may be reused. */
	iommunest_close(ctx);
	script_done(&script);
}

static const int open_errors[] = { -ENOENT, -EACCES, -ENODEV, -EMFILE,
				   -ENOMEM, -EINTR,  -EPERM };

TEST_LOOP(an_error_of_open_passes_unchanged, ARRAY_LEN(open_errors))
{
	struct script_row row = { .function = SCRIPT_OPEN,
				  .path = "/dev/iommu",
				  .flags = OPEN_FLAGS };
	struct iommunest_open_options options;
	struct iommunest_ctx *ctx = GARBAGE;
	struct script script;

	row.ret = open_errors[_i];
	script_start(&script, &row, 1);
	options = scripted(&script);
	ck_assert_int_eq(iommunest_open(&ctx, &options), open_errors[_i]);
	ck_assert_ptr_null(ctx);
	script_done(&script);
}

TEST(descriptor_0_is_as_good_as_any)
{
	static const struct script_row rows[] = {
		{ .function = SCRIPT_OPEN,
		  .path = "/dev/iommu",
		  .flags = OPEN_FLAGS,
		  .ret = 0 },
		{ .function = SCRIPT_CLOSE },
	};
	struct iommunest_open_options options;
	struct iommunest_ctx *ctx = NULL;
	struct script script;

	script_start(&script, rows, ARRAY_LEN(rows));
	options = scripted(&script);
	ck_assert_int_eq(iommunest_open(&ctx, &options), 0);
	ck_assert_int_eq(iommunest_fd(ctx), 0);
	iommunest_close(ctx);
	script_done(&script);
	ck_assert_int_eq(iommunest_open_fd(&ctx, 0, &options), 0);
	ck_assert_int_eq(iommunest_fd(ctx), 0);
	iommunest_close(ctx);
	script_done(&script);
}

/* ---- Opening a descriptor ---- */

TEST(a_borrowed_descriptor_is_left_open)
{
	struct iommunest_ctx *ctx;
	struct script script;

	ctx = script_open(&script, NULL, 0);
	ck_assert_int_eq(iommunest_fd(ctx), SCRIPT_FD);
	iommunest_close(ctx);
	script_done(&script);
}

TEST(a_negative_descriptor_is_ebadf)
{
	struct iommunest_ctx *ctx = GARBAGE;

	ck_assert_int_eq(iommunest_open_fd(&ctx, -1, NULL), -EBADF);
	ck_assert_ptr_null(ctx);
}

TEST(a_path_with_a_descriptor_is_einval)
{
	struct iommunest_open_options options = { .size = sizeof(options),
						  .path = "/dev/iommu" };
	struct iommunest_ctx *ctx = GARBAGE;

	ck_assert_int_eq(iommunest_open_fd(&ctx, 0, &options), -EINVAL);
	ck_assert_ptr_null(ctx);
}

TEST(null_is_refused_or_ignored)
{
	ck_assert_int_eq(iommunest_open(NULL, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_open_fd(NULL, 0, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_fd(NULL), -EINVAL);
	ck_assert_int_eq(iommunest_ioctl(NULL, SCRIPT_DESTROY, NULL), -EINVAL);
	iommunest_close(NULL);
}

/* ---- Options and tables that are shorter or longer than ours ---- */

/* Both ways to open, with options that have to fail before any call. */
static void expect_refused(const struct iommunest_open_options *options,
			   int error)
{
	struct iommunest_ctx *ctx = GARBAGE;

	ck_assert_int_eq(iommunest_open(&ctx, options), error);
	ck_assert_ptr_null(ctx);
	ctx = GARBAGE;
	ck_assert_int_eq(iommunest_open_fd(&ctx, SCRIPT_FD, options), error);
	ck_assert_ptr_null(ctx);
}

static void expect_taken(const struct iommunest_open_options *options)
{
	struct iommunest_ctx *ctx = NULL;

	ck_assert_int_eq(iommunest_open_fd(&ctx, SCRIPT_FD, options), 0);
	ck_assert_ptr_nonnull(ctx);
	iommunest_close(ctx);
}

TEST(options_too_short_are_einval)
{
	struct iommunest_open_options options, *copy;
	struct script script;
	size_t size;

	script_start(&script, NULL, 0);
	options = scripted(&script);
	for (size = sizeof(size); size < sizeof(options); size++) {
		copy = support_sized(&options, sizeof(options), size);
		expect_refused(copy, -EINVAL);
		free(copy);
	}
	options.size = 0;
	expect_refused(&options, -EINVAL);
	script_done(&script);
}

TEST(longer_options_need_a_zero_tail)
{
	struct iommunest_open_options options, *copy;
	struct script script;

	script_start(&script, NULL, 0);
	options = scripted(&script);
	copy = support_sized(&options, sizeof(options), sizeof(options) + 3);
	expect_taken(copy);
	((unsigned char *)copy)[sizeof(options) + 2] = 1;
	expect_refused(copy, -E2BIG);
	((unsigned char *)copy)[sizeof(options) + 2] = 0;
	((unsigned char *)copy)[sizeof(options)] = 0x80;
	expect_refused(copy, -E2BIG);
	free(copy);
	script_done(&script);
}

TEST(a_table_too_short_is_einval)
{
	struct iommunest_open_options options;
	struct iommunest_sys *sys;
	struct script script;
	size_t size;

	script_start(&script, NULL, 0);
	options = scripted(&script);
	for (size = sizeof(size); size < sizeof(*sys); size++) {
		sys = support_sized(&script_sys, sizeof(*sys), size);
		options.sys = sys;
		expect_refused(&options, -EINVAL);
		free(sys);
	}
	script_done(&script);
}

TEST(a_longer_table_needs_a_zero_tail)
{
	struct iommunest_open_options options;
	struct iommunest_sys *sys;
	struct script script;

	script_start(&script, NULL, 0);
	options = scripted(&script);
	sys = support_sized(&script_sys, sizeof(*sys), sizeof(*sys) + 8);
	options.sys = sys;
	expect_taken(&options);
	((unsigned char *)sys)[sizeof(*sys) + 7] = 1;
	expect_refused(&options, -E2BIG);
	free(sys);
	script_done(&script);
}

/* The size, and then open, close and ioctl. */
TEST_LOOP(a_table_without_open_close_or_ioctl_is_einval, 3)
{
	struct iommunest_sys sys = script_sys;
	size_t hole = sizeof(size_t) + (size_t)_i * sizeof(sys.open);
	struct iommunest_open_options options;
	struct script script;

	script_start(&script, NULL, 0);
	options = scripted(&script);
	options.sys = &sys;
	memset((unsigned char *)&sys + hole, 0, sizeof(sys.open));
	expect_refused(&options, -EINVAL);
	script_done(&script);
}

TEST(a_table_needs_no_read_write_or_poll)
{
	struct iommunest_sys sys = script_sys;
	struct iommunest_open_options options;
	struct script script;

	script_start(&script, NULL, 0);
	options = scripted(&script);
	options.sys = &sys;
	sys.read = NULL;
	expect_taken(&options);
	sys.write = NULL;
	expect_taken(&options);
	sys.poll = NULL;
	expect_taken(&options);
	sys.read = script_sys.read;
	expect_taken(&options);
	script_done(&script);
}

/* ---- The VMM's own ioctls ---- */

static const int ioctl_results[] = { 0, 1, INT_MAX, -ENOTTY, -EINTR, -EINVAL };

TEST_LOOP(a_raw_ioctl_goes_through_the_table_unchanged,
	  ARRAY_LEN(ioctl_results))
{
	static const uint32_t words[] = { 12, 0x1234, 0 };
	struct script_row row = { .function = SCRIPT_COMMAND,
				  .request = 0x3bff,
				  .words = words,
				  .out = { { 2, 0x99 } } };
	uint32_t cmd[] = { 12, 0x1234, 0 };
	struct iommunest_ctx *ctx;
	struct script script;

	row.ret = ioctl_results[_i];
	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_ioctl(ctx, 0x3bff, cmd), ioctl_results[_i]);
	ck_assert_uint_eq(cmd[2], 0x99);
	script_done(&script);
	iommunest_close(ctx);
}

/* ---- The real table ---- */

static int temporary_file(char *path, size_t len)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	ck_assert(snprintf(path, len, "%s/iommunest-XXXXXX",
			   dir ? dir : P_tmpdir) < (int)len);
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	return fd;
}

TEST(a_path_that_does_not_exist_is_enoent)
{
	struct iommunest_open_options options = {
		.size = sizeof(options), .path = "/nonexistent/iommu"
	};
	struct iommunest_ctx *ctx = GARBAGE;

	ck_assert_int_eq(iommunest_open(&ctx, &options), -ENOENT);
	ck_assert_ptr_null(ctx);
}

TEST(a_regular_file_opens_close_on_exec_and_is_closed)
{
	struct iommunest_open_options options = { .size = sizeof(options) };
	struct iommunest_ctx *ctx;
	char path[256];
	int fd;

	close(temporary_file(path, sizeof(path)));
	options.path = path;
	ck_assert_int_eq(iommunest_open(&ctx, &options), 0);
	unlink(path);
	fd = iommunest_fd(ctx);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	iommunest_close(ctx);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}

TEST(an_ioctl_on_a_regular_file_is_enotty)
{
	struct iommunest_ctx *ctx;
	char path[256];
	uint32_t id = 7;
	int fd;

	fd = temporary_file(path, sizeof(path));
	unlink(path);
	ck_assert_int_eq(iommunest_open_fd(&ctx, fd, NULL), 0);
	errno = 0;
	ck_assert_int_eq(iommunest_object_destroy(ctx, 1), -ENOTTY);
	ck_assert_int_eq(iommunest_ioas_alloc(ctx, &id), -ENOTTY);
	ck_assert_uint_eq(id, 7);
	iommunest_close(ctx);
	ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	close(fd);
}

TEST(an_ioctl_on_a_closed_descriptor_is_ebadf)
{
	struct iommunest_ctx *ctx;
	char path[256];
	int fd;

	fd = temporary_file(path, sizeof(path));
	unlink(path);
	close(fd);
	ck_assert_int_eq(iommunest_open_fd(&ctx, fd, NULL), 0);
	ck_assert_int_eq(iommunest_object_destroy(ctx, 1), -EBADF);
	iommunest_close(ctx);
}
