/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "random.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define ARGS 3u
#define WRITABLE (2 * CONF_PAGE)
#define DATA 4u
#define MAX_DESCS 32u
#define MAX_SIZE 48u
#define MAX_TAIL 40u

/* ---- Memory ---- */

static void protect(const struct conf_memory *memory, int prot)
{
	mprotect(memory->args.base + WRITABLE, CONF_PAGE, prot);
}

struct conf_memory conf_memory_new(void)
{
	struct conf_memory memory = {
		.args = conf_pages_new(ARGS),
		.data = conf_pages_new(DATA),
	};

	protect(&memory, PROT_READ);
	return memory;
}

void conf_memory_free(struct conf_memory *memory)
{
	conf_pages_free(&memory->args);
	conf_pages_free(&memory->data);
}

/* How much of @len bytes from @at on is in the pages. */
static size_t within(const struct conf_pages *pages, const char *at, size_t len)
{
	size_t room = (size_t)(pages->end - at);

	return len < room ? len : room;
}

static void put(const struct conf_pages *pages, char *at, const void *from,
		size_t len)
{
	memcpy(at, from, within(pages, at, len));
}

/* ---- Numbers ---- */

static uint64_t next(struct conf_random *random)
{
	uint64_t x = random->state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	random->state = x;
	return x >> 20;
}

static uint32_t below(struct conf_random *random, uint32_t end)
{
	return (uint32_t)(next(random) % end);
}

/* True once in @in. */
static bool rarely(struct conf_random *random, uint32_t in)
{
	return below(random, in) == 0;
}

/* Of any length, and often with all bits alike. */
static uint64_t any(struct conf_random *random)
{
	uint64_t bits = next(random) << 30 ^ next(random);

	switch (below(random, 4)) {
	case 0:
		return bits >> below(random, 64);
	case 1:
		return ~(bits >> below(random, 64));
	case 2:
		return 1ull << below(random, 64);
	default:
		return (1ull << below(random, 64)) - 1;
	}
}

static uint32_t any32(struct conf_random *random)
{
	return (uint32_t)any(random);
}

/* Of objects, of what may have been one, and of none. */
static uint32_t any_id(struct conf_random *random)
{
	const struct conf_env *env = random->env;

	switch (below(random, 12)) {
	case 0:
		return env->ioas;
	case 1:
		return env->parent;
	case 2:
		return env->nested;
	case 3:
		return env->dev;
	case 4:
		return any32(random);
	default:
		return below(random, 24);
	}
}

/* No address of anything. */
static uint64_t bad_addr(struct conf_random *random)
{
	static const uint64_t addrs[] = { 0,
					  8,
					  0x8000000000000000,
					  0xffff800000000000,
					  0xfffffffffffffff0,
					  UINT64_MAX };

	return addrs[below(random, 6)];
}

/* ---- Text ---- */

static void note(struct conf_random *random, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void note(struct conf_random *random, const char *format, ...)
{
	size_t room = RANDOM_LOG - random->logged;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(random->log + random->logged, room, format, args);
	va_end(args);
	if (len > 0)
		random->logged += (size_t)len < room ? (size_t)len : room - 1;
}

/* What of it can be read. */
static void note_bytes(struct conf_random *random,
		       const struct conf_pages *pages, const char *at,
		       size_t len)
{
	note(random, " [");
	for (; len > 0 && at < pages->end; at++, len--)
		note(random, "%02x", (unsigned char)*at);
	note(random, "]");
}

/* ---- Calls ---- */

/* Mostly where all succeeds; else at the ends of what can be used. */
static char *place(struct conf_random *random, uint32_t size)
{
	const struct conf_pages *args = &random->memory->args;

	switch (below(random, 32)) {
	case 0:
		return args->end - size;
	case 1:
		return args->end - below(random, size + 1);
	case 2:
		return args->base + WRITABLE - size;
	case 3:
		return args->base + WRITABLE - below(random, size + 1);
	default:
		return args->base + 4 * below(random, 512);
	}
}

/* A size that is mostly right, and a tail that is mostly zero. */
static uint32_t any_size(struct conf_random *random, uint32_t size, char *tail)
{
	switch (below(random, 24)) {
	case 0:
		return below(random, size + 8);
	case 1:
		tail[below(random, MAX_TAIL)] = 1;
		return size + below(random, MAX_TAIL + 1);
	case 2:
		return size + below(random, MAX_TAIL + 1);
	case 3:
		return size + below(random, 2 * CONF_PAGE);
	case 4:
		return any32(random);
	default:
		return size;
	}
}

/* @cmd starts with its size, and becomes what was written back. */
static int call(struct conf_random *random, const char *name,
		unsigned long request, void *cmd, uint32_t size)
{
	const struct conf_memory *memory = random->memory;
	char arg[MAX_SIZE + MAX_TAIL] = { 0 };
	char *at = place(random, size);
	uint32_t said;
	int ret;

	memcpy(arg, cmd, size);
	said = any_size(random, size, arg + size);
	memcpy(arg, &said, sizeof(said));
	protect(memory, PROT_READ | PROT_WRITE);
	memset(memory->args.base, 0, ARGS * CONF_PAGE);
	put(&memory->args, at, arg, size + MAX_TAIL);
	protect(memory, PROT_READ);
	ret = conf_ioctl(random->env, request, at);
	note(random, "%s: %d", name, ret);
	note_bytes(random, &memory->args, at, size);
	if (ret == 0)
		memcpy(cmd, at, within(&memory->args, at, size));
	return ret;
}

static void ioas_alloc(struct conf_random *random)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };

	if (rarely(random, 4))
		cmd.flags = any32(random);
	call(random, "ioas_alloc", IOMMU_IOAS_ALLOC, &cmd, sizeof(cmd));
}

