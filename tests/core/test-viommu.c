/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * vIOMMUs: the bytes of each command, of any vendor and of an SMMUv3; and the
 * reader of their events.
 */
#include <errno.h>
#include <string.h>

#include "lib/uapi/uapi.h"

#include "tests/harness/script.h"
#include "tests/harness/support.h"

/* The ABI's numbers, written out here a second time. */
#define VIOMMU_ALLOC 0x3b90ul
#define VDEVICE_ALLOC 0x3b91ul
#define VEVENTQ_ALLOC 0x3b93ul
#define UNTOUCHED 0xabcdu
#define QUEUE_FD 77

/* ---- Objects ---- */

struct call {
	struct script_row row;
	int (*make)(struct iommunest_ctx *ctx, uint32_t *id, int *fd);
	uint32_t id;
	int fd;
};

/* Linux takes the struct of its first release; what it grew by is zero. */
static const uint32_t viommu_words[10] = { 24, 0, 9, 0x11, 0x22, 0 };
static const uint32_t smmu_words[10] = { 24, 0, 1, 0x11, 0x22, 0 };
static const uint32_t vdevice_words[] = { 24, 0x33, 0x11, 0, 0x44, 0x55 };
static const uint32_t stream_words[] = { 24, 0x33, 0x11, 0, 0xffff, 0 };
static const uint32_t queue_words[] = { 32, 0, 0x33, 9, 64, 0, 0, 0 };
static const uint32_t events_words[] = { 32, 0, 0x33, 1, 64, 0, 0, 0 };
/* A nested HWPT: data type 2, 16 bytes. */
static const uint32_t nested_words[] = { 48, 0,	 0x11, 0x33, 0, 0,
					 2,  16, 0,    0,    0, 0 };
static const unsigned char nested_data[16] = { 11, 0, 0, 0x40 };

static int viommu(struct iommunest_ctx *ctx, uint32_t *id, int *fd)
{
	(void)fd;
	return iommunest_viommu_alloc(ctx, 0x11, 0x22, 9, id);
}

static int smmu_viommu(struct iommunest_ctx *ctx, uint32_t *id, int *fd)
{
	(void)fd;
	return iommunest_smmuv3_viommu_alloc(ctx, 0x11, 0x22, id);
}

static int vdevice(struct iommunest_ctx *ctx, uint32_t *id, int *fd)
{
	(void)fd;
	return iommunest_vdevice_alloc(ctx, 0x33, 0x11, UINT64_C(0x5500000044),
				       id);
}

static int stream(struct iommunest_ctx *ctx, uint32_t *id, int *fd)
{
	(void)fd;
	return iommunest_smmuv3_vdevice_alloc(ctx, 0x33, 0x11, 0xffff, 16, id);
}

static int queue(struct iommunest_ctx *ctx, uint32_t *id, int *fd)
{
	return iommunest_event_queue_alloc(ctx, 0x33, 9, 64, id, fd);
}

static int smmu_queue(struct iommunest_ctx *ctx, uint32_t *id, int *fd)
{
	return iommunest_smmuv3_event_queue_alloc(ctx, 0x33, 64, id, fd);
}

static int smmu_hwpt(struct iommunest_ctx *ctx, uint32_t *id, int *fd)
{
	struct iommunest_smmuv3_s1 s1;

	(void)fd;
	memcpy(&s1, nested_data, sizeof(s1));
	return iommunest_smmuv3_hwpt_alloc(ctx, 0x11, 0x33, &s1, id);
}

/* clang-format off */
#define COMMAND(request_, words_, ...) \
	{ .function = SCRIPT_COMMAND, .request = (request_), \
	  .words = (words_), .out = { __VA_ARGS__ } }
/* clang-format on */

static const struct call calls[] = {
	{ COMMAND(VIOMMU_ALLOC, viommu_words, { 5, 0x99 }), viommu, 0x99, -7 },
	{ COMMAND(VIOMMU_ALLOC, smmu_words, { 5, 0x99 }), smmu_viommu, 0x99,
	  -7 },
	{ COMMAND(VDEVICE_ALLOC, vdevice_words, { 3, 0x98 }), vdevice, 0x98,
	  -7 },
	{ COMMAND(VDEVICE_ALLOC, stream_words, { 3, 0x98 }), stream, 0x98, -7 },
	{ COMMAND(VEVENTQ_ALLOC, queue_words, { 5, 0x97 }, { 6, QUEUE_FD }),
	  queue, 0x97, QUEUE_FD },
	{ COMMAND(VEVENTQ_ALLOC, events_words, { 5, 0x97 }, { 6, QUEUE_FD }),
	  smmu_queue, 0x97, QUEUE_FD },
	{ { .function = SCRIPT_COMMAND,
	    .request = SCRIPT_HWPT_ALLOC,
	    .words = nested_words,
	    .pointer = 8,
	    .data = nested_data,
	    .data_len = sizeof(nested_data),
	    .out = { { 4, 0x96 } } },
	  smmu_hwpt,
	  0x96,
	  -7 },
};

