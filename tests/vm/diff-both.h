/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A request to the kernel and to the simulator of it. */
#ifndef VM_DIFF_BOTH_H
#define VM_DIFF_BOTH_H

#include "diff.h"

/* Requests of a seed. */
#define DIFF_PER_SEED 2000u

struct diff_both {
	struct conf_env *kernel;
	struct conf_env *simulator;
	const struct diff_memory *memory;
	/* Which request it is. */
	uint64_t seed;
	uint32_t step;
	/* How much was compared. */
	uint64_t succeeded;
	uint64_t failed;
	uint64_t partial;
};

struct diff_result {
	int ret;
	unsigned char arg[DIFF_ARG];
	unsigned char data[DIFF_DATA];
};

/* Fails the test, and says how to see it again. */
void diff_mismatch(const struct diff_both *both, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* Both get the same memory. */
void diff_make_both(struct diff_both *both, const struct diff_request *request,
		    struct diff_result *kernel, struct diff_result *simulator);
/* They have to be the same. */
void diff_compare(struct diff_both *both, const struct diff_request *request,
		  const struct diff_result *kernel,
		  const struct diff_result *simulator);

/* Both succeed and write the same. */
void diff_both_are(struct diff_both *both, unsigned long number,
		   const void *cmd, size_t size);
/* Returns what both return. */
int diff_destroy_both(struct diff_both *both, uint32_t id);
/* Until none is left that can be: then none is left. */
void diff_destroy_made(struct diff_both *both, struct diff_gen *gen);

/* By the environment: a seed that is given is played alone. */
uint64_t diff_first_seed(void);
uint64_t diff_end_seed(void);
/* What main() says at the end, without the end of the line. */
void diff_print(const struct diff_both *both);

#endif /* VM_DIFF_BOTH_H */
