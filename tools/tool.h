/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the example programs share: arguments, messages, exit statuses. */
#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>
#include <stdint.h>

#include <libiommunest-sim.h>

#define EXIT_DONE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2

/* The simulator takes so many. */
#define TOOL_FAULTS_MAX 64

struct tool_faults {
	struct iommunest_sim_fault list[TOOL_FAULTS_MAX];
	unsigned int count;
};

/* argv[0] is anybody's; messages carry this name. */
void tool_set_name(const char *name);

/* Says what is wrong with the arguments.  Returns EXIT_USAGE. */
__attribute__((format(printf, 1, 2))) int tool_usage(const char *format, ...);

/* Says what could not be done, and why.  Returns EXIT_FAILED. */
int tool_fail(const char *what, int error);

/*
 * At a program's end: what was not written was not told, which is a failure
 * like others.  Returns @status, or EXIT_FAILED in place of EXIT_DONE.
 */
int tool_finish(int status);

/*
 * Adds "N:ERRNO": the Nth call or entry, from 1, with a name or a number.
 * Returns -1, or EXIT_USAGE and has said why.
 */
int tool_add_fault(struct tool_faults *faults, uint32_t kind, const char *text);

/* Gives them to the simulator.  Returns 0 or a negated errno. */
int tool_inject(struct iommunest_sim *sim, const struct tool_faults *faults);

/* Each returns whether @text is one; only then is the result written. */

/* A C literal, @min to @max. */
bool arg_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* "stop", "skip" or "flush": enum iommunest_policy. */
bool arg_policy(const char *text, uint32_t *policy);

/* "6.12" or "7.3": enum iommunest_sim_profile. */
bool arg_profile(const char *text, uint32_t *profile);

#endif /* TOOL_H */
