/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "tests/cmdq/cmdq-rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/hold.h"
#include "tests/harness/script.h"
#include "tests/smmuv3/cmd-rows.h"

/* ---- Commands ---- */

static struct cmd make(uint8_t opcode, uint64_t word0, uint64_t word1)
{
	return (struct cmd){ { opcode | word0, word1 } };
}

struct cmd cmd_va(uint64_t addr)
{
	return make(0x12, (uint64_t)1 << 48, addr & ~UINT64_C(0xfff));
}

struct cmd cmd_asid(uint16_t asid)
{
	return make(0x11, (uint64_t)asid << 48, 0);
}

struct cmd cmd_nsnh(void)
{
	return make(0x30, 0, 0);
}

struct cmd cmd_cd(uint32_t sid)
{
	return make(0x05, (uint64_t)sid << 32, 1);
}

struct cmd cmd_cd_all(uint32_t sid)
{
	return make(0x06, (uint64_t)sid << 32, 0);
}

struct cmd cmd_atc(uint32_t sid, uint64_t addr)
{
	return make(0x40, (uint64_t)sid << 32, addr & ~UINT64_C(0xfff));
}

struct cmd cmd_ste(uint32_t sid)
{
	return make(0x03, (uint64_t)sid << 32, 1);
}

struct cmd cmd_prefetch(uint32_t sid)
{
	return make(0x01, (uint64_t)sid << 32, 0);
}

struct cmd cmd_sync(unsigned int signal, uint64_t addr, uint32_t data)
{
	return make(0x46, (uint64_t)data << 32 | signal << 12, addr);
}

/* ---- The story ---- */

static __attribute__((format(printf, 2, 3))) void tell(struct cmdq_rig *rig,
						       const char *format, ...)
{
	char text[96];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	hold(len > 0 && (size_t)len < sizeof(text));
	while (rig->story_len + (size_t)len + 1 > rig->story_room) {
		rig->story_room = rig->story_room * 2 + 256;
		rig->story = realloc(rig->story, rig->story_room);
		hold(rig->story);
	}
	memcpy(rig->story + rig->story_len, text, (size_t)len + 1);
	rig->story_len += (size_t)len;
}

static void tell_event(struct cmdq_rig *rig, const char *what, uint32_t index)
{
	tell(rig, "%s%s %u", rig->story_len ? ", " : "", what, index);
}

void cmdq_forget(struct cmdq_rig *rig)
{
	rig->story_len = 0;
	if (rig->story)
		rig->story[0] = 0;
	rig->n_issued = 0;
}

static int ask_hook(struct cmdq_rig *rig, enum rig_event event, uint32_t index,
		    int otherwise)
{
	int ret = rig->hook ? rig->hook(rig, event, index) : 0;

	return ret ? ret : otherwise;
}

/* ---- The host ---- */

static const char *name_of(unsigned int opcode)
{
	switch (opcode) {
	case 0x05:
		return "cd";
	case 0x06:
		return "cd-all";
	case 0x10:
		return "all";
	case 0x11:
		return "asid";
	case 0x12:
		return "va";
	case 0x13:
		return "vaa";
	case 0x30:
		return "nsnh";
	case 0x40:
		return "atc";
	default:
		return "bad";
	}
}

static void words_of(const unsigned char *entry, uint64_t words[2])
{
	unsigned int i;

	words[0] = words[1] = 0;
	for (i = 0; i < 16; i++)
		words[i / 8] |= (uint64_t)entry[i] << i % 8 * 8;
}

static unsigned int opcode_at(const struct script_invalidate *cmd, uint32_t i)
{
	const unsigned char *first = (const void *)(uintptr_t)cmd->data_uptr;

	return first[(size_t)i * 16];
}

static void tell_call(struct cmdq_rig *rig, const struct script_invalidate *cmd)
{
	uint32_t i, n;

	tell(rig, "%s%u[", rig->story_len ? ", " : "", cmd->hwpt_id);
	for (i = 0; i < cmd->entry_num; i += n) {
		n = 1;
		while (i + n < cmd->entry_num &&
		       opcode_at(cmd, i + n) == opcode_at(cmd, i))
			n++;
		tell(rig, "%s%s", i ? " " : "", name_of(opcode_at(cmd, i)));
		if (n > 1)
			tell(rig, "*%u", n);
	}
	tell(rig, "]");
}

