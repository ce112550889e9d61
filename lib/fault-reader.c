/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Reads a fault queue.  The kernel gives each group a cookie when it is read,
 * the lowest that is free, and takes it back when the group is answered, which
 * the kernel does itself where a device is detached.  So a late answer would
 * meet another group.  Callers get an id that is never used again, and a
 * cookie that is read a second time ends the wait of the group that had it.
 */
#include "lib/uapi/uapi.h"

#include <stdlib.h>

#include "lib/abi.h"
#include "lib/context.h"

#define DEFAULT_REQUESTS 512u
#define DEFAULT_GROUPS 1024u
#define MAX_ROOM (1u << 20)
/* Answers of one write. */
#define CHUNK 64u

#define REQUEST_LEN sizeof(struct iommunest_page_request)
#define RESPONSE_LEN sizeof(struct iommu_hwpt_page_response)

/* clang-format off */
#define SAME(member, theirs)						\
	_Static_assert(offsetof(struct iommunest_page_request, member) == \
		       offsetof(struct iommu_hwpt_pgfault, theirs),	\
		       "a request is read as it is")
/* clang-format on */
SAME(flags, flags);
SAME(dev_id, dev_id);
SAME(pasid, pasid);
SAME(prgi, grpid);
SAME(perm, perm);
SAME(addr, addr);
SAME(length, length);
SAME(cookie, cookie);
_Static_assert(REQUEST_LEN == sizeof(struct iommu_hwpt_pgfault),
	       "a request is read as it is");
_Static_assert(IOMMUNEST_PAGE_REQUEST_PASID == IOMMU_PGFAULT_FLAGS_PASID_VALID,
	       "uAPI flag");
_Static_assert(IOMMUNEST_PAGE_REQUEST_LAST == IOMMU_PGFAULT_FLAGS_LAST_PAGE,
	       "uAPI flag");
_Static_assert(IOMMUNEST_PAGE_REQUEST_READ == IOMMU_PGFAULT_PERM_READ,
	       "uAPI flag");
_Static_assert(IOMMUNEST_PAGE_REQUEST_WRITE == IOMMU_PGFAULT_PERM_WRITE,
	       "uAPI flag");
_Static_assert(IOMMUNEST_PAGE_REQUEST_EXEC == IOMMU_PGFAULT_PERM_EXEC,
	       "uAPI flag");
_Static_assert(IOMMUNEST_PAGE_REQUEST_PRIV == IOMMU_PGFAULT_PERM_PRIV,
	       "uAPI flag");
_Static_assert(IOMMUNEST_FAULT_SUCCESS == IOMMUFD_PAGE_RESP_SUCCESS &&
		       IOMMUNEST_FAULT_INVALID == IOMMUFD_PAGE_RESP_INVALID,
	       "uAPI code");

/* A group that waits for an answer. */
struct waiting {
	uint64_t id;
	uint32_t cookie;
	uint32_t dev_id;
	uint32_t pasid;
	uint32_t prgi;
	/* In the array that is being written. */
	bool sending;
};

struct iommunest_fault_reader {
	struct iommunest_ctx *ctx;
	int fd;
	/* What was read: groups handed out, groups to come, a part of one. */
	struct iommunest_page_request *requests;
	/* In bytes. */
	size_t room;
	size_t used;
	/* The next group begins here. */
	size_t next;
	/* By id, which is by age. */
	struct waiting *waiting;
	uint32_t waiting_room;
	uint32_t waiting_count;
	uint64_t last_id;
};

/* ---- New and free ---- */

static int copy_options(struct iommunest_fault_reader_options *to,
			const struct iommunest_fault_reader_options *from)
{
	int ret;

	memset(to, 0, sizeof(*to));
	if (from) {
		ret = iommunest_copy_in(
			to, sizeof(*to), from,
			END_OF(struct iommunest_fault_reader_options, groups));
		if (ret)
			return ret;
	}
	if (!to->requests)
		to->requests = DEFAULT_REQUESTS;
	if (!to->groups)
		to->groups = DEFAULT_GROUPS;
	return to->requests > MAX_ROOM || to->groups > MAX_ROOM ? -EINVAL : 0;
}

static struct iommunest_fault_reader *
reader_new(const struct iommunest_fault_reader_options *options)
{
	struct iommunest_fault_reader *new = calloc(1, sizeof(*new));

	if (!new)
		return NULL;
	new->requests = calloc(options->requests, REQUEST_LEN);
	new->waiting = calloc(options->groups, sizeof(*new->waiting));
	if (!new->requests || !new->waiting) {
		iommunest_fault_reader_free(new);
		return NULL;
	}
	new->room = options->requests *REQUEST_LEN;
	new->waiting_room = options->groups;
	return new;
}

