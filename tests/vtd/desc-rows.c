/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "tests/vtd/desc-rows.h"

#define SW IOMMUNEST_VTD_DESC_SW
#define IF IOMMUNEST_VTD_DESC_IF
#define FN IOMMUNEST_VTD_DESC_FN
#define PD IOMMUNEST_VTD_DESC_PD
#define IH IOMMUNEST_VTD_DESC_IH
#define DW IOMMUNEST_VTD_DESC_DW
#define DR IOMMUNEST_VTD_DESC_DR
#define PP IOMMUNEST_VTD_DESC_PP

#define SIZED .size = sizeof(struct iommunest_vtd_desc)

/* clang-format off */
const struct desc_row desc_rows[DESC_ROWS] = {
	/* Context cache */
	{ "context-cache global",
	  { SIZED, .raw = { 0x0000000000000011 }, .type = 1, .granularity = 1 } },
	{ "context-cache domain did 5",
	  { SIZED, .raw = { 0x0000000000050021 }, .type = 1, .granularity = 2,
	    .did = 5 } },
	{ "context-cache device did 4660 sid ab:19.5 fm 2",
	  { SIZED, .raw = { 0x0002abcd12340031 }, .type = 1, .granularity = 3,
	    .did = 0x1234, .sid = 0xabcd, .fm = 2 } },
	{ "context-cache device did 65535 sid ff:1f.7 fm 3",
	  { SIZED, .raw = { 0x0003ffffffff0031 }, .type = 1, .granularity = 3,
	    .did = 0xffff, .sid = 0xffff, .fm = 3 } },

	/* IOTLB */
	{ "iotlb global",
	  { SIZED, .raw = { 0x0000000000000012 }, .type = 2, .granularity = 1 } },
	{ "iotlb global dw dr",
	  { SIZED, .raw = { 0x00000000000000d2 }, .type = 2, .granularity = 1,
	    .flags = DW | DR } },
	{ "iotlb domain did 65535 dr",
	  { SIZED, .raw = { 0x00000000ffff00a2 }, .type = 2, .granularity = 2,
	    .did = 0xffff, .flags = DR } },
	{ "iotlb pages did 7 addr 0x12345000 am 0 dw",
	  { SIZED, .raw = { 0x0000000000070072, 0x0000000012345000 }, .type = 2,
	    .granularity = 3, .did = 7, .addr = 0x12345000, .flags = DW } },
	{ "iotlb pages did 7 addr 0x40000000 am 9 ih",
	  { SIZED, .raw = { 0x0000000000070032, 0x0000000040000049 }, .type = 2,
	    .granularity = 3, .did = 7, .addr = 0x40000000, .am = 9,
	    .flags = IH } },
	{ "iotlb pages did 0 addr 0x8000000000000000 am 51",
	  { SIZED, .raw = { 0x0000000000000032, 0x8000000000000033 }, .type = 2,
	    .granularity = 3, .addr = 0x8000000000000000, .am = 51 } },
	{ "iotlb pages did 1 addr 0x0 am 52 ih dw dr",
	  { SIZED, .raw = { 0x00000000000100f2, 0x0000000000000074 }, .type = 2,
	    .granularity = 3, .did = 1, .am = 52, .flags = IH | DW | DR } },

	/* Device TLB */
	{ "dev-tlb sid 01:00.0 pfsid 01:01.0 mip 16 addr 0x7000 am 0",
	  { SIZED, .raw = { 0x0100010000108003, 0x0000000000007000 }, .type = 3,
	    .sid = 0x0100, .pfsid = 0x0108, .mip = 16, .addr = 0x7000 } },
	{ "dev-tlb sid 00:02.0 pfsid 00:02.0 mip 0 addr 0x6000 am 1",
	  { SIZED, .raw = { 0x0010001000000003, 0x0000000000006001 }, .type = 3,
	    .sid = 0x0010, .pfsid = 0x0010, .addr = 0x6000, .am = 1 } },
	{ "dev-tlb sid 00:02.0 pfsid 00:00.0 mip 1 addr 0x4000 am 2",
	  { SIZED, .raw = { 0x0000001000010003, 0x0000000000005001 }, .type = 3,
	    .sid = 0x0010, .mip = 1, .addr = 0x4000, .am = 2 } },
	{ "dev-tlb sid ff:1f.7 pfsid ff:1f.7 mip 31 addr 0x40000000 am 9",
	  { SIZED, .raw = { 0xfff0ffff001ff003, 0x00000000400ff001 }, .type = 3,
	    .sid = 0xffff, .pfsid = 0xffff, .mip = 31, .addr = 0x40000000,
	    .am = 9 } },
	{ "dev-tlb sid 00:00.0 pfsid 00:00.0 mip 0"
	  " addr 0x8000000000000000 am 51",
	  { SIZED, .raw = { 0x0000000000000003, 0xbffffffffffff001 }, .type = 3,
	    .addr = 0x8000000000000000, .am = 51 } },
	{ "dev-tlb sid 00:00.0 pfsid 00:00.0 mip 0 addr 0x0 am 52",
	  { SIZED, .raw = { 0x0000000000000003, 0x7ffffffffffff001 }, .type = 3,
	    .am = 52 } },
	{ "dev-tlb sid 00:00.0 pfsid 00:00.0 mip 0 addr 0x0 am 52",
	  { SIZED, .raw = { 0x0000000000000003, 0xfffffffffffff001 }, .type = 3,
	    .am = 52 } },

	/* Interrupt entry cache */
	{ "iec global",
	  { SIZED, .raw = { 0x0000000000000004 }, .type = 4 } },
	{ "iec index iidx 4660 im 2",
	  { SIZED, .raw = { 0x0000123410000014 }, .type = 4, .granularity = 1,
	    .iidx = 0x1234, .am = 2 } },
	{ "iec index iidx 65535 im 0",
	  { SIZED, .raw = { 0x0000ffff00000014 }, .type = 4, .granularity = 1,
	    .iidx = 0xffff } },
	{ "iec index iidx 32768 im 15",
	  { SIZED, .raw = { 0x0000800078000014 }, .type = 4, .granularity = 1,
	    .iidx = 0x8000, .am = 15 } },
	{ "iec index iidx 0 im 31",
	  { SIZED, .raw = { 0x00000000f8000014 }, .type = 4, .granularity = 1,
	    .am = 31 } },

	/* Wait */
	{ "wait addr 0x0 data 0x0",
	  { SIZED, .raw = { 0x0000000000000005 }, .type = 5 } },
	{ "wait addr 0x0 data 0x0 if",
	  { SIZED, .raw = { 0x0000000000000015 }, .type = 5, .flags = IF } },
	{ "wait addr 0xfffff004 data 0xdeadbeef sw",
	  { SIZED, .raw = { 0xdeadbeef00000025, 0x00000000fffff004 }, .type = 5,
	    .flags = SW, .addr = 0xfffff004, .status_data = 0xdeadbeef } },
	{ "wait addr 0x0 data 0x0 fn",
	  { SIZED, .raw = { 0x0000000000000045 }, .type = 5, .flags = FN } },
	{ "wait addr 0x0 data 0x0 pd",
	  { SIZED, .raw = { 0x0000000000000085 }, .type = 5, .flags = PD } },
	{ "wait addr 0xfffffffffffffffc data 0xffffffff sw if fn pd",
	  { SIZED, .raw = { 0xffffffff000000f5, 0xfffffffffffffffc }, .type = 5,
	    .flags = SW | IF | FN | PD, .addr = 0xfffffffffffffffc,
	    .status_data = 0xffffffff } },

	/* PASID-based IOTLB */
	{ "piotlb all did 5 pasid 0x10",
	  { SIZED, .raw = { 0x0000001000050026 }, .type = 6, .granularity = 2,
	    .did = 5, .pasid = 0x10 } },
	{ "piotlb pages did 5 pasid 0x10 addr 0x1000 am 0 ih",
	  { SIZED, .raw = { 0x0000001000050036, 0x0000000000001040 }, .type = 6,
	    .granularity = 3, .did = 5, .pasid = 0x10, .addr = 0x1000,
	    .flags = IH } },
	{ "piotlb pages did 65535 pasid 0xfffff addr 0xfffffffffffff000 am 0",
	  { SIZED, .raw = { 0x000fffffffff0036, 0xfffffffffffff000 }, .type = 6,
	    .granularity = 3, .did = 0xffff, .pasid = 0xfffff,
	    .addr = 0xfffffffffffff000 } },
	{ "piotlb pages did 1 pasid 0x0 addr 0x0 am 63",
	  { SIZED, .raw = { 0x0000000000010036, 0x000000000000003f }, .type = 6,
	    .granularity = 3, .did = 1, .am = 63 } },

	/* PASID cache */
	{ "pasid-cache domain did 5",
	  { SIZED, .raw = { 0x0000000000050007 }, .type = 7, .did = 5 } },
	{ "pasid-cache pasid did 5 pasid 0xabcde",
	  { SIZED, .raw = { 0x000abcde00050017 }, .type = 7, .granularity = 1,
	    .did = 5, .pasid = 0xabcde } },
	{ "pasid-cache global",
	  { SIZED, .raw = { 0x0000000000000037 }, .type = 7, .granularity = 3 } },

	/* PASID-based device TLB */
	{ "pasid-dev-tlb pasid sid 01:00.0 pfsid 01:01.0 pasid 0xfffff mip 31"
	  " addr 0x4000 am 2",
	  { SIZED, .raw = { 0x010fffff010081f8, 0x0000000000005800 }, .type = 8,
	    .sid = 0x0100, .pfsid = 0x0108, .pasid = 0xfffff, .mip = 31,
	    .addr = 0x4000, .am = 2 } },
	{ "pasid-dev-tlb pasid sid ff:1f.7 pfsid ff:1f.7 pasid 0x5 mip 1"
	  " addr 0xfffffffffffff000 am 0",
	  { SIZED, .raw = { 0xfff00005fffff018, 0xfffffffffffff000 }, .type = 8,
	    .sid = 0xffff, .pfsid = 0xffff, .pasid = 5, .mip = 1,
	    .addr = 0xfffffffffffff000 } },
	{ "pasid-dev-tlb global sid 01:00.0 pfsid 01:01.0 mip 31"
	  " addr 0x4000 am 1",
	  { SIZED, .raw = { 0x01000000010081f8, 0x0000000000004801 }, .type = 8,
	    .granularity = 1, .sid = 0x0100, .pfsid = 0x0108, .mip = 31,
	    .addr = 0x4000, .am = 1 } },
	{ "pasid-dev-tlb pasid sid 00:00.0 pfsid 00:00.0 pasid 0x1 mip 0"
	  " addr 0x0 am 52",
	  { SIZED, .raw = { 0x0000000100000008, 0x7ffffffffffff800 }, .type = 8,
	    .pasid = 1, .am = 52 } },
	{ "pasid-dev-tlb global sid 00:00.0 pfsid 00:00.0 mip 0"
	  " addr 0x0 am 52",
	  { SIZED, .raw = { 0x0000000000000008, 0xfffffffffffff801 }, .type = 8,
	    .granularity = 1, .am = 52 } },

	/* Page group response */
	{ "page-response sid 01:00.0 pasid 0x5 prgi 511 response success pp",
	  { SIZED, .raw = { 0x0000000501000019, 0x0000000000000ff8 }, .type = 9,
	    .sid = 0x0100, .pasid = 5, .prgi = 511, .flags = PP } },
	{ "page-response sid 01:00.0 prgi 1 response invalid",
	  { SIZED, .raw = { 0x0000000001001009, 0x0000000000000008 }, .type = 9,
	    .sid = 0x0100, .prgi = 1, .response = 1 } },
	{ "page-response sid ff:1f.7 pasid 0xfffff prgi 0 response failure pp",
	  { SIZED, .raw = { 0x000ffffffffff019 }, .type = 9, .sid = 0xffff,
	    .pasid = 0xfffff, .response = 15, .flags = PP } },
	{ "page-response sid 00:02.0 prgi 256 response 5",
	  { SIZED, .raw = { 0x0000000000105009, 0x0000000000000800 }, .type = 9,
	    .sid = 0x0010, .prgi = 256, .response = 5 } },
};
/* clang-format on */

bool desc_is_scalable(unsigned int type)
{
	return type >= 6 && type <= 9;
}
