/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <errno.h>
#include <string.h>

#include "tests/harness/script.h"
#include "tests/harness/support.h"
#include "tests/smmuv3/cmdq-vmm.h"

/* ---- The kernel ---- */

static bool is_hit_by(const struct iommunest_smmuv3_entry *entry,
		      const struct vmm_rule *rule)
{
	struct iommunest_smmuv3_cmd cmd =
		IOMMUNEST_INIT(struct iommunest_smmuv3_cmd);

	iommunest_smmuv3_cmd_decode(&cmd, entry);
	return (!rule->opcode || cmd.opcode == rule->opcode) &&
	       (!rule->addr || cmd.addr == rule->addr);
}

/* The first entry that the rule is about; @count: there is none. */
static uint32_t find_entry(const struct vmm_rule *rule,
			   const struct iommunest_smmuv3_entry *entries,
			   uint32_t count)
{
	uint32_t i = 0;

	while (i < count && !is_hit_by(&entries[i], rule))
		i++;
	return i;
}

static bool applies(const struct vmm *vmm, unsigned int i, unsigned int target)
{
	const struct vmm_rule *rule = &vmm->options.rules[i];

	return rule->error &&
	       (rule->target == CACHES_TARGETS || rule->target == target) &&
	       (!rule->times || vmm->hits[i] < rule->times);
}

/* As Linux 7.3 counts. */
static int refuse(const struct vmm_rule *rule, uint32_t at,
		  struct script_invalidate *cmd)
{
	if (!rule->call)
		cmd->entry_num = at;
	else if (rule->error == -ETIMEDOUT)
		cmd->entry_num--;
	else if (rule->error != -ENOMEM)
		cmd->entry_num = 0;
	return rule->error;
}

/* Of a call that fails nothing is executed. */
static int invalidate(struct vmm *vmm, struct script_invalidate *cmd)
{
	const struct iommunest_smmuv3_entry *entries =
		(const void *)(uintptr_t)cmd->data_uptr;
	const unsigned int target = cmd->hwpt_id - VMM_VIOMMU(0);
	unsigned int i;

	ck_assert_uint_lt(target, CACHES_TARGETS);
	ck_assert_uint_eq(cmd->entry_len, sizeof(*entries));
	ck_assert_uint_ge(cmd->entry_num, 1);
	ck_assert_uint_le(cmd->entry_num, 63);
	vmm->calls++;
	for (i = 0; i < VMM_RULES; i++) {
		const struct vmm_rule *rule = &vmm->options.rules[i];
		const uint32_t at = find_entry(rule, entries, cmd->entry_num);

		if (!applies(vmm, i, target) || at == cmd->entry_num)
			continue;
		vmm->hits[i]++;
		return refuse(rule, at, cmd);
	}
	caches_execute(&vmm->caches, target, entries, cmd->entry_num);
	return 0;
}

static int take_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	(void)fd;
	ck_assert_uint_eq(request, SCRIPT_HWPT_INVALIDATE);
	if (script_is_question(request, arg))
		return script_no_extension(arg);
	return invalidate(data, arg);
}

/* ---- The engine's functions ---- */

static int read_memory(void *data, uint64_t gpa, void *buf, size_t len)
{
	const struct vmm *vmm = data;

	ck_assert_uint_le(gpa + len, sizeof(vmm->memory));
	memcpy(buf, vmm->memory + gpa, len);
	return 0;
}

static int write_msi(void *data, uint32_t index, uint64_t gpa, uint32_t value)
{
	struct vmm *vmm = data;

	(void)index;
	ck_assert_uint_le(gpa + sizeof(value), sizeof(vmm->memory));
	memcpy(vmm->memory + gpa, &value, sizeof(value));
	return 0;
}

/* Linux waits for none. */
static void interrupt(void *data, uint32_t index)
{
	(void)data, (void)index;
	ck_abort_msg("a wired interrupt");
}

static void add_target(struct vmm *vmm, unsigned int number)
{
	const struct iommunest_smmuv3_target target = {
		.size = sizeof(target),
		.ctx = vmm->ctx,
		.viommu_id = VMM_VIOMMU(number),
		.cookie = number,
	};

	iommunest_smmuv3_cmdq_remove_target(vmm->cmdq, &target);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_target(vmm->cmdq, &target),
			 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_stream(
				 vmm->cmdq, caches_sid(number), &target),
			 0);
}

