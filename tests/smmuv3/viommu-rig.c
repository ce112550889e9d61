/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "tests/smmuv3/viommu-rig.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/script.h"
#include "tests/harness/support.h"

#define SYNC 0x46u
#define CFGI_CD 0x05u
#define CFGI_CD_ALL 0x06u
#define ATC_INV 0x40u
#define VMID (UINT64_C(0xffff) << 32)
#define SID (UINT64_C(0xffffffff) << 32)

const uint32_t rig_kernels[RIG_KERNELS] = {
	IOMMUNEST_SIM_SMMUV3_7_3,
	IOMMUNEST_SIM_SMMUV3_REWORKED,
	IOMMUNEST_SIM_SMMUV3_7_3_PATCHED,
};

/* The simulator has no pointer to spare. */
static struct viommu_rig *the_rig;

/* ---- What reaches the hardware ---- */

static uint32_t guest_sid(const struct viommu_rig *rig, uint32_t host)
{
	uint32_t i;

	for (i = 0; i < rig->stream_count; i++) {
		if (rig->streams[i].host == host)
			return rig->streams[i].sid;
	}
	/* It is being learned. */
	return host;
}

static void on_command(void *user, const struct iommunest_sim_command *command)
{
	const unsigned int opcode = command->word[0] & 0xff;
	uint64_t word = command->word[0];
	struct viommu_rig *rig = user;

	if (opcode == SYNC) {
		rig->syncs++;
		rig->last_group = rig->group;
		rig->group = rig->issued;
		return;
	}
	if (opcode == CFGI_CD || opcode == CFGI_CD_ALL || opcode == ATC_INV) {
		word &= ~SID;
		word |= (uint64_t)guest_sid(rig,
					    (uint32_t)(command->word[0] >> 32))
			<< 32;
	} else {
		ck_assert(word & VMID);
		word &= ~VMID;
	}
	if (rig->issued == rig->room) {
		rig->room = rig->room ? 2 * rig->room : 64;
		rig->log = realloc(rig->log, rig->room * sizeof(*rig->log));
		ck_assert_ptr_nonnull(rig->log);
	}
	rig->log[rig->issued][0] = word;
	rig->log[rig->issued++][1] = command->word[1];
}

static int invalidate(struct viommu_rig *rig, int fd,
		      struct script_invalidate *cmd)
{
	int ret;

	ck_assert_uint_eq(cmd->size, sizeof(*cmd));
	ck_assert_uint_eq(cmd->hwpt_id, rig->viommu_id);
	ck_assert_uint_eq(cmd->data_type, 1);
	ck_assert_uint_eq(cmd->entry_len, 16);
	ck_assert_uint_eq(cmd->flags, 0);
	/* Says nothing, so nobody asks. */
	ck_assert_uint_gt(cmd->entry_num, 0);
	rig->calls++;
	if (cmd->entry_num > rig->memory)
		return -ENOMEM;
	ret = iommunest_sim_sys()->ioctl(rig->sim, fd, SCRIPT_HWPT_INVALIDATE,
					 cmd);
	if (ret != -ETIMEDOUT)
		return ret;
	/* The last group was not waited for. */
	rig->issued = rig->group = rig->last_group;
	rig->syncs--;
	return ret;
}

static int rig_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	if (request == SCRIPT_HWPT_INVALIDATE)
		return invalidate(the_rig, fd, arg);
	return iommunest_sim_sys()->ioctl(data, fd, request, arg);
}

unsigned int rig_times(const struct viommu_rig *rig, uint64_t word0,
		       uint64_t word1)
{
	unsigned int times = 0;
	uint32_t i;

	for (i = 0; i < rig->issued; i++)
		times += rig->log[i][0] == word0 && rig->log[i][1] == word1;
	return times;
}

/* ---- The machine ---- */

struct iommunest_sim_options rig_full_smmu(uint32_t profile)
{
	return (struct iommunest_sim_options){
		.size = sizeof(struct iommunest_sim_options),
		.profile = profile,
		/* ATS and ASID16; SSIDSIZE 20 and SIDSIZE 32; RIL; DS. */
		.idr = { 0x0d44141b, 0x02730520, 0, 0x1514, 0, 0xf4 },
	};
}

