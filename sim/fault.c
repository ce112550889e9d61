/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Failures on demand: what is pending, and what happens now. */
#include "fault.h"

#include <errno.h>
#include <string.h>

#include "lock.h"

#define ERRNO_MAX 4095

static bool is_errno(int error)
{
	return error < 0 && error >= -ERRNO_MAX;
}

/* What the kernel reports of it. */
static bool is_of_hardware(const struct iommunest_sim_fault *fault)
{
	const uint32_t iqei = 0xf00;

	if (fault->error == -EIO)
		return (fault->code & ~iqei) == IOMMUNEST_VTD_FSTS_IQE;
	return fault->error == -ETIMEDOUT &&
	       fault->code == IOMMUNEST_VTD_FSTS_ITE;
}

static bool is_valid(const struct iommunest_sim_fault *fault)
{
	if (fault->nth == 0)
		return false;
	if (fault->code && fault->kind != IOMMUNEST_SIM_HARDWARE_ERROR)
		return false;
	switch (fault->kind) {
	case IOMMUNEST_SIM_FAIL_CALL:
	case IOMMUNEST_SIM_FAIL_CALL_UNTOUCHED:
	case IOMMUNEST_SIM_FAIL_ENTRY:
	case IOMMUNEST_SIM_INTERRUPT:
		return is_errno(fault->error);
	case IOMMUNEST_SIM_HARDWARE_ERROR:
		return is_of_hardware(fault);
	case IOMMUNEST_SIM_WRONG_COUNT:
		return fault->error == 0 || is_errno(fault->error);
	default:
		return false;
	}
}

static bool counts_entries(uint32_t kind)
{
	return kind == IOMMUNEST_SIM_FAIL_ENTRY ||
	       kind == IOMMUNEST_SIM_HARDWARE_ERROR;
}

/* Saturates. */
static uint64_t add(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

EXPORT int iommunest_sim_inject(struct iommunest_sim *sim,
				const struct iommunest_sim_fault *fault)
{
	SIM_LOCKED(sim);
	struct iommunest_sim_fault from;
	struct sim_fault *to;
	uint64_t now;
	int ret;

	if (!sim || !fault)
		return -EINVAL;
	ret = iommunest_copy_in(&from, sizeof(from), fault,
				END_OF(struct iommunest_sim_fault, code));
	if (ret)
		return ret;
	if (!is_valid(&from))
		return -EINVAL;
	if (sim->fault_count == SIM_MAX_FAULTS)
		return -ENOSPC;
	now = counts_entries(from.kind) ? sim->stats.entries : sim->stats.calls;
	to = &sim->faults[sim->fault_count++];
	to->kind = from.kind;
	to->error = from.error;
	to->count = from.count;
	to->code = from.code;
	to->first = add(now, from.nth);
	to->last = add(to->first, from.repeat ? from.repeat - 1 : 0);
	return 0;
}

EXPORT void iommunest_sim_clear_faults(struct iommunest_sim *sim)
{
	SIM_LOCKED(sim);

	sim->fault_count = 0;
}

/* Keeps the order of the others: the first that was injected wins. */
static void forget(struct iommunest_sim *sim, unsigned int index)
{
	sim->fault_count--;
	memmove(&sim->faults[index], &sim->faults[index + 1],
		(sim->fault_count - index) * sizeof(*sim->faults));
}

static void apply(const struct sim_fault *fault, struct sim_call_faults *to)
{
	switch (fault->kind) {
	case IOMMUNEST_SIM_FAIL_CALL:
		if (!to->fail)
			to->fail = fault->error;
		break;
	case IOMMUNEST_SIM_FAIL_CALL_UNTOUCHED:
		if (!to->fail_untouched)
			to->fail_untouched = fault->error;
		break;
	case IOMMUNEST_SIM_WRONG_COUNT:
		if (!to->is_wrong) {
			to->is_wrong = true;
			to->wrong_count = fault->count;
			to->wrong_error = fault->error;
		}
		break;
	case IOMMUNEST_SIM_INTERRUPT:
		if (!to->interrupt) {
			to->interrupt = fault->error;
			to->interrupt_at = fault->count;
		}
		break;
	case IOMMUNEST_SIM_FAIL_ENTRY:
	case IOMMUNEST_SIM_HARDWARE_ERROR:
		break;
	}
}

void iommunest__sim_fault_call(struct iommunest_sim *sim,
			       struct sim_call_faults *faults)
{
	const uint64_t now = sim->stats.calls;
	unsigned int i = 0;

	while (i < sim->fault_count) {
		const struct sim_fault *fault = &sim->faults[i];

		if (counts_entries(fault->kind) || now < fault->first) {
			i++;
			continue;
		}
		apply(fault, faults);
		if (now >= fault->last)
			forget(sim, i);
		else
			i++;
	}
}

/*
 * Returns the first of a kind that is due in *@taken, which stays as it is
 * where none is; all that are due end.
 */
static void take_entry_fault(struct iommunest_sim *sim, uint32_t kind,
			     struct sim_fault *taken)
{
	const uint64_t now = sim->stats.entries;
	unsigned int i = 0;
	bool found = false;

	while (i < sim->fault_count) {
		const struct sim_fault *fault = &sim->faults[i];

		if (fault->kind != kind || now < fault->first) {
			i++;
			continue;
		}
		if (!found)
			*taken = *fault;
		found = true;
		if (now >= fault->last)
			forget(sim, i);
		else
			i++;
	}
}

int iommunest__sim_fault_entry(struct iommunest_sim *sim)
{
	struct sim_fault fault = { 0 };

	take_entry_fault(sim, IOMMUNEST_SIM_FAIL_ENTRY, &fault);
	return fault.error;
}

struct sim_hardware_error
iommunest__sim_fault_hardware(struct iommunest_sim *sim)
{
	struct sim_fault fault = { 0 };

	take_entry_fault(sim, IOMMUNEST_SIM_HARDWARE_ERROR, &fault);
	return (struct sim_hardware_error){
		.refused = fault.error == -EIO,
		.code = fault.code,
		.following = fault.count,
		.silent = fault.error == -ETIMEDOUT,
	};
}