EXPORT int
iommunest_fault_reader_new(struct iommunest_fault_reader **reader,
			   struct iommunest_ctx *ctx, int fd,
			   const struct iommunest_fault_reader_options *options)
{
	struct iommunest_fault_reader_options opts;
	struct iommunest_fault_reader *new;
	int ret;

	if (!reader)
		return -EINVAL;
	*reader = NULL;
	if (!ctx)
		return -EINVAL;
	if (fd < 0)
		return -EBADF;
	ret = copy_options(&opts, options);
	if (ret)
		return ret;
	if (!ctx->sys.read || !ctx->sys.write)
		return -ENOSYS;
	new = reader_new(&opts);
	if (!new)
		return -ENOMEM;
	new->ctx = ctx;
	new->fd = fd;
	*reader = new;
	return 0;
}

EXPORT void iommunest_fault_reader_free(struct iommunest_fault_reader *reader)
{
	if (!reader)
		return;
	free(reader->requests);
	free(reader->waiting);
	free(reader);
}

EXPORT int iommunest_fault_reader_grow(struct iommunest_fault_reader *reader,
				       uint32_t requests)
{
	void *new;

	if (!reader || requests > MAX_ROOM)
		return -EINVAL;
	if (requests * REQUEST_LEN <= reader->room)
		return 0;
	new = calloc(requests, REQUEST_LEN);
	if (!new)
		return -ENOMEM;
	memcpy(new, reader->requests, reader->used);
	free(reader->requests);
	reader->requests = new;
	reader->room = requests * REQUEST_LEN;
	return 0;
}

/* ---- Groups that wait ---- */