static uint32_t bind_device(const struct viommu_rig *rig)
{
	uint32_t dev_id;

	ck_assert_int_eq(iommunest_sim_bind(rig->sim, iommunest_fd(rig->ctx),
					    IOMMUNEST_SIM_ATS, &dev_id),
			 0);
	return dev_id;
}

static void read_caps(struct viommu_rig *rig, uint32_t dev_id)
{
	struct iommunest_hw_info info =
		IOMMUNEST_INIT(struct iommunest_hw_info);

	ck_assert_int_eq(iommunest_hw_info(rig->ctx, dev_id, &info), 0);
	rig->caps.size = sizeof(rig->caps);
	ck_assert_int_eq(iommunest_smmuv3_caps_decode(&rig->caps, &info), 0);
}

void rig_open(struct viommu_rig *rig,
	      const struct iommunest_sim_options *options)
{
	static struct iommunest_sys sys;
	struct iommunest_open_options open_options = {
		.size = sizeof(open_options),
		.sys = &sys,
	};
	uint32_t dev_id, ioas_id;

	memset(rig, 0, sizeof(*rig));
	rig->memory = UINT32_MAX;
	the_rig = rig;
	sys = *iommunest_sim_sys();
	sys.ioctl = rig_ioctl;
	ck_assert_int_eq(iommunest_sim_new(&rig->sim, options), 0);
	iommunest_sim_on_command(rig->sim, on_command, rig);
	open_options.sys_data = rig->sim;
	ck_assert_int_eq(iommunest_open(&rig->ctx, &open_options), 0);
	dev_id = bind_device(rig);
	read_caps(rig, dev_id);
	ck_assert_int_eq(iommunest_ioas_alloc(rig->ctx, &ioas_id), 0);
	ck_assert_int_eq(iommunest_hwpt_alloc_parent(rig->ctx, dev_id, ioas_id,
						     &rig->parent_id),
			 0);
	ck_assert_int_eq(iommunest_smmuv3_viommu_alloc(rig->ctx, dev_id,
						       rig->parent_id,
						       &rig->viommu_id),
			 0);
}

void rig_close(struct viommu_rig *rig)
{
	iommunest_close(rig->ctx);
	ck_assert_uint_eq(iommunest_sim_open_fds(rig->sim), 0);
	iommunest_sim_free(rig->sim);
	free(rig->log);
	rig->ctx = NULL;
}

/* By a command for it: what the hardware calls it is the simulator's affair. */
static uint32_t learn_host(struct viommu_rig *rig, uint32_t sid)
{
	struct iommunest_smmuv3_entry entry;
	struct script_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = rig->viommu_id,
		.data_uptr = (uintptr_t)&entry,
		.data_type = 1,
		.entry_len = sizeof(entry),
		.entry_num = 1,
	};

	iommunest_smmuv3_cfgi_cd_all(&entry, sid);
	ck_assert_int_eq(invalidate(rig, iommunest_fd(rig->ctx), &cmd), 0);
	rig->calls--;
	rig->syncs--;
	rig->group = rig->last_group = --rig->issued;
	return (uint32_t)(rig->log[rig->issued][0] >> 32);
}

void rig_add_stream(struct viommu_rig *rig, uint32_t sid)
{
	const uint32_t dev_id = bind_device(rig);
	struct rig_stream *stream;
	uint32_t vdevice_id;

	ck_assert_int_eq(iommunest_smmuv3_vdevice_alloc(rig->ctx,
							rig->viommu_id, dev_id,
							sid, 32, &vdevice_id),
			 0);
	ck_assert_uint_lt(rig->stream_count, RIG_STREAMS);
	stream = &rig->streams[rig->stream_count];
	stream->sid = sid;
	stream->host = learn_host(rig, sid);
	rig->stream_count++;
}

/* ---- Failures ---- */

void rig_die(const struct viommu_rig *rig, uint64_t nth)
{
	const struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = IOMMUNEST_SIM_HARDWARE_ERROR,
		.error = -ETIMEDOUT,
		.code = IOMMUNEST_VTD_FSTS_ITE,
		.nth = nth,
		.repeat = UINT32_MAX,
	};

	ck_assert_int_eq(iommunest_sim_inject(rig->sim, &fault), 0);
}

void rig_revive(const struct viommu_rig *rig)
{
	iommunest_sim_clear_faults(rig->sim);
}
