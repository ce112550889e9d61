/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What an IOAS maps.  As in the kernel, memory is accessed only once a paging
 * HWPT needs it: what is mapped before that is checked when the HWPT is made.
 */
#include "iopt.h"

#include <errno.h>
#include <stdlib.h>

#include "areas.h"
#include "iova.h"
#include "pages.h"
#include "ranges.h"
#include "registers.h"
#include "set.h"

static void forget_dirty(struct sim_ioas *ioas, const struct sim_area *area)
{
	struct sim_hwpt *hwpt;

	for (hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next)
		iommunest__sim_set_drop(&hwpt->dirty,
					area->first >> SIM_PAGE_SHIFT,
					area->last >> SIM_PAGE_SHIFT);
}

void iommunest__sim_iopt_remove(struct sim_ioas *ioas, size_t index)
{
	forget_dirty(ioas, ioas->areas[index]);
	iommunest__sim_areas_remove(ioas, index);
}

/* ---- Filling HWPTs ---- */

/* A parent takes nothing that is read only: hardware has an erratum there. */
static int fill_hwpt(const struct sim_hwpt *hwpt, const struct sim_area *area)
{
	return hwpt->nest_parent && !area->writable ? -EINVAL : 0;
}

static int fill(const struct iommunest_sim *sim, const struct sim_ioas *ioas,
		const struct sim_area *area)
{
	const struct sim_hwpt *hwpt;
	int ret;

	if (!ioas->hwpts)
		return 0;
	ret = iommunest__sim_pages_pin(sim, area->pages, area->start,
				       sim_area_size(area));
	for (hwpt = ioas->hwpts; hwpt && !ret; hwpt = hwpt->next)
		ret = fill_hwpt(hwpt, area);
	return ret;
}

/* ---- Mapping ---- */

/* Address and length are aligned; is it free? */
static int check_iova(const struct sim_ioas *ioas, uint64_t iova,
		      uint64_t length)
{
	const uint64_t last = iova + length - 1;

	if (iova & (ioas->alignment - 1))
		return -EINVAL;
	if (last < iova)
		return -EOVERFLOW;
	if (iommunest__sim_ranges_find(&ioas->reserved, iova, last))
		return -EINVAL;
	return iommunest__sim_areas_find(ioas, iova, last) ? -EEXIST : 0;
}

static int place(const struct sim_ioas *ioas, struct sim_mapping *mapping)
{
	const struct sim_part *part = &mapping->parts[0];

	if (mapping->length == 0 || mapping->length & (ioas->alignment - 1))
		return -EINVAL;
	if (mapping->fixed)
		return check_iova(ioas, mapping->iova, mapping->length);
	return iommunest__sim_iova_choose(ioas, part->pages->hint + part->start,
					  mapping->length, &mapping->iova);
}

static int init_area(const struct sim_ioas *ioas,
		     const struct sim_mapping *mapping,
		     const struct sim_part *part, uint64_t iova,
		     struct sim_area *area)
{
	if (mapping->writable && !part->pages->writable)
		return -EPERM;
	if (part->start & (SIM_PAGE_SIZE - 1) & (ioas->alignment - 1))
		return -EINVAL;
	area->first = iova;
	area->last = iova + part->length - 1;
	area->start = part->start;
	area->pages = part->pages;
	area->readable = mapping->readable;
	area->writable = mapping->writable;
	return 0;
}

static int init_areas(const struct sim_ioas *ioas, struct sim_mapping *mapping,
		      struct sim_area **areas)
{
	uint64_t iova = 0;
	size_t i;
	int ret = place(ioas, mapping);

	for (i = 0; i < mapping->count && !ret; i++) {
		const struct sim_part *part = &mapping->parts[i];

		ret = init_area(ioas, mapping, part, mapping->iova + iova,
				areas[i]);
		iova += part->length;
	}
	return ret;
}

static int alloc_areas(struct sim_area **areas, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		areas[i] = calloc(1, sizeof(*areas[i]));
		if (!areas[i])
			return -ENOMEM;
	}
	return 0;
}

static void free_areas(struct sim_area **areas, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(areas[i]);
	free(areas);
}

int iommunest__sim_iopt_map(const struct iommunest_sim *sim,
			    struct sim_ioas *ioas, struct sim_mapping *mapping)
{
	struct sim_area **areas;
	size_t i;
	int ret;

