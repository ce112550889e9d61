/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "diff-gen.h"

#include "lib/uapi/invalidate.h"

#include <stddef.h>
#include <string.h>

typedef struct iommu_hwpt_vtd_s1_invalidate entry;

/* ---- Objects that there are ---- */

static uint32_t any_made(struct diff_gen *gen)
{
	if (gen->made_count == 0)
		return gen->unattached;
	return gen->made[below(gen, gen->made_count)].id;
}

uint32_t diff_any_ioas(struct diff_gen *gen)
{
	unsigned int i;

	if (gen->made_count == 0 || rarely(gen, 2))
		return gen->ioas;
	i = below(gen, gen->made_count);
	return gen->made[i].kind == DIFF_MADE_IOAS ? gen->made[i].id
						   : gen->ioas;
}

static uint32_t any_hwpt(struct diff_gen *gen)
{
	unsigned int i;

	if (gen->made_count == 0)
		return gen->unattached;
	i = below(gen, gen->made_count);
	return gen->made[i].kind == DIFF_MADE_IOAS ? gen->nested
						   : gen->made[i].id;
}

uint32_t diff_any_id(struct diff_gen *gen)
{
	const uint32_t ids[] = { gen->dev[0], gen->dev[1], gen->ioas,
				 gen->parent, gen->nested, gen->unattached };

	switch (below(gen, 4)) {
	case 0:
		return any_made(gen);
	case 1:
		return ids[below(gen, 6)];
	case 2:
		return below(gen, 32);
	default:
		return any32(gen);
	}
}

uint64_t diff_bad_addr(struct diff_gen *gen)
{
	static const uint64_t addrs[] = { 0,
					  1,
					  8,
					  0x7fffffffe000,
					  0x7ffffffff000,
					  0x8000000000000000,
					  0xffff800000000000,
					  0xffffffffffffffe8,
					  UINT64_MAX };

	return addrs[below(gen, sizeof(addrs) / sizeof(*addrs))];
}

/* ---- Places ---- */

uint32_t diff_place(struct diff_gen *gen, const struct diff_region *in,
		    uint32_t size)
{
	const uint32_t end = (uint32_t)in->size;
	const uint32_t read_only = end - CONF_PAGE;

	switch (below(gen, 32)) {
	case 0:
		return end - size;
	case 1:
		return end - below(gen, size + 1);
	case 2:
		return read_only - size;
	case 3:
		return read_only - below(gen, size + 1);
	case 4:
		return read_only + below(gen, 512);
	case 5:
		return below(gen, CONF_PAGE);
	default:
		return 8 * below(gen, 512);
	}
}

/* A size that is mostly right, and a tail that is mostly zero. */
static uint32_t any_size(struct diff_gen *gen, uint32_t size,
			 unsigned char *image)
{
	switch (below(gen, 64)) {
	case 0:
		return below(gen, size + 8);
	case 1:
		image[size + below(gen, DIFF_ARG - size)] = 1;
		return size + below(gen, DIFF_ARG - size + 1);
	case 2:
		return size + below(gen, DIFF_ARG - size + 1);
	case 3:
		return size + below(gen, 2 * CONF_PAGE);
	case 4:
		return any32(gen);
	default:
		return size;
	}
}

void diff_finish(struct diff_gen *gen, struct diff_request *request,
		 unsigned long number, const void *cmd, uint32_t size)
{
	const struct diff_region *args = &gen->memory->args;
	uint32_t said, at;

	request->number = number;
	memcpy(request->image, cmd, size);
	said = any_size(gen, size, request->image);
	memcpy(request->image, &said, sizeof(said));
	if (rarely(gen, 128)) {
		request->arg = (void *)(uintptr_t)diff_bad_addr(gen);
		return;
	}
	at = diff_place(gen, args, size);
	request->arg = args->view + at;
	request->alias = args->alias + at;
	request->len = DIFF_ARG;
	if (request->len > args->size - at)
		request->len = (uint32_t)args->size - at;
}

/* ---- Invalidation ---- */

/* Mostly few. */
static uint32_t any_count(struct diff_gen *gen)
{
	switch (below(gen, 64)) {
	case 0:
		return below(gen, DIFF_ENTRIES + 1);
	case 1:
	case 2:
	case 3:
		return below(gen, 40);
	default:
		return below(gen, rarely(gen, 2) ? 4 : 12);
	}
}

static uint64_t any_npages(struct diff_gen *gen)
{
	switch (below(gen, 8)) {
	case 0:
		return any(gen);
	case 1:
		return (1ull << 52) - 2 + below(gen, 5);
	case 2:
		return below(gen, 1 << 19);
	case 3:
		return 1ull << below(gen, 64);
	default:
		return below(gen, 20);
	}
}

