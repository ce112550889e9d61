/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <string.h>

#include "tests/harness/support.h"
#include "tests/vtd/pasid-rig.h"
#include "tests/harness/vtd-info.h"

struct words plain(void)
{
	return (struct words){ { P | PGTT(1), 0, ROOT } };
}

struct iommunest_vtd_pasid_entry decode(const struct words *words)
{
	struct iommunest_vtd_pasid_entry entry =
		IOMMUNEST_INIT(struct iommunest_vtd_pasid_entry);

	memset(&entry, 0xa5, sizeof(entry));
	entry.size = sizeof(entry);
	ck_assert_int_eq(iommunest_vtd_pasid_decode(&entry, words->word), 0);
	return entry;
}

void check_same(const struct iommunest_vtd_pasid_entry *got,
		const struct iommunest_vtd_pasid_entry *want)
{
	ck_assert_mem_eq(got, want,
			 SIZE_TO(struct iommunest_vtd_pasid_entry,
				 reserved_set));
}

struct iommunest_hw_info host(void)
{
	return (struct iommunest_hw_info){
		.size = sizeof(struct iommunest_hw_info),
		.type = IOMMUNEST_HW_INTEL_VTD,
		.data[VTD_CAP] = FS5LP,
		.data[VTD_ECAP] = HOST_ECAP,
	};
}

struct outcome to_s1(const struct words *words,
		     const struct iommunest_hw_info *info,
		     unsigned int addr_bits)
{
	struct iommunest_vtd_pasid_entry entry = decode(words);
	struct outcome got;

	memset(&got, 0xa5, sizeof(got));
	got.s1.size = sizeof(got.s1);
	got.ret = iommunest_vtd_pasid_to_s1(&entry, info, addr_bits, &got.s1,
					    &got.reason);
	return got;
}
