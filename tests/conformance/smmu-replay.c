/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The command queues of captured guests, through the engine and to the host:
 * what arrives in the host's own queue is each command that is to be forwarded,
 * once and in the guest's order, and the CMD_SYNCs of the kernel's groups.
 */
#include "smmu-guest.h"

#include "tests/harness/support.h"

#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS_MAX 16384u
/* The stream of the guest's NVMe, in the captures. */
#define CAPTURED_SID 0x10u

static glob_t captures;
static struct iommunest_ctx *ctx;
static struct iommunest_smmuv3_cmdq *queue;

/* One ring, of which nothing is overwritten, as the guest wrote it. */
static struct conf_command *ring;
static uint32_t slots;
static uint64_t base;
static uint32_t prod;

/* What is to arrive, and what did. */
static struct conf_command wanted[COMMANDS_MAX], seen[COMMANDS_MAX];
static size_t n_wanted;
static uint32_t calls, syncs, syncs_put;

/* ---- The VMM ---- */

static int vmm_read(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	(void)vmm;
	memcpy(buf, (const char *)ring + (gpa - base), len);
	return 0;
}

static void vmm_interrupt(void *vmm, uint32_t index)
{
	(void)vmm;
	(void)index;
}

static int vmm_command(void *vmm, uint32_t index,
		       const struct iommunest_smmuv3_cmd *cmd)
{
	(void)vmm;
	(void)index;
	ck_assert(cmd->opcode == SMMU_CFGI_STE || cmd->opcode == 0x04);
	return 0;
}

static int vmm_isolate(void *vmm, uint64_t cookie, uint32_t index, int error,
		       uint32_t code)
{
	(void)vmm;
	(void)cookie;
	(void)code;
	ck_abort_msg("slot %u: %s", index, strerror(-error));
}

static const struct iommunest_smmuv3_cmdq_ops ops = {
	.size = sizeof(ops),
	.read = vmm_read,
	.interrupt = vmm_interrupt,
	.command = vmm_command,
	.isolate = vmm_isolate,
};

static void open_queue(void)
{
	struct conf_env *env = guest_env(&guest);
	struct iommunest_open_options open = { .size = sizeof(open),
					       .sys = env->sys,
					       .sys_data = env->sys_data };
	struct iommunest_smmuv3_caps caps =
		IOMMUNEST_INIT(struct iommunest_smmuv3_caps);
	struct iommunest_hw_info info =
		IOMMUNEST_INIT(struct iommunest_hw_info);
	struct iommunest_smmuv3_cmdq_options options = {
		.size = sizeof(options),
		.caps = &caps,
		.budget = IOMMUNEST_SMMUV3_CMDQ_NO_BUDGET,
	};
	struct iommunest_smmuv3_target target = {
		.size = sizeof(target),
		.viommu_id = env->viommu,
	};

	ck_assert_int_eq(iommunest_open_fd(&ctx, env->fd, &open), 0);
	ck_assert_int_eq(iommunest_hw_info(ctx, env->dev, &info), 0);
	ck_assert_int_eq(iommunest_smmuv3_caps_decode(&caps, &info), 0);
	target.ctx = ctx;
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_new(&queue, &ops, NULL, &options), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_target(queue, &target), 0);
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_add_stream(queue, SMMU_VSID, &target), 0);
	calls = syncs = syncs_put = 0;
	n_wanted = 0;
	ring = NULL;
	prod = 0;
}

static void close_queue(void)
{
	iommunest_smmuv3_cmdq_free(queue);
	iommunest_close(ctx);
	free(ring);
}

/* ---- The guest ---- */

static void want(uint64_t w0, uint64_t w1)
{
	const uint64_t op = w0 & SMMU_OP;
	const uint64_t sid = w0 >> 32;

	syncs_put += op == SMMU_SYNC;
	if (op == SMMU_CFGI_CD || op == SMMU_CFGI_CD_ALL) {
		if (sid != SMMU_VSID)
			return;
	} else if (op != SMMU_NH_ALL && op != SMMU_NH_ASID &&
		   op != SMMU_NH_VA && op != SMMU_NH_VAA &&
		   op != SMMU_NSNH_ALL) {
		return;
	}
	ck_assert_uint_lt(n_wanted, COMMANDS_MAX);
	wanted[n_wanted++] = smmu_command(w0, w1);
}

/* The guest's stream has another number here. */
static void put(uint64_t w0, uint64_t w1)
{
	const uint64_t op = w0 & SMMU_OP;

	if ((op == SMMU_CFGI_CD || op == SMMU_CFGI_CD_ALL) &&
	    w0 >> 32 == CAPTURED_SID)
		w0 = (w0 & UINT32_MAX) | SMMU_SID(SMMU_VSID);
	ck_assert_ptr_nonnull(ring);
	ring[prod++ & (slots - 1)] = smmu_command(w0, w1);
	want(w0, w1);
}

static void take_result(int ret,
			const struct iommunest_smmuv3_cmdq_result *result)
{
	ck_assert_int_eq(ret, 0);
	calls += result->calls;
	syncs += result->syncs;
}