/* With a newer header the struct is longer, and its new members are zero. */
static bool grows(const struct call *call)
{
	return call->row.request == VIOMMU_ALLOC;
}

static void run(const struct call *call, int error)
{
	struct script_row row = call->row;
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t words[10];
	uint32_t id = UNTOUCHED;
	int fd = -7;

	if (grows(call)) {
		memcpy(words, row.words, sizeof(words));
		words[0] = sizeof(struct iommu_viommu_alloc);
		row.words = words;
	}
	row.ret = error;
	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(call->make(ctx, &id, &fd), error);
	ck_assert_uint_eq(id, error ? UNTOUCHED : call->id);
	ck_assert_int_eq(fd, error ? -7 : call->fd);
	script_done(&script);
	iommunest_close(ctx);
}

TEST_LOOP(the_command_is_sent_and_its_ids_come_back, ARRAY_LEN(calls))
{
	run(&calls[_i], 0);
}

static const int errors[] = { -ENOTTY, -EOPNOTSUPP, -EINVAL, -ENOENT,
			      -EEXIST, -EBUSY,	    -EIO,    -ENOMEM };

TEST_LOOP(an_error_passes_unchanged, ARRAY_LEN(calls) * ARRAY_LEN(errors))
{
	run(&calls[(size_t)_i / ARRAY_LEN(errors)],
	    errors[(size_t)_i % ARRAY_LEN(errors)]);
}

TEST_LOOP(without_an_argument_nothing_is_called, ARRAY_LEN(calls))
{
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id;
	int fd;

	ctx = script_open(&script, NULL, 0);
	ck_assert_int_eq(calls[_i].make(NULL, &id, &fd), -EINVAL);
	ck_assert_int_eq(calls[_i].make(ctx, NULL, &fd), -EINVAL);
	if (calls[_i].row.request == VEVENTQ_ALLOC)
		ck_assert_int_eq(calls[_i].make(ctx, &id, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_hwpt_alloc(ctx, 1, 2, NULL, &id),
			 -EINVAL);
	script_done(&script);
	iommunest_close(ctx);
}

static const struct {
	uint32_t sid;
	unsigned int bits;
} no_streams[] = {
	{ 0x10000, 16 }, { 1, 0 },  { 0xff, 7 },
	{ ~0u, 31 },	 { 0, 33 }, { 5, ~0u },
};

TEST_LOOP(a_stream_that_no_command_can_name_is_refused, ARRAY_LEN(no_streams))
{
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id;

	ctx = script_open(&script, NULL, 0);
	ck_assert_int_eq(
		iommunest_smmuv3_vdevice_alloc(ctx, 1, 2, no_streams[_i].sid,
					       no_streams[_i].bits, &id),
		-EINVAL);
	script_done(&script);
	iommunest_close(ctx);
}

/* Bytes of the two words that the kernel has no room for, or does not serve. */
static const struct {
	unsigned int byte;
	unsigned char value;
} bad_data[] = {
	/* Config 1, 6, 7; bits 52 and 58 of the first word. */
	{ 0, 1 | 1 << 1 },
	{ 0, 1 | 6 << 1 },
	{ 0, 1 | 7 << 1 },
	{ 6, 1 << 4 },
	{ 7, 1 << 2 },
	/* MEV, STRW, EATS 2 and 3, SHCFG of the second. */
	{ 8 + 1, 1 },
	{ 8 + 2, 1 << 3 },
	{ 8 + 3, 2 << 4 },
	{ 8 + 3, 3 << 4 },
	{ 8 + 3, 1 << 6 },
	{ 8 + 5, 1 << 4 },
};

TEST_LOOP(data_that_the_kernel_refuses_are_not_sent, ARRAY_LEN(bad_data))
{
	struct iommunest_smmuv3_s1 s1;
	unsigned char data[16];
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id;

	memcpy(data, nested_data, sizeof(data));
	data[bad_data[_i].byte] = bad_data[_i].value;
	memcpy(&s1, data, sizeof(s1));
	ctx = script_open(&script, NULL, 0);
	ck_assert_int_eq(iommunest_smmuv3_hwpt_alloc(ctx, 1, 2, &s1, &id),
			 -EINVAL);
	script_done(&script);
	iommunest_close(ctx);
}

/* Whatever else is set in an entry that is not valid. */
TEST(data_that_are_not_valid_are_sent_as_they_are)
{
	static const unsigned char data[16] = { 0xfe, 0xff, 0xff, 0xff,
						0xff, 0xff, 0xff, 0xff,
						0xff, 0xff, 0xff, 0xff,
						0xff, 0xff, 0xff, 0xff };
	static const struct script_row row = { .function = SCRIPT_COMMAND,
					       .request = SCRIPT_HWPT_ALLOC,
					       .words = nested_words,
					       .pointer = 8,
					       .data = data,
					       .data_len = sizeof(data),
					       .out = { { 4, 1 } } };
	struct iommunest_smmuv3_s1 s1;
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id;

	memcpy(&s1, data, sizeof(s1));
	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_smmuv3_hwpt_alloc(ctx, 0x11, 0x33, &s1, &id),
			 0);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(a_queue_is_closed)
{
	static const struct script_row row = { .function = SCRIPT_CLOSE };
	struct iommunest_ctx *ctx;
	struct script script;

	ctx = script_open(&script, &row, 1);
	iommunest_event_queue_close(ctx, SCRIPT_FD);
	script_done(&script);
	iommunest_event_queue_close(NULL, SCRIPT_FD);
	ck_assert_int_eq(iommunest_event_queue_wait(NULL, 3, 0), -EINVAL);
	ck_assert_int_eq(iommunest_event_queue_wait(ctx, -1, 0), -EBADF);
	iommunest_close(ctx);
}

/* ---- Reading events ---- */

#define LEN 12u
#define LOST 1u
#define STREAM_MAX 8192u

static struct {
	unsigned char bytes[STREAM_MAX];
	size_t len;
	size_t at;
	/* In place of what there is, if not 0. */
	ssize_t ret;
	/* Of the last read. */
	size_t asked;
	unsigned int reads;
} source;

static int no_open(void *data, const char *path, int flags)
{
	(void)data, (void)path, (void)flags;
	return -ENODEV;
}

static int no_close(void *data, int fd)
{
	(void)data, (void)fd;
	return 0;
}

static int no_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	(void)data, (void)fd, (void)request, (void)arg;
	return -ENODEV;
}

