/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The ioctls that map memory.  The checks are in the kernel's order, because a
 * caller with two mistakes sees which comes first.
 */
#include "map.h"

#include <errno.h>
#include <stdlib.h>

#include "areas.h"
#include "call.h"
#include "flush.h"
#include "iopt.h"
#include "objects.h"
#include "pages.h"

#define FIXED ((uint32_t)IOMMU_IOAS_MAP_FIXED_IOVA)
#define WRITEABLE ((uint32_t)IOMMU_IOAS_MAP_WRITEABLE)
#define READABLE ((uint32_t)IOMMU_IOAS_MAP_READABLE)

/* An address or a length. */
static bool is_too_large(uint64_t n)
{
	return n == UINT64_MAX;
}

static int check_flags(uint32_t flags)
{
	return flags & ~(FIXED | WRITEABLE | READABLE) ? -EOPNOTSUPP : 0;
}

static int check_access(uint32_t flags)
{
	return flags & (WRITEABLE | READABLE) ? 0 : -EINVAL;
}

static struct sim_mapping mapping_of(uint32_t flags, uint64_t iova,
				     uint64_t length)
{
	return (struct sim_mapping){
		.iova = iova,
		.length = length,
		.fixed = flags & FIXED,
		.readable = flags & READABLE,
		.writable = flags & WRITEABLE,
	};
}

/* Maps pages whose user is this call. */
static int map_pages(struct sim_call *call, struct sim_ioas *ioas,
		     struct sim_pages *pages, uint64_t start,
		     struct sim_mapping *mapping)
{
	struct sim_part part = {
		.pages = pages,
		.start = start & (SIM_PAGE_SIZE - 1),
		.length = mapping->length,
	};
	int ret;

	mapping->parts = &part;
	mapping->count = 1;
	ret = iommunest__sim_iopt_map(call->sim, ioas, mapping);
	iommunest__sim_pages_put(pages);
	return ret;
}

static int check_map(uint32_t flags, uint64_t iova, uint64_t length)
{
	if (is_too_large(iova) || is_too_large(length))
		return -EOVERFLOW;
	return check_access(flags);
}

int iommunest__sim_ioas_map(struct sim_call *call)
{
	struct iommu_ioas_map *cmd = &call->cmd.map;
	struct sim_mapping mapping =
		mapping_of(cmd->flags, cmd->iova, cmd->length);
	struct sim_pages *pages;
	struct sim_ioas *ioas;
	int ret;

	if (check_flags(cmd->flags) || cmd->__reserved)
		return -EOPNOTSUPP;
	ret = check_map(cmd->flags, cmd->iova, cmd->length);
	if (ret)
		return ret;
	ioas = iommunest__sim_ioas_get(call->file, cmd->ioas_id);
	if (!ioas)
		return -ENOENT;
	ret = iommunest__sim_pages_of_process(
		call->sim, cmd->user_va, cmd->length, mapping.writable, &pages);
	if (!ret)
		ret = map_pages(call, ioas, pages, cmd->user_va, &mapping);
	if (ret)
		return ret;
	cmd->iova = mapping.iova;
	return iommunest__sim_call_respond(call, sizeof(*cmd));
}

int iommunest__sim_ioas_map_file(struct sim_call *call)
{
	struct iommu_ioas_map_file *cmd = &call->cmd.map_file;
	struct sim_mapping mapping =
		mapping_of(cmd->flags, cmd->iova, cmd->length);
	struct sim_pages *pages;
	struct sim_ioas *ioas;
	int ret = check_flags(cmd->flags);

	if (!ret)
		ret = check_map(cmd->flags, cmd->iova, cmd->length);
	if (ret)
		return ret;
	ioas = iommunest__sim_ioas_get(call->file, cmd->ioas_id);
	if (!ioas)
		return -ENOENT;
	ret = iommunest__sim_pages_of_file(cmd->fd, cmd->start, cmd->length,
					   mapping.writable, &pages);
	if (!ret)
		ret = map_pages(call, ioas, pages, cmd->start, &mapping);
	if (ret)
		return ret;
	cmd->iova = mapping.iova;
	return iommunest__sim_call_respond(call, sizeof(*cmd));
}

/* ---- Copying ---- */

/* Areas from @index on that follow each other up to @last; 0: they do not. */
static size_t count_parts(const struct sim_ioas *ioas, size_t index,
			  uint64_t first, uint64_t last)
{
	size_t count = 0;

	while (index < ioas->area_count && ioas->areas[index]->first <= first) {
		const struct sim_area *area = ioas->areas[index++];

		count++;
		if (area->last >= last)
			return count;
		first = area->last + 1;
	}
	return 0;
}

static void fill_parts(const struct sim_ioas *ioas, size_t index,
		       uint64_t first, uint64_t last,
		       struct sim_mapping *mapping)
{
	size_t i;

	for (i = 0; i < mapping->count; i++) {
		const struct sim_area *area = ioas->areas[index + i];
		uint64_t end = area->last < last ? area->last : last;

		mapping->parts[i].pages = area->pages;
		mapping->parts[i].start = area->start + (first - area->first);
		mapping->parts[i].length = end - first + 1;
		first = end + 1;
	}
}

