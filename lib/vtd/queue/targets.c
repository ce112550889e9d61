/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The table of scopes.  Looking up is on the hot path and hashes; adding and
 * removing is not, and simply puts the hash chains together again.
 */
#include <config.h>

#include <stdlib.h>

#include "lib/abi.h"
#include "lib/vtd/queue/targets.h"

/* Indices have 16 bits, and one stands for none. */
#define MAX_SCOPES (VTD_NONE - 1u)
#define FIRST_ROOM 32u

void iommunest__vtd_scopes_free(struct vtd_scopes *table)
{
	free(table->hwpts);
	free(table->scopes);
	free(table->buckets);
	*table = (struct vtd_scopes){ 0 };
}

static void link_all(struct vtd_scopes *table)
{
	size_t buckets = table->bucket_mask + 1u;
	uint16_t i;

	memset(table->buckets, 0xff, buckets * sizeof(*table->buckets));
	/* Backwards, so that a chain is in the order of adding. */
	for (i = table->count; i > 0; i--) {
		struct vtd_scope *scope = &table->scopes[i - 1];
		uint16_t *bucket = vtd_scopes_bucket(table, scope->key);

		scope->next_of_key = vtd_scopes_find(table, scope->key);
		scope->next = *bucket;
		*bucket = (uint16_t)(i - 1);
	}
}

/* Slots from @first up to, but without, @end are free. */
static void clear_hwpts(struct vtd_hwpt *hwpts, uint32_t first, uint32_t end)
{
	uint32_t i;

	for (i = first; i < end; i++) {
		hwpts[i] = (struct vtd_hwpt){ 0 };
		vtd_gathered_clear(&hwpts[i].gathered);
	}
}

void iommunest__vtd_scopes_clear(struct vtd_scopes *table)
{
	clear_hwpts(table->hwpts, 0, table->room);
	table->count = 0;
	table->pinned = 0;
	table->fan_out = 1;
	link_all(table);
}

/* The room doubles, and is a power of two. */
static int grow(struct vtd_scopes *table)
{
	uint32_t room = table->room ? table->room * 2u : FIRST_ROOM;
	struct vtd_scope *scopes;
	struct vtd_hwpt *hwpts;
	uint16_t *buckets;

	/* One that has grown is of use, whether the others grow or not. */
	scopes = realloc(table->scopes, room * sizeof(*scopes));
	if (scopes)
		table->scopes = scopes;
	hwpts = realloc(table->hwpts, room * sizeof(*hwpts));
	if (hwpts)
		table->hwpts = hwpts;
	buckets = realloc(table->buckets, room * sizeof(*buckets));
	if (buckets)
		table->buckets = buckets;
	if (!scopes || !hwpts || !buckets)
		return -ENOMEM;
	clear_hwpts(hwpts, table->room, room);
	table->room = room;
	table->bucket_mask = (uint16_t)(room - 1);
	link_all(table);
	return 0;
}

int iommunest__vtd_scopes_init(struct vtd_scopes *table)
{
	int ret = grow(table);

	if (ret)
		iommunest__vtd_scopes_free(table);
	else
		iommunest__vtd_scopes_clear(table);
	return ret;
}

int iommunest__vtd_scopes_reserve(struct vtd_scopes *table)
{
	uint32_t used = (uint32_t)table->count + table->pinned;

	if (used >= MAX_SCOPES)
		return -ENOSPC;
	return used < table->room ? 0 : grow(table);
}

static bool is_target(const struct vtd_hwpt *hwpt,
		      const struct iommunest_vtd_target *target)
{
	return hwpt->scopes && hwpt->id == target->hwpt_id &&
	       hwpt->ctx == target->ctx;
}

uint16_t
iommunest__vtd_scopes_slot_of(const struct vtd_scopes *table,
			      const struct iommunest_vtd_target *target)
{
	uint32_t i;

	for (i = 0; i < table->room; i++) {
		if (is_target(&table->hwpts[i], target))
			return (uint16_t)i;
	}
	return VTD_NONE;
}

/* The slot of a target, or else a free one: there are as many as scopes. */
static uint16_t slot_for(const struct vtd_scopes *table,
			 const struct iommunest_vtd_target *target)
{
	uint16_t slot = iommunest__vtd_scopes_slot_of(table, target);
	uint32_t i;

	for (i = 0; slot == VTD_NONE && i < table->room; i++) {
		if (!table->hwpts[i].scopes && !table->hwpts[i].pinned)
			slot = (uint16_t)i;
	}
	return slot;
}