/* As the kernel: whole records, and none that there is no room for. */
static size_t whole(size_t room)
{
	size_t got = 0, len;
	uint32_t flags;

	while (source.at + got < source.len) {
		memcpy(&flags, source.bytes + source.at + got, sizeof(flags));
		len = flags == LOST ? 8 : 8 + LEN;
		if (len > room - got)
			break;
		got += len;
	}
	return got;
}

static ssize_t source_read(void *data, int fd, void *buf, size_t room)
{
	size_t got;

	(void)data;
	ck_assert_int_eq(fd, QUEUE_FD);
	source.reads++;
	source.asked = room;
	if (source.ret)
		return source.ret;
	got = whole(room);
	memcpy(buf, source.bytes + source.at, got);
	source.at += got;
	return (ssize_t)got;
}

static const struct iommunest_sys source_sys = {
	.size = sizeof(source_sys),
	.open = no_open,
	.close = no_close,
	.ioctl = no_ioctl,
	.read = source_read,
};

static struct iommunest_event_reader *reader;
static struct iommunest_ctx *reader_ctx;
static struct iommunest_event event;

static void set_up(void)
{
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &source_sys,
	};

	memset(&source, 0, sizeof(source));
	ck_assert_int_eq(iommunest_open_fd(&reader_ctx, 3, &options), 0);
	ck_assert_int_eq(iommunest_event_reader_new(&reader, reader_ctx,
						    QUEUE_FD, LEN),
			 0);
	event.size = sizeof(event);
}

static void tear_down(void)
{
	iommunest_event_reader_free(reader);
	iommunest_close(reader_ctx);
}
FIXTURE(set_up, tear_down);

static void put(uint32_t flags, uint32_t sequence)
{
	const uint32_t header[2] = { flags, sequence };

	ck_assert_uint_le(source.len + 8 + LEN, STREAM_MAX);
	memcpy(source.bytes + source.len, header, 8);
	source.len += 8;
	if (flags == LOST)
		return;
	memset(source.bytes + source.len, (int)(sequence & 0xff), LEN);
	source.len += LEN;
}

static int next(void)
{
	return iommunest_event_reader_next(reader, &event);
}

static void is_event(uint32_t sequence, uint32_t lost)
{
	const unsigned char *data;
	unsigned int i;

	ck_assert_int_eq(next(), 1);
	ck_assert_uint_eq(event.sequence, sequence);
	ck_assert_uint_eq(event.lost, lost);
	data = event.data;
	ck_assert_ptr_nonnull(data);
	for (i = 0; i < LEN; i++)
		ck_assert_uint_eq(data[i], sequence & 0xff);
}

static void is_loss(uint32_t sequence, uint32_t lost)
{
	ck_assert_int_eq(next(), 1);
	ck_assert_uint_eq(event.sequence, sequence);
	ck_assert_uint_eq(event.lost, lost);
	ck_assert_ptr_null(event.data);
}

