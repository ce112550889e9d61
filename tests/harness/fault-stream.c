/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "tests/harness/fault-stream.h"

#include <errno.h>
#include <string.h>

#include "tests/harness/support.h"

static int no_open(void *data, const char *path, int flags)
{
	(void)data;
	(void)path;
	(void)flags;
	return -ENOENT;
}

static int no_close(void *data, int fd)
{
	(void)data;
	(void)fd;
	return 0;
}

static int no_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	(void)data;
	(void)fd;
	(void)request;
	(void)arg;
	return -ENOTTY;
}

static long step(const long *steps, unsigned int at)
{
	return at < STREAM_STEPS ? steps[at] : 0;
}

static ssize_t stream_read(void *data, int fd, void *buf, size_t len)
{
	struct stream *stream = data;
	long want = step(stream->reads, stream->n_reads++);
	size_t left = stream->len - stream->read;

	ck_assert_int_eq(fd, STREAM_FD);
	/* The kernel takes no other. */
	ck_assert_uint_eq(len % 40, 0);
	ck_assert_uint_gt(len, 0);
	stream->asked = len;
	if (want < 0)
		return want;
	/* More than there is room for is a lie. */
	if (want > (long)len)
		return want;
	if (want && left > (size_t)want)
		left = (size_t)want;
	if (left > len)
		left = len;
	memcpy(buf, stream->bytes + stream->read, left);
	stream->read += left;
	return (ssize_t)left;
}

static ssize_t stream_write(void *data, int fd, const void *buf, size_t len)
{
	struct stream *stream = data;
	long want = step(stream->writes, stream->n_writes++);
	size_t taken = want > 0 && (size_t)want < len ? (size_t)want : len;

	ck_assert_int_eq(fd, STREAM_FD);
	ck_assert_uint_eq(len % 8, 0);
	ck_assert_uint_gt(len, 0);
	if (want < 0)
		return want;
	memcpy(&stream->answers[stream->n_answers], buf, taken / 8 * 8);
	stream->n_answers += (unsigned int)(taken / 8);
	return want ? want : (ssize_t)len;
}

static const struct iommunest_sys stream_sys = {
	.size = sizeof(stream_sys),
	.open = no_open,
	.close = no_close,
	.ioctl = no_ioctl,
	.read = stream_read,
	.write = stream_write,
};

void stream_open(struct stream *stream,
		 const struct iommunest_fault_reader_options *options)
{
	struct iommunest_open_options open = { .size = sizeof(open),
					       .sys = &stream_sys,
					       .sys_data = stream };

	memset(stream, 0, sizeof(*stream));
	ck_assert_int_eq(iommunest_open_fd(&stream->ctx, 3, &open), 0);
	ck_assert_int_eq(iommunest_fault_reader_new(&stream->reader,
						    stream->ctx, STREAM_FD,
						    options),
			 0);
}

void stream_close(struct stream *stream)
{
	iommunest_fault_reader_free(stream->reader);
	iommunest_close(stream->ctx);
}

void stream_add(struct stream *stream, uint32_t cookie, uint32_t prgi,
		uint64_t addr, uint32_t flags)
{
	const struct iommunest_page_request request = {
		.flags = flags,
		.dev_id = 5,
		.pasid = flags & IOMMUNEST_PAGE_REQUEST_PASID ? 0x1234 : 0,
		.prgi = prgi,
		.perm = IOMMUNEST_PAGE_REQUEST_READ,
		.addr = addr,
		.cookie = cookie,
	};

	ck_assert_uint_le(stream->len + sizeof(request), STREAM_BYTES);
	memcpy(stream->bytes + stream->len, &request, sizeof(request));
	stream->len += sizeof(request);
}

void stream_add_group(struct stream *stream, uint32_t cookie, uint32_t prgi,
		      uint64_t addr, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		stream_add(stream, cookie, prgi, addr + i * 4096,
			   i + 1 == count ? IOMMUNEST_PAGE_REQUEST_LAST : 0);
}

struct iommunest_fault_group stream_next(struct stream *stream)
{
	struct iommunest_fault_group group =
		IOMMUNEST_INIT(struct iommunest_fault_group);

	ck_assert_int_eq(iommunest_fault_reader_next(stream->reader, &group),
			 1);
	return group;
}

int stream_respond(struct stream *stream, uint64_t id, uint32_t code)
{
	struct iommunest_fault_response response = { .id = id, .code = code };
	int ret = iommunest_fault_respond(stream->reader, &response, 1);

	return ret ? ret : response.error;
}
