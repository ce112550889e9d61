/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The words of iommunest_hw_info::data of a VT-d: struct iommu_hw_info_vtd. */
#ifndef TESTS_HARNESS_VTD_INFO_H
#define TESTS_HARNESS_VTD_INFO_H

#include <stdint.h>

enum {
	VTD_FLAGS = 0,
	VTD_CAP = 1,
	VTD_ECAP = 2,
};

/* The flags are the first 32 bits, in memory, of their word. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define VTD_FLAGS_WORD(flags) ((uint64_t)(flags) << 32)
#else
#define VTD_FLAGS_WORD(flags) ((uint64_t)(flags))
#endif

#endif /* TESTS_HARNESS_VTD_INFO_H */
