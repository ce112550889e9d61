/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the engine of the command queue asks of the VMM. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "regs.h"

/* Guest memory as a host address, or NULL. */
static void *translate(const struct vsmmu *vsmmu, uint64_t gpa, size_t len)
{
	const struct vsmmu_config *config = &vsmmu->config;

	if (gpa > config->memory_size || len > config->memory_size - gpa)
		return NULL;
	return config->memory + gpa;
}

int vsmmu_read_memory(const struct vsmmu *vsmmu, uint64_t gpa, void *buf,
		      size_t len)
{
	const void *from = translate(vsmmu, gpa, len);

	if (!from)
		return -EFAULT;
	memcpy(buf, from, len);
	return 0;
}

int vsmmu_write_memory(const struct vsmmu *vsmmu, uint64_t gpa,
		       const void *buf, size_t len)
{
	void *to = translate(vsmmu, gpa, len);

	if (!to)
		return -EFAULT;
	memcpy(to, buf, len);
	return 0;
}

static int read_ring(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	return vsmmu_read_memory(vmm, gpa, buf, len);
}

/*
 * In memory the guest's CPUs poll this word, Linux's in the slot of the
 * CMD_SYNC itself, and take everything before it as invalidated: one
 * store, after all that the kernel did.  What is not memory may be an
 * interrupt controller.
 */
static int write_msi(void *vmm, uint32_t index, uint64_t gpa,
		     uint32_t data)
{
	const struct vsmmu *vsmmu = vmm;
	uint32_t *word = translate(vsmmu, gpa, sizeof(*word));

	(void)index;
	if (!word)
		return vsmmu->config.msi(vsmmu->config.user, gpa, data);
	__atomic_store_n(word, htole32(data), __ATOMIC_RELEASE);
	return 0;
}

/* There is no wire; who asks for an interrupt without an address polls. */
static void interrupt(void *vmm, uint32_t index)
{
	(void)vmm, (void)index;
}

/* Whether an invalidation of stream table entries is about the device. */
static bool names_device(const struct iommunest_smmuv3_cmd *cmd)
{
	if (cmd->opcode == IOMMUNEST_SMMUV3_CFGI_STE)
		return cmd->sid == VSMMU_SID;
	/* All of them, in one command. */
	if (cmd->log2 >= 31)
		return true;
	return cmd->sid >> (cmd->log2 + 1) == VSMMU_SID >> (cmd->log2 + 1);
}

/*
 * All commands before it in the ring are done, and none after it has
 * begun: this is the place to change HWPTs, targets and streams.
 *
 * The guest waits for this and has no use for an error, which halts its
 * queue: it is for a device that is where it must not be.
 */
static int take_command(void *vmm, uint32_t index,
			const struct iommunest_smmuv3_cmd *cmd)
{
	struct vsmmu *vsmmu = vmm;
	char text[128];

	iommunest_smmuv3_cmd_print(cmd, text, sizeof(text));
	vsmmu_note(vsmmu, "slot %u is the VMM's: %s", index, text);
	switch (cmd->opcode) {
	case IOMMUNEST_SMMUV3_CFGI_STE:
	case IOMMUNEST_SMMUV3_CFGI_STE_RANGE:
		return names_device(cmd) ? vsmmu_nest_update(vsmmu, true)
					 : 0;
	case IOMMUNEST_SMMUV3_RESUME:
	case IOMMUNEST_SMMUV3_STALL_TERM:
	case IOMMUNEST_SMMUV3_PRI_RESP:
		/* There are no stalls and no page requests to answer. */
		return -EBADMSG;
	default:
		/*
		 * A TLBI where nothing is nested.  A VMM with emulated
		 * devices drops what it cached for them, here and in
		 * `forwarded`.
		 */
		return 0;
	}
}

static void dropped(void *vmm, uint32_t index,
		    const struct iommunest_smmuv3_cmd *cmd)
{
	vsmmu_note(vmm, "slot %u: nobody has stream 0x%x: %s", index,
		   cmd->sid, iommunest_smmuv3_cmd_name(cmd->opcode));
}

static void healed(void *vmm, uint64_t cookie, uint32_t index, int error,
		   uint32_t code)
{
	(void)code;
	vsmmu_note(vmm,
		   "slot %u: %s; all of viommu %llu is flushed instead",
		   index, strerror(-error), (unsigned long long)cookie);
}

/* The one device there is goes through the one target there is. */
static int isolate(void *vmm, uint64_t cookie, uint32_t index, int error,
		   uint32_t code)
{
	struct vsmmu *vsmmu = vmm;
	int ret;

	(void)cookie, (void)code;
	vsmmu_note(vsmmu, "slot %u: %s, and nothing flushes it", index,
		   strerror(-error));
	ret = vsmmu_nest_cut_off(vsmmu);
	if (!ret)
		vsmmu_nest_forgotten(vsmmu);
	return ret;
}

static void trace(void *vmm, uint64_t cookie,
		  const struct iommunest_call *call)
{
	(void)cookie;
	vsmmu_note(vmm, "ioctl: viommu %u, %u entr%s%s%s", call->id,
		   call->count, call->count == 1 ? "y" : "ies",
		   call->error ? ": " : "",
		   call->error ? strerror(-call->error) : "");
}

const struct iommunest_smmuv3_cmdq_ops vsmmu_cmdq_ops = {
	.size = sizeof(vsmmu_cmdq_ops),
	.read = read_ring,
	.write_msi = write_msi,
	.interrupt = interrupt,
	.command = take_command,
	.dropped = dropped,
	.healed = healed,
	.isolate = isolate,
	.trace = trace,
};