static entry any_entry(struct diff_gen *gen)
{
	entry e = {
		.addr = any(gen) & ~0xfffull,
		.npages = any_npages(gen),
		.flags = below(gen, 2),
	};

	switch (below(gen, 128)) {
	case 0:
		e.flags = any32(gen);
		break;
	case 1:
		e.__reserved = any32(gen);
		break;
	case 2:
		e.addr |= any(gen);
		break;
	case 3:
		e.npages = UINT64_MAX;
		break;
	case 4:
	case 5:
	case 6:
		e.addr = 0;
		e.npages = UINT64_MAX;
		break;
	default:
		break;
	}
	return e;
}

/* Where the array is: whole, or cut off by the end of what can be read. */
static uint32_t put_entries(struct diff_gen *gen, uint32_t count)
{
	const struct diff_region *data = &gen->memory->data;
	uint32_t bytes = count * (uint32_t)sizeof(entry);
	uint32_t at, i;
	entry e;

	switch (below(gen, 8)) {
	case 0:
		at = (uint32_t)data->size - bytes;
		break;
	case 1:
		at = (uint32_t)data->size - below(gen, bytes + 1);
		break;
	default:
		at = below(gen, (uint32_t)data->size - bytes);
		break;
	}
	for (i = 0; i < count && at + (i + 1) * sizeof(e) <= data->size; i++) {
		e = any_entry(gen);
		memcpy(data->alias + at + i * sizeof(e), &e, sizeof(e));
	}
	return at;
}

static void corrupt_call(struct diff_gen *gen,
			 struct iommu_hwpt_invalidate *cmd)
{
	switch (below(gen, 8)) {
	case 0:
		cmd->hwpt_id = diff_any_id(gen);
		break;
	case 1:
		cmd->data_type = any32(gen);
		break;
	case 2:
		cmd->entry_len = any32(gen);
		break;
	case 3:
		cmd->entry_len = below(gen, 64);
		break;
	case 4:
		cmd->entry_num = any32(gen);
		break;
	case 5:
		cmd->entry_num = (1u << 19) - 1 + below(gen, 4);
		break;
	case 6:
		cmd->__reserved = any32(gen);
		break;
	default:
		cmd->data_uptr = diff_bad_addr(gen);
		break;
	}
}

/* The same with the flags and the results that the patches of kernel/ add. */
static void finish_extended(struct diff_gen *gen, struct diff_request *request,
			    const struct iommu_hwpt_invalidate *cmd)
{
	struct iommunest_uapi_invalidate more = { 0 };

	memcpy(&more, cmd, sizeof(*cmd));
	more.size = sizeof(more);
	if (!more.flags)
		more.flags = below(gen, 2);
	if (rarely(gen, 8))
		more.flags = any32(gen);
	if (rarely(gen, 2)) {
		more.out_driver_error_code = any32(gen);
		more.out_last_index = any32(gen);
	}
	diff_finish(gen, request, IOMMU_HWPT_INVALIDATE, &more, sizeof(more));
}

static void invalidate(struct diff_gen *gen, struct diff_request *request)
{
	const uint32_t ids[] = { gen->nested, gen->nested, gen->unattached,
				 any_made(gen) };
	uint32_t count = any_count(gen);
	uint32_t at = put_entries(gen, count);
	struct iommu_hwpt_invalidate cmd = {
		.hwpt_id = ids[below(gen, 4)],
		.data_uptr = (uintptr_t)gen->memory->data.view + at,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = sizeof(entry),
		.entry_num = count,
	};

	/* Two things wrong at once show which is seen first. */
	while (rarely(gen, 5))
		corrupt_call(gen, &cmd);
	if (rarely(gen, 8))
		finish_extended(gen, request, &cmd);
	else
		diff_finish(gen, request, IOMMU_HWPT_INVALIDATE, &cmd,
			    sizeof(cmd));
}

/* ---- Objects ---- */

void diff_ioas_alloc(struct diff_gen *gen, struct diff_request *request)
{
	struct iommu_ioas_alloc cmd = { 0 };

	if (rarely(gen, 4))
		cmd.flags = any32(gen);
	diff_finish(gen, request, IOMMU_IOAS_ALLOC, &cmd, sizeof(cmd));
}

static void destroy(struct diff_gen *gen, struct diff_request *request)
{
	struct iommu_destroy cmd = { 0 };

	cmd.id = rarely(gen, 2) ? any_made(gen) : diff_any_id(gen);
	/* The other requests need these, whose users may be gone. */
	if (cmd.id == gen->nested || cmd.id == gen->unattached)
		cmd.id = gen->parent;
	diff_finish(gen, request, IOMMU_DESTROY, &cmd, sizeof(cmd));
}

