/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * How fuzz-cmdq takes its input, for those that write seeds: bytes of options,
 * then operations, each a byte and its arguments.
 */
#ifndef TESTS_FUZZ_CMDQ_INPUT_H
#define TESTS_FUZZ_CMDQ_INPUT_H

enum cmdq_option {
	/* Policy in bits 1:0, unhealed in 3:2. */
	CMDQ_POLICY,
	CMDQ_BUDGET,
	/* IDR1.CMDQS, less one. */
	CMDQ_SLOTS,
	/* CMDQ_CAPS_*. */
	CMDQ_CAPS,
	/* CMDQ_NO_MSI and the others. */
	CMDQ_FLAGS,
	CMDQ_OPTIONS
};

#define CMDQ_CAPS_ASID16 (1u << 0)
#define CMDQ_CAPS_ATS (1u << 1)
#define CMDQ_CAPS_SSID (1u << 2)
#define CMDQ_CAPS_RIL (1u << 3)
#define CMDQ_CAPS_16K (1u << 4)
#define CMDQ_CAPS_DS (1u << 5)

#define CMDQ_NO_MSI (1u << 0)
#define CMDQ_NO_ISOLATE (1u << 1)
#define CMDQ_NO_FORWARDED (1u << 2)
#define CMDQ_ASKS_STREAMS (1u << 3)
/* Memory is another at each read. */
#define CMDQ_CHANGES (1u << 4)

enum cmdq_op {
	/* u8: PROD, from CONS on. */
	CMDQ_OP_RUN_BY,
	/* shaped: PROD. */
	CMDQ_OP_RUN_TO,
	CMDQ_OP_RUN,
	/* u8: count, less one; for each: u8 shape, u8 operand, and the rest. */
	CMDQ_OP_CMDS,
	/* u8 */
	CMDQ_OP_CR0,
	CMDQ_OP_GERRORN,
	CMDQ_OP_ACKNOWLEDGE,
	/* shaped */
	CMDQ_OP_BASE,
	CMDQ_OP_CONS,
	/* u8: number, CMDQ_REMOVES; of a stream u8: SID. */
	CMDQ_OP_TARGETS,
	CMDQ_OP_STREAMS,
	CMDQ_OP_RESET,
	CMDQ_OP_CLEAR_FAULT,
	CMDQ_OP_MIGRATE,
	/* u8: count; for each: u16 where, u8 bits to flip. */
	CMDQ_OP_RESTORE,
	/* shaped: base, PROD, CONS; u8: CR0, GERROR, GERRORN. */
	CMDQ_OP_RESTORE_REGISTERS,
	/* u8: the nth call, how often, error, count. */
	CMDQ_OP_HOST_FAULT,
	/* u8: the nth callback, error. */
	CMDQ_OP_VMM_FAULT,
	CMDQ_OP_VMM_REMOVES,
	/* u8: every so many slots, the first. */
	CMDQ_OP_BAD_MEMORY,
	CMDQ_OPS
};

#define CMDQ_REMOVES (1u << 4)

/* Of a command's shape: opcode by bits 3:0, bits flipped, or any words. */
#define CMDQ_CMD_XOR (1u << 4)
#define CMDQ_CMD_ANY (1u << 5)

#endif /* TESTS_FUZZ_CMDQ_INPUT_H */
