/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Fields of the queue's registers (VT-d specification, chapter 11, "Register
 * Descriptions").
 */
#ifndef IOMMUNEST_VTD_QUEUE_QUEUE_REGS_H
#define IOMMUNEST_VTD_QUEUE_QUEUE_REGS_H

#include <stdint.h>

/* IQA_REG */
#define IQA_QS UINT64_C(0x7)
#define IQA_DW (UINT64_C(1) << 11)
#define IQA_RESERVED UINT64_C(0x7f8)

/* IQH_REG and IQT_REG hold the byte offset of a slot in bits 18:4. */
#define IQT_OFFSET UINT64_C(0x7fff0)
#define IQT_BIT4 UINT64_C(0x10)

/* log2 of a descriptor's bytes. */
#define SHIFT_128 4u
#define SHIFT_256 5u

#endif /* IOMMUNEST_VTD_QUEUE_QUEUE_REGS_H */