/* The first rule that an entry fits; NULL: none. */
static struct cmdq_rule *rule_for(struct cmdq_rig *rig, uint32_t viommu,
				  unsigned int opcode)
{
	unsigned int i;

	for (i = 0; i < rig->n_rules; i++) {
		struct cmdq_rule *rule = &rig->rules[i];

		if (!rule->spent && (!rule->viommu || rule->viommu == viommu) &&
		    (!rule->opcode || rule->opcode == opcode))
			return rule;
	}
	return NULL;
}

static void use(struct cmdq_rule *rule)
{
	if (rule->times && !--rule->times)
		rule->spent = true;
}

static void issue(struct cmdq_rig *rig, const struct script_invalidate *cmd,
		  uint32_t count)
{
	const unsigned char *first = (const void *)(uintptr_t)cmd->data_uptr;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (rig->n_issued == rig->room) {
			rig->room = rig->room * 2 + 64;
			rig->issued = realloc(rig->issued,
					      rig->room * sizeof(*rig->issued));
			hold(rig->issued);
		}
		rig->issued[rig->n_issued].viommu = cmd->hwpt_id;
		words_of(first + (size_t)i * 16,
			 rig->issued[rig->n_issued++].words);
	}
}

static uint32_t count_refused(struct cmdq_rig *rig,
			      const struct script_invalidate *cmd, uint32_t bad)
{
	if (rig->meaning == HOST_COUNTS_GROUPS)
		return 0;
	if (rig->meaning == HOST_COUNTS_DONE)
		issue(rig, cmd, bad);
	return bad;
}

static int answer(struct cmdq_rig *rig, struct script_invalidate *cmd)
{
	struct cmdq_rule *rule;
	uint32_t i;

	for (i = 0; i < cmd->entry_num; i++) {
		rule = rule_for(rig, cmd->hwpt_id, opcode_at(cmd, i));
		if (!rule)
			continue;
		use(rule);
		if (rule->error == -EIO)
			cmd->entry_num = count_refused(rig, cmd, i);
		else if (rule->error == -ETIMEDOUT &&
			 rig->meaning == HOST_COUNTS_CHECKED)
			cmd->entry_num--;
		else
			cmd->entry_num = 0;
		return rule->error;
	}
	issue(rig, cmd, cmd->entry_num);
	return 0;
}

static int host_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct script_invalidate *cmd = arg;
	struct cmdq_rig *rig = data;
	int ret;

	hold(fd == SCRIPT_FD && request == SCRIPT_HWPT_INVALIDATE);
	hold(cmd->size == sizeof(*cmd) && cmd->data_type == 1 &&
	     cmd->entry_len == 16 && !cmd->flags);
	hold(cmd->entry_num > 0 && cmd->entry_num <= 63);
	tell_call(rig, cmd);
	ret = answer(rig, cmd);
	if (ret)
		tell(rig, "!%d", -ret);
	return ret;
}

void cmdq_fail(struct cmdq_rig *rig, struct cmdq_rule rule)
{
	ck_assert_uint_lt(rig->n_rules, RIG_RULES);
	rig->rules[rig->n_rules++] = rule;
}

void cmdq_heal_host(struct cmdq_rig *rig)
{
	rig->n_rules = 0;
}

/* ---- The VMM ---- */

static bool is_bad(const struct cmdq_rig *rig, uint32_t first, uint32_t count)
{
	return first < rig->bad_first + rig->bad_count &&
	       rig->bad_first < first + count;
}

