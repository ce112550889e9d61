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

#define MAX_SCOPES (1u << 14)

int iommunest__vtd_scopes_init(struct vtd_scopes *table, uint32_t max)
{
	uint32_t buckets = 1;

	if (max == 0 || max > MAX_SCOPES)
		return -EINVAL;
	while (buckets < max)
		buckets *= 2;
	table->max = (uint16_t)max;
	table->bucket_mask = (uint16_t)(buckets - 1);
	table->hwpts = calloc(max, sizeof(*table->hwpts));
	table->scopes = calloc(max, sizeof(*table->scopes));
	table->buckets = malloc(buckets * sizeof(*table->buckets));
	if (!table->hwpts || !table->scopes || !table->buckets) {
		iommunest__vtd_scopes_free(table);
		return -ENOMEM;
	}
	iommunest__vtd_scopes_clear(table);
	return 0;
}

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

		scope->next = *bucket;
		*bucket = (uint16_t)(i - 1);
	}
}

void iommunest__vtd_scopes_clear(struct vtd_scopes *table)
{
	memset(table->hwpts, 0, table->max * sizeof(*table->hwpts));
	table->count = 0;
	table->fan_out = 1;
	link_all(table);
}

/* The slot of an HWPT, or else a free one: there are as many as scopes. */
static uint16_t hwpt_slot(const struct vtd_scopes *table, uint32_t hwpt_id)
{
	uint16_t unused = VTD_NONE;
	uint16_t i;

	for (i = 0; i < table->max; i++) {
		const struct vtd_hwpt *hwpt = &table->hwpts[i];

		if (hwpt->scopes && hwpt->id == hwpt_id)
			return i;
		if (!hwpt->scopes && unused == VTD_NONE)
			unused = i;
	}
	return unused;
}

/* The scope of an HWPT with that key; VTD_NONE: there is none. */
static uint16_t find(const struct vtd_scopes *table, uint64_t key,
		     uint32_t hwpt_id)
{
	uint16_t i = vtd_scopes_find(table, key);

	while (i != VTD_NONE &&
	       table->hwpts[table->scopes[i].hwpt].id != hwpt_id)
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
			      uint32_t hwpt_id)
{
	struct vtd_hwpt *hwpt;
	uint16_t slot;

	if (find(table, key, hwpt_id) != VTD_NONE)
		return -EEXIST;
	if (table->count == table->max)
		return -ENOSPC;
	slot = hwpt_slot(table, hwpt_id);
	hwpt = &table->hwpts[slot];
	if (!hwpt->scopes)
		*hwpt = (struct vtd_hwpt){ .id = hwpt_id };
	hwpt->scopes++;
	table->scopes[table->count++] = (struct vtd_scope){
		.key = key,
		.hwpt = slot,
	};
	link_all(table);
	note_sharing(table, key);
	return 0;
}

/* Those that stay keep their order. */
static void remove_at(struct vtd_scopes *table, uint16_t at)
{
	struct vtd_scope *scope = &table->scopes[at];

	table->hwpts[scope->hwpt].scopes--;
	table->count--;
	memmove(scope, scope + 1, (size_t)(table->count - at) * sizeof(*scope));
}

int iommunest__vtd_scopes_remove(struct vtd_scopes *table, uint64_t key,
				 uint32_t hwpt_id)
{
	uint16_t at = find(table, key, hwpt_id);

	if (at == VTD_NONE)
		return -ENOENT;
	remove_at(table, at);
	link_all(table);
	return 0;
}

int iommunest__vtd_scopes_remove_hwpt(struct vtd_scopes *table,
				      uint32_t hwpt_id)
{
	uint16_t count = table->count;
	uint16_t i;

	for (i = count; i > 0; i--) {
		uint16_t slot = table->scopes[i - 1].hwpt;

		if (table->hwpts[slot].id == hwpt_id)
			remove_at(table, (uint16_t)(i - 1));
	}
	if (count == table->count)
		return -ENOENT;
	link_all(table);
	return 0;
}
