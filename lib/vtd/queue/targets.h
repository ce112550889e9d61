/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Which nested HWPTs carry what a guest's (domain id, PASID) caches, and which
 * ones a device's requests go through.
 */
#ifndef IOMMUNEST_VTD_QUEUE_TARGETS_H
#define IOMMUNEST_VTD_QUEUE_TARGETS_H

#include <string.h>

#include <libiommunest.h>

#define VTD_NONE UINT16_MAX

#define VTD_NO_ITEM UINT32_MAX

/*
 * What is gathered for one HWPT: items in ring order, or VTD_NO_ITEM.  The
 * table keeps it, and does not look at it.
 */
struct vtd_gathered {
	uint32_t last_item;
	uint32_t first_item;
	/* The last of them that becomes an entry of its own. */
	uint32_t last_entry;
	/* The next HWPT that has items, or VTD_NONE. */
	uint16_t next_touched;
};

_Static_assert(VTD_NO_ITEM == UINT32_MAX && VTD_NONE == UINT16_MAX,
	       "all ones, as vtd_gathered_clear() writes it");

static inline void vtd_gathered_clear(struct vtd_gathered *gathered)
{
	memset(gathered, 0xff, sizeof(*gathered));
}

/* One target: a nested HWPT, however many scopes it has. */
struct vtd_hwpt {
	/* Of this context. */
	struct iommunest_ctx *ctx;
	/* The VMM's own name for it. */
	uint64_t cookie;
	uint32_t id;
	/* Scopes that name it; 0: the slot is free, unless it is pinned. */
	uint16_t scopes;
	/* What is gathered still refers to the slot. */
	bool pinned;
	/* The VMM has cut it off, and not added it again since. */
	bool isolated;
	struct vtd_gathered gathered;
};

/* One (domain id, PASID), or (device, PASID), of one HWPT. */
struct vtd_scope {
	/* See vtd_scope_key() and vtd_device_key(). */
	uint64_t key;
	/* Index of the HWPT. */
	uint16_t hwpt;
	/* The next scope in the same bucket, and the next one with this key. */
	uint16_t next;
	uint16_t next_of_key;
};

struct vtd_scopes {
	/* Scopes and HWPTs that there is room for. */
	uint32_t room;
	uint16_t count;
	/* A power of two, less one. */
	uint16_t bucket_mask;
	/* The most HWPTs that one descriptor ever named, IOTLB's aside. */
	uint16_t fan_out;
	struct vtd_hwpt *hwpts;
	struct vtd_scope *scopes;
	uint16_t *buckets;
	/* Slots that are neither used nor free. */
	uint16_t pinned;
};

/* 0 or -ENOMEM. */
int iommunest__vtd_scopes_init(struct vtd_scopes *table);
void iommunest__vtd_scopes_free(struct vtd_scopes *table);

/* Forgets all. */
void iommunest__vtd_scopes_clear(struct vtd_scopes *table);

/*
 * Room for one more.  0, -ENOMEM, or -ENOSPC (65534 are there), and what there
 * is stays.  HWPTs keep their slots.
 */
int iommunest__vtd_scopes_reserve(struct vtd_scopes *table);

void iommunest__vtd_scopes_unpin_all(struct vtd_scopes *table);

/*
 * Slots that have become free since the last call are free to use again from
 * this one on.
 */
static inline void vtd_scopes_unpin(struct vtd_scopes *table)
{
	if (table->pinned)
		iommunest__vtd_scopes_unpin_all(table);
}

/* The slot of a target that has scopes, or VTD_NONE. */
uint16_t
iommunest__vtd_scopes_slot_of(const struct vtd_scopes *table,
			      const struct iommunest_vtd_target *target);

/* Where there is room. */
int iommunest__vtd_scopes_add(struct vtd_scopes *table, uint64_t key,
			      const struct iommunest_vtd_target *target);
/* The target of the scope that was added last is not cut off any more. */
void iommunest__vtd_scopes_readmit(struct vtd_scopes *table);
int iommunest__vtd_scopes_remove(struct vtd_scopes *table, uint64_t key,
				 const struct iommunest_vtd_target *target);
int iommunest__vtd_scopes_forget(struct vtd_scopes *table,
				 const struct iommunest_vtd_target *target);

/*
 * Where the target of a pinned slot is now: another slot where it was removed
 * and added again, or VTD_NONE, and its context may be gone.
 */
uint16_t iommunest__vtd_scopes_moved_to(const struct vtd_scopes *table,
					uint16_t slot);

/* The same of any slot, most of which are where they were. */
static inline uint16_t vtd_scopes_slot_now(const struct vtd_scopes *table,
					   uint16_t slot)
{
	if (table->hwpts[slot].scopes)
		return slot;
	return iommunest__vtd_scopes_moved_to(table, slot);
}

/* The domain id in the low 16 bits and the PASID above them. */
static inline uint64_t vtd_scope_key(uint16_t did, uint32_t pasid)
{
	return did | (uint64_t)pasid << 16;
}

#define VTD_KEY_DEVICE (UINT64_C(1) << 40)
/* One more than the largest PASID stands for none. */
#define VTD_KEY_NO_PASID UINT32_C(0x100000)

/* The same of a device, with its source id; @pasid may be NO_PASID. */
static inline uint64_t vtd_device_key(uint16_t sid, uint32_t pasid)
{
	if (pasid == IOMMUNEST_VTD_NO_PASID)
		pasid = VTD_KEY_NO_PASID;
	return vtd_scope_key(sid, pasid) | VTD_KEY_DEVICE;
}

static inline bool vtd_scope_is_device(const struct vtd_scope *scope)
{
	return scope->key & VTD_KEY_DEVICE;
}

/* The domain id, or the source id. */
static inline uint16_t vtd_scope_id(const struct vtd_scope *scope)
{
	return (uint16_t)scope->key;
}

static inline uint16_t *vtd_scopes_bucket(const struct vtd_scopes *table,
					  uint64_t key)
{
	/* Multiplication by the golden ratio spreads small keys well. */
	uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);

	return &table->buckets[(hash >> 48) & table->bucket_mask];
}

/* The first scope with the key, or VTD_NONE. */
static inline uint16_t vtd_scopes_find(const struct vtd_scopes *table,
				       uint64_t key)
{
	uint16_t i = *vtd_scopes_bucket(table, key);

	while (i != VTD_NONE && table->scopes[i].key != key)
		i = table->scopes[i].next;
	return i;
}

/* The next one with the same key. */
static inline uint16_t vtd_scopes_find_next(const struct vtd_scopes *table,
					    uint16_t scope)
{
	return table->scopes[scope].next_of_key;
}

#endif /* IOMMUNEST_VTD_QUEUE_TARGETS_H */