/* The parts keep no users: nothing is unmapped before the copy is done. */
static int get_parts(const struct sim_ioas *ioas, uint64_t iova,
		     struct sim_mapping *mapping)
{
	const uint64_t last = iova + mapping->length - 1;
	size_t index;

	if (mapping->length == 0)
		return -EINVAL;
	if (last < iova)
		return -EOVERFLOW;
	index = iommunest__sim_areas_index(ioas, iova);
	mapping->count = count_parts(ioas, index, iova, last);
	if (mapping->count == 0)
		return -ENOENT;
	mapping->parts = calloc(mapping->count, sizeof(*mapping->parts));
	if (!mapping->parts)
		return -ENOMEM;
	fill_parts(ioas, index, iova, last, mapping);
	return 0;
}

static int check_copy(const struct iommu_ioas_copy *cmd)
{
	int ret = check_flags(cmd->flags);

	if (ret)
		return ret;
	if (is_too_large(cmd->length) || is_too_large(cmd->src_iova) ||
	    is_too_large(cmd->dst_iova))
		return -EOVERFLOW;
	return check_access(cmd->flags);
}

int iommunest__sim_ioas_copy(struct sim_call *call)
{
	struct iommu_ioas_copy *cmd = &call->cmd.copy;
	struct sim_mapping mapping =
		mapping_of(cmd->flags, cmd->dst_iova, cmd->length);
	struct sim_ioas *from, *to;
	int ret = check_copy(cmd);

	if (ret)
		return ret;
	from = iommunest__sim_ioas_get(call->file, cmd->src_ioas_id);
	if (!from)
		return -ENOENT;
	ret = get_parts(from, cmd->src_iova, &mapping);
	if (ret)
		return ret;
	to = iommunest__sim_ioas_get(call->file, cmd->dst_ioas_id);
	ret = to ? iommunest__sim_iopt_map(call->sim, to, &mapping) : -ENOENT;
	free(mapping.parts);
	if (ret)
		return ret;
	cmd->dst_iova = mapping.iova;
	return iommunest__sim_call_respond(call, sizeof(*cmd));
}

/* ---- Unmapping ---- */

/* Whole areas only.  Those before the one that is cut are unmapped. */
static int unmap(struct sim_call *call, struct sim_ioas *ioas, uint64_t first,
		 uint64_t last, uint64_t *unmapped)
{
	const size_t index = iommunest__sim_areas_index(ioas, first);

	*unmapped = 0;
	while (index < ioas->area_count && ioas->areas[index]->first <= last) {
		const struct sim_area *area = ioas->areas[index];

		if (area->first < first || area->last > last)
			return -ENOENT;
		*unmapped += sim_area_size(area);
		iommunest__sim_flush_unmapped(call->sim, call->file, ioas,
					      area->first, area->last);
		iommunest__sim_iopt_remove(ioas, index);
	}
	return 0;
}

static int unmap_range(struct sim_call *call, struct sim_ioas *ioas,
		       uint64_t iova, uint64_t length, uint64_t *unmapped)
{
	int ret;

	if (is_too_large(iova) || is_too_large(length))
		return -EOVERFLOW;
	if (length == 0)
		return -EINVAL;
	if (iova + length - 1 < iova)
		return -EOVERFLOW;
	ret = unmap(call, ioas, iova, iova + length - 1, unmapped);
	return ret || *unmapped ? ret : -ENOENT;
}

/* With all addresses, nothing to unmap is no error. */
int iommunest__sim_ioas_unmap(struct sim_call *call)
{
	struct iommu_ioas_unmap *cmd = &call->cmd.unmap;
	struct sim_ioas *ioas =
		iommunest__sim_ioas_get(call->file, cmd->ioas_id);
	uint64_t unmapped;
	int ret;

	if (!ioas)
		return -ENOENT;
	if (cmd->iova == 0 && cmd->length == UINT64_MAX)
		ret = unmap(call, ioas, 0, UINT64_MAX, &unmapped);
	else
		ret = unmap_range(call, ioas, cmd->iova, cmd->length,
				  &unmapped);
	if (ret)
		return ret;
	cmd->length = unmapped;
	return iommunest__sim_call_respond(call, sizeof(*cmd));
}

/* ---- The process that owns the memory ---- */

/* Memory of a process cannot change its owner, only that of files can. */
int iommunest__sim_ioas_change_process(struct sim_call *call)
{
	const struct sim_file *file = call->file;
	const struct sim_ioas *ioas;
	uint32_t id;
	size_t i;

	if (call->cmd.change_process.__reserved)
		return -EOPNOTSUPP;
	for (id = 0; id < file->object_room; id++) {
		ioas = iommunest__sim_ioas_get(file, id);
		for (i = 0; ioas && i < ioas->area_count; i++) {
			if (!ioas->areas[i]->pages->file)
				return -EINVAL;
		}
	}
	return 0;
}
