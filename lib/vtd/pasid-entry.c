/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A guest's scalable-mode PASID-table entry (VT-d specification, chapter 9,
 * "Scalable-Mode PASID Table Entry"), and the nested HWPT that it asks for.
 */
#include "lib/abi.h"
#include "lib/vtd/cap-regs.h"

/* Fields of words 0 to 2. */
#define PE0_P BIT(0)
#define PE0_FPD BIT(1)
#define PE0_AW BITS(4, 2)
#define PE0_PGTT BITS(8, 6)
#define PE0_SSPTPTR BITS(63, 12)
#define PE1_DID BITS(15, 0)
#define PE1_PWSNP BIT(23)
#define PE1_PGSNP BIT(24)
#define PE1_CD BIT(25)
#define PE1_EMTE BIT(26)
#define PE2_SRE BIT(0)
#define PE2_ERE BIT(1)
#define PE2_FSPM BITS(3, 2)
#define PE2_WPE BIT(4)
#define PE2_NXE BIT(5)
#define PE2_SMEP BIT(6)
#define PE2_EAFE BIT(7)
#define PE2_FSPTPTR BITS(63, 12)

/*
 * What every revision of the specification reserves, and words 3 to 7: a bit
 * that one revision has and another one reserves or drops does not make a
 * guest wrong.  Those are of the second stage, which a first-stage entry does
 * not have (word 0, bits 5 and 9); of memory types, which take effect with
 * ECAP_REG.MTS, not shown to guests (word 1, bits 63:27); and of execute
 * requests (word 2, bits 1, 5 and 6).
 */
#define PE0_RESERVED BITS(11, 10)
#define PE1_RESERVED BITS(22, 16)
#define PE2_RESERVED BITS(11, 8)

#define FSPM_5_LEVELS 1u

static bool reserved_is_set(const uint64_t words[8])
{
	return words[0] & PE0_RESERVED || words[1] & PE1_RESERVED ||
	       words[2] & PE2_RESERVED || words[3] || words[4] || words[5] ||
	       words[6] || words[7];
}

static int check_entry_size(const struct iommunest_vtd_pasid_entry *entry)
{
	return iommunest_check_size(
		entry, END_OF(struct iommunest_vtd_pasid_entry, reserved_set));
}

static void decode(struct iommunest_vtd_pasid_entry *entry)
{
	const uint64_t *words = entry->raw;

	entry->present = words[0] & PE0_P;
	entry->fpd = words[0] & PE0_FPD;
	entry->aw = (uint8_t)bits_get(words[0], PE0_AW);
	entry->pgtt = (uint8_t)bits_get(words[0], PE0_PGTT);
	entry->ssptptr = words[0] & PE0_SSPTPTR;
	entry->did = (uint16_t)bits_get(words[1], PE1_DID);
	entry->pwsnp = words[1] & PE1_PWSNP;
	entry->pgsnp = words[1] & PE1_PGSNP;
	entry->cd = words[1] & PE1_CD;
	entry->emte = words[1] & PE1_EMTE;
	entry->sre = words[2] & PE2_SRE;
	entry->ere = words[2] & PE2_ERE;
	entry->fspm = (uint8_t)bits_get(words[2], PE2_FSPM);
	entry->wpe = words[2] & PE2_WPE;
	entry->nxe = words[2] & PE2_NXE;
	entry->smep = words[2] & PE2_SMEP;
	entry->eafe = words[2] & PE2_EAFE;
	entry->fsptptr = words[2] & PE2_FSPTPTR;
	entry->reserved_set = reserved_is_set(words);
}

EXPORT int iommunest_vtd_pasid_decode(struct iommunest_vtd_pasid_entry *entry,
				      const uint64_t words[8])
{
	struct iommunest_vtd_pasid_entry out = { 0 };
	int ret;

	if (!entry || !words)
		return -EINVAL;
	ret = check_entry_size(entry);
	if (ret)
		return ret;
	/* The words may be the entry's own. */
	memcpy(out.raw, words, sizeof(out.raw));
	decode(&out);
	iommunest_copy_out(entry, &out, sizeof(out));
	return 0;
}

static bool pgtt_is_known(unsigned int pgtt)
{
	return pgtt >= IOMMUNEST_VTD_PGTT_FIRST_STAGE &&
	       pgtt <= IOMMUNEST_VTD_PGTT_PASS_THROUGH;
}

static bool uses_first_stage(const struct iommunest_vtd_pasid_entry *entry)
{
	return entry->pgtt == IOMMUNEST_VTD_PGTT_FIRST_STAGE ||
	       entry->pgtt == IOMMUNEST_VTD_PGTT_NESTED;
}

/*
 * Snooping is the host kernel's choice: with SMPWCS it has page walks snooped,
 * with SC the pages.  Without these the bits are reserved, and a guest that
 * sets one relies on what it does not get.
 */
static bool is_reserved_here(const struct iommunest_vtd_pasid_entry *entry,
			     uint64_t ecap)
{
	return (entry->pwsnp && !(ecap & ECAP_SMPWCS)) ||
	       (entry->pgsnp && !(ecap & ECAP_SC));
}

static bool is_reserved(const struct iommunest_vtd_pasid_entry *entry,
			uint64_t ecap)
{
	if (entry->reserved_set || !pgtt_is_known(entry->pgtt))
		return true;
	return uses_first_stage(entry) &&
	       (entry->fspm > FSPM_5_LEVELS || is_reserved_here(entry, ecap));
}