static void write_register(const char *name, uint64_t value)
{
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(result) };

	if (!strcmp(name, "cr0")) {
		take_result(iommunest_smmuv3_cmdq_write_cr0(
				    queue, (uint32_t)value, &result),
			    &result);
	} else if (!strcmp(name, "gerrorn")) {
		take_result(iommunest_smmuv3_cmdq_write_gerrorn(
				    queue, (uint32_t)value, &result),
			    &result);
	} else if (!strcmp(name, "cons")) {
		ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cons(
					 queue, (uint32_t)value),
				 0);
	} else {
		ck_assert_str_eq(name, "base");
		ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(queue, value),
				 0);
		slots = 1u << (value & 0x1f);
		base = value & IOMMUNEST_SMMUV3_CMDQ_BASE_ADDR;
		free(ring);
		ring = calloc(slots, sizeof(*ring));
		ck_assert_ptr_nonnull(ring);
	}
}

/* PROD is written when the commands up to there are in the ring. */
static void ring_doorbell(bool *rung, uint64_t value)
{
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(result) };

	if (!*rung)
		return;
	*rung = false;
	ck_assert_uint_eq(prod & (slots * 2 - 1), value);
	take_result(iommunest_smmuv3_cmdq_write_prod(queue, (uint32_t)value,
						     &result),
		    &result);
}

static void replay(const char *path)
{
	char line[256], name[16];
	uint64_t first, second, doorbell = 0;
	bool rung = false;
	FILE *in = fopen(path, "r");
	int words;

	ck_assert_msg(in, "%s", path);
	while (fgets(line, sizeof(line), in)) {
		words = sscanf(line, "%15s 0x%" SCNx64 " 0x%" SCNx64, name,
			       &first, &second);
		if (words < 2 || line[0] == '#')
			continue;
		if (!strcmp(name, "c")) {
			ck_assert_int_eq(words, 3);
			put(first, second);
			continue;
		}
		ring_doorbell(&rung, doorbell);
		if (strcmp(name, "prod")) {
			write_register(name, first);
			continue;
		}
		doorbell = first;
		rung = true;
	}
	ring_doorbell(&rung, doorbell);
	fclose(in);
}

/* ---- What arrived ---- */

/* The kernel has a VMID and a stream of its own, and NH_ALL for NSNH_ALL. */
static bool is_same(const struct conf_command *command,
		    const struct conf_command *want)
{
	uint64_t w0 = smmu_word(want, 0);
	uint64_t its = smmu_word(command, 0);
	const bool has_sid = (w0 & SMMU_OP) <= SMMU_CFGI_CD_ALL;
	const uint64_t ids = (has_sid ? UINT64_C(0xffffffff) : UINT64_C(0xffff))
			     << 32;

	if ((w0 & SMMU_OP) == SMMU_NSNH_ALL)
		w0 = (w0 & ~SMMU_OP) | SMMU_NH_ALL;
	return (w0 & ~ids) == (its & ~ids) &&
	       smmu_word(want, 1) == smmu_word(command, 1);
}

static void check_arrived(const char *path)
{
	struct conf_env *env = guest_env(&guest);
	const size_t count = env->commands(env, seen, COMMANDS_MAX);
	size_t i, next = 0, groups = 0;

	ck_assert_uint_le(count, COMMANDS_MAX);
	for (i = 0; i < count; i++) {
		if ((smmu_word(&seen[i], 0) & SMMU_OP) == SMMU_SYNC) {
			groups++;
			continue;
		}
		ck_assert_msg(next < n_wanted &&
				      is_same(&seen[i], &wanted[next]),
			      "%s: command %zu of %zu: %#" PRIx64 " %#" PRIx64,
			      path, next, n_wanted, smmu_word(&seen[i], 0),
			      smmu_word(&seen[i], 1));
		next++;
	}
	ck_assert_uint_eq(next, n_wanted);
	ck_assert_uint_eq(groups, calls);
	ck_assert_uint_eq(syncs, syncs_put);
}

/* Of each capture: as many ioctls wherever it runs, and what it has. */
static const struct expected {
	const char *name;
	uint32_t forwarded;
	uint32_t calls;
} expected[] = {
	{ "/strict-seq.cmdq", 132, 132 },
	{ "/strict-par.cmdq", 579, 579 },
	{ "/noril-strict-par.cmdq", 9395, 579 },
};

static void check_costs(const char *path)
{
	size_t i;

	printf("%s: %zu forwarded, %u ioctls\n", path, n_wanted, calls);
	for (i = 0; i < ARRAY_LEN(expected); i++) {
		if (strcmp(strrchr(path, '/'), expected[i].name))
			continue;
		ck_assert_uint_eq(n_wanted, expected[i].forwarded);
		ck_assert_uint_eq(calls, expected[i].calls);
	}
}

static size_t find_captures(void)
{
	const char *top = getenv("top_srcdir");
	char pattern[512];

	if (glob("/tests/*.cmdq", 0, NULL, &captures)) {
		snprintf(pattern, sizeof(pattern),
			 "%s/tests/data/guest-cmdq/*.cmdq", top ? top : "..");
		if (glob(pattern, 0, NULL, &captures))
			return 0;
	}
	return captures.gl_pathc;
}

TEST(the_captures_are_here)
{
	ck_assert_uint_ge(captures.gl_pathc, ARRAY_LEN(expected));
}

TEST_LOOP(what_a_captured_guest_says_arrives_once_and_in_order, find_captures())
{
	const char *path = captures.gl_pathv[_i];
	struct conf_env *env = guest_env(&guest);

	open_queue();
	env->record(env);
	replay(path);
	check_arrived(path);
	check_costs(path);
	close_queue();
}
