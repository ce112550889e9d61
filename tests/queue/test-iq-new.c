/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Making a queue engine: its options and functions. */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"
#include "tests/harness/target.h"

/* ---- Making an engine ---- */

/* A host, and options to make engines with. */
struct maker {
	struct host host;
	struct iommunest_ctx *ctx;
	struct iommunest_vtd_iq_ops ops;
	struct iommunest_vtd_iq_options options;
};

static struct maker maker;
static struct rig rig;

static void maker_setup(void)
{
	host_init(&maker.host);
	maker.ctx = host_open(&maker.host);
	maker.ops = guest_ops;
	memset(&maker.options, 0, sizeof(maker.options));
	maker.options.size = sizeof(maker.options);
}

static void maker_teardown(void)
{
	rig_end(&rig);
	iommunest_close(maker.ctx);
	host_free(&maker.host);
}
FIXTURE(maker_setup, maker_teardown);

static int make(const void *options)
{
	struct iommunest_vtd_iq *iq = (void *)&maker;
	int ret;

	ret = iommunest_vtd_iq_new(&iq, &maker.ops, &maker, options);
	ck_assert_int_eq(!ret, iq != NULL);
	iommunest_vtd_iq_free(iq);
	return ret;
}

TEST(new_refuses_null)
{
	struct iommunest_vtd_iq *iq = (void *)&maker;

	ck_assert_int_eq(iommunest_vtd_iq_new(NULL, &maker.ops, NULL, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_new(&iq, NULL, NULL, NULL), -EINVAL);
	ck_assert_ptr_null(iq);
}

TEST(options_may_be_null)
{
	ck_assert_int_eq(make(NULL), 0);
}

TEST_LOOP(each_needed_function_must_be_there, 4)
{
	static const size_t needed[] = {
		offsetof(struct iommunest_vtd_iq_ops, read),
		offsetof(struct iommunest_vtd_iq_ops, write_status),
		offsetof(struct iommunest_vtd_iq_ops, interrupt),
		offsetof(struct iommunest_vtd_iq_ops, descriptor),
	};

	memset((char *)&maker.ops + needed[_i], 0, sizeof(void (*)(void)));
	ck_assert_int_eq(make(NULL), -EINVAL);
}

TEST(covered_and_trace_are_optional)
{
	maker.ops.covered = NULL;
	maker.ops.trace = NULL;
	ck_assert_int_eq(make(NULL), 0);
}

TEST(skipped_is_needed_for_the_policy_skip_only)
{
	maker.ops.skipped = NULL;
	ck_assert_int_eq(make(&maker.options), 0);
	maker.options.policy = IOMMUNEST_VTD_IQ_STOP;
	ck_assert_int_eq(make(&maker.options), 0);
	maker.options.policy = IOMMUNEST_VTD_IQ_SKIP;
	ck_assert_int_eq(make(&maker.options), -EINVAL);
	maker.ops.skipped = guest_ops.skipped;
	ck_assert_int_eq(make(&maker.options), 0);
}

TEST_LOOP(other_policies_are_refused, 4)
{
	static const uint32_t others[] = { 3, 4, 5, UINT32_MAX };

	maker.options.policy = others[_i];
	ck_assert_int_eq(make(&maker.options), -EINVAL);
}

/* What becomes of a failure is never left to chance. */
TEST(isolate_is_needed_unless_the_vmm_says_what_else)
{
	maker.ops.isolate = NULL;
	ck_assert_int_eq(make(NULL), -EINVAL);
	ck_assert_int_eq(make(&maker.options), -EINVAL);
	maker.options.unhealed = IOMMUNEST_VTD_UNHEALED_HALT;
	ck_assert_int_eq(make(&maker.options), 0);
	maker.options.unhealed = IOMMUNEST_VTD_UNHEALED_ITE;
	ck_assert_int_eq(make(&maker.options), 0);
	maker.options.unhealed = IOMMUNEST_VTD_UNHEALED_ITE + 1;
	ck_assert_int_eq(make(&maker.options), -EINVAL);
	maker.options.unhealed = IOMMUNEST_VTD_UNHEALED_DEFAULT;
	maker.options.policy = IOMMUNEST_VTD_IQ_STOP;
	ck_assert_int_eq(make(&maker.options), 0);
}

TEST_LOOP(a_policy_that_heals_nothing_shows_no_ite, 2)
{
	static const uint32_t others[] = { IOMMUNEST_VTD_IQ_STOP,
					   IOMMUNEST_VTD_IQ_SKIP };

	maker.ops.skipped = guest_ops.skipped;
	maker.options.policy = others[_i];
	maker.options.unhealed = IOMMUNEST_VTD_UNHEALED_ITE;
	ck_assert_int_eq(make(&maker.options), -EINVAL);
	maker.options.unhealed = IOMMUNEST_VTD_UNHEALED_HALT;
	ck_assert_int_eq(make(&maker.options), 0);
}

TEST(unknown_flags_are_refused)
{
	maker.options.flags = IOMMUNEST_VTD_IQ_NO_ALL;
	ck_assert_int_eq(make(&maker.options), 0);
	maker.options.flags = IOMMUNEST_VTD_IQ_NO_ALL << 1;
	ck_assert_int_eq(make(&maker.options), -EOPNOTSUPP);
}

TEST(bad_limits_are_refused)
{
	struct iommunest_vtd_limits limits = { .size = sizeof(limits) };

	maker.options.limits = &limits;
	ck_assert_int_eq(make(&maker.options), 0);
	limits.flags = ~0u;
	ck_assert_int_eq(make(&maker.options), -EOPNOTSUPP);
	limits.flags = IOMMUNEST_VTD_COALESCE;
	limits.max_blocks = UINT32_MAX;
	ck_assert_int_eq(make(&maker.options), 0);
	limits.size--;
	ck_assert_int_eq(make(&maker.options), -EINVAL);
}

/* A struct of the caller that is longer than ours, with a given last byte. */
static void *longer(const void *from, size_t size, unsigned char last)
{
	unsigned char *copy = calloc(1, size + 8);
	size_t new_size = size + 8;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, from, size);
	memcpy(copy, &new_size, sizeof(new_size));
	copy[size + 7] = last;
	return copy;
}