/* The guest's CFGI_STE brings back what was cut off. */
static int take_command(void *data, uint32_t index,
			const struct iommunest_smmuv3_cmd *cmd)
{
	struct vmm *vmm = data;
	unsigned int i;

	(void)index;
	/* A TLBI, and both targets are gone. */
	if (cmd->opcode != IOMMUNEST_SMMUV3_CFGI_STE)
		return 0;
	vmm->commands++;
	if (vmm->options.command_fails) {
		if (vmm->options.command_fails != UINT32_MAX)
			vmm->options.command_fails--;
		return vmm->options.command_error;
	}
	for (i = 0; i < CACHES_TARGETS; i++)
		if (vmm->caches.target[i].cut) {
			caches_heal(&vmm->caches, i);
			add_target(vmm, i);
		}
	return 0;
}

static void skipped(void *data, uint32_t index, uint64_t cookie, int error)
{
	struct vmm *vmm = data;

	(void)cookie;
	ck_assert_int_lt(error, 0);
	ck_assert_uint_lt(vmm->n_skipped, VMM_SKIPPED);
	memcpy(vmm->skipped[vmm->n_skipped++],
	       vmm->memory + VMM_RING + (uint64_t)index * 16, 16);
}

static void healed(void *data, uint64_t cookie, uint32_t index, int error,
		   uint32_t code)
{
	struct vmm *vmm = data;

	(void)index, (void)code;
	ck_assert_uint_lt(cookie, CACHES_TARGETS);
	ck_assert_int_lt(error, 0);
	vmm->healed++;
}

static int isolate(void *data, uint64_t cookie, uint32_t index, int error,
		   uint32_t code)
{
	struct vmm *vmm = data;

	(void)index, (void)code;
	ck_assert_uint_lt(cookie, CACHES_TARGETS);
	ck_assert_int_lt(error, 0);
	if (vmm->options.isolate == VMM_CANNOT_ISOLATE)
		return -EBUSY;
	vmm->isolated++;
	caches_cut(&vmm->caches, (unsigned int)cookie);
	return 0;
}

/* ---- Registers ---- */

/* What is shown is the guest's affair; what is not, the VMM's. */
static void show(struct vmm *vmm, int ret,
		 const struct iommunest_smmuv3_cmdq_result *result)
{
	vmm->cons = result->cons;
	vmm->gerror = result->gerror;
	vmm->has_work = ret > 0;
	if (ret < 0 &&
	    !((vmm->gerror ^ vmm->gerrorn) & IOMMUNEST_SMMUV3_GERROR_CMDQ))
		vmm->halted = true;
}

static void make_engine(struct vmm *vmm)
{
	const struct iommunest_smmuv3_cmdq_ops ops = {
		.size = sizeof(ops),
		.read = read_memory,
		.write_msi = write_msi,
		.interrupt = interrupt,
		.command = take_command,
		.skipped = skipped,
		.healed = healed,
		.isolate =
			vmm->options.isolate == VMM_NO_ISOLATE ? NULL : isolate,
	};
	const struct iommunest_smmuv3_cmdq_options options = {
		.size = sizeof(options),
		.caps = &vmm->caps,
		.policy = vmm->options.policy,
		.unhealed = vmm->options.unhealed,
		.budget = vmm->options.budget,
		.flags = IOMMUNEST_SMMUV3_CMDQ_MSI,
	};
	unsigned int i;

	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_new(&vmm->cmdq, &ops, vmm, &options), 0);
	for (i = 0; i < CACHES_TARGETS; i++)
		if (!vmm->caches.target[i].cut)
			add_target(vmm, i);
}

static void migrate(struct vmm *vmm)
{
	struct iommunest_smmuv3_cmdq_state state =
		IOMMUNEST_INIT(struct iommunest_smmuv3_cmdq_state);

	if (!vmm->options.migrates)
		return;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_save(vmm->cmdq, &state), 0);
	iommunest_smmuv3_cmdq_free(vmm->cmdq);
	make_engine(vmm);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore(vmm->cmdq, &state), 0);
}

static void write_prod(struct vmm *vmm)
{
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(result) };
	int ret;

	migrate(vmm);
	vmm->prod_is_new = false;
	ret = iommunest_smmuv3_cmdq_write_prod(vmm->cmdq, vmm->prod, &result);
	show(vmm, ret, &result);
}

static void write_gerrorn(struct vmm *vmm)
{
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(result) };
	int ret;

	migrate(vmm);
	ret = iommunest_smmuv3_cmdq_write_gerrorn(vmm->cmdq, vmm->gerrorn,
						  &result);
	show(vmm, ret, &result);
}

static void run(struct vmm *vmm)
{
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(result) };
	int ret;

	migrate(vmm);
	ret = iommunest_smmuv3_cmdq_run(vmm->cmdq, &result);
	show(vmm, ret, &result);
}

