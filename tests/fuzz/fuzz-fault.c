/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A fault queue that returns any bytes, in pieces of any length, and answers
 * writes in any way.  Groups are handed out in the order of the bytes, and none
 * twice; no answer is sent twice; and what the reader says waits does.
 */
#include <errno.h>
#include <string.h>

#include <libiommunest.h>

#include "fuzz.h"

#define REQUESTS 256u
#define REQUEST_LEN 40u
#define FD 7

/* The kernel's struct iommu_hwpt_page_response. */
struct answer {
	uint32_t cookie;
	uint32_t code;
};

struct waiting {
	uint64_t id;
	uint32_t cookie;
};

struct world {
	struct fuzz_input in;
	struct iommunest_ctx *ctx;
	struct iommunest_fault_reader *reader;
	/* All that was read, as requests; the last may be incomplete. */
	struct iommunest_page_request requests[REQUESTS];
	size_t bytes;
	/* Requests that were handed out, and those whose cookies are known. */
	size_t next;
	size_t known;
	struct waiting waiting[REQUESTS];
	unsigned int n_waiting;
	uint64_t last_id;
	/* The write that is allowed: cookies, in order; and what was taken. */
	uint32_t expected[REQUESTS];
	unsigned int n_expected;
	unsigned int taken;
};

static struct world w;

/* ---- The kernel ---- */

static int no_open(void *data, const char *path, int flags)
{
	(void)data, (void)path, (void)flags;
	return -ENOENT;
}

static int no_close(void *data, int fd)
{
	(void)data, (void)fd;
	return 0;
}

static int no_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	(void)data, (void)fd, (void)request, (void)arg;
	return -ENOTTY;
}

/* Few cookies, so that they come again. */
static struct iommunest_page_request any_request(void)
{
	const uint8_t shape = fuzz_u8(&w.in);
	const struct iommunest_page_request request = {
		.flags = (shape & 1 ? IOMMUNEST_PAGE_REQUEST_LAST : 0) |
			 (shape & 2 ? ~3u : 0),
		.dev_id = shape >> 2 & 3,
		.addr = fuzz_u8(&w.in),
		.cookie = shape >> 4,
	};

	return request;
}

static ssize_t any_read(void *data, int fd, void *buf, size_t len)
{
	unsigned char *to = (unsigned char *)w.requests + w.bytes;
	const size_t room = sizeof(w.requests) - w.bytes;
	size_t give = fuzz_u8(&w.in), i;

	(void)data;
	fuzz_check(fd == FD && len && len % REQUEST_LEN == 0);
	if (give == 255)
		return -(1 + (int)fuzz_below(&w.in, 40));
	if (give == 254)
		return (ssize_t)len + 1;
	if (give > len)
		give = len;
	if (give > room)
		give = room;
	/* A request that was begun is ended as it was. */
	for (i = w.bytes / REQUEST_LEN + (w.bytes % REQUEST_LEN != 0);
	     i * REQUEST_LEN < w.bytes + give; i++)
		w.requests[i] = any_request();
	memcpy(buf, to, give);
	w.bytes += give;
	return (ssize_t)give;
}

static ssize_t any_write(void *data, int fd, const void *buf, size_t len)
{
	const size_t count = len / sizeof(struct answer);
	struct answer answers[64];
	unsigned int how = fuzz_u8(&w.in);
	size_t i;

	(void)data;
	fuzz_check(fd == FD && len && len % sizeof(struct answer) == 0);
	fuzz_check(count <= 64);
	memcpy(answers, buf, len);
	for (i = 0; i < count; i++) {
		fuzz_check(w.taken + i < w.n_expected);
		fuzz_check(answers[i].cookie == w.expected[w.taken + i]);
		fuzz_check(answers[i].code <= 1);
	}
	if (how < 32) {
		w.taken++;
		return -EINVAL;
	}
	if (how < 48)
		return -(1 + (int)(how % 16 == EINVAL - 1 ? EINTR : how % 16));
	if (how < 56)
		return (ssize_t)(how % 8);
	how %= (unsigned int)count + 1;
	if (!how)
		how = (unsigned int)count;
	w.taken += how;
	return (ssize_t)(how * sizeof(struct answer));
}

static const struct iommunest_sys sys = {
	.size = sizeof(sys),
	.open = no_open,
	.close = no_close,
	.ioctl = no_ioctl,
	.read = any_read,
	.write = any_write,
};

/* ---- What waits ---- */

