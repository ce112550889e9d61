/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Walks a guest's first-stage tables, which are in the format of x86 (VT-d
 * specification, chapter 9, "First-Stage Paging Entries").  All of their
 * addresses go through stage 2.  The tables are the guest's: whatever they say,
 * a walk ends after as many entries as there are levels.
 */
#include "walk.h"

#include <endian.h>
#include <errno.h>

#include "cache.h"
#include "registers.h"
#include "stage2.h"
#include "user-memory.h"
#include "objects.h"

#define BIT(n) (1ull << (n))

#define ENTRY_P BIT(0)
#define ENTRY_WRITE BIT(1)
#define ENTRY_USER BIT(2)
#define ENTRY_A BIT(5)
#define ENTRY_D BIT(6)
#define ENTRY_PS BIT(7)
#define ENTRY_EA BIT(10)
#define ENTRY_ADDR 0x000ffffffffff000ull
/* Below the address of a large page: all but the bit of the memory type. */
#define LARGE_RESERVED(shift) ((BIT(shift) - 1) & ~(BIT(13) - 1))

#define INDEX_BITS 9u
#define ALL_RIGHTS (SIM_ENTRY_WRITE | SIM_ENTRY_USER)

/* A table: level 1 has pages of 4 KiB. */
struct table {
	uint64_t addr;
	unsigned int level;
	/* What the entries above it allow. */
	uint32_t rights;
};

struct entry {
	uint64_t addr;
	uint64_t value;
	struct sim_stage2 at;
};

int iommunest__sim_refuse(struct sim_access *access, uint32_t reason,
			  uint64_t addr)
{
	access->reason = reason;
	access->fault_addr = addr;
	return -EFAULT;
}

struct sim_hwpt *iommunest__sim_stage2_of(struct sim_hwpt *hwpt)
{
	return hwpt->obj.type == SIM_HWPT_NESTED ? iommunest__sim_parent(hwpt)
						 : hwpt;
}

/* ---- Rights ---- */

static bool has_flag(const struct sim_access *access, uint64_t flag)
{
	return access->hwpt->s1.flags & flag;
}

/* As of a CPU: WPE is CR0.WP.  Arm's have no such thing. */
bool iommunest__sim_stage1_allows(const struct sim_access *access,
				  uint32_t rights)
{
	if (!access->privileged && !(rights & SIM_ENTRY_USER))
		return false;
	if (!access->write || rights & SIM_ENTRY_WRITE)
		return true;
	return access->privileged && !access->sim->profile->smmu &&
	       !has_flag(access, IOMMU_VTD_S1_WPE);
}

bool iommunest__sim_leaf_allows(const struct sim_access *access, uint32_t flags)
{
	const uint32_t stage2 =
		access->write ? SIM_ENTRY_S2_WRITE : SIM_ENTRY_S2_READ;

	return flags & SIM_ENTRY_KNOWN && flags & stage2 &&
	       iommunest__sim_stage1_allows(access, flags) &&
	       (!access->write || flags & SIM_ENTRY_DIRTY);
}

/* ---- Stage 2 ---- */

static int stage2(struct sim_access *access, uint64_t addr, bool write,
		  struct sim_stage2 *to)
{
	const struct sim_hwpt *paging = iommunest__sim_stage2_of(access->hwpt);

	if (!iommunest__sim_stage2(paging, addr, to))
		return iommunest__sim_refuse(
			access, IOMMUNEST_SIM_DMA_S2_NOT_MAPPED, addr);
	if (write ? !to->writable : !to->readable)
		return iommunest__sim_refuse(
			access, IOMMUNEST_SIM_DMA_S2_PERMISSION, addr);
	return 0;
}

int iommunest__sim_read_stage2(struct sim_access *access, uint64_t addr,
			       void *to, size_t len)
{
	struct sim_stage2 at;
	int ret = stage2(access, addr, false, &at);

	if (ret)
		return ret;
	return iommunest__sim_user_read(access->sim, to, at.host, len)
		       ? iommunest__sim_refuse(
				 access, IOMMUNEST_SIM_DMA_HOST_MEMORY, addr)
		       : 0;
}

uint32_t iommunest__sim_stage2_flags(const struct sim_stage2 *to)
{
	return (to->readable ? SIM_ENTRY_S2_READ : 0) |
	       (to->writable ? SIM_ENTRY_S2_WRITE : 0);
}

