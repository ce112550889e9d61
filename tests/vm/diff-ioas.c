/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Requests about what IOASs map: few pages, so that they meet each other. */
#include "diff-gen.h"

#include <string.h>

#define FLAGS_ALL 7u
#define PAGE ((uint64_t)CONF_PAGE)
#define MSI UINT64_C(0xfee00000)
/* Of copies, with CONFIG_IOMMUFD_TEST: the addresses mean something else. */
#define FLAG_OF_TESTS (1u << 16)

static uint64_t any_iova(struct diff_gen *gen)
{
	switch (below(gen, 32)) {
	case 0:
		return any(gen);
	case 1:
		return any(gen) & ~(PAGE - 1);
	case 2:
		return MSI + PAGE * below(gen, 300) - 20 * PAGE;
	case 3:
		return PAGE * below(gen, 24) + below(gen, CONF_PAGE);
	case 4:
		return UINT64_MAX - below(gen, 3);
	default:
		return PAGE * below(gen, 24);
	}
}

static uint64_t any_length(struct diff_gen *gen)
{
	switch (below(gen, 32)) {
	case 0:
		return any(gen);
	case 1:
		return below(gen, 3 * CONF_PAGE);
	case 2:
		return UINT64_MAX - below(gen, 3);
	default:
		return PAGE * (1 + below(gen, 4));
	}
}

static uint32_t any_flags(struct diff_gen *gen)
{
	switch (below(gen, 16)) {
	case 0:
		return any32(gen);
	case 1:
	case 2:
	case 3:
		return below(gen, FLAGS_ALL + 1);
	default:
		return FLAGS_ALL;
	}
}

static uint32_t any_owner(struct diff_gen *gen)
{
	return rarely(gen, 12) ? diff_any_id(gen) : diff_any_ioas(gen);
}

/* Memory, memory that can only be read, and none. */
static uint64_t any_memory(struct diff_gen *gen)
{
	const struct diff_region *data = &gen->memory->data;
	uint64_t at = (uintptr_t)data->view +
		      PAGE * below(gen, (uint32_t)(data->size / CONF_PAGE) + 1);

	switch (below(gen, 24)) {
	case 0:
		return diff_bad_addr(gen);
	case 1:
		return at + below(gen, CONF_PAGE);
	default:
		return rarely(gen, 3) ? at : (uintptr_t)data->view;
	}
}

/* Of the bytes that are compared. */
static uint64_t any_written(struct diff_gen *gen)
{
	const struct diff_region *data = &gen->memory->data;

	if (rarely(gen, 16))
		return diff_bad_addr(gen);
	return (uintptr_t)data->view + data->size - CONF_PAGE -
	       8 * below(gen, DIFF_DATA / 16 + 1);
}

static uint32_t ranges(struct diff_gen *gen, union diff_ioas_cmd *cmd)
{
	cmd->ranges.ioas_id = any_owner(gen);
	cmd->ranges.num_iovas = below(gen, 5);
	cmd->ranges.allowed_iovas = any_written(gen);
	if (rarely(gen, 12))
		cmd->ranges.__reserved = any32(gen);
	return sizeof(cmd->ranges);
}

static struct iommu_iova_range any_range(struct diff_gen *gen)
{
	struct iommu_iova_range range = { .start = any_iova(gen) };

	range.last = range.start + any_length(gen) - 1;
	if (rarely(gen, 4))
		range.last = any_iova(gen);
	return range;
}

/* Mostly none, so that much can be mapped. */
static uint32_t allow(struct diff_gen *gen, union diff_ioas_cmd *cmd)
{
	const struct diff_region *data = &gen->memory->data;
	struct iommu_iova_range all[3];
	uint32_t at = diff_place(gen, data, sizeof(all));
	size_t len = sizeof(all);
	uint32_t i;

	for (i = 0; i < 3; i++)
		all[i] = any_range(gen);
	if (len > data->size - at)
		len = data->size - at;
	memcpy(data->alias + at, all, len);
	cmd->allow.ioas_id = any_owner(gen);
	cmd->allow.num_iovas = rarely(gen, 2) ? 0 : below(gen, 4);
	cmd->allow.allowed_iovas = (uintptr_t)data->view + at;
	if (rarely(gen, 12))
		cmd->allow.__reserved = any32(gen);
	if (rarely(gen, 24))
		cmd->allow.allowed_iovas = diff_bad_addr(gen);
	return sizeof(cmd->allow);
}

static uint32_t map(struct diff_gen *gen, union diff_ioas_cmd *cmd)
{
	cmd->map.flags = any_flags(gen);
	cmd->map.ioas_id = any_owner(gen);
	cmd->map.user_va = any_memory(gen);
	cmd->map.length = any_length(gen);
	cmd->map.iova = any_iova(gen);
	if (rarely(gen, 24))
		cmd->map.__reserved = any32(gen);
	return sizeof(cmd->map);
}

