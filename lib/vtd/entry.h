/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Sizes of VT-d's pages and address masks. */
#ifndef IOMMUNEST_VTD_ENTRY_H
#define IOMMUNEST_VTD_ENTRY_H

#include <libiommunest.h>

#define VTD_PAGE_SHIFT 12
#define VTD_PAGE_MASK UINT64_C(0xfff)

/* AM is a field of 6 bits. */
#define VTD_AM_MAX 63u

/* 2^52 pages are all 64 bits of address. */
#define VTD_ALL_ORDER 52u
#define VTD_ALL_PAGES (UINT64_C(1) << VTD_ALL_ORDER)

/* The largest block that is not "all", as log2 of pages. */
#define VTD_MAX_ORDER (VTD_ALL_ORDER - 1)

#endif /* IOMMUNEST_VTD_ENTRY_H */