static uint64_t put_stage1(struct diff_gen *gen)
{
	static const uint32_t widths[] = { 48, 48, 48, 57, 39, 0 };
	const struct diff_region *data = &gen->memory->data;
	struct iommu_hwpt_vtd_s1 s1 = {
		.addr_width = widths[below(gen, 6)],
		.pgtbl_addr = 0x1000,
	};
	uint32_t at = diff_place(gen, data, sizeof(s1));
	size_t len = sizeof(s1);

	if (rarely(gen, 4))
		s1.flags = below(gen, 8);
	if (rarely(gen, 16))
		s1.flags |= any(gen);
	if (len > data->size - at)
		len = data->size - at;
	memcpy(data->alias + at, &s1, len);
	return (uintptr_t)data->view + at;
}

static void corrupt_alloc(struct diff_gen *gen, struct iommu_hwpt_alloc *cmd)
{
	switch (below(gen, 8)) {
	case 0:
		cmd->pt_id = diff_any_id(gen);
		break;
	case 1:
		cmd->dev_id = diff_any_id(gen);
		break;
	case 2:
		cmd->flags = any32(gen);
		break;
	case 3:
		cmd->data_len = below(gen, 30);
		break;
	case 4:
		cmd->data_type = below(gen, 8);
		break;
	case 5:
		cmd->__reserved = any32(gen);
		break;
	case 6:
		cmd->fault_id = diff_any_id(gen);
		break;
	default:
		cmd->data_uptr = diff_bad_addr(gen);
		break;
	}
}

static void hwpt_alloc(struct diff_gen *gen, struct diff_request *request)
{
	struct iommu_hwpt_alloc cmd = {
		.dev_id = gen->dev[below(gen, 2)],
		.pt_id = gen->parent,
		.data_type = IOMMU_HWPT_DATA_VTD_S1,
		.data_len = sizeof(struct iommu_hwpt_vtd_s1),
		.data_uptr = put_stage1(gen),
	};

	if (rarely(gen, 3)) {
		cmd.data_type = IOMMU_HWPT_DATA_NONE;
		cmd.data_len = 0;
		cmd.pt_id = diff_any_ioas(gen);
		cmd.flags = below(gen, 2);
	}
	while (rarely(gen, 3))
		corrupt_alloc(gen, &cmd);
	diff_finish(gen, request, IOMMU_HWPT_ALLOC, &cmd, sizeof(cmd));
}

/* The data ends where the region does, or is elsewhere altogether. */
void diff_hw_info(struct diff_gen *gen, struct diff_request *request)
{
	const struct diff_region *data = &gen->memory->data;
	struct iommu_hw_info cmd = {
		.dev_id = gen->dev[below(gen, 2)],
		.data_len = below(gen, DIFF_DATA / 2 + 1),
	};

	cmd.data_uptr = (uintptr_t)data->view + data->size - CONF_PAGE -
			below(gen, DIFF_DATA / 2 + 1);
	if (rarely(gen, 8))
		cmd.data_len = 0;
	if (rarely(gen, 8))
		cmd.flags = rarely(gen, 2) ? any32(gen) : 1;
	if (rarely(gen, 4))
		cmd.out_data_type = below(gen, 4);
	if (rarely(gen, 8))
		cmd.dev_id = diff_any_id(gen);
	if (rarely(gen, 8))
		cmd.__reserved[below(gen, 3)] = 1;
	if (rarely(gen, 8))
		cmd.data_uptr = diff_bad_addr(gen);
	diff_finish(gen, request, IOMMU_GET_HW_INFO, &cmd, sizeof(cmd));
}

/* Not the numbers that a kernel knows and the simulator does not. */
void diff_other(struct diff_gen *gen, struct diff_request *request)
{
	static const unsigned long beyond[] = { _IO(';', 0xff), _IO(';', 0xf0),
						_IO(';', 0x7f), _IO(';', 0) };
	const unsigned long known = IOMMU_HWPT_INVALIDATE;
	unsigned long number = known | 1ul << (8 + below(gen, 56));
	struct iommu_hwpt_invalidate cmd = { .hwpt_id = gen->nested };

	if (number == known || rarely(gen, 2))
		number = beyond[below(gen, 4)];
	diff_finish(gen, request, number, &cmd, sizeof(cmd));
}

static void ioas(struct diff_gen *gen, struct diff_request *request)
{
	union diff_ioas_cmd cmd = { 0 };
	unsigned long number = 0;
	uint32_t size = diff_ioas(gen, &number, &cmd);

	diff_finish(gen, request, number, &cmd, size);
}

static void attach(struct diff_gen *gen, struct diff_request *request)
{
	const uint32_t ids[] = { 0, gen->nested, gen->unattached,
				 any_hwpt(gen) };

	request->device = below(gen, DIFF_DEVICES);
	request->hwpt_id = ids[below(gen, 4)];
}