static void forget(struct conf_random *random, uint32_t id)
{
	unsigned int i = 0;

	while (i < random->hwpt_count && random->hwpts[i] != id)
		i++;
	if (i < random->hwpt_count)
		random->hwpts[i] = random->hwpts[--random->hwpt_count];
}

static void destroy(struct conf_random *random)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd) };

	cmd.id = any_id(random);
	/* All else depends on these. */
	if (cmd.id == random->env->nested || cmd.id == random->env->parent)
		cmd.id = 0;
	if (!call(random, "destroy", IOMMU_DESTROY, &cmd, sizeof(cmd)))
		forget(random, cmd.id);
}

static void put_stage1(struct conf_random *random, char *at)
{
	static const uint32_t widths[] = { 48, 48, 48, 57, 39, 0 };
	struct iommu_hwpt_vtd_s1 s1 = {
		.addr_width = widths[below(random, 6)],
		.pgtbl_addr = 0x1000,
	};

	if (rarely(random, 4))
		s1.flags = below(random, 8);
	if (rarely(random, 16))
		s1.flags |= any(random);
	put(&random->memory->data, at, &s1, sizeof(s1));
}

static void corrupt_alloc(struct conf_random *random,
			  struct iommu_hwpt_alloc *cmd)
{
	if (rarely(random, 6))
		cmd->pt_id = any_id(random);
	if (rarely(random, 10))
		cmd->dev_id = any_id(random);
	if (rarely(random, 10))
		cmd->flags = any32(random);
	if (rarely(random, 10))
		cmd->data_len = below(random, 30);
	if (rarely(random, 10))
		cmd->data_type = below(random, 8);
	if (rarely(random, 10))
		cmd->__reserved = any32(random);
	if (rarely(random, 10))
		cmd->fault_id = any_id(random);
	if (rarely(random, 10))
		cmd->data_uptr = bad_addr(random);
}

static void hwpt_alloc(struct conf_random *random)
{
	const struct conf_pages *data = &random->memory->data;
	char *at = data->end - (rarely(random, 8) ? below(random, 24) : 24);
	struct iommu_hwpt_alloc cmd = conf_nested(random->env, (void *)at);

	put_stage1(random, at);
	if (rarely(random, 3)) {
		cmd.data_type = 0;
		cmd.data_len = 0;
		cmd.pt_id = random->env->ioas;
		cmd.flags = below(random, 2);
	}
	if (rarely(random, 2))
		corrupt_alloc(random, &cmd);
	if (call(random, "hwpt_alloc", IOMMU_HWPT_ALLOC, &cmd, sizeof(cmd)))
		return;
	/* No more of them than are known. */
	if (random->hwpt_count < RANDOM_HWPTS)
		random->hwpts[random->hwpt_count++] = cmd.out_hwpt_id;
}

static void hw_info(struct conf_random *random)
{
	const struct conf_pages *data = &random->memory->data;
	char *at = data->end - 8 * below(random, 8);
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = random->env->dev,
		.data_len = 8 * below(random, 8),
		.data_uptr = (uintptr_t)at,
	};

	memset(data->end - 64, 0x5a, 64);
	if (rarely(random, 8))
		cmd.flags = any32(random);
	if (rarely(random, 4))
		cmd.flags |= 1;
	if (rarely(random, 4))
		cmd.out_data_type = below(random, 4);
	if (rarely(random, 8))
		cmd.dev_id = any_id(random);
	if (rarely(random, 8))
		cmd.__reserved[below(random, 3)] = 1;
	if (rarely(random, 8))
		cmd.data_uptr = bad_addr(random);
	call(random, "hw_info", IOMMU_GET_HW_INFO, &cmd, sizeof(cmd));
	note_bytes(random, data, data->end - 64, 64);
}

