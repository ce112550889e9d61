/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Fields of the queue's registers (VT-d specification, chapter 11, "Register
 * Descriptions").
 */
#ifndef IOMMUNEST_VTD_QUEUE_QUEUE_REGS_H
#define IOMMUNEST_VTD_QUEUE_QUEUE_REGS_H

#include <iommunest/vtd-queue.h>

/* IQA_REG */
#define IQA_RESERVED UINT64_C(0x7f8)

/* IQT_REG: half a slot of 256 bits. */
#define IQT_BIT4 UINT64_C(0x10)

/* log2 of a descriptor's bytes. */
#define SHIFT_128 4u
#define SHIFT_256 5u

/* Of a value of IQA_REG: log2 of a slot's bytes. */
static inline unsigned int vtd_iqa_shift(uint64_t iqa)
{
	return iqa & IOMMUNEST_VTD_IQA_DW ? SHIFT_256 : SHIFT_128;
}

/* The ring is 2^QS pages. */
static inline uint32_t vtd_iqa_slots(uint64_t iqa)
{
	return 4096u << (iqa & IOMMUNEST_VTD_IQA_QS) >> vtd_iqa_shift(iqa);
}

#endif /* IOMMUNEST_VTD_QUEUE_QUEUE_REGS_H */