/* In the order of the reasons' bits: the first one is told. */
static enum iommunest_vtd_pasid_reason
check_entry(const struct iommunest_vtd_pasid_entry *entry,
	    const struct iommunest_hw_info *info, unsigned int addr_bits)
{
	uint64_t ecap = vtd_host(info).ecap_reg;

	if (!entry->present)
		return IOMMUNEST_VTD_PASID_REASON_NOT_PRESENT;
	if (is_reserved(entry, ecap))
		return IOMMUNEST_VTD_PASID_REASON_RESERVED;
	if (entry->pgtt != IOMMUNEST_VTD_PGTT_FIRST_STAGE)
		return IOMMUNEST_VTD_PASID_REASON_TYPE;
	if (entry->fspm == FSPM_5_LEVELS &&
	    !(vtd_host(info).cap_reg & CAP_FS5LP))
		return IOMMUNEST_VTD_PASID_REASON_5_LEVEL;
	if (addr_bits < 64 && entry->fsptptr >> addr_bits)
		return IOMMUNEST_VTD_PASID_REASON_ADDRESS;
	if (entry->sre && !(ecap & ECAP_SRS))
		return IOMMUNEST_VTD_PASID_REASON_SRE;
	if (entry->eafe && !(ecap & ECAP_EAFS))
		return IOMMUNEST_VTD_PASID_REASON_EAFE;
	if (entry->ere)
		return IOMMUNEST_VTD_PASID_REASON_ERE;
	if (entry->cd || entry->emte)
		return IOMMUNEST_VTD_PASID_REASON_MEMORY_TYPE;
	return IOMMUNEST_VTD_PASID_REASON_NONE;
}

static int reason_errno(enum iommunest_vtd_pasid_reason reason)
{
	switch (reason) {
	case IOMMUNEST_VTD_PASID_REASON_NONE:
		return 0;
	case IOMMUNEST_VTD_PASID_REASON_NOT_PRESENT:
		return -ENOENT;
	case IOMMUNEST_VTD_PASID_REASON_RESERVED:
	case IOMMUNEST_VTD_PASID_REASON_ADDRESS:
		return -EINVAL;
	default:
		return -EOPNOTSUPP;
	}
}

/*
 * NXE and SMEP are dropped: they matter to execute requests, and an entry that
 * has those on is refused.  Execute-disable bits in the guest's page tables do
 * no harm without NXE: the kernel leaves it 0 for a CPU's page tables too,
 * which have them, when it shares those with a device.  WPE without SRE has no
 * effect, and the kernel drops it.
 */
static void fill_s1(struct iommunest_vtd_s1 *s1,
		    const struct iommunest_vtd_pasid_entry *entry)
{
	struct iommunest_vtd_s1 out = {
		.pgtbl_addr = entry->fsptptr,
		.addr_width = entry->fspm == FSPM_5_LEVELS ? 57 : 48,
		.flags = (entry->sre ? IOMMUNEST_VTD_S1_SRE : 0) |
			 (entry->eafe ? IOMMUNEST_VTD_S1_EAFE : 0) |
			 (entry->wpe ? IOMMUNEST_VTD_S1_WPE : 0),
	};

	iommunest_copy_out(s1, &out, sizeof(out));
}

EXPORT int
iommunest_vtd_pasid_to_s1(const struct iommunest_vtd_pasid_entry *entry,
			  const struct iommunest_hw_info *info,
			  unsigned int addr_bits, struct iommunest_vtd_s1 *s1,
			  uint32_t *reason)
{
	enum iommunest_vtd_pasid_reason why;
	int ret;

	if (reason)
		*reason = IOMMUNEST_VTD_PASID_REASON_NONE;
	if (!entry || iommunest__vtd_check_info(info) < 0 || addr_bits < 32 ||
	    addr_bits > 64 || !s1)
		return -EINVAL;
	ret = check_entry_size(entry);
	if (ret)
		return ret;
	ret = iommunest_check_size(s1, END_OF(struct iommunest_vtd_s1, flags));
	if (ret)
		return ret;
	if (!vtd_info_is_vtd(info))
		return -EOPNOTSUPP;

	why = check_entry(entry, info, addr_bits);
	if (reason)
		*reason = why;
	if (why == IOMMUNEST_VTD_PASID_REASON_NONE)
		fill_s1(s1, entry);
	return reason_errno(why);
}

static const struct {
	uint32_t reason;
	const char *text;
} reason_texts[] = {
	{ IOMMUNEST_VTD_PASID_REASON_NONE, "ok" },
	{ IOMMUNEST_VTD_PASID_REASON_NOT_PRESENT, "not present" },
	{ IOMMUNEST_VTD_PASID_REASON_RESERVED, "a reserved bit or value" },
	{ IOMMUNEST_VTD_PASID_REASON_TYPE, "not of the first stage" },
	{ IOMMUNEST_VTD_PASID_REASON_5_LEVEL,
	  "5-level paging, the host has 4 levels" },
	{ IOMMUNEST_VTD_PASID_REASON_ADDRESS,
	  "the root is beyond the guest's addresses" },
	{ IOMMUNEST_VTD_PASID_REASON_SRE,
	  "supervisor requests, the host has none" },
	{ IOMMUNEST_VTD_PASID_REASON_EAFE,
	  "the extended accessed flag, the host has none" },
	{ IOMMUNEST_VTD_PASID_REASON_ERE,
	  "execute requests, which are not passed on" },
	{ IOMMUNEST_VTD_PASID_REASON_MEMORY_TYPE,
	  "a memory type, which is not passed on" },
};

EXPORT const char *iommunest_vtd_pasid_reason_text(uint32_t reason)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(reason_texts); i++) {
		if (reason_texts[i].reason == reason)
			return reason_texts[i].text;
	}
	return "unknown";
}