static void forget(unsigned int at)
{
	w.n_waiting--;
	memmove(&w.waiting[at], &w.waiting[at + 1],
		(w.n_waiting - at) * sizeof(w.waiting[0]));
}

/* Cookies that were read end the waits of those who had them. */
static void learn(void)
{
	unsigned int i;

	for (; w.known < w.bytes / REQUEST_LEN; w.known++) {
		for (i = w.n_waiting; i-- > 0;) {
			if (w.waiting[i].cookie == w.requests[w.known].cookie)
				forget(i);
		}
	}
}

static unsigned int find(uint64_t id)
{
	unsigned int i = 0;

	while (i < w.n_waiting && w.waiting[i].id != id)
		i++;
	return i;
}

/* ---- What is done ---- */

static void hand_out(void)
{
	struct iommunest_fault_group group = { .size = sizeof(group) };
	int ret = iommunest_fault_reader_next(w.reader, &group);
	const struct iommunest_page_request *first = &w.requests[w.next];
	uint32_t i;

	learn();
	fuzz_check(ret <= 1);
	if (ret != 1)
		return;
	fuzz_check(group.count && w.next + group.count <= w.known);
	fuzz_check(!memcmp(group.requests, first, group.count * REQUEST_LEN));
	for (i = 0; i < group.count; i++) {
		fuzz_check(first[i].cookie == first[0].cookie);
		fuzz_check(i + 1 == group.count ||
			   !(first[i].flags & IOMMUNEST_PAGE_REQUEST_LAST));
	}
	if (!(first[i - 1].flags & IOMMUNEST_PAGE_REQUEST_LAST))
		fuzz_check(first[i].cookie != first[0].cookie);
	fuzz_check(group.id > w.last_id);
	w.last_id = group.id;
	w.waiting[w.n_waiting++] =
		(struct waiting){ group.id, first[0].cookie };
	w.next += group.count;
}

/* An element before it has the same id. */
static bool is_twice(const struct iommunest_fault_response *responses,
		     unsigned int at)
{
	unsigned int i = 0;

	while (i < at && responses[i].id != responses[at].id)
		i++;
	return i < at;
}

static void respond(void)
{
	struct iommunest_fault_response responses[8];
	const unsigned int count = fuzz_below(&w.in, 9);
	unsigned int i, at;
	int ret;

	w.n_expected = 0;
	w.taken = 0;
	for (i = 0; i < count; i++) {
		responses[i].id = w.last_id - fuzz_below(&w.in, 8);
		responses[i].code = fuzz_bool(&w.in);
		at = find(responses[i].id);
		if (at < w.n_waiting && !is_twice(responses, i))
			w.expected[w.n_expected++] = w.waiting[at].cookie;
	}
	ret = iommunest_fault_respond(w.reader, responses, count);
	fuzz_check(ret <= 0);
	fuzz_check(ret || w.taken == w.n_expected);
	for (i = 0; i < count; i++) {
		at = find(responses[i].id);
		fuzz_check(responses[i].error <= 0);
		fuzz_check(ret || !responses[i].error ||
			   responses[i].error == -ENOENT);
		if (is_twice(responses, i))
			fuzz_check(responses[i].error);
		else if (at < w.n_waiting &&
			 (!responses[i].error || responses[i].error == -ENOENT))
			forget(at);
	}
}

static void step(void)
{
	switch (fuzz_below(&w.in, 4)) {
	case 0:
		respond();
		break;
	case 1:
		if (fuzz_below(&w.in, 8) == 0)
			iommunest_fault_reader_grow(w.reader,
						    fuzz_below(&w.in, 32));
		break;
	default:
		hand_out();
	}
	fuzz_check(iommunest_fault_waiting(w.reader) == w.n_waiting);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iommunest_open_options open = { .size = sizeof(open),
					       .sys = &sys };
	struct iommunest_fault_reader_options options = {
		.size = sizeof(options),
	};

	memset(&w, 0, sizeof(w));
	w.in = (struct fuzz_input){ data, size };
	options.requests = 1 + fuzz_below(&w.in, 8);
	options.groups = 1 + fuzz_below(&w.in, 8);
	fuzz_check(!iommunest_open_fd(&w.ctx, 3, &open));
	fuzz_check(!iommunest_fault_reader_new(&w.reader, w.ctx, FD, &options));
	while (fuzz_more(&w.in))
		step();
	iommunest_fault_reader_free(w.reader);
	iommunest_close(w.ctx);
	return 0;
}
