/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * How fuzz-iq takes its input, for those that write seeds: five bytes of
 * options, then operations, each a byte and its arguments.
 */
#ifndef TESTS_FUZZ_IQ_INPUT_H
#define TESTS_FUZZ_IQ_INPUT_H

enum iq_option {
	/* Policy; index of a number of scopes; budget. */
	IQ_POLICY,
	/* Once the room for scopes; seeds keep their layout. */
	IQ_UNUSED,
	IQ_BUDGET,
	/* Flags of the limits; with IQ_LIMITS_GIVEN, the blocks follow. */
	IQ_LIMITS,
	/* IQ_HOST_* and IQ_VMM_*. */
	IQ_FLAGS,
	IQ_OPTIONS
};

#define IQ_LIMITS_GIVEN (1u << 2)

#define IQ_HOST_6_12 (1u << 0)
#define IQ_HOST_QEMU_AM_18 (1u << 1)
#define IQ_HOST_ATS (1u << 2)
#define IQ_VMM_NO_COVERED (1u << 3)
#define IQ_VMM_NO_SKIPPED (1u << 4)
#define IQ_VMM_CHANGES_SCOPES (1u << 5)
/* Otherwise there is a ring of 256-bit descriptors and some scopes. */
#define IQ_VMM_NOT_READY (1u << 6)
/* Caches of its own: it wants to be told what was forwarded. */
#define IQ_VMM_CACHES (1u << 7)

enum iq_op {
	/* u8: the tail, in slots from the head on. */
	IQ_OP_RUN_BY,
	/* shaped: IQT_REG. */
	IQ_OP_RUN_TO,
	/*
	 * u8: count, less one, with IQ_DESCS_MANY from 32 on; then for each u8:
	 * 0, and four words, or a descriptor type and its fields.  The ring
	 * holds them from the head on, and again.
	 */
	IQ_OP_DESCS,
	/* u8: QS, IQ_BASE_*. */
	IQ_OP_BASE,
	/* shaped: IQA_REG; u8: mode. */
	IQ_OP_BASE_ANY,
	IQ_OP_MODE,
	IQ_OP_DISABLE,
	IQ_OP_ENABLE,
	IQ_OP_RESET,
	IQ_OP_CLEAR_FAULT,
	/* u8: domain id; u8: PASID; u8: HWPT. */
	IQ_OP_ADD_SCOPE,
	IQ_OP_ADD_DEVICE,
	IQ_OP_REMOVE_SCOPE,
	IQ_OP_REMOVE_DEVICE,
	/* u8: HWPT. */
	IQ_OP_REMOVE_HWPT,
	IQ_OP_DESTROY_HWPT,
	IQ_OP_MIGRATE,
	/* u8: count; for each u8: field; shaped: bits to flip. */
	IQ_OP_RESTORE,
	/* u8: kind, nth, repeat, count, error. */
	IQ_OP_HOST_FAULT,
	IQ_OP_HOST_HEAL,
	/* u8: every so many slots; u8: the first; u8: error. */
	IQ_OP_BAD_MEMORY,
	/* u8: the nth from now; u8: error. */
	IQ_OP_BAD_STATUS,
	IQ_OP_BAD_VMM,
	IQ_OPS
};

#define IQ_BASE_WIDE (1u << 3)
#define IQ_BASE_SCALABLE (1u << 4)

/* 32, or 128. */
#define IQ_DESCS_MANY 0x80u
#define IQ_DESCS_MAX 128u

#endif /* TESTS_FUZZ_IQ_INPUT_H */