static uint32_t map_file(struct diff_gen *gen, union diff_ioas_cmd *cmd)
{
	cmd->map_file.flags = any_flags(gen);
	cmd->map_file.ioas_id = any_owner(gen);
	cmd->map_file.fd = rarely(gen, 12) ? -1 : gen->memory->file;
	cmd->map_file.start = rarely(gen, 12) ? any(gen) : PAGE * below(gen, 4);
	cmd->map_file.length = any_length(gen);
	cmd->map_file.iova = any_iova(gen);
	return sizeof(cmd->map_file);
}

static uint32_t copy(struct diff_gen *gen, union diff_ioas_cmd *cmd)
{
	cmd->copy.flags = any_flags(gen) & ~FLAG_OF_TESTS;
	cmd->copy.dst_ioas_id = any_owner(gen);
	cmd->copy.src_ioas_id = any_owner(gen);
	cmd->copy.length = any_length(gen);
	cmd->copy.dst_iova = any_iova(gen);
	cmd->copy.src_iova = any_iova(gen);
	return sizeof(cmd->copy);
}

static uint32_t unmap(struct diff_gen *gen, union diff_ioas_cmd *cmd)
{
	cmd->unmap.ioas_id = any_owner(gen);
	cmd->unmap.iova = any_iova(gen);
	cmd->unmap.length = any_length(gen);
	if (rarely(gen, 8)) {
		cmd->unmap.iova = 0;
		cmd->unmap.length = UINT64_MAX;
	}
	return sizeof(cmd->unmap);
}

static uint32_t option(struct diff_gen *gen, union diff_ioas_cmd *cmd)
{
	cmd->option.option_id = below(gen, 3);
	cmd->option.op = (__u16)below(gen, 3);
	cmd->option.object_id = rarely(gen, 3) ? 0 : any_owner(gen);
	cmd->option.val64 = rarely(gen, 8) ? any(gen) : below(gen, 3);
	if (rarely(gen, 12))
		cmd->option.__reserved = (__u16)any(gen);
	return sizeof(cmd->option);
}

static uint32_t change_process(struct diff_gen *gen, union diff_ioas_cmd *cmd)
{
	if (rarely(gen, 4))
		cmd->change.__reserved = any32(gen);
	return sizeof(cmd->change);
}

static uint32_t set_dirty(struct diff_gen *gen, union diff_ioas_cmd *cmd)
{
	cmd->set_dirty.flags = rarely(gen, 8) ? any32(gen) : below(gen, 2);
	cmd->set_dirty.hwpt_id = diff_any_id(gen);
	if (rarely(gen, 4))
		cmd->set_dirty.__reserved = any32(gen);
	return sizeof(cmd->set_dirty);
}

static uint32_t get_dirty(struct diff_gen *gen, union diff_ioas_cmd *cmd)
{
	cmd->get_dirty.hwpt_id =
		rarely(gen, 2) ? gen->parent : diff_any_id(gen);
	cmd->get_dirty.flags = rarely(gen, 8) ? any32(gen) : below(gen, 2);
	cmd->get_dirty.iova = any_iova(gen);
	cmd->get_dirty.length = any_length(gen);
	cmd->get_dirty.page_size = rarely(gen, 4) ? any(gen) : PAGE;
	cmd->get_dirty.data = any_written(gen);
	if (rarely(gen, 12))
		cmd->get_dirty.__reserved = any32(gen);
	return sizeof(cmd->get_dirty);
}

static const struct {
	unsigned long number;
	uint32_t (*make)(struct diff_gen *gen, union diff_ioas_cmd *cmd);
	uint32_t weight;
} makers[] = {
	{ IOMMU_IOAS_IOVA_RANGES, ranges, 2 },
	{ IOMMU_IOAS_ALLOW_IOVAS, allow, 1 },
	{ IOMMU_IOAS_MAP, map, 6 },
	{ IOMMU_IOAS_MAP_FILE, map_file, 3 },
	{ IOMMU_IOAS_COPY, copy, 5 },
	{ IOMMU_IOAS_UNMAP, unmap, 6 },
	{ IOMMU_OPTION, option, 1 },
	{ IOMMU_IOAS_CHANGE_PROCESS, change_process, 1 },
	{ IOMMU_HWPT_SET_DIRTY_TRACKING, set_dirty, 1 },
	{ IOMMU_HWPT_GET_DIRTY_BITMAP, get_dirty, 1 },
};
#define WEIGHTS 27u

/*
 * Of a number that is not known, a kernel with CONFIG_IOMMUFD_TEST sees first
 * whether the struct can be read, as its own is beyond all others.
 */
static bool is_known(const struct diff_gen *gen, unsigned long number)
{
	return gen->kernel != CONF_LINUX_6_12 ||
	       (number != IOMMU_IOAS_MAP_FILE &&
		number != IOMMU_IOAS_CHANGE_PROCESS);
}

uint32_t diff_ioas(struct diff_gen *gen, unsigned long *number,
		   union diff_ioas_cmd *cmd)
{
	uint32_t at = below(gen, WEIGHTS);
	size_t i = 0;

	while (at >= makers[i].weight)
		at -= makers[i++].weight;
	if (!is_known(gen, makers[i].number))
		i = 0;
	*number = makers[i].number;
	return makers[i].make(gen, cmd);
}