/* A leaf of @level whose part at the access's address is @to. */
static struct sim_entry leaf_of(const struct sim_access *access, uint64_t addr,
				const struct sim_stage2 *to, unsigned int level,
				uint32_t rights)
{
	const uint64_t mask = BIT(iommunest__sim_leaf_shift(level)) - 1;

	return (struct sim_entry){
		.addr = addr & ~mask,
		.host = to->host - (access->iova & mask),
		.flags = SIM_ENTRY_KNOWN | rights |
			 iommunest__sim_stage2_flags(to),
	};
}

static int look_up(struct sim_access *access, struct sim_entry *leaf,
		   unsigned int *level)
{
	struct sim_stage2 to;
	int ret = stage2(access, access->iova, access->write, &to);

	if (ret)
		return ret;
	*level = to.level;
	*leaf = leaf_of(access, access->iova, &to, *level,
			ALL_RIGHTS | SIM_ENTRY_DIRTY);
	return 0;
}

/* ---- Entries ---- */

static unsigned int shift_of(unsigned int level)
{
	return SIM_PAGE_SHIFT + INDEX_BITS * (level - 1);
}

static int read_entry(struct sim_access *access, const struct table *table,
		      struct entry *entry)
{
	const uint64_t index =
		access->iova >> shift_of(table->level) & (BIT(INDEX_BITS) - 1);
	uint64_t value;
	int ret;

	entry->addr = table->addr + index * sizeof(value);
	ret = stage2(access, entry->addr, false, &entry->at);
	if (ret)
		return ret;
	if (iommunest__sim_user_read(access->sim, &value, entry->at.host,
				     sizeof(value)))
		return iommunest__sim_refuse(
			access, IOMMUNEST_SIM_DMA_HOST_MEMORY, entry->addr);
	entry->value = le64toh(value);
	return 0;
}

/* Hardware sets bits of an entry before it uses it. */
static int set_bits(struct sim_access *access, struct entry *entry,
		    uint64_t bits)
{
	struct sim_hwpt *paging = iommunest__sim_stage2_of(access->hwpt);
	int ret;

	if (has_flag(access, IOMMU_VTD_S1_EAFE))
		bits |= ENTRY_EA;
	if ((entry->value & bits) == bits)
		return 0;
	if (!entry->at.writable)
		return iommunest__sim_refuse(
			access, IOMMUNEST_SIM_DMA_S2_PERMISSION, entry->addr);
	ret = iommunest__sim_mark_dirty(paging, entry->addr);
	if (ret)
		return ret;
	if (iommunest__sim_user_set_bits(access->sim, entry->at.host,
					 (uint32_t)bits))
		return iommunest__sim_refuse(
			access, IOMMUNEST_SIM_DMA_HOST_MEMORY, entry->addr);
	entry->value |= bits;
	return 0;
}

static bool is_leaf(const struct table *table, uint64_t value)
{
	return table->level == 1 || value & ENTRY_PS;
}

static bool has_reserved_bits(const struct sim_access *access,
			      const struct table *table, uint64_t value)
{
	if (table->level == 1 || !(value & ENTRY_PS))
		return false;
	if (table->level > SIM_LEVELS ||
	    (table->level == SIM_LEVELS &&
	     !iommunest__sim_can_first_stage_1g(access->sim)))
		return true;
	return value & LARGE_RESERVED(shift_of(table->level));
}

static uint32_t rights_of(uint64_t value)
{
	return (value & ENTRY_WRITE ? SIM_ENTRY_WRITE : 0) |
	       (value & ENTRY_USER ? SIM_ENTRY_USER : 0);
}

static int check_entry(struct sim_access *access, const struct table *table,
		       const struct entry *entry)
{
	if (!(entry->value & ENTRY_P))
		return iommunest__sim_refuse(
			access, IOMMUNEST_SIM_DMA_NOT_PRESENT, entry->addr);
	if (has_reserved_bits(access, table, entry->value))
		return iommunest__sim_refuse(
			access, IOMMUNEST_SIM_DMA_RESERVED_BITS, entry->addr);
	return 0;
}

/* ---- Levels ---- */

/* From the lowest table that is cached, else from the root. */
static struct table first_table(const struct sim_access *access)
{
	const struct iommu_hwpt_vtd_s1 *s1 = &access->hwpt->s1;
	unsigned int level;