static int rig_read(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	struct cmdq_rig *rig = vmm;
	const uint64_t offset = gpa - rig->base;
	unsigned char *to = buf;
	size_t i;

	hold(len && len % 16 == 0 && len <= 1024);
	hold(gpa / 4096 == (gpa + len - 1) / 4096);
	hold(gpa >= rig->base && offset + len <= (uint64_t)rig->slots * 16);
	if (is_bad(rig, (uint32_t)(offset / 16), (uint32_t)(len / 16)))
		return -EFAULT;
	for (i = 0; i < len; i++)
		to[i] = (unsigned char)(rig->ring[(offset + i) / 16]
						 [(offset + i) / 8 % 2] >>
					(offset + i) % 8 * 8);
	return ask_hook(rig, RIG_READ, (uint32_t)(offset / 16), 0);
}

static int rig_write_msi(void *vmm, uint32_t index, uint64_t gpa, uint32_t data)
{
	struct cmdq_rig *rig = vmm;
	const uint64_t offset = gpa - rig->base;
	uint64_t *word;

	tell_event(rig, "msi", index);
	if (gpa >= rig->base && offset < (uint64_t)rig->slots * 16) {
		word = &rig->ring[offset / 16][offset / 8 % 2];
		*word &= ~(UINT64_C(0xffffffff) << offset % 8 * 8);
		*word |= (uint64_t)data << offset % 8 * 8;
	}
	return ask_hook(rig, RIG_MSI, index, rig->msi_error);
}

static void rig_interrupt(void *vmm, uint32_t index)
{
	struct cmdq_rig *rig = vmm;

	tell_event(rig, "irq", index);
	ask_hook(rig, RIG_IRQ, index, 0);
}

static void rig_publish(void *vmm, uint32_t cons, uint32_t gerror)
{
	struct cmdq_rig *rig = vmm;

	tell_event(rig, "at", cons & 0xfffff);
	if (cons >> 24)
		tell(rig, "!%u", cons >> 24);
	rig->cons = cons;
	rig->gerror = gerror;
	ask_hook(rig, RIG_PUBLISH, cons, 0);
}

static int rig_command(void *vmm, uint32_t index,
		       const struct iommunest_smmuv3_cmd *cmd)
{
	struct cmdq_rig *rig = vmm;

	hold(cmd->size == sizeof(*cmd));
	rig->cmd = *cmd;
	tell_event(rig, "vmm", index);
	return ask_hook(rig, RIG_COMMAND, index, 0);
}

static void rig_dropped(void *vmm, uint32_t index,
			const struct iommunest_smmuv3_cmd *cmd)
{
	struct cmdq_rig *rig = vmm;

	rig->cmd = *cmd;
	tell_event(rig, "drop", index);
	ask_hook(rig, RIG_DROPPED, index, 0);
}

static void rig_skipped(void *vmm, uint32_t index, uint64_t cookie, int error)
{
	struct cmdq_rig *rig = vmm;

	tell_event(rig, "skip", index);
	tell(rig, "@%u=%d", (unsigned int)cookie, -error);
	ask_hook(rig, RIG_SKIPPED, index, 0);
}

static void rig_healed(void *vmm, uint64_t cookie, uint32_t index, int error,
		       uint32_t code)
{
	struct cmdq_rig *rig = vmm;

	hold(!code);
	tell_event(rig, "heal", index);
	tell(rig, "@%u=%d", (unsigned int)cookie, -error);
	ask_hook(rig, RIG_HEALED, index, 0);
}

static int rig_isolate(void *vmm, uint64_t cookie, uint32_t index, int error,
		       uint32_t code)
{
	struct cmdq_rig *rig = vmm;

	hold(!code);
	tell_event(rig, "isolate", index);
	tell(rig, "@%u=%d", (unsigned int)cookie, -error);
	return ask_hook(rig, RIG_ISOLATE, index, rig->isolate_error);
}

static void rig_trace(void *vmm, uint64_t cookie,
		      const struct iommunest_call *call)
{
	struct cmdq_rig *rig = vmm;

	hold(cookie == call->id && call->count);
	tell(rig, " <%s%u@%u", call->flush_all ? "all " : "",
	     (unsigned int)call->cookies[0],
	     (unsigned int)call->cookies[call->count - 1]);
	tell(rig, ">");
	ask_hook(rig, RIG_TRACE, (uint32_t)call->cookies[0], 0);
}

