/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The queue engine's policy that goes with a submission's. */
#ifndef TESTS_HARNESS_POLICY_H
#define TESTS_HARNESS_POLICY_H

#include <libiommunest.h>

/* FLUSH_ALL is HEAL without `isolate`, with which goes UNHEALED_HALT. */
static inline uint32_t engine_policy(uint32_t policy)
{
	switch (policy) {
	case IOMMUNEST_POLICY_STOP:
		return IOMMUNEST_VTD_IQ_STOP;
	case IOMMUNEST_POLICY_SKIP:
		return IOMMUNEST_VTD_IQ_SKIP;
	case IOMMUNEST_POLICY_FLUSH_ALL:
		return IOMMUNEST_VTD_IQ_HEAL;
	default:
		return policy;
	}
}

#endif /* TESTS_HARNESS_POLICY_H */
