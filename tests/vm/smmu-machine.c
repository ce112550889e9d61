/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "smmu-machine.h"

#include <sched.h>

#define WORD 4u

struct machine machine;

/* Two copies: into the device, and to where the CPU sees it. */
static void read_devices(struct guest *of, unsigned int first,
			 unsigned int count, const uint64_t *iova,
			 uint32_t *word)
{
	const struct edu *edu = &machine.edu[first];
	volatile uint32_t *mailbox = of->mailbox + first;
	unsigned int i;

	for (i = 0; i < count; i++)
		edu_start_read(&edu[i], iova[i], WORD);
	for (i = 0; i < count; i++) {
		edu_wait(&edu[i]);
		mailbox[i] = UINT32_MAX;
		edu_start_write(&edu[i], GUEST_MAILBOX(first + i), WORD);
	}
	for (i = 0; i < count; i++) {
		edu_wait(&edu[i]);
		word[i] = mailbox[i];
	}
}

/* The kernel has a thread that takes them. */
static void settle(struct guest *of)
{
	(void)of;
	while (!smmu_hw_events_are_taken(machine.smmu.hw))
		sched_yield();
}

int machine_open(void)
{
	struct real *real = &machine.smmu.real;
	unsigned int i;
	int ret = smmu_env_open(&machine.smmu);

	if (!ret)
		ret = guest_make(&guest, &real->env);
	guest.read = read_devices;
	guest.settle = settle;
	for (i = 0; i < GUEST_DEVICES && !ret; i++) {
		ret = edu_open(&machine.edu[i], real->device[i]);
		if (!ret)
			ret = real_attach(real, i, guest.hwpt[i]);
	}
	return ret;
}
