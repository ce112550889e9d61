/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The guest of tests/conformance/smmu-guest.h, on the kernel that runs. */
#ifndef VM_SMMU_MACHINE_H
#define VM_SMMU_MACHINE_H

/* First: config.h in it decides what the system's headers declare. */
#include "smmu-env.h"

#include "smmu-edu.h"
#include "tests/conformance/smmu-guest.h"

struct machine {
	struct smmu_env smmu;
	struct edu edu[GUEST_DEVICES];
};

/* Of `guest`.  Opened once: closing a device resets it, which takes a second.
 */
extern struct machine machine;

/* Returns 0 or a negated errno; machine.smmu.real.env.why may say more. */
int machine_open(void);

#endif /* VM_SMMU_MACHINE_H */