static struct iommu_hwpt_vtd_s1_invalidate any_entry(struct conf_random *random)
{
	struct iommu_hwpt_vtd_s1_invalidate entry = {
		.addr = any(random) & ~0xfffull,
		.npages = any(random),
		.flags = below(random, 2),
	};

	if (rarely(random, 16)) {
		entry.addr = 0;
		entry.npages = UINT64_MAX;
	}
	if (rarely(random, 40))
		entry.flags = any32(random);
	if (rarely(random, 40))
		entry.__reserved = any32(random);
	if (rarely(random, 40))
		entry.addr |= any(random);
	return entry;
}

static void put_entries(struct conf_random *random, char *at, uint32_t count)
{
	const struct conf_pages *data = &random->memory->data;
	uint32_t i;

	for (i = 0; i < count && at < data->end; i++, at += 24) {
		struct iommu_hwpt_vtd_s1_invalidate entry = any_entry(random);

		put(data, at, &entry, sizeof(entry));
	}
}

static void corrupt_call(struct conf_random *random,
			 struct iommu_hwpt_invalidate *cmd)
{
	if (rarely(random, 4))
		cmd->hwpt_id = any_id(random);
	if (rarely(random, 8))
		cmd->data_type = any32(random);
	if (rarely(random, 8))
		cmd->entry_len =
			rarely(random, 2) ? any32(random) : below(random, 32);
	if (rarely(random, 8))
		cmd->entry_num = any32(random);
	if (rarely(random, 8))
		cmd->__reserved = any32(random);
	if (rarely(random, 8))
		cmd->data_uptr = bad_addr(random);
}

static void note_descs(struct conf_random *random)
{
	struct conf_desc descs[MAX_DESCS];
	size_t count = random->env->stop(random->env, descs, MAX_DESCS);
	size_t i;

	note(random, " %zu", count);
	for (i = 0; i < count && i < MAX_DESCS; i++)
		note(random, " (%d %llx/%u%s)", descs[i].kind,
		     (unsigned long long)descs[i].addr, descs[i].am,
		     descs[i].ih ? " ih" : "");
}

static void invalidate(struct conf_random *random)
{
	const struct conf_pages *data = &random->memory->data;
	uint32_t count = below(random, 12);
	uint32_t lost = rarely(random, 6) ? below(random, 100) : 0;
	char *at = data->end - count * 24 + lost;
	struct iommu_hwpt_invalidate cmd;

	if (at > data->end)
		at = data->end;
	put_entries(random, at, count);
	cmd = conf_call(random->env, (void *)at, count);
	if (random->hwpt_count && !rarely(random, 2))
		cmd.hwpt_id = random->hwpts[below(random, random->hwpt_count)];
	if (rarely(random, 3))
		corrupt_call(random, &cmd);
	if (random->env->record)
		random->env->record(random->env);
	call(random, "invalidate", IOMMU_HWPT_INVALIDATE, &cmd, sizeof(cmd));
	if (random->env->record)
		note_descs(random);
}

static void attach(struct conf_random *random)
{
	uint32_t id = 0;

	if (!random->env->attach)
		return;
	if (random->hwpt_count && !rarely(random, 6))
		id = random->hwpts[below(random, random->hwpt_count)];
	note(random, "attach %u: %d", id, random->env->attach(random->env, id));
}

/* Not those that a kernel knows and an environment may not. */
static void other_number(struct conf_random *random)
{
	char cmd[MAX_SIZE] = { MAX_SIZE };
	unsigned long request = _IO(';', 0xff);

	if (rarely(random, 2))
		request =
			IOMMU_HWPT_INVALIDATE | (1ul << 8 << below(random, 24));
	note(random, "%lx ", request);
	if ((uint32_t)request == IOMMU_HWPT_INVALIDATE)
		request = _IO(';', 0x7f);
	call(random, "other", request, cmd, sizeof(cmd));
}

void conf_random_start(struct conf_random *random, struct conf_env *env,
		       const struct conf_memory *memory, uint64_t seed)
{
	memset(random, 0, sizeof(*random));
	random->env = env;
	random->memory = memory;
	random->state = (seed + 1) * 0x9e3779b97f4a7c15ull;
	random->hwpts[0] = env->nested;
	random->hwpts[1] = env->unattached;
	random->hwpt_count = 2;
}

void conf_random_step(struct conf_random *random)
{
	random->logged = 0;
	random->log[0] = '\0';
	memset(random->memory->data.base, 0, DATA * CONF_PAGE);
	switch (below(random, 20)) {
	case 0:
		ioas_alloc(random);
		break;
	case 1:
	case 2:
	case 3:
		destroy(random);
		break;
	case 4:
	case 5:
	case 6:
		hwpt_alloc(random);
		break;
	case 7:
	case 8:
		hw_info(random);
		break;
	case 9:
		attach(random);
		break;
	case 10:
		other_number(random);
		break;
	default:
		invalidate(random);
		break;
	}
}
