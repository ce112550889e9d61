/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of scopes.  Looking up is on the hot path and hashes; adding and
 * removing is not, and simply puts the hash chains together again.
 */
#include <config.h>

#include <stdlib.h>

#include "abi.h"
#include "vtd-scope.h"

#define MAX_SCOPES (1u << 14)

int vtd_scopes_init(struct vtd_scopes *table, uint32_t max)
{
	uint32_t buckets = 1;

	if (max == 0 || max > MAX_SCOPES)
		return -EINVAL;
	while (buckets < max)
		buckets *= 2;
	table->max = (uint16_t)max;
	table->count = 0;
	table->bucket_mask = (uint16_t)(buckets - 1);
	table->hwpts = calloc(max, sizeof(*table->hwpts));
	table->scopes = calloc(max, sizeof(*table->scopes));
	table->buckets = malloc(buckets * sizeof(*table->buckets));
	if (!table->hwpts || !table->scopes || !table->buckets) {
		vtd_scopes_free(table);
		return -ENOMEM;
	}
	memset(table->buckets, 0xff, buckets * sizeof(*table->buckets));
	return 0;
}

void vtd_scopes_free(struct vtd_scopes *table)
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

static bool has_scope(const struct vtd_scopes *table, uint64_t key,
		      uint32_t hwpt_id)
{
	uint16_t i = vtd_scopes_find(table, key);

	for (; i != VTD_NONE; i = vtd_scopes_find_next(table, i))
		if (table->hwpts[table->scopes[i].hwpt].id == hwpt_id)
			return true;
	return false;
}

int vtd_scopes_add(struct vtd_scopes *table, uint16_t did, uint32_t pasid,
		   uint32_t hwpt_id)
{
	uint64_t key = vtd_scope_key(did, pasid);
	struct vtd_hwpt *hwpt;
	uint16_t slot;

	if (has_scope(table, key, hwpt_id))
		return -EEXIST;
	if (table->count == table->max)
		return -ENOSPC;
	slot = hwpt_slot(table, hwpt_id);
	hwpt = &table->hwpts[slot];
	if (!hwpt->scopes)
		*hwpt = (struct vtd_hwpt){
			.id = hwpt_id,
			.first_item = VTD_NONE,
			.last_item = VTD_NONE,
			.next_touched = VTD_NONE,
		};
	hwpt->scopes++;
	table->scopes[table->count++] = (struct vtd_scope){
		.key = key,
		.hwpt = slot,
	};
	link_all(table);
	return 0;
}

int vtd_scopes_remove(struct vtd_scopes *table, uint32_t hwpt_id)
{
	uint16_t kept = 0;
	uint16_t i;

	for (i = 0; i < table->count; i++) {
		struct vtd_scope scope = table->scopes[i];
		struct vtd_hwpt *hwpt = &table->hwpts[scope.hwpt];

		if (hwpt->id == hwpt_id)
			hwpt->scopes--;
		else
			table->scopes[kept++] = scope;
	}
	if (kept == table->count)
		return -ENOENT;
	table->count = kept;
	link_all(table);
	return 0;
}