	for (level = 0; level < SIM_LEVELS; level++) {
		const struct sim_entry *above = iommunest__sim_structure_find(
			&access->hwpt->iotlb, level, access->iova);

		if (above && above->flags & SIM_ENTRY_KNOWN)
			return (struct table){ above->addr, level + 1,
					       above->flags & ALL_RIGHTS };
	}
	return (struct table){ s1->pgtbl_addr & ENTRY_ADDR,
			       s1->addr_width == 57 ? 5 : 4, ALL_RIGHTS };
}

/* Caches what points to @table; those of more than 512 GiB are not cached. */
static int cache_table(const struct sim_access *access,
		       const struct table *table)
{
	const struct sim_entry entry = {
		.addr = table->addr,
		.flags = SIM_ENTRY_KNOWN | table->rights,
	};
	struct sim_iotlb *iotlb = &access->hwpt->iotlb;
	const unsigned int level = table->level - 1;

	if (level >= SIM_LEVELS)
		return 0;
	if (iommunest__sim_structure_reserve(iotlb, level))
		return -ENOMEM;
	iommunest__sim_structure_insert(iotlb, level, access->iova, &entry);
	return 0;
}

static int descend(struct sim_access *access, struct table *table,
		   struct entry *entry)
{
	int ret = set_bits(access, entry, ENTRY_A);

	if (ret)
		return ret;
	table->addr = entry->value & ENTRY_ADDR;
	table->rights &= rights_of(entry->value);
	table->level--;
	return cache_table(access, table);
}

/* The bits are set only for an access that is allowed. */
static int take_leaf(struct sim_access *access, const struct table *table,
		     struct entry *entry, struct sim_entry *leaf,
		     unsigned int *level)
{
	const uint64_t mask = BIT(shift_of(table->level)) - 1;
	const uint64_t addr =
		(entry->value & ENTRY_ADDR & ~mask) | (access->iova & mask);
	uint32_t rights = table->rights & rights_of(entry->value);
	struct sim_stage2 to;
	int ret;

	if (!iommunest__sim_stage1_allows(access, rights))
		return iommunest__sim_refuse(
			access, IOMMUNEST_SIM_DMA_PERMISSION, entry->addr);
	ret = stage2(access, addr, access->write, &to);
	if (!ret)
		ret = set_bits(access, entry,
			       access->write ? ENTRY_A | ENTRY_D : ENTRY_A);
	if (ret)
		return ret;
	if (entry->value & ENTRY_D)
		rights |= SIM_ENTRY_DIRTY;
	*level = table->level - 1 < to.level ? table->level - 1 : to.level;
	*leaf = leaf_of(access, addr, &to, *level, rights);
	return 0;
}

static bool is_canonical(const struct sim_access *access)
{
	const unsigned int width = access->hwpt->s1.addr_width;
	const uint64_t high = access->iova >> (width - 1);

	return high == 0 || high == UINT64_MAX >> (width - 1);
}

static int walk_tables(struct sim_access *access, struct sim_entry *leaf,
		       unsigned int *level)
{
	struct table table = first_table(access);
	struct entry entry;
	int ret;

	for (;;) {
		ret = read_entry(access, &table, &entry);
		if (!ret)
			ret = check_entry(access, &table, &entry);
		if (ret)
			return ret;
		if (is_leaf(&table, entry.value))
			return take_leaf(access, &table, &entry, leaf, level);
		ret = descend(access, &table, &entry);
		if (ret)
			return ret;
	}
}

int iommunest__sim_walk(struct sim_access *access, struct sim_entry *leaf,
			unsigned int *level)
{
	/* Of an SMMUv3's nested HWPTs, those without a stage 1 come here. */
	if (access->hwpt->obj.type == SIM_HWPT_PAGING ||
	    access->sim->profile->smmu)
		return look_up(access, leaf, level);
	if (access->privileged && !has_flag(access, IOMMU_VTD_S1_SRE))
		return iommunest__sim_refuse(
			access, IOMMUNEST_SIM_DMA_PRIVILEGE, access->iova);
	if (!is_canonical(access))
		return iommunest__sim_refuse(
			access, IOMMUNEST_SIM_DMA_NOT_CANONICAL, access->iova);
	return walk_tables(access, leaf, level);
}