TEST(options_may_grow_only_by_zeros)
{
	void *options = longer(&maker.options, sizeof(maker.options), 0);

	ck_assert_int_eq(make(options), 0);
	free(options);
	options = longer(&maker.options, sizeof(maker.options), 1);
	ck_assert_int_eq(make(options), -E2BIG);
	free(options);
	maker.options.size--;
	ck_assert_int_eq(make(&maker.options), -EINVAL);
	maker.options.size = 0;
	ck_assert_int_eq(make(&maker.options), -EINVAL);
}

static int make_with_ops(const void *ops)
{
	struct iommunest_vtd_iq *iq;
	int ret;

	ret = iommunest_vtd_iq_new(&iq, ops, NULL, NULL);
	iommunest_vtd_iq_free(iq);
	return ret;
}

TEST(ops_may_grow_only_by_zeros)
{
	void *ops = longer(&maker.ops, sizeof(maker.ops), 0);

	ck_assert_int_eq(make_with_ops(ops), 0);
	free(ops);
	ops = longer(&maker.ops, sizeof(maker.ops), 1);
	ck_assert_int_eq(make_with_ops(ops), -E2BIG);
	free(ops);
	maker.ops.size--;
	ck_assert_int_eq(make_with_ops(&maker.ops), -EINVAL);
}

TEST(limits_may_grow_only_by_zeros)
{
	const struct iommunest_vtd_limits limits = { .size = sizeof(limits) };
	void *copy = longer(&limits, sizeof(limits), 0);

	maker.options.limits = copy;
	ck_assert_int_eq(make(&maker.options), 0);
	free(copy);
	copy = longer(&limits, sizeof(limits), 1);
	maker.options.limits = copy;
	ck_assert_int_eq(make(&maker.options), -E2BIG);
	free(copy);
}

TEST(longer_limits_do_for_a_base)
{
	const struct iommunest_vtd_limits limits = { .size = sizeof(limits) };
	void *copy = longer(&limits, sizeof(limits), 0);
	struct iommunest_vtd_iq *iq;

	maker.options.limits = copy;
	ck_assert_int_eq(
		iommunest_vtd_iq_new(&iq, &maker.ops, NULL, &maker.options), 0);
	free(copy);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(iq,
						   guest_iqa(RIG_BASE, 0, true),
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	iommunest_vtd_iq_free(iq);
}

TEST(null_engines_are_refused)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };

	iommunest_vtd_iq_free(NULL);
	iommunest_vtd_iq_clear_fault(NULL);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(NULL, 0,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(NULL, 1, 0,
						    TARGET(NULL, 1)),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_forget(NULL, TARGET(NULL, 1)),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(NULL, 1, 0,
						       TARGET(NULL, 1)),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_set_mode(NULL,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_set_trace(NULL, false), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_run(NULL, 0, &result), -EINVAL);
}

TEST(ops_and_options_are_copied)
{
	struct iommunest_vtd_limits limits = {
		.size = sizeof(limits),
		.flags = IOMMUNEST_VTD_COALESCE,
	};
	struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.limits = &limits,
	};
	struct iommunest_vtd_iq_ops ops = guest_ops;

	rig_open(&rig, NULL);
	iommunest_vtd_iq_free(rig.iq);
	ck_assert_int_eq(
		iommunest_vtd_iq_new(&rig.iq, &ops, &rig.guest, &options), 0);
	memset(&limits, 0xff, sizeof(limits));
	memset(&options, 0xff, sizeof(options));
	memset(&ops, 0, sizeof(ops));
	ck_assert_int_eq(iommunest_vtd_iq_set_base(rig.iq,
						   guest_iqa(RIG_BASE, 0, true),
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	enable_engine(rig.iq);
	rig_add(&rig, 1, 0, 10);
	rig_page(&rig, 0x4000);
	rig_page(&rig, 0x5000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1, covered 1@10, status 2");
}
