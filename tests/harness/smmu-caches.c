/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <string.h>

#include "tests/harness/smmu-caches.h"
#include "tests/harness/support.h"

uint32_t caches_sid(unsigned int target)
{
	return 0x10 + target;
}

/* ---- The devices ---- */

static void use_page(const struct caches *caches, struct caches_target *target,
		     bool ats, unsigned int page)
{
	if (ats && target->atc[page].valid)
		return;
	if (!target->tlb[page].valid) {
		if (!target->cd.valid)
			target->cd = (struct caches_entry){
				.valid = true,
				.cd = caches->cd,
			};
		target->tlb[page] = (struct caches_entry){
			.valid = true,
			.page = caches->page[page],
			.cd = target->cd.cd,
		};
	}
	if (ats)
		target->atc[page] = target->tlb[page];
}

static void use_all(struct caches *caches)
{
	unsigned int i, page;

	for (i = 0; i < CACHES_TARGETS; i++)
		for (page = 0; !caches->target[i].cut && page < CACHES_PAGES;
		     page++)
			use_page(caches, &caches->target[i],
				 caches->ats && i == 0, page);
}

/* ---- The guest ---- */

uint32_t caches_issue(struct caches *caches, enum caches_kind kind,
		      uint64_t addr, struct iommunest_smmuv3_entry *entry)
{
	use_all(caches);
	switch (kind) {
	case CACHES_PAGE:
		iommunest_smmuv3_tlbi_nh_va(entry, CACHES_ASID, addr, true);
		return ++caches->page[addr >> 12];
	case CACHES_ASID_ALL:
		iommunest_smmuv3_tlbi_nh_asid(entry, CACHES_ASID);
		return caches->cd;
	case CACHES_CD:
		ck_assert_int_eq(iommunest_smmuv3_cfgi_cd(
					 entry, caches_sid((unsigned int)addr),
					 0, true),
				 0);
		return ++caches->cd;
	case CACHES_ATC:
		ck_assert_int_eq(iommunest_smmuv3_atc_inv(
					 entry, caches_sid(0),
					 IOMMUNEST_SMMUV3_NO_SSID, addr, 0),
				 0);
		return caches->page[addr >> 12];
	default:
		return 0;
	}
}

/* ---- The hardware ---- */

static void drop_pages(struct caches_entry *entries, uint64_t addr,
		       uint64_t npages)
{
	unsigned int page;

	for (page = 0; page < CACHES_PAGES; page++)
		if (page - (addr >> 12) < npages)
			entries[page].valid = false;
}

/* 2^@log2 pages that hold the address. */
static void drop_aligned(struct caches_entry *entries, uint64_t addr,
			 unsigned int log2)
{
	if (log2 >= IOMMUNEST_SMMUV3_ATC_ALL)
		drop_pages(entries, 0, CACHES_PAGES);
	else
		drop_pages(entries, addr & ~((UINT64_C(0x1000) << log2) - 1),
			   UINT64_C(1) << log2);
}

static void execute(struct caches_target *target, unsigned int number,
		    const struct iommunest_smmuv3_cmd *cmd)
{
	const uint64_t npages =
		cmd->tg ? (cmd->num + UINT64_C(1)) << cmd->scale : 1;

	switch (cmd->opcode) {
	case IOMMUNEST_SMMUV3_TLBI_NSNH_ALL:
	case IOMMUNEST_SMMUV3_TLBI_NH_ALL:
		drop_pages(target->tlb, 0, CACHES_PAGES);
		return;
	case IOMMUNEST_SMMUV3_TLBI_NH_ASID:
		if (cmd->asid == CACHES_ASID)
			drop_pages(target->tlb, 0, CACHES_PAGES);
		return;
	case IOMMUNEST_SMMUV3_TLBI_NH_VA:
		if (cmd->asid == CACHES_ASID)
			drop_pages(target->tlb, cmd->addr, npages);
		return;
	case IOMMUNEST_SMMUV3_TLBI_NH_VAA:
		drop_pages(target->tlb, cmd->addr, npages);
		return;
	case IOMMUNEST_SMMUV3_CFGI_CD:
	case IOMMUNEST_SMMUV3_CFGI_CD_ALL:
		if (cmd->sid == caches_sid(number))
			target->cd.valid = false;
		return;
	case IOMMUNEST_SMMUV3_ATC_INV:
		if (cmd->sid == caches_sid(number))
			drop_aligned(target->atc, cmd->addr, cmd->log2);
		return;
	default:
		ck_abort_msg("opcode %#x was executed", cmd->opcode);
	}
}

void caches_execute(struct caches *caches, unsigned int number,
		    const struct iommunest_smmuv3_entry *entries,
		    uint32_t count)
{
	struct iommunest_smmuv3_cmd cmd =
		IOMMUNEST_INIT(struct iommunest_smmuv3_cmd);

	while (count--) {
		use_all(caches);
		iommunest_smmuv3_cmd_decode(&cmd, &entries[count]);
		execute(&caches->target[number], number, &cmd);
	}
	use_all(caches);
}

/* ---- The judge ---- */

static bool page_is_new(const struct caches_entry *entries, uint64_t addr,
			uint32_t need)
{
	const struct caches_entry *entry = &entries[addr >> 12];

	return !entry->valid || entry->page >= need;
}

static bool descriptors_are_new(const struct caches_target *target,
				uint32_t need)
{
	unsigned int page;

	for (page = 0; page < CACHES_PAGES; page++)
		if (target->tlb[page].valid && target->tlb[page].cd < need)
			return false;
	return true;
}

static bool target_is_done(const struct caches_target *target,
			   unsigned int number, enum caches_kind kind,
			   uint64_t addr, uint32_t need)
{
	switch (kind) {
	case CACHES_PAGE:
		return page_is_new(target->tlb, addr, need);
	case CACHES_ASID_ALL:
		return descriptors_are_new(target, need);
	case CACHES_CD:
		return number != addr || !target->cd.valid ||
		       target->cd.cd >= need;
	case CACHES_ATC:
		return number != 0 || page_is_new(target->atc, addr, need);
	default:
		return true;
	}
}

bool caches_are_done(const struct caches *caches, enum caches_kind kind,
		     uint64_t addr, uint32_t need)
{
	unsigned int i;

	for (i = 0; i < CACHES_TARGETS; i++)
		if (!caches->target[i].cut &&
		    !target_is_done(&caches->target[i], i, kind, addr, need))
			return false;
	return true;
}

/* ---- Devices that go ---- */

/* Translations stay, as hardware has them by VMID. */
void caches_cut(struct caches *caches, unsigned int target)
{
	caches->target[target].cut = true;
	caches->target[target].cd.valid = false;
	drop_pages(caches->target[target].atc, 0, CACHES_PAGES);
}

void caches_heal(struct caches *caches, unsigned int target)
{
	drop_pages(caches->target[target].tlb, 0, CACHES_PAGES);
	caches->target[target].cut = false;
}
