/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Random calls, right ones and wrong ones, with all that comes of them as
 * text.  Two environments that start alike, share the memory and are given
 * the same seed are the same as long as the texts are.
 */
#ifndef CONFORMANCE_RANDOM_H
#define CONFORMANCE_RANDOM_H

#include "conformance.h"

#define RANDOM_HWPTS 64u
#define RANDOM_LOG 8192u

/* Two pages that can be written, one that can be read, and then none. */
struct conf_memory {
	struct conf_pages args;
	/* All writable. */
	struct conf_pages data;
};

struct conf_memory conf_memory_new(void);
void conf_memory_free(struct conf_memory *memory);

struct conf_random {
	struct conf_env *env;
	const struct conf_memory *memory;
	uint64_t state;
	/* What can be attached to. */
	uint32_t hwpts[RANDOM_HWPTS];
	unsigned int hwpt_count;
	char log[RANDOM_LOG];
	size_t logged;
};

void conf_random_start(struct conf_random *random, struct conf_env *env,
		       const struct conf_memory *memory, uint64_t seed);
/* One call, and what it did in random->log. */
void conf_random_step(struct conf_random *random);

#endif /* CONFORMANCE_RANDOM_H */
