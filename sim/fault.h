/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Failures on demand. */
#ifndef IOMMUNEST_SIM_FAULT_H
#define IOMMUNEST_SIM_FAULT_H

#include "internal.h"

/* For the call that stats.calls has just counted. */
void iommunest__sim_fault_call(struct iommunest_sim *sim,
			       struct sim_call_faults *faults);
/* For the entry that stats.entries has just counted: 0, or its error. */
int iommunest__sim_fault_entry(struct iommunest_sim *sim);

struct sim_hardware_error {
	/* It is refused, with this code. */
	bool refused;
	uint32_t code;
	/* How many of the next entries are refused, too. */
	uint32_t following;
	/* A device does not answer. */
	bool silent;
};

/* The same entry, as the hardware handles it. */
struct sim_hardware_error
iommunest__sim_fault_hardware(struct iommunest_sim *sim);

#endif /* IOMMUNEST_SIM_FAULT_H */