static struct waiting *find_id(const struct iommunest_fault_reader *reader,
			       uint64_t id)
{
	uint32_t low = 0, high = reader->waiting_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (reader->waiting[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == reader->waiting_count || reader->waiting[low].id != id)
		return NULL;
	return &reader->waiting[low];
}

static void forget(struct iommunest_fault_reader *reader,
		   struct waiting *waiting)
{
	const struct waiting *end = reader->waiting + reader->waiting_count;

	memmove(waiting, waiting + 1,
		(size_t)(end - waiting - 1) * sizeof(*waiting));
	reader->waiting_count--;
}

static void forget_cookie(struct iommunest_fault_reader *reader,
			  uint32_t cookie)
{
	uint32_t i;

	for (i = reader->waiting_count; i-- > 0;) {
		if (reader->waiting[i].cookie == cookie)
			forget(reader, &reader->waiting[i]);
	}
}

static uint32_t pasid_of(const struct iommunest_page_request *request)
{
	return request->flags & IOMMUNEST_PAGE_REQUEST_PASID
		       ? request->pasid
		       : IOMMUNEST_FAULT_NO_PASID;
}

/* The kernel answers the last request of a group. */
static uint64_t wait_for(struct iommunest_fault_reader *reader,
			 const struct iommunest_page_request *last)
{
	reader->waiting[reader->waiting_count++] = (struct waiting){
		.id = ++reader->last_id,
		.cookie = last->cookie,
		.dev_id = last->dev_id,
		.pasid = pasid_of(last),
		.prgi = last->prgi,
	};
	return reader->last_id;
}

EXPORT uint32_t
iommunest_fault_waiting(const struct iommunest_fault_reader *reader)
{
	return reader ? reader->waiting_count : 0;
}

EXPORT int
iommunest_fault_reader_find(const struct iommunest_fault_reader *reader,
			    uint32_t dev_id, uint32_t pasid, uint32_t prgi,
			    uint64_t *id)
{
	const struct waiting *w;
	uint32_t i;

	if (!reader || !id)
		return -EINVAL;
	for (i = 0; i < reader->waiting_count; i++) {
		w = &reader->waiting[i];
		if (w->dev_id == dev_id && w->pasid == pasid &&
		    w->prgi == prgi) {
			*id = w->id;
			return 0;
		}
	}
	return -ENOENT;
}

/* ---- Reading ---- */

static struct iommunest_page_request *
request_at(const struct iommunest_fault_reader *reader, size_t offset)
{
	return reader->requests + offset / REQUEST_LEN;
}

/*
 * The length in bytes of the group at @offset; 0: not all of it is there.  It
 * ends with a request that says so, or before one with another cookie.
 */
static size_t group_at(const struct iommunest_fault_reader *reader,
		       size_t offset)
{
	const struct iommunest_page_request *request =
		request_at(reader, offset);
	size_t count = (reader->used - offset) / REQUEST_LEN;
	size_t i;

	for (i = 0; i < count; i++) {
		if (request[i].cookie != request[0].cookie)
			return i * REQUEST_LEN;
		if (request[i].flags & IOMMUNEST_PAGE_REQUEST_LAST)
			return (i + 1) * REQUEST_LEN;
	}
	return 0;
}

/* Makes room after what is not handed out yet. */
static void move_to_front(struct iommunest_fault_reader *reader)
{
	reader->used -= reader->next;
	memmove(reader->requests, request_at(reader, reader->next),
		reader->used);
	reader->next = 0;
}

/* The kernel uses these cookies again: it has answered who had them. */
static void end_waits(struct iommunest_fault_reader *reader, size_t from)
{
	const struct iommunest_page_request *request = reader->requests;
	const size_t first = from / REQUEST_LEN;
	const size_t end = reader->used / REQUEST_LEN;
	size_t i;

	for (i = first; i < end; i++) {
		if (i == first || request[i].cookie != request[i - 1].cookie)
			forget_cookie(reader, request[i].cookie);
	}
}

/* Returns 1, 0 if the queue is empty, or a negated errno. */
static int fill(struct iommunest_fault_reader *reader)
{
	struct iommunest_ctx *ctx = reader->ctx;
	size_t before, len;
	ssize_t ret;

	move_to_front(reader);
	before = reader->used;
	/* The kernel refuses any other length. */
	len = (reader->room - before) / REQUEST_LEN * REQUEST_LEN;
	if (len == 0)
		return -EMSGSIZE;
	ret = ctx->sys.read(ctx->sys_data, reader->fd,
			    (char *)reader->requests + before, len);
	/* What the kernel says if the first group is longer than that. */
	if (ret == -EINVAL)
		return -EMSGSIZE;
	if (ret < 0)
		return (int)ret;
	if ((size_t)ret > len)
		return -EIO;
	reader->used += (size_t)ret;
	end_waits(reader, before);
	return ret > 0;
}

static void hand_out(struct iommunest_fault_reader *reader, size_t len,
		     struct iommunest_fault_group *group)
{
	const struct iommunest_page_request *first =
		request_at(reader, reader->next);
	const size_t count = len / REQUEST_LEN;
	struct iommunest_fault_group out = {
		.id = wait_for(reader, &first[count - 1]),
		.requests = first,
		.count = (uint32_t)count,
		.dev_id = first[count - 1].dev_id,
	};

	reader->next += len;
	iommunest_copy_out(group, &out, sizeof(out));
}

EXPORT int iommunest_fault_reader_next(struct iommunest_fault_reader *reader,
				       struct iommunest_fault_group *group)
{
	size_t len;
	int ret;

	if (!reader || !group)
		return -EINVAL;
	ret = iommunest_check_size(group, END_OF(struct iommunest_fault_group,
						 dev_id));
	if (ret)
		return ret;
	if (reader->waiting_count == reader->waiting_room)
		return -ENOBUFS;
	while ((len = group_at(reader, reader->next)) == 0) {
		ret = fill(reader);
		if (ret <= 0)
			return ret;
	}
	hand_out(reader, len, group);
	return 1;
}

/* ---- Answering ---- */

static bool is_code(uint32_t code)
{
	return code == IOMMUNEST_FAULT_SUCCESS ||
	       code == IOMMUNEST_FAULT_INVALID;
}

/*
 * Writes answers until the kernel refuses one.  Returns how many it took; 0,
 * nothing waits by the first one's cookie; or a negated errno.  Codes were
 * checked, so the kernel's -EINVAL is about the cookie.
 */
static ssize_t send(struct iommunest_fault_reader *reader,
		    const struct iommu_hwpt_page_response *answers,
		    size_t count)
{
	struct iommunest_ctx *ctx = reader->ctx;
	ssize_t ret;

	ret = ctx->sys.write(ctx->sys_data, reader->fd, answers,
			     count * RESPONSE_LEN);
	if (ret == -EINVAL)
		return 0;
	/* It would be said of each answer, and mean something else. */
	if (ret == -ENOENT)
		return -EIO;
	if (ret < 0)
		return ret;
	if ((size_t)ret < RESPONSE_LEN || (size_t)ret > count * RESPONSE_LEN)
		return -EIO;
	return ret / (ssize_t)RESPONSE_LEN;
}

/* The answers of one write, and whose they are. */
struct chunk {
	struct iommu_hwpt_page_response answers[CHUNK];
	struct iommunest_fault_response *of[CHUNK];
	size_t count;
};

static void settle(struct iommunest_fault_reader *reader,
		   struct iommunest_fault_response *response, int error)
{
	response->error = error;
	forget(reader, find_id(reader, response->id));
}

static int send_chunk(struct iommunest_fault_reader *reader,
		      const struct chunk *chunk)
{
	size_t done = 0;
	ssize_t ret;

	while (done < chunk->count) {
		ret = send(reader, chunk->answers + done, chunk->count - done);
		if (ret < 0)
			return (int)ret;
		if (ret == 0)
			settle(reader, chunk->of[done++], -ENOENT);
		for (; ret > 0; ret--)
			settle(reader, chunk->of[done++], 0);
	}
	return 0;
}

/* Takes as many as there is room for; returns how many it has looked at. */
static uint32_t fill_chunk(const struct iommunest_fault_reader *reader,
			   struct chunk *chunk,
			   struct iommunest_fault_response *responses,
			   uint32_t count)
{
	struct waiting *waiting;
	uint32_t i;

	chunk->count = 0;
	for (i = 0; i < count && chunk->count < CHUNK; i++) {
		waiting = find_id(reader, responses[i].id);
		/* Named twice, the group has its answer. */
		if (!waiting || waiting->sending) {
			responses[i].error = -ENOENT;
			continue;
		}
		waiting->sending = true;
		chunk->answers[chunk->count] =
			(struct iommu_hwpt_page_response){
				.cookie = waiting->cookie,
				.code = responses[i].code,
			};
		chunk->of[chunk->count++] = &responses[i];
	}
	return i;
}

/* After a write that failed: what it did not take waits as before. */
static void stop_sending(struct iommunest_fault_reader *reader,
			 const struct chunk *chunk, int error)
{
	struct waiting *waiting;
	size_t i;

	for (i = 0; i < chunk->count; i++) {
		waiting = find_id(reader, chunk->of[i]->id);
		if (!waiting)
			continue;
		waiting->sending = false;
		chunk->of[i]->error = error;
	}
}

EXPORT int iommunest_fault_respond(struct iommunest_fault_reader *reader,
				   struct iommunest_fault_response *responses,
				   uint32_t count)
{
	struct chunk chunk;
	uint32_t i;
	int ret = 0;

	if (!reader || (!responses && count))
		return -EINVAL;
	for (i = 0; i < count; i++) {
		if (!is_code(responses[i].code))
			return -EINVAL;
	}
	for (i = 0; i < count && !ret;) {
		i += fill_chunk(reader, &chunk, responses + i, count - i);
		ret = send_chunk(reader, &chunk);
	}
	if (!ret)
		return 0;
	stop_sending(reader, &chunk, ret);
	for (; i < count; i++)
		responses[i].error = ret;
	return ret;
}

/* ---- Answering all ---- */

static bool is_of(uint32_t dev_id, uint32_t wanted)
{
	return !wanted || dev_id == wanted;
}

/* Returns 1, 0 if the kernel has answered it, or a negated errno. */
static int answer(struct iommunest_fault_reader *reader, uint32_t cookie,
		  uint32_t code)
{
	const struct iommu_hwpt_page_response one = { .cookie = cookie,
						      .code = code };

	return (int)send(reader, &one, 1);
}

static int answer_waiting(struct iommunest_fault_reader *reader,
			  uint32_t dev_id, uint32_t code)
{
	struct waiting *w = reader->waiting;
	int count = 0;
	int ret;

	while (w < reader->waiting + reader->waiting_count) {
		if (!is_of(w->dev_id, dev_id)) {
			w++;
			continue;
		}
		ret = answer(reader, w->cookie, code);
		if (ret < 0)
			return ret;
		count += ret;
		forget(reader, w);
	}
	return count;
}

/* Takes @len bytes at @offset out of what was read. */
static void cut(struct iommunest_fault_reader *reader, size_t offset,
		size_t len)
{
	memmove(request_at(reader, offset), request_at(reader, offset + len),
		reader->used - offset - len);
	reader->used -= len;
}

/* Those that were read, and not handed out. */
static int answer_read(struct iommunest_fault_reader *reader, uint32_t dev_id,
		       uint32_t code)
{
	size_t offset = reader->next;
	int count = 0;
	size_t len;
	int ret;

	while ((len = group_at(reader, offset)) != 0) {
		const struct iommunest_page_request *last =
			request_at(reader, offset + len - REQUEST_LEN);

		if (!is_of(last->dev_id, dev_id)) {
			offset += len;
			continue;
		}
		ret = answer(reader, last->cookie, code);
		if (ret < 0)
			return ret;
		count += ret;
		cut(reader, offset, len);
	}
	return count;
}

EXPORT int iommunest_fault_respond_all(struct iommunest_fault_reader *reader,
				       uint32_t dev_id, uint32_t code)
{
	int waiting, read;

	if (!reader || !is_code(code))
		return -EINVAL;
	waiting = answer_waiting(reader, dev_id, code);
	if (waiting < 0)
		return waiting;
	read = answer_read(reader, dev_id, code);
	return read < 0 ? read : waiting + read;
}
