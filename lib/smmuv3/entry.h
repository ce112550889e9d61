/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Entries within the library. */
#ifndef IOMMUNEST_SMMUV3_ENTRY_H
#define IOMMUNEST_SMMUV3_ENTRY_H

#include <libiommunest.h>

/* Of words in the CPU's byte order. */
struct iommunest_smmuv3_entry iommunest__smmuv3_entry(uint64_t word0,
						      uint64_t word1);

#endif /* IOMMUNEST_SMMUV3_ENTRY_H */
