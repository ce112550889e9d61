/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the tools share: arguments, messages, exit statuses. */
#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <libiommunest-sim.h>

#define EXIT_DONE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2

/* As many as the simulator takes. */
#define TOOL_FAULTS_MAX 64

struct tool_faults {
	struct iommunest_sim_fault list[TOOL_FAULTS_MAX];
	unsigned int count;
};

/*
 * The name in messages, getopt_long()'s too: argv[0] may be a path, or anything
 * else.
 */
void tool_set_name(const char *name, char *argv[]);

/* Prints the versions of the tool and of the library that it runs with. */
void tool_print_version(void);

/* Prints what is wrong with the arguments.  Returns EXIT_USAGE. */
__attribute__((format(printf, 1, 2))) int tool_usage(const char *format, ...);

/* Prints "cannot @what" and why.  Returns EXIT_FAILED. */
int tool_fail(const char *what, int error);

/*
 * Opens a file to read, "-" is standard input, and says what messages call it.
 * The caller closes it, unless it is stdin.  Returns -1, or EXIT_USAGE after a
 * message.
 */
int tool_open(const char *path, FILE **in, const char **name);

/*
 * Flushes standard output at a program's end.  Returns @status, or, where it
 * is EXIT_DONE and the output could not be written, EXIT_FAILED.
 */
int tool_finish(int status);

/*
 * Adds "N:ERRNO": the Nth call or entry, from 1, with a name or a number.
 * Returns -1, or EXIT_USAGE after a message.
 */
int tool_add_fault(struct tool_faults *faults, uint32_t kind, const char *text);

/* Injects them into the simulator.  Returns 0 or a negated errno. */
int tool_inject(struct iommunest_sim *sim, const struct tool_faults *faults);

/* Each returns whether @text is valid; only then is the result written. */

/* A C literal, @min to @max. */
bool arg_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* "stop", "skip" or "flush": enum iommunest_policy. */
bool arg_policy(const char *text, uint32_t *policy);

/* "6.12", "6.18" or "7.3": enum iommunest_sim_profile. */
bool arg_profile(const char *text, uint32_t *profile);
/* The same of an SMMUv3: "7.3", "reworked" or "patched". */
bool arg_smmuv3_profile(const char *text, uint32_t *profile);

#endif /* TOOL_H */
