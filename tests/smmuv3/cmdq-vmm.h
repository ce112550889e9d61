/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A VMM with the engine of a command queue, between Linux's driver and a kernel
 * that fails by rules: two vIOMMUs, with a device each, and who is told what.
 */
#ifndef TESTS_SMMUV3_CMDQ_VMM_H
#define TESTS_SMMUV3_CMDQ_VMM_H

#include "tests/harness/linux-cmdq.h"
#include "tests/harness/smmu-caches.h"

#define VMM_RING 0x1000u
#define VMM_VIOMMU(target) (0x71u + (target))
/* `kind` of a command for struct cmdq_guest, beside enum caches_kind. */
#define VMM_STE 100u
#define VMM_ILLEGAL 101u
#define VMM_SYNC 102u

/* A failure of the kernel. */
struct vmm_rule {
	/* The call, of which nothing is known; else the entry, with -EIO. */
	bool call;
	int error;
	/* The target; CACHES_TARGETS: each of them. */
	unsigned int target;
	/* Only where there is such a command; 0: any. */
	unsigned int opcode;
	/* ... of this address; 0: any. */
	uint64_t addr;
	/* So often; 0: always. */
	unsigned int times;
};

#define VMM_RULES 3u

enum vmm_isolate {
	/* There is no `isolate`. */
	VMM_NO_ISOLATE,
	VMM_ISOLATES,
	/* It fails, too. */
	VMM_CANNOT_ISOLATE,
};

struct vmm_options {
	uint32_t policy;
	uint32_t unhealed;
	uint32_t budget;
	enum vmm_isolate isolate;
	/* `command` fails so often; its error. */
	unsigned int command_fails;
	int command_error;
	/* What the guest writes is handled while no CPU does anything. */
	bool defers;
	/* Before each run, to a new engine. */
	bool migrates;
	struct vmm_rule rules[VMM_RULES];
};

/* What a skipped command was. */
#define VMM_SKIPPED 64u

struct vmm {
	struct vmm_options options;
	struct iommunest_ctx *ctx;
	struct iommunest_smmuv3_caps caps;
	struct iommunest_smmuv3_cmdq *cmdq;
	struct caches caches;
	unsigned int hits[VMM_RULES];
	/* Registers as the guest reads them. */
	uint32_t cons;
	uint32_t gerror;
	uint32_t gerrorn;
	/* What is not handled yet. */
	uint32_t prod;
	bool prod_is_new;
	bool has_work;
	/* The queue has halted, and shows nothing. */
	bool halted;
	/* Told of: */
	unsigned int healed;
	unsigned int isolated;
	unsigned int commands;
	unsigned int calls;
	uint64_t skipped[VMM_SKIPPED][2];
	unsigned int n_skipped;
	/* The test's own. */
	unsigned int job;
	_Alignas(4096) unsigned char memory[0x2000];
};

void vmm_start(struct vmm *vmm, const struct vmm_options *options,
	       unsigned int log2size);
void vmm_finish(struct vmm *vmm);

/* The functions of a struct cmdq_setup. */
void vmm_set_up(struct vmm *vmm, struct cmdq_setup *setup);

#endif /* TESTS_SMMUV3_CMDQ_VMM_H */
