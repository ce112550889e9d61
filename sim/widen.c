/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The block that a kernel's driver makes of a range of pages. */
#include "widen.h"

/* The smallest n with 2^n >= @pages; 0 for 0. */
static unsigned int order_up(uint64_t pages)
{
	return pages <= 1 ? 0 : 64u - (unsigned int)__builtin_clzll(pages - 1);
}

/*
 * 6.12 rounds the number of pages up to a power of two, and widens the block
 * further if the range is not aligned to it.  It computes pages from 64 bits
 * of bytes, so 2^52 pages are 0.  It rounds 0 up to 1, because that shifts by
 * 64, which x86 does as a shift by 0.  The order can reach 53: the carry of a
 * range that passes 2^64 is kept.
 */
struct sim_block iommunest__sim_widen_6_12(uint64_t addr, uint64_t npages)
{
	uint64_t pages = (npages << SIM_PAGE_SHIFT) >> SIM_PAGE_SHIFT;
	uint64_t pfn = addr >> SIM_PAGE_SHIFT;
	struct sim_block block = { .addr = 0, .am = order_up(pages) };
	uint64_t below = (1ull << block.am) - 1;

	if (pfn & below) {
		uint64_t same = ~(pfn ^ (pfn + pages - 1)) & ~below;

		block.am = (unsigned int)__builtin_ctzll(same);
	}
	if (block.am < SIM_AM_ALL)
		block.addr = addr >> (block.am + SIM_PAGE_SHIFT)
					     << (block.am + SIM_PAGE_SHIFT);
	return block;
}

/* 7.3 looks for the highest bit that differs between first and last byte. */
struct sim_block iommunest__sim_widen_7_3(uint64_t addr, uint64_t npages)
{
	uint64_t last = addr + (npages << SIM_PAGE_SHIFT) - 1;
	uint64_t differ = (addr ^ last) | (SIM_PAGE_SIZE - 1);
	unsigned int bits = 64u - (unsigned int)__builtin_clzll(differ);
	struct sim_block block = { .am = bits - SIM_PAGE_SHIFT };

	if (bits == 64)
		block.all = true;
	else
		block.addr = addr >> bits << bits;
	return block;
}
