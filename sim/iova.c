/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Addresses that the kernel chooses: the lowest that are allowed, and neither
 * reserved nor mapped.  The first and the last page are never chosen.
 */
#include "iova.h"

#include <errno.h>

#include "areas.h"
#include "ranges.h"

static uint64_t round_up_to_power(uint64_t n)
{
	uint64_t power = 1;

	while (power < n)
		power <<= 1;
	return power;
}

/* A kernel with transparent huge pages goes up to 2 MiB. */
static uint64_t alignment_for(uint64_t hint, uint64_t length)
{
	uint64_t alignment = round_up_to_power(length);

	if (hint && (hint & -hint) < alignment)
		alignment = hint & -hint;
	return alignment < SIM_PAGE_SIZE ? alignment : SIM_PAGE_SIZE;
}

struct need {
	uint64_t length;
	uint64_t alignment;
	/* In a page. */
	uint64_t offset;
};

/* Moves @first up to where it would begin. */
static bool fits(const struct need *need, uint64_t *first, uint64_t last)
{
	uint64_t at = *first + need->alignment - 1;

	if (at < *first)
		return false;
	at &= ~(need->alignment - 1);
	at |= need->offset;
	if (at >= last || last - at < need->length - 1)
		return false;
	*first = at;
	return true;
}

/* What is reserved or mapped first from @from on; else the end of it all. */
static struct sim_range next_used(const struct sim_ioas *ioas, uint64_t from)
{
	const struct sim_range *reserved =
		iommunest__sim_ranges_find(&ioas->reserved, from, UINT64_MAX);
	const struct sim_area *area =
		iommunest__sim_areas_find(ioas, from, UINT64_MAX);

	if (area && (!reserved || area->first < reserved->first))
		return (struct sim_range){ area->first, area->last, NULL };
	if (reserved)
		return *reserved;
	return (struct sim_range){ UINT64_MAX, UINT64_MAX, NULL };
}

/* The highest address that is chosen from is below the last of all. */
static bool choose_in(const struct sim_ioas *ioas, const struct need *need,
		      uint64_t first, uint64_t last, uint64_t *iova)
{
	if (first > last || !fits(need, &first, last))
		return false;
	while (first <= last) {
		const struct sim_range used = next_used(ioas, first);

		*iova = first;
		if (used.first > last)
			return fits(need, iova, last);
		if (used.first > first && fits(need, iova, used.first - 1))
			return true;
		first = used.last + 1;
		if (first == 0)
			return false;
	}
	return false;
}

/* Ranges that touch are one. */
static size_t merge_allowed(const struct sim_ranges *allowed, size_t i,
			    struct sim_range *merged)
{
	*merged = allowed->all[i++];
	while (i < allowed->count && allowed->all[i].first == merged->last + 1)
		merged->last = allowed->all[i++].last;
	return i;
}

int iommunest__sim_iova_choose(const struct sim_ioas *ioas, uint64_t hint,
			       uint64_t length, uint64_t *iova)
{
	const uint64_t lowest = SIM_PAGE_SIZE;
	const uint64_t highest = UINT64_MAX - SIM_PAGE_SIZE;
	struct need need = { .length = length };
	struct sim_range merged;
	size_t i = 0;

	if (length == 0 || length >= UINT64_MAX / 2)
		return -EOVERFLOW;
	need.alignment = alignment_for(hint, length);
	need.offset = hint & (SIM_PAGE_SIZE - 1);
	if (need.alignment < ioas->alignment)
		return -EINVAL;
	if (ioas->allowed.count == 0)
		return choose_in(ioas, &need, lowest, highest, iova) ? 0
								     : -ENOSPC;
	while (i < ioas->allowed.count) {
		i = merge_allowed(&ioas->allowed, i, &merged);
		if (choose_in(ioas, &need,
			      merged.first > lowest ? merged.first : lowest,
			      merged.last < highest ? merged.last : highest,
			      iova))
			return 0;
	}
	return -ENOSPC;
}

bool iommunest__sim_iova_usable(const struct sim_ioas *ioas, uint64_t from,
				struct sim_range *part)
{
	const struct sim_range *next;

	while ((next = iommunest__sim_ranges_find(&ioas->reserved, from,
						  from))) {
		if (next->last == UINT64_MAX)
			return false;
		from = next->last + 1;
	}
	next = iommunest__sim_ranges_find(&ioas->reserved, from, UINT64_MAX);
	part->first = from;
	part->last = next ? next->first - 1 : UINT64_MAX;
	return true;
}
