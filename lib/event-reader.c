/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Reads an event queue.  The kernel writes whole records: a header, and the
 * event.  It counts all events, those too that it has no room for, so a gap in
 * the numbers is a loss.  If the last ones were lost, a header without an event
 * says so.
 */
#include "lib/uapi/uapi.h"

#include <stdlib.h>

#include "lib/abi.h"
#include "lib/context.h"

#define MAX_EVENT_LEN 4096u
/* Records of one read. */
#define RECORDS 64u
/* Numbers go from 0 to this. */
#define SEQUENCE_MASK 0x7fffffffu

#define HEADER_LEN sizeof(struct iommufd_vevent_header)

struct iommunest_event_reader {
	struct iommunest_ctx *ctx;
	int fd;
	uint32_t event_len;
	/* The number of the event that comes next, modulo 2^31. */
	uint32_t expected;
	/* What was read, and how much of it was handed out. */
	size_t room;
	size_t used;
	size_t next;
	/* After the struct, in the same allocation. */
	unsigned char *bytes;
};

EXPORT int iommunest_event_reader_new(struct iommunest_event_reader **reader,
				      struct iommunest_ctx *ctx, int fd,
				      uint32_t event_len)
{
	const size_t room = RECORDS * (HEADER_LEN + event_len);
	struct iommunest_event_reader *new;

	if (!reader)
		return -EINVAL;
	*reader = NULL;
	if (!ctx || event_len == 0 || event_len > MAX_EVENT_LEN)
		return -EINVAL;
	if (fd < 0)
		return -EBADF;
	if (!ctx->sys.read)
		return -ENOSYS;
	new = calloc(1, sizeof(*new) + room);
	if (!new)
		return -ENOMEM;
	new->ctx = ctx;
	new->fd = fd;
	new->event_len = event_len;
	new->room = room;
	new->bytes = (unsigned char *)(new + 1);
	*reader = new;
	return 0;
}

EXPORT void iommunest_event_reader_free(struct iommunest_event_reader *reader)
{
	free(reader);
}

/* 1, or 0 where the queue is empty: it does not block, and has no EAGAIN. */
static int fill(struct iommunest_event_reader *reader)
{
	struct iommunest_ctx *ctx = reader->ctx;
	ssize_t got = ctx->sys.read(ctx->sys_data, reader->fd, reader->bytes,
				    reader->room);

	reader->next = 0;
	reader->used = 0;
	if (got < 0)
		return (int)got;
	if ((size_t)got > reader->room)
		return -EIO;
	reader->used = (size_t)got;
	return got > 0;
}

/* What is left is of no use: it is not known where the next record begins. */
static int give_up(struct iommunest_event_reader *reader)
{
	reader->next = reader->used;
	return -EIO;
}

/* The record at reader->next, which has to be whole. */
static int take(struct iommunest_event_reader *reader,
		struct iommunest_event *out)
{
	const unsigned char *record = reader->bytes + reader->next;
	const size_t left = reader->used - reader->next;
	struct iommufd_vevent_header header;
	bool is_loss;
	size_t len;

	if (left < HEADER_LEN)
		return give_up(reader);
	memcpy(&header, record, HEADER_LEN);
	if (header.flags & ~(uint32_t)IOMMU_VEVENTQ_FLAG_LOST_EVENTS ||
	    header.sequence > SEQUENCE_MASK)
		return give_up(reader);
	is_loss = header.flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
	len = is_loss ? HEADER_LEN : HEADER_LEN + reader->event_len;
	if (left < len)
		return give_up(reader);
	out->data = is_loss ? NULL : record + HEADER_LEN;
	out->sequence = header.sequence;
	out->lost = (header.sequence - reader->expected) & SEQUENCE_MASK;
	/* The number is that of the last one that was lost. */
	if (is_loss)
		out->lost++;
	reader->expected = header.sequence + 1;
	reader->next += len;
	return 1;
}

EXPORT int iommunest_event_reader_next(struct iommunest_event_reader *reader,
				       struct iommunest_event *event)
{
	struct iommunest_event out = { 0 };
	int ret;

	if (!reader || !event)
		return -EINVAL;
	ret = iommunest_check_size(event, END_OF(struct iommunest_event, lost));
	if (ret)
		return ret;
	if (reader->next == reader->used) {
		ret = fill(reader);
		if (ret <= 0)
			return ret;
	}
	ret = take(reader, &out);
	if (ret > 0)
		iommunest_copy_out(event, &out, sizeof(out));
	return ret;
}
