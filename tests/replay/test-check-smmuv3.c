/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What iommunest-check says of SMMUs, by what a made-up kernel answers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/script.h"
#include "tests/harness/support.h"
#include "tools/check/check.h"

#define VIOMMU_ALLOC 0x3b90ul
#define VDEVICE_ALLOC 0x3b91ul

/* IDR0: S1P, S2P, ASID16. */
#define BOTH 0x1003u
#define FWB 0x100u
#define RIL 0x400u

struct machine {
	uint32_t flags;
	uint32_t idr0;
	uint32_t idr3;
	/* The call that fails, and how. */
	unsigned long request;
	/* Of two calls of a kind, the second one. */
	unsigned int nth;
	int error;
	enum check_verdict verdict;
	size_t findings;
	const char *says;
};

static const struct machine machines[] = {
	{ 0, BOTH, FWB | RIL, 0, 0, 0, CHECK_OK, 1, "guest by S2FWB" },
	{ 0, BOTH, RIL, 0, 0, 0, CHECK_OK, 1, "(CANWBS)" },
	{ 1, BOTH, FWB | RIL, 0, 0, 0, CHECK_WARNING, 2, "T264-SMMU-3" },
	{ 0, BOTH, FWB, 0, 0, 0, CHECK_WARNING, 2, "no ranges (RIL)" },
	{ 0, 3, FWB | RIL, 0, 0, 0, CHECK_WARNING, 2, "ASIDs have 8 bits" },
	{ 0, 0x1001, FWB | RIL, SCRIPT_HWPT_ALLOC, 0, -EOPNOTSUPP, CHECK_CANNOT,
	  1, "no stage 1 (S1P)" },
	{ 0, 0x1002, FWB | RIL, SCRIPT_HWPT_ALLOC, 0, -EOPNOTSUPP, CHECK_CANNOT,
	  1, "no stage 2 (S2P)" },
	{ 0, BOTH, FWB | RIL, SCRIPT_HWPT_ALLOC, 0, -EOPNOTSUPP, CHECK_CANNOT,
	  1, "though the SMMU has both stages" },
	{ 0, BOTH, FWB | RIL, SCRIPT_HWPT_ALLOC, 0, -ENOMEM, CHECK_CANNOT, 1,
	  "no nest parent: " },
	{ 0, BOTH, FWB | RIL, SCRIPT_IOAS_ALLOC, 0, -ENOMEM, CHECK_CANNOT, 1,
	  "no IOAS: " },
	{ 0, BOTH, RIL, VIOMMU_ALLOC, 0, -EOPNOTSUPP, CHECK_CANNOT, 1,
	  "no S2FWB (FWB), and the firmware" },
	{ 0, BOTH, FWB | RIL, VIOMMU_ALLOC, 0, -EOPNOTSUPP, CHECK_CANNOT, 1,
	  "though the SMMU has S2FWB" },
	{ 0, BOTH, FWB | RIL, VIOMMU_ALLOC, 0, -ENOTTY, CHECK_CANNOT, 1,
	  "came with Linux 6.13" },
	{ 0, BOTH, FWB | RIL, VIOMMU_ALLOC, 0, -ENOMEM, CHECK_CANNOT, 1,
	  "no vIOMMU: " },
	{ 0, BOTH, FWB | RIL, VDEVICE_ALLOC, 0, -EOPNOTSUPP, CHECK_CANNOT, 1,
	  "more than one stream" },
	{ 0, BOTH, FWB | RIL, VDEVICE_ALLOC, 0, -ENOMEM, CHECK_CANNOT, 1,
	  "no vDEVICE: " },
	{ 0, BOTH, FWB | RIL, SCRIPT_HWPT_ALLOC, 1, -EIO, CHECK_CANNOT, 1,
	  "no nested HWPT: " },
};

struct kernel {
	const struct machine *machine;
	unsigned int seen;
	int vdevices;
};

static int kernel_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct kernel *kernel = data;
	const struct machine *machine = kernel->machine;

	(void)arg;
	ck_assert_int_eq(fd, SCRIPT_FD);
	if (request == machine->request && kernel->seen++ == machine->nth)
		return machine->error;
	kernel->vdevices += request == VDEVICE_ALLOC;
	kernel->vdevices -= request == SCRIPT_DESTROY;
	return 0;
}

/* struct iommu_hw_info_arm_smmuv3: flags, reserved, idr[6], iidr, aidr. */
static void fill_info(struct iommunest_hw_info *info,
		      const struct machine *machine)
{
	const uint32_t words[10] = { machine->flags, 0, machine->idr0, 16, 0,
				     machine->idr3,  0, 0x10 };

	info->size = sizeof(*info);
	info->type = IOMMUNEST_HW_ARM_SMMUV3;
	info->data_len = sizeof(words);
	memcpy(info->data, words, sizeof(words));
}

TEST_LOOP(says_what_the_kernel_makes, ARRAY_LEN(machines))
{
	static struct check check;
	static struct check_device device;
	struct kernel kernel = { .machine = &machines[_i] };
	struct iommunest_sys sys = script_sys;
	const struct iommunest_open_options options = { .size = sizeof(options),
							.sys = &sys,
							.sys_data = &kernel };
	const struct check_finding *last;
	struct iommunest_ctx *ctx;

	sys.ioctl = kernel_ioctl;
	memset(&check, 0, sizeof(check));
	memset(&device, 0, sizeof(device));
	fill_info(&device.info, kernel.machine);
	ck_assert_int_eq(iommunest_open_fd(&ctx, SCRIPT_FD, &options), 0);
	check_ask_smmuv3(&check, &device, ctx, 7);
	iommunest_close(ctx);
	ck_assert_int_eq(kernel.vdevices, 0);
	ck_assert_uint_eq(check.count, kernel.machine->findings);
	last = &check.findings[check.count - 1];
	ck_assert_msg(strstr(last->says, kernel.machine->says) != NULL,
		      "says: %s", last->says);
	ck_assert_int_eq((int)last->verdict, (int)kernel.machine->verdict);
	ck_assert_int_eq(check_can_nest(&check),
			 kernel.machine->verdict != CHECK_CANNOT);
	free(check.findings);
}