TEST(events_come_one_by_one)
{
	uint32_t i;

	ck_assert_int_eq(next(), 0);
	for (i = 0; i < 3; i++)
		put(0, i);
	for (i = 0; i < 3; i++)
		is_event(i, 0);
	ck_assert_int_eq(next(), 0);
	put(0, 3);
	is_event(3, 0);
	ck_assert_uint_eq(source.reads, 4);
}

TEST(more_than_one_read_are_no_loss)
{
	uint32_t i;

	for (i = 0; i < 200; i++)
		put(0, i);
	for (i = 0; i < 200; i++)
		is_event(i, 0);
	ck_assert_int_eq(next(), 0);
	ck_assert_uint_ge(source.reads, 3);
}

/* What a real kernel was seen to write: a queue of 4, and 24 lost. */
TEST(a_loss_at_the_end_has_a_record_of_its_own)
{
	uint32_t i;

	for (i = 0; i < 8; i++)
		put(0, i);
	put(LOST, 31);
	put(0, 32);
	for (i = 0; i < 8; i++)
		is_event(i, 0);
	is_loss(31, 24);
	is_event(32, 0);
}

TEST(a_gap_is_a_loss)
{
	put(0, 0);
	put(0, 5);
	put(0, 6);
	put(LOST, 6 + 3);
	put(0, 12);
	is_event(0, 0);
	is_event(5, 4);
	is_event(6, 0);
	is_loss(9, 3);
	is_event(12, 2);
}

TEST(the_first_ones_may_be_lost)
{
	put(LOST, 0);
	put(0, 2);
	is_loss(0, 1);
	is_event(2, 1);
}

TEST(the_count_begins_again_after_2_to_31)
{
	put(0, 0x7fffffff);
	put(0, 0);
	put(LOST, 1);
	is_event(0x7fffffff, 0x7fffffff);
	is_event(0, 0);
	is_loss(1, 1);
}

TEST(what_cannot_be_is_eio)
{
	put(2, 0);
	ck_assert_int_eq(next(), -EIO);
	/* The rest of that read is given up. */
	ck_assert_int_eq(next(), 0);
	put(0, 0x80000000u);
	ck_assert_int_eq(next(), -EIO);
	source.ret = STREAM_MAX * 2;
	ck_assert_int_eq(next(), -EIO);
	source.ret = 4;
	ck_assert_int_eq(next(), -EIO);
	source.ret = 8 + LEN - 1;
	ck_assert_int_eq(next(), -EIO);
}

static const int read_errors[] = { -EINVAL, -EINTR, -EBADF, -ENOMEM };

TEST_LOOP(an_error_of_read_passes_unchanged, ARRAY_LEN(read_errors))
{
	put(0, 0);
	put(0, 1);
	source.ret = read_errors[_i];
	ck_assert_int_eq(next(), read_errors[_i]);
	source.ret = 0;
	is_event(0, 0);
	/* The other one was read with it. */
	source.ret = read_errors[_i];
	is_event(1, 0);
	ck_assert_int_eq(next(), read_errors[_i]);
}

TEST(arguments_of_a_reader_are_checked)
{
	struct iommunest_event_reader *other = reader;
	struct iommunest_event small = { .size = 8 };

	ck_assert_int_eq(iommunest_event_reader_new(NULL, reader_ctx, 1, 1),
			 -EINVAL);
	ck_assert_int_eq(iommunest_event_reader_new(&other, NULL, 1, 1),
			 -EINVAL);
	ck_assert_ptr_null(other);
	ck_assert_int_eq(iommunest_event_reader_new(&other, reader_ctx, -1, 1),
			 -EBADF);
	ck_assert_int_eq(iommunest_event_reader_new(&other, reader_ctx, 1, 0),
			 -EINVAL);
	ck_assert_int_eq(iommunest_event_reader_new(&other, reader_ctx, 1,
						    4097),
			 -EINVAL);
	ck_assert_int_eq(iommunest_event_reader_next(NULL, &event), -EINVAL);
	ck_assert_int_eq(iommunest_event_reader_next(reader, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_event_reader_next(reader, &small), -EINVAL);
	ck_assert_uint_eq(source.reads, 0);
	iommunest_event_reader_free(NULL);
}

TEST(without_a_read_there_is_no_reader)
{
	struct iommunest_sys sys = source_sys;
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &sys,
	};
	struct iommunest_event_reader *none;
	struct iommunest_ctx *ctx;

	sys.read = NULL;
	ck_assert_int_eq(iommunest_open_fd(&ctx, 3, &options), 0);
	ck_assert_int_eq(iommunest_event_reader_new(&none, ctx, 1, LEN),
			 -ENOSYS);
	iommunest_close(ctx);
}