/* ---- All of them ---- */

void diff_gen_start(struct diff_gen *gen, uint64_t seed)
{
	gen->state = (seed + 1) * 0x9e3779b97f4a7c15ull;
	gen->made_count = 0;
	memset(gen->memory->args.alias, 0, gen->memory->args.size);
	memset(gen->memory->data.alias, 0, gen->memory->data.size);
}

static enum diff_kind any_kind(struct diff_gen *gen)
{
	uint32_t number = below(gen, 100);

	if (number < 44)
		return DIFF_INVALIDATE;
	if (number < 84)
		return DIFF_IOAS;
	if (number < 88)
		return DIFF_HWPT_ALLOC;
	if (number < 92)
		return DIFF_DESTROY;
	if (number < 95)
		return DIFF_HW_INFO;
	if (number < 97)
		return DIFF_OTHER;
	return number < 99 ? DIFF_IOAS_ALLOC : DIFF_ATTACH;
}

void diff_gen_next(struct diff_gen *gen, struct diff_request *request)
{
	static void (*const make[])(struct diff_gen *,
				    struct diff_request *) = {
		[DIFF_INVALIDATE] = invalidate,
		[DIFF_IOAS_ALLOC] = diff_ioas_alloc,
		[DIFF_HWPT_ALLOC] = hwpt_alloc,
		[DIFF_DESTROY] = destroy,
		[DIFF_HW_INFO] = diff_hw_info,
		[DIFF_OTHER] = diff_other,
		[DIFF_IOAS] = ioas,
		[DIFF_ATTACH] = attach,
	};

	memset(request, 0, sizeof(*request));
	request->kind = any_kind(gen);
	if (gen->made_count == DIFF_IDS && (request->kind == DIFF_IOAS_ALLOC ||
					    request->kind == DIFF_HWPT_ALLOC))
		request->kind = DIFF_DESTROY;
	make[request->kind](gen, request);
}

static uint32_t word_at(const unsigned char *arg, size_t at)
{
	uint32_t word;

	memcpy(&word, arg + at, sizeof(word));
	return word;
}

void diff_remember(struct diff_gen *gen, const unsigned char *arg, size_t at,
		   enum diff_made_kind kind)
{
	gen->made[gen->made_count++] =
		(struct diff_made){ .id = word_at(arg, at), .kind = kind };
}

static void forget(struct diff_gen *gen, uint32_t id)
{
	unsigned int i = 0;

	while (i < gen->made_count && gen->made[i].id != id)
		i++;
	if (i < gen->made_count)
		gen->made[i] = gen->made[--gen->made_count];
}

void diff_gen_learn(struct diff_gen *gen, const struct diff_request *request,
		    const unsigned char *arg)
{
	switch (request->kind) {
	case DIFF_HWPT_ALLOC:
		diff_remember(gen, arg,
			      offsetof(struct iommu_hwpt_alloc, out_hwpt_id),
			      DIFF_MADE_PAGING);
		break;
	case DIFF_IOAS_ALLOC:
		diff_remember(gen, arg,
			      offsetof(struct iommu_ioas_alloc, out_ioas_id),
			      DIFF_MADE_IOAS);
		break;
	case DIFF_DESTROY:
		forget(gen, word_at(arg, offsetof(struct iommu_destroy, id)));
		break;
	default:
		break;
	}
}

const char *diff_name(enum diff_kind kind)
{
	static const char *const names[] = {
		[DIFF_INVALIDATE] = "IOMMU_HWPT_INVALIDATE",
		[DIFF_IOAS_ALLOC] = "IOMMU_IOAS_ALLOC",
		[DIFF_HWPT_ALLOC] = "IOMMU_HWPT_ALLOC",
		[DIFF_DESTROY] = "IOMMU_DESTROY",
		[DIFF_HW_INFO] = "IOMMU_GET_HW_INFO",
		[DIFF_OTHER] = "another number",
		[DIFF_IOAS] = "an IOAS's ioctl",
		[DIFF_ATTACH] = "attach",
		[DIFF_VIOMMU_ALLOC] = "IOMMU_VIOMMU_ALLOC",
		[DIFF_VDEVICE_ALLOC] = "IOMMU_VDEVICE_ALLOC",
		[DIFF_VEVENTQ_ALLOC] = "IOMMU_VEVENTQ_ALLOC",
		[DIFF_HW_QUEUE_ALLOC] = "IOMMU_HW_QUEUE_ALLOC",
		[DIFF_READ] = "read",
		[DIFF_CLOSE] = "close",
		[DIFF_DMA] = "a device's access",
	};

	return names[kind];
}