uint16_t iommunest__vtd_scopes_moved_to(const struct vtd_scopes *table,
					uint16_t slot)
{
	const struct vtd_hwpt *was = &table->hwpts[slot];
	const struct iommunest_vtd_target target = {
		.ctx = was->ctx,
		.hwpt_id = was->id,
	};

	return iommunest__vtd_scopes_slot_of(table, &target);
}

/* The scope of a target with that key; VTD_NONE: there is none. */
static uint16_t find(const struct vtd_scopes *table, uint64_t key,
		     const struct iommunest_vtd_target *target)
{
	uint16_t i = vtd_scopes_find(table, key);

	while (i != VTD_NONE &&
	       !is_target(&table->hwpts[table->scopes[i].hwpt], target))
		i = vtd_scopes_find_next(table, i);
	return i;
}

/* A descriptor may name all that a device has, whatever the PASID. */
static bool share(uint64_t a, uint64_t b)
{
	if (a & b & VTD_KEY_DEVICE)
		return (uint16_t)a == (uint16_t)b;
	return a == b;
}

static void note_sharing(struct vtd_scopes *table, uint64_t key)
{
	uint16_t sharing = 0;
	uint16_t i;

	for (i = 0; i < table->count; i++)
		sharing += share(table->scopes[i].key, key);
	if (sharing > table->fan_out)
		table->fan_out = sharing;
}

int iommunest__vtd_scopes_add(struct vtd_scopes *table, uint64_t key,
			      const struct iommunest_vtd_target *target)
{
	struct vtd_hwpt *hwpt;
	uint16_t slot;

	if (find(table, key, target) != VTD_NONE)
		return -EEXIST;
	slot = slot_for(table, target);
	hwpt = &table->hwpts[slot];
	if (hwpt->scopes && hwpt->cookie != target->cookie)
		return -EINVAL;
	if (!hwpt->scopes) {
		clear_hwpts(table->hwpts, slot, slot + 1u);
		hwpt->ctx = target->ctx;
		hwpt->cookie = target->cookie;
		hwpt->id = target->hwpt_id;
	}
	hwpt->scopes++;
	table->scopes[table->count++] = (struct vtd_scope){
		.key = key,
		.hwpt = slot,
	};
	link_all(table);
	note_sharing(table, key);
	return 0;
}

void iommunest__vtd_scopes_readmit(struct vtd_scopes *table)
{
	table->hwpts[table->scopes[table->count - 1].hwpt].isolated = false;
}

/* Those that stay keep their order. */
static void remove_at(struct vtd_scopes *table, uint16_t at)
{
	struct vtd_scope *scope = &table->scopes[at];
	struct vtd_hwpt *hwpt = &table->hwpts[scope->hwpt];

	hwpt->scopes--;
	if (!hwpt->scopes) {
		hwpt->pinned = true;
		table->pinned++;
	}
	table->count--;
	memmove(scope, scope + 1, (size_t)(table->count - at) * sizeof(*scope));
}

void iommunest__vtd_scopes_unpin_all(struct vtd_scopes *table)
{
	uint32_t i;

	for (i = 0; table->pinned && i < table->room; i++) {
		table->pinned -= table->hwpts[i].pinned;
		table->hwpts[i].pinned = false;
	}
}

int iommunest__vtd_scopes_remove(struct vtd_scopes *table, uint64_t key,
				 const struct iommunest_vtd_target *target)
{
	uint16_t at = find(table, key, target);

	if (at == VTD_NONE)
		return -ENOENT;
	remove_at(table, at);
	link_all(table);
	return 0;
}

int iommunest__vtd_scopes_forget(struct vtd_scopes *table,
				 const struct iommunest_vtd_target *target)
{
	uint16_t count = table->count;
	uint16_t i;

	for (i = count; i > 0; i--) {
		uint16_t slot = table->scopes[i - 1].hwpt;

		if (is_target(&table->hwpts[slot], target))
			remove_at(table, (uint16_t)(i - 1));
	}
	if (count == table->count)
		return -ENOENT;
	link_all(table);
	return 0;
}