static int rig_forwarded(void *vmm, uint32_t index,
			 const struct iommunest_smmuv3_cmd *cmd)
{
	struct cmdq_rig *rig = vmm;

	rig->cmd = *cmd;
	tell_event(rig, "fwd", index);
	return ask_hook(rig, RIG_FORWARDED, index, 0);
}

/* Without a hook: as with the table of cmdq_open(). */
static int rig_stream(void *vmm, uint32_t sid,
		      struct iommunest_smmuv3_target *target)
{
	struct cmdq_rig *rig = vmm;

	rig->target = target;
	if (rig->hook) {
		int ret = rig->hook(rig, RIG_STREAM, sid);

		if (ret)
			return ret;
	}
	if (sid == 0x20)
		return IOMMUNEST_SMMUV3_STREAM_VMM;
	if (sid != 0x10 && sid != 0x11)
		return IOMMUNEST_SMMUV3_STREAM_NOBODY;
	target->ctx = rig->ctx;
	target->viommu_id = 70;
	return IOMMUNEST_SMMUV3_STREAM_TARGET;
}

/* ---- Opening ---- */

static const struct rig_setup usual;

struct iommunest_smmuv3_cmdq_ops cmdq_ops(const struct rig_setup *setup)
{
	struct iommunest_smmuv3_cmdq_ops ops = {
		.size = sizeof(ops),
		.read = rig_read,
		.write_msi = rig_write_msi,
		.interrupt = rig_interrupt,
		.publish = rig_publish,
		.command = rig_command,
		.dropped = rig_dropped,
		.skipped = rig_skipped,
		.healed = rig_healed,
	};

	if (!(setup->has & RIG_HAS_NO_ISOLATE))
		ops.isolate = rig_isolate;
	if (setup->has & RIG_HAS_FORWARDED)
		ops.forwarded = rig_forwarded;
	if (setup->has & RIG_HAS_STREAM)
		ops.stream = rig_stream;
	if (setup->has & RIG_HAS_TRACE)
		ops.trace = rig_trace;
	return ops;
}

struct iommunest_smmuv3_cmdq_options cmdq_options(const struct cmdq_rig *rig,
						  const struct rig_setup *setup)
{
	return (struct iommunest_smmuv3_cmdq_options){
		.size = sizeof(struct iommunest_smmuv3_cmdq_options),
		.caps = &rig->caps,
		.policy = setup->policy,
		.unhealed = setup->unhealed,
		.budget = setup->budget ? setup->budget
					: IOMMUNEST_SMMUV3_CMDQ_NO_BUDGET,
		.flags = setup->no_msi ? 0 : IOMMUNEST_SMMUV3_CMDQ_MSI,
	};
}

static void open_host(struct cmdq_rig *rig)
{
	static struct iommunest_sys sys;
	struct iommunest_open_options options = { .size = sizeof(options),
						  .sys = &sys,
						  .sys_data = rig };

	sys = script_sys;
	sys.ioctl = host_ioctl;
	ck_assert_int_eq(iommunest_open_fd(&rig->ctx, SCRIPT_FD, &options), 0);
}

void cmdq_open_bare(struct cmdq_rig *rig, const struct rig_setup *setup)
{
	struct iommunest_smmuv3_cmdq_options options;
	struct iommunest_smmuv3_cmdq_ops ops;
	unsigned int log2;

	if (!setup)
		setup = &usual;
	memset(rig, 0, sizeof(*rig));
	rig->result.size = sizeof(rig->result);
	rig->caps = cmd_full_caps();
	log2 = setup->log2 ? setup->log2 : 7;
	if (setup->one_slot)
		log2 = 0;
	rig->base = RIG_BASE;
	rig->slots = 1u << log2;
	rig->ring = calloc(rig->slots, sizeof(*rig->ring));
	ck_assert_ptr_nonnull(rig->ring);
	rig->story = calloc(1, 1);
	ck_assert_ptr_nonnull(rig->story);
	rig->story_room = 1;
	open_host(rig);
	ops = cmdq_ops(setup);
	options = cmdq_options(rig, setup);
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_new(&rig->q, &ops, rig, &options), 0);
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_write_base(rig->q, rig->base | log2), 0);
}

