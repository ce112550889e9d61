/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "diff-both.h"

#include "tests/harness/support.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_COUNT 100000u

void diff_mismatch(const struct diff_both *both, const char *format, ...)
{
	char what[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	ck_abort_msg(SUPPORT_SEED "=%" PRIu64 ", request %u: %s", both->seed,
		     both->step, what);
}

/* ---- A request ---- */

static bool writes_data(enum diff_kind kind)
{
	return kind == DIFF_HW_INFO || kind == DIFF_IOAS;
}

static void make(const struct diff_both *both, struct conf_env *env,
		 const struct diff_request *request, const unsigned char *data,
		 struct diff_result *result)
{
	char *written = diff_memory_written(both->memory);

	if (request->len)
		memcpy(request->alias, request->image, request->len);
	if (writes_data(request->kind))
		memcpy(written, data, DIFF_DATA);
	result->ret = conf_ioctl(env, request->number, request->arg);
	memcpy(result->arg, request->image, DIFF_ARG);
	if (request->len)
		memcpy(result->arg, request->alias, request->len);
	memcpy(result->data, written, DIFF_DATA);
}

void diff_make_both(struct diff_both *both, const struct diff_request *request,
		    struct diff_result *kernel, struct diff_result *simulator)
{
	unsigned char data[DIFF_DATA];

	memcpy(data, diff_memory_written(both->memory), DIFF_DATA);
	make(both, both->kernel, request, data, kernel);
	make(both, both->simulator, request, data, simulator);
	if (request->len)
		memset(request->alias, 0, request->len);
}

static void print_bytes(char *to, const unsigned char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		to += sprintf(to, i % 4 ? "%02x" : " %02x", bytes[i]);
}

static bool is_same(const struct diff_result *kernel,
		    const struct diff_result *simulator)
{
	return kernel->ret == simulator->ret &&
	       !memcmp(kernel->arg, simulator->arg, DIFF_ARG) &&
	       !memcmp(kernel->data, simulator->data, DIFF_DATA);
}

/* So that what is printed shows whether there was much to compare. */
static void count(struct diff_both *both, const struct diff_request *request,
		  const struct diff_result *result)
{
	struct iommu_hwpt_invalidate cmd;

	if (result->ret == 0) {
		both->succeeded++;
		return;
	}
	both->failed++;
	memcpy(&cmd, result->arg, sizeof(cmd));
	if (request->kind == DIFF_INVALIDATE && request->len && cmd.entry_num &&
	    memcmp(&cmd, request->image, sizeof(cmd)))
		both->partial++;
}

void diff_compare(struct diff_both *both, const struct diff_request *request,
		  const struct diff_result *kernel,
		  const struct diff_result *simulator)
{
	char in[200], real[200], sim[200];

	count(both, request, kernel);
	if (is_same(kernel, simulator))
		return;
	print_bytes(in, request->image, 64);
	print_bytes(real, kernel->arg, 64);
	print_bytes(sim, simulator->arg, 64);
	diff_mismatch(both,
		      "%s (%#lx, %p)%s\n kernel:    %d%s\n simulator: %d%s%s",
		      diff_name(request->kind), request->number, request->arg,
		      in, kernel->ret, real, simulator->ret, sim,
		      memcmp(kernel->data, simulator->data, DIFF_DATA)
			      ? "\n and the data differs"
			      : "");
}

/* ---- Between the requests ---- */

void diff_both_are(struct diff_both *both, unsigned long number,
		   const void *cmd, size_t size)
{
	unsigned char real[DIFF_ARG], sim[DIFF_ARG];

	memcpy(real, cmd, size);
	memcpy(sim, cmd, size);
	ck_assert_int_eq(conf_ioctl(both->kernel, number, real), 0);
	ck_assert_int_eq(conf_ioctl(both->simulator, number, sim), 0);
	ck_assert_mem_eq(real, sim, size);
}

int diff_destroy_both(struct diff_both *both, uint32_t id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };
	int real = conf_ioctl(both->kernel, IOMMU_DESTROY, &cmd);
	int sim = conf_ioctl(both->simulator, IOMMU_DESTROY, &cmd);

	if (real != sim)
		diff_mismatch(both,
			      "destroy %u at the end: kernel %d, simulator %d",
			      id, real, sim);
	return real;
}

void diff_destroy_made(struct diff_both *both, struct diff_gen *gen)
{
	unsigned int i, left;

	do {
		left = gen->made_count;
		for (i = gen->made_count; i-- > 0;) {
			if (!diff_destroy_both(both, gen->made[i].id))
				gen->made[i] = gen->made[--gen->made_count];
		}
	} while (gen->made_count < left);
	ck_assert_uint_eq(gen->made_count, 0);
}

/* ---- The program ---- */

uint64_t diff_first_seed(void)
{
	return support_number(SUPPORT_SEED, 0);
}

uint64_t diff_end_seed(void)
{
	const uint64_t count =
		support_number("IOMMUNEST_COUNT", getenv(SUPPORT_SEED)
							  ? DIFF_PER_SEED
							  : DEFAULT_COUNT);

	return diff_first_seed() + (count + DIFF_PER_SEED - 1) / DIFF_PER_SEED;
}

void diff_print(const struct diff_both *both)
{
	printf("seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64
	       " requests succeeded, %" PRIu64 " failed, %" PRIu64
	       " of them with entries done",
	       diff_first_seed(), diff_end_seed() - 1, both->succeeded,
	       both->failed, both->partial);
}
