/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The kernel that runs, and the machine's two devices behind its SMMUv3. */
#ifndef VM_SMMU_ENV_H
#define VM_SMMU_ENV_H

#include "real.h"
#include "smmu-hw.h"
#include "tests/conformance/smmu.h"

struct smmu_env {
	/* real.env is complete: the device is attached to `nested`. */
	struct real real;
	struct smmu_hw *hw;
	/* Where the recording began. */
	uint32_t since;
};

/*
 * Returns 0 or a negated errno; env->real.env.why may say more.  Of one
 * environment, which stays until the process ends.
 */
int smmu_env_open(struct smmu_env *env);

#endif /* VM_SMMU_ENV_H */
