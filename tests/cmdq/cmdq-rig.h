/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A guest's command queue, the VMM around it, and a host whose vIOMMUs record
 * what they are given and fail by rules.  What the engine does becomes a story:
 *
 *	70[va*2 asid]         an ioctl to vIOMMU 70 of these commands
 *	70[va*2]!5            the same, which failed with errno 5
 *	msi 3, irq 3          the CMD_SYNC in slot 3 completed
 *	at 4, at 4!2          CONS was published, with an error
 *	vmm 2, fwd 2, drop 2  a command was given to the VMM, ...
 *	skip 2@70=5           ... skipped for vIOMMU 70, with errno 5
 *	heal 2@70=5, isolate 2@70=5
 *
 * Cookies of targets are their vIOMMU's number.  The callbacks hold the engine
 * to its rules: reads stay within the ring and one page.
 */
#ifndef TESTS_CMDQ_CMDQ_RIG_H
#define TESTS_CMDQ_CMDQ_RIG_H

#include <check.h>
#include <errno.h>
#include <libiommunest.h>

/* ---- Commands ---- */

struct cmd {
	uint64_t words[2];
};

struct cmd cmd_va(uint64_t addr);
struct cmd cmd_asid(uint16_t asid);
struct cmd cmd_nsnh(void);
struct cmd cmd_cd(uint32_t sid);
struct cmd cmd_cd_all(uint32_t sid);
struct cmd cmd_atc(uint32_t sid, uint64_t addr);
struct cmd cmd_ste(uint32_t sid);
struct cmd cmd_prefetch(uint32_t sid);
/* CS is the signal; an MSI to an address, 0 for none. */
struct cmd cmd_sync(unsigned int signal, uint64_t addr, uint32_t data);

/* ---- The host ---- */

/* How the kernel's count is meant where it refuses an entry. */
enum host_meaning {
	HOST_COUNTS_CHECKED,
	HOST_COUNTS_GROUPS,
	HOST_COUNTS_DONE,
	HOST_MEANINGS,
};

/* The first that fits counts. */
struct cmdq_rule {
	/* 0: any. */
	uint32_t viommu;
	uint8_t opcode;
	/* -EIO refuses an entry; any other error fails the call. */
	int error;
	/* How often; 0: always. */
	unsigned int times;
	bool spent;
};

#define RIG_RULES 8u
#define RIG_SLOTS_MAX (1u << 19)

struct cmdq_rig;

/* What a callback is about to answer; a hook may change that. */
enum rig_event {
	RIG_READ,
	RIG_MSI,
	RIG_IRQ,
	RIG_PUBLISH,
	RIG_COMMAND,
	RIG_DROPPED,
	RIG_SKIPPED,
	RIG_HEALED,
	RIG_ISOLATE,
	RIG_TRACE,
	RIG_FORWARDED,
	RIG_STREAM,
};

struct cmdq_rig {
	/* The guest. */
	uint64_t base;
	uint32_t slots;
	uint64_t (*ring)[2];
	/* With the wrap bit. */
	uint32_t prod;
	/* Slots that cannot be read, nor anything in one piece with them. */
	uint32_t bad_first;
	uint32_t bad_count;

	/* The host. */
	struct iommunest_ctx *ctx;
	struct cmdq_rule rules[RIG_RULES];
	unsigned int n_rules;
	enum host_meaning meaning;
	/* What was issued: its vIOMMU and words. */
	struct {
		uint32_t viommu;
		uint64_t words[2];
	} * issued;
	uint32_t n_issued;
	uint32_t room;

	/* The VMM. */
	struct iommunest_smmuv3_caps caps;
	struct iommunest_smmuv3_cmdq *q;
	struct iommunest_smmuv3_cmdq_result result;
	/* What write_msi returns. */
	int msi_error;
	/* What `isolate` returns. */
	int isolate_error;
	int (*hook)(struct cmdq_rig *rig, enum rig_event event, uint32_t index);
	/* Of the last event that has one. */
	struct iommunest_smmuv3_cmd cmd;
	/* Of the last call of `stream`: what it answers. */
	struct iommunest_smmuv3_target *target;
	uint32_t cons;
	uint32_t gerror;
	char *story;
	size_t story_len;
	size_t story_room;
};

/* Which of the optional callbacks there are. */
#define RIG_HAS_FORWARDED (1u << 0)
#define RIG_HAS_STREAM (1u << 1)
#define RIG_HAS_TRACE (1u << 2)
#define RIG_HAS_NO_ISOLATE (1u << 3)

struct rig_setup {
	/* log2 of the slots; 0: 7. */
	unsigned int log2;
	/* One slot. */
	bool one_slot;
	uint32_t policy;
	uint32_t unhealed;
	uint32_t budget;
	uint32_t has;
	bool no_msi;
};

/*
 * An enabled queue at RIG_BASE, targets 70, and streams 0x10 and 0x11 of it,
 * and 0x20 of the VMM's; hardware that has all.  @setup may be NULL.
 */
#define RIG_BASE UINT64_C(0x000edcba98000000)
void cmdq_open(struct cmdq_rig *rig, const struct rig_setup *setup);
void cmdq_close(struct cmdq_rig *rig);
/* The same in two steps: neither enabled nor with targets. */
void cmdq_open_bare(struct cmdq_rig *rig, const struct rig_setup *setup);
/* The callbacks of @setup, for an engine of the test's own. */
struct iommunest_smmuv3_cmdq_ops cmdq_ops(const struct rig_setup *setup);
struct iommunest_smmuv3_cmdq_options
cmdq_options(const struct cmdq_rig *rig, const struct rig_setup *setup);

void cmdq_add_target(struct cmdq_rig *rig, uint32_t viommu);
void cmdq_add_stream(struct cmdq_rig *rig, uint32_t sid, uint32_t viommu);
#define RIG_TARGET(rig_, viommu_)                               \
	(&(const struct iommunest_smmuv3_target){               \
		.size = sizeof(struct iommunest_smmuv3_target), \
		.ctx = (rig_)->ctx,                             \
		.viommu_id = (viommu_),                         \
		.cookie = (viommu_),                            \
	})

/* Writes at PROD, and moves that on; returns the slot. */
uint32_t cmdq_put(struct cmdq_rig *rig, struct cmd cmd);
void cmdq_put_many(struct cmdq_rig *rig, struct cmd cmd, uint32_t count);
/* A CMD_SYNC with an MSI. */
uint32_t cmdq_put_sync(struct cmdq_rig *rig);

/* The guest writes PROD; the story is of this run only. */
int cmdq_kick(struct cmdq_rig *rig);
/* The guest acknowledges all errors. */
int cmdq_acknowledge(struct cmdq_rig *rig);
int cmdq_go_on(struct cmdq_rig *rig);

void cmdq_fail(struct cmdq_rig *rig, struct cmdq_rule rule);
void cmdq_heal_host(struct cmdq_rig *rig);

#define cmdq_tells(rig_, story_) ck_assert_str_eq((rig_)->story, (story_))
void cmdq_forget(struct cmdq_rig *rig);

/* CONS is at PROD, and there is no error. */
void cmdq_is_done(const struct cmdq_rig *rig);
/* The queue halts at @slot; the guest sees @cerror. */
void cmdq_halts(const struct cmdq_rig *rig, uint32_t cause, uint32_t slot,
		int error, uint32_t cerror);

#endif /* TESTS_CMDQ_CMDQ_RIG_H */
