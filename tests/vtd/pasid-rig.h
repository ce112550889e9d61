/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A guest's PASID-table entry as words, and a host that can nest it. */
#ifndef TESTS_VTD_PASID_RIG_H
#define TESTS_VTD_PASID_RIG_H

#include <libiommunest.h>

#define BIT(n) (UINT64_C(1) << (n))
#define WORDS 8

/* Bits of CAP_REG and ECAP_REG that an entry depends on. */
#define FS5LP BIT(60)
#define SC BIT(7)
#define NEST BIT(26)
#define SRS BIT(31)
#define EAFS BIT(34)
#define SMTS BIT(43)
#define SSTS BIT(46)
#define FSTS BIT(47)
#define SMPWCS BIT(48)
#define HOST_ECAP (SC | NEST | SRS | EAFS | SMTS | SSTS | FSTS | SMPWCS)

/* A first-stage entry with 4 levels at 1 MiB. */
#define P BIT(0)
#define PGTT(type) ((uint64_t)(type) << 6)
#define FSPM(mode) ((uint64_t)(mode) << 2)
#define ROOT UINT64_C(0x100000)

struct words {
	uint64_t word[WORDS];
};

/* An entry of the first stage, and nothing more. */
struct words plain(void);
struct iommunest_hw_info host(void);

struct iommunest_vtd_pasid_entry decode(const struct words *words);
/* Not the padding, which says nothing. */
void check_same(const struct iommunest_vtd_pasid_entry *got,
		const struct iommunest_vtd_pasid_entry *want);

struct outcome {
	int ret;
	uint32_t reason;
	struct iommunest_vtd_s1 s1;
};

struct outcome to_s1(const struct words *words,
		     const struct iommunest_hw_info *info, uint32_t addr_bits);

#endif /* TESTS_VTD_PASID_RIG_H */