	areas = calloc(mapping->count, sizeof(struct sim_area *));
	if (!areas)
		return -ENOMEM;
	ret = alloc_areas(areas, mapping->count);
	if (!ret)
		ret = iommunest__sim_areas_reserve(ioas, mapping->count);
	if (!ret)
		ret = init_areas(ioas, mapping, areas);
	for (i = 0; i < mapping->count && !ret; i++)
		ret = fill(sim, ioas, areas[i]);
	if (ret) {
		free_areas(areas, mapping->count);
		return ret;
	}
	for (i = 0; i < mapping->count; i++) {
		iommunest__sim_pages_get(areas[i]->pages);
		iommunest__sim_areas_insert(ioas, areas[i]);
	}
	free(areas);
	return 0;
}

/* ---- HWPTs ---- */

static int check_alignment(const struct sim_ioas *ioas, uint64_t alignment)
{
	const uint64_t mask = alignment - 1;
	size_t i;

	for (i = 0; i < ioas->area_count; i++) {
		const struct sim_area *area = ioas->areas[i];

		if (area->first & mask || sim_area_size(area) & mask ||
		    area->start & mask)
			return -EADDRINUSE;
	}
	return 0;
}

int iommunest__sim_iopt_reserve(struct sim_ioas *ioas, uint64_t first,
				uint64_t last, const void *owner)
{
	if (iommunest__sim_areas_find(ioas, first, last) ||
	    iommunest__sim_ranges_find(&ioas->allowed, first, last))
		return -EADDRINUSE;
	return iommunest__sim_ranges_add(&ioas->reserved, first, last, owner);
}

static int fill_with_all(const struct iommunest_sim *sim,
			 const struct sim_ioas *ioas,
			 const struct sim_hwpt *hwpt)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < ioas->area_count && !ret; i++) {
		const struct sim_area *area = ioas->areas[i];

		ret = iommunest__sim_pages_pin(sim, area->pages, area->start,
					       sim_area_size(area));
		if (!ret)
			ret = fill_hwpt(hwpt, area);
	}
	return ret;
}

int iommunest__sim_iopt_add_hwpt(const struct iommunest_sim *sim,
				 struct sim_ioas *ioas, struct sim_hwpt *hwpt)
{
	struct sim_hwpt **at;
	int ret;

	ret = check_alignment(ioas, SIM_PAGE_SIZE);
	if (ret)
		return ret;
	ret = iommunest__sim_iopt_reserve(
		ioas, iommunest__sim_last_iova(sim, hwpt->first_stage) + 1,
		UINT64_MAX, hwpt);
	if (ret)
		return ret;
	ret = fill_with_all(sim, ioas, hwpt);
	if (ret) {
		iommunest__sim_ranges_remove(&ioas->reserved, hwpt);
		return ret;
	}
	ioas->alignment = SIM_PAGE_SIZE;
	for (at = &ioas->hwpts; *at; at = &(*at)->next)
		;
	*at = hwpt;
	return 0;
}

static void relax_alignment(struct sim_ioas *ioas)
{
	const bool whole_pages = ioas->hwpts || ioas->small_pages;

	ioas->alignment = whole_pages ? SIM_PAGE_SIZE : 1;
}

void iommunest__sim_iopt_remove_hwpt(struct sim_ioas *ioas,
				     struct sim_hwpt *hwpt)
{
	struct sim_hwpt **at = &ioas->hwpts;

	while (*at && *at != hwpt)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = hwpt->next;
	hwpt->next = NULL;
	iommunest__sim_ranges_remove(&ioas->reserved, hwpt);
	relax_alignment(ioas);
}

int iommunest__sim_iopt_use_small_pages(struct sim_ioas *ioas, bool small)
{
	int ret;

	if (small && !ioas->small_pages) {
		if (ioas->hwpts && ioas->area_count > 0)
			return -EINVAL;
		ret = check_alignment(ioas, SIM_PAGE_SIZE);
		if (ret)
			return ret;
	}
	ioas->small_pages = small;
	relax_alignment(ioas);
	return 0;
}

/* HWPTs may be freed already. */
void iommunest__sim_iopt_free(struct sim_ioas *ioas)
{
	while (ioas->area_count > 0)
		iommunest__sim_areas_remove(ioas, ioas->area_count - 1);
	free(ioas->areas);
	iommunest__sim_ranges_free(&ioas->allowed);
	iommunest__sim_ranges_free(&ioas->reserved);
}