static uint32_t read_reg(void *data, enum cmdq_reg reg)
{
	const struct vmm *vmm = data;

	switch (reg) {
	case CMDQ_REG_PROD:
		return vmm->prod;
	case CMDQ_REG_CONS:
		return vmm->cons;
	case CMDQ_REG_GERROR:
		return vmm->gerror;
	default:
		return vmm->gerrorn;
	}
}

static void write_reg(void *data, enum cmdq_reg reg, uint32_t value)
{
	struct vmm *vmm = data;

	if (reg == CMDQ_REG_GERRORN) {
		vmm->gerrorn = value;
		write_gerrorn(vmm);
		return;
	}
	ck_assert_int_eq(reg, CMDQ_REG_PROD);
	vmm->prod = value;
	vmm->prod_is_new = true;
	if (!vmm->options.defers)
		write_prod(vmm);
}

static void work(void *data)
{
	struct vmm *vmm = data;

	if (vmm->prod_is_new)
		write_prod(vmm);
	else if (vmm->has_work)
		run(vmm);
}

static bool is_halted(void *data)
{
	return ((const struct vmm *)data)->halted;
}

/* ---- The judge ---- */

static void build_other(struct cmdq_command *command)
{
	static const uint8_t opcodes[] = {
		[VMM_STE - VMM_STE] = IOMMUNEST_SMMUV3_CFGI_STE,
		[VMM_ILLEGAL - VMM_STE] = IOMMUNEST_SMMUV3_TLBI_EL2_ALL,
		[VMM_SYNC - VMM_STE] = IOMMUNEST_SMMUV3_SYNC,
	};
	struct iommunest_smmuv3_cmd cmd =
		IOMMUNEST_INIT(struct iommunest_smmuv3_cmd);

	cmd.opcode = opcodes[command->kind - VMM_STE];
	if (command->kind == VMM_STE)
		cmd.sid = caches_sid(0);
	ck_assert_int_eq(iommunest_smmuv3_cmd_encode(&cmd, &command->entry), 0);
}

static void issued(void *data, struct cmdq_command *command)
{
	struct vmm *vmm = data;

	if (command->kind >= VMM_STE)
		build_other(command);
	else
		command->need = caches_issue(&vmm->caches, command->kind,
					     command->addr, &command->entry);
}

static bool was_skipped(const struct vmm *vmm,
			const struct cmdq_command *command)
{
	unsigned int i;

	/* What is filled from what was skipped is as old. */
	if (command->kind == CACHES_ATC || command->kind == CACHES_ASID_ALL)
		return vmm->n_skipped;
	for (i = 0; i < vmm->n_skipped; i++)
		if (!memcmp(vmm->skipped[i], &command->entry, 16))
			return true;
	return false;
}

static bool is_done(void *data, const struct cmdq_command *command)
{
	const struct vmm *vmm = data;

	if (command->kind >= VMM_STE)
		return true;
	return caches_are_done(&vmm->caches, command->kind, command->addr,
			       command->need) ||
	       was_skipped(vmm, command);
}

/* ---- Life cycle ---- */

void vmm_set_up(struct vmm *vmm, struct cmdq_setup *setup)
{
	setup->read_reg = read_reg;
	setup->write_reg = write_reg;
	setup->work = work;
	setup->is_halted = is_halted;
	setup->issued = issued;
	setup->is_done = is_done;
	setup->memory = vmm->memory;
	setup->ring = VMM_RING;
}

static void open_context(struct vmm *vmm)
{
	static struct iommunest_sys sys;
	const struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &sys,
		.sys_data = vmm,
	};

	sys = script_sys;
	sys.ioctl = take_ioctl;
	ck_assert_int_eq(iommunest_open_fd(&vmm->ctx, SCRIPT_FD, &options), 0);
}

void vmm_start(struct vmm *vmm, const struct vmm_options *options,
	       unsigned int log2size)
{
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(result) };

	memset(vmm, 0, sizeof(*vmm));
	vmm->options = *options;
	vmm->caps = (struct iommunest_smmuv3_caps){
		.size = sizeof(vmm->caps),
		.asid_bits = 16,
		.sid_bits = 16,
		.ats = true,
		.ril = true,
		.gran4k = true,
	};
	vmm->caches.ats = true;
	open_context(vmm);
	make_engine(vmm);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(vmm->cmdq,
							  VMM_RING | log2size),
			 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(
				 vmm->cmdq, IOMMUNEST_SMMUV3_CR0_CMDQEN,
				 &result),
			 0);
}

void vmm_finish(struct vmm *vmm)
{
	iommunest_smmuv3_cmdq_free(vmm->cmdq);
	iommunest_close(vmm->ctx);
}