void cmdq_open(struct cmdq_rig *rig, const struct rig_setup *setup)
{
	cmdq_open_bare(rig, setup);
	cmdq_add_target(rig, 70);
	if (!setup || !(setup->has & RIG_HAS_STREAM)) {
		cmdq_add_stream(rig, 0x10, 70);
		cmdq_add_stream(rig, 0x11, 70);
		cmdq_add_stream(rig, 0x20, 0);
	}
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(
				 rig->q, IOMMUNEST_SMMUV3_CR0_CMDQEN,
				 &rig->result),
			 0);
}

void cmdq_close(struct cmdq_rig *rig)
{
	iommunest_smmuv3_cmdq_free(rig->q);
	iommunest_close(rig->ctx);
	free(rig->ring);
	free(rig->issued);
	free(rig->story);
}

void cmdq_add_target(struct cmdq_rig *rig, uint32_t viommu)
{
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_target(
				 rig->q, RIG_TARGET(rig, viommu)),
			 0);
}

void cmdq_add_stream(struct cmdq_rig *rig, uint32_t sid, uint32_t viommu)
{
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_stream(
				 rig->q, sid,
				 viommu ? RIG_TARGET(rig, viommu) : NULL),
			 0);
}

/* ---- The guest at work ---- */

uint32_t cmdq_put(struct cmdq_rig *rig, struct cmd cmd)
{
	const uint32_t slot = rig->prod & (rig->slots - 1);

	memcpy(rig->ring[slot], cmd.words, sizeof(cmd.words));
	rig->prod = (rig->prod + 1) & (rig->slots * 2 - 1);
	return slot;
}

void cmdq_put_many(struct cmdq_rig *rig, struct cmd cmd, uint32_t count)
{
	while (count--)
		cmdq_put(rig, cmd);
}

uint32_t cmdq_put_sync(struct cmdq_rig *rig)
{
	return cmdq_put(rig, cmd_sync(1, 0x1000, rig->prod));
}

int cmdq_kick(struct cmdq_rig *rig)
{
	cmdq_forget(rig);
	return iommunest_smmuv3_cmdq_write_prod(rig->q, rig->prod,
						&rig->result);
}

int cmdq_acknowledge(struct cmdq_rig *rig)
{
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };

	cmdq_forget(rig);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_read(rig->q, &regs), 0);
	return iommunest_smmuv3_cmdq_write_gerrorn(rig->q, regs.gerror,
						   &rig->result);
}

int cmdq_go_on(struct cmdq_rig *rig)
{
	cmdq_forget(rig);
	return iommunest_smmuv3_cmdq_run(rig->q, &rig->result);
}

void cmdq_is_done(const struct cmdq_rig *rig)
{
	const struct iommunest_smmuv3_cmdq_result *result = &rig->result;

	ck_assert_uint_eq(result->size, sizeof(*result));
	ck_assert_uint_eq(result->cons, rig->prod);
	ck_assert_uint_eq(result->cause, IOMMUNEST_CAUSE_NONE);
	ck_assert_uint_eq(result->index, 0);
	ck_assert_int_eq(result->error, 0);
	ck_assert_uint_eq(result->reason, 0);
	ck_assert_uint_eq(result->cookie, 0);
}

void cmdq_halts(const struct cmdq_rig *rig, uint32_t cause, uint32_t slot,
		int error, uint32_t cerror)
{
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };
	const struct iommunest_smmuv3_cmdq_result *result = &rig->result;

	ck_assert_uint_eq(result->cause, cause);
	ck_assert_uint_eq(result->index, slot);
	ck_assert_int_eq(result->error, error);
	ck_assert_uint_eq(result->cons >> 24, cerror);
	ck_assert_uint_eq(result->cons & (rig->slots - 1), slot);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_read(rig->q, &regs), 0);
	ck_assert_uint_eq(regs.cons, result->cons);
	ck_assert_uint_eq(regs.gerror, result->gerror);
	ck_assert_uint_eq((regs.gerror ^ regs.gerrorn) & 1, cerror != 0);
}
