/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Rows 1 to 4: from the number of an ioctl to its struct, for each of them. */
#include "conformance.h"

#include "lib/uapi/invalidate.h"

#include <string.h>

/* An ioctl, and a command of it that is refused after the prologue. */
struct op {
	unsigned long request;
	uint32_t size;
	uint32_t min;
	/* Where a word that is not 0 is refused, and how. */
	uint32_t wrong;
	int error;
};

/* Offsets: reserved or flags; of a destroy, the id. */
static const struct op ops[] = {
	{ IOMMU_DESTROY, 8, 8, 4, -ENOENT },
	{ IOMMU_IOAS_ALLOC, 12, 12, 4, -EOPNOTSUPP },
	{ IOMMU_HWPT_ALLOC, 48, 24, 20, -EOPNOTSUPP },
	{ IOMMU_GET_HW_INFO, 40, 32, 4, -EOPNOTSUPP },
	{ IOMMU_HWPT_INVALIDATE, 32, 32, 28, -EOPNOTSUPP },
};
#define OPS (sizeof(ops) / sizeof(*ops))

/* As the kernel knows it. */
static uint32_t known_size(const struct conf_env *env, const struct op *op)
{
	if (op->request == IOMMU_HWPT_INVALIDATE && env->reports)
		return sizeof(struct iommunest_uapi_invalidate);
	return op->size;
}

/* A value that is refused everywhere: high bits of flags, an absent id. */
static void make_wrong(const struct conf_env *env, const struct op *op,
		       char *at)
{
	const uint32_t word =
		op->request == IOMMU_DESTROY ? conf_absent(env) : 1u << 31;

	memcpy(at + op->wrong, &word, sizeof(word));
}

static void set_size(char *at, uint32_t size)
{
	memcpy(at, &size, sizeof(size));
}

static bool unknown_numbers_are_enotty(struct conf_env *env)
{
	char arg[64] = { 0 };

	return conf_ioctl_is(env, _IO(';', 0xff), arg, -ENOTTY) &&
	       conf_ioctl_is(env, _IO(';', 0x7f), arg, -ENOTTY) &&
	       conf_ioctl_is(env, _IO('x', 0x8d), arg, -ENOTTY) &&
	       conf_ioctl_is(env, _IOW(';', 0x8d, uint32_t), arg, -ENOTTY) &&
	       conf_ioctl_is(env, _IO(';', 0x8d) | 1ul << 29, arg, -ENOTTY);
}

static bool
numbers_beyond_the_table_leave_the_argument_alone(struct conf_env *env)
{
	return conf_ioctl_is(env, _IO(';', 0xff), NULL, -ENOTTY) &&
	       conf_ioctl_is(env, _IO(';', 0x7f), NULL, -ENOTTY);
}

static bool
a_wrong_number_in_the_table_reads_the_size_first(struct conf_env *env)
{
	return conf_ioctl_is(env, _IO('x', 0x8d), NULL, -EFAULT) &&
	       conf_ioctl_is(env, _IOW(';', 0x8d, uint32_t), NULL, -EFAULT);
}

static bool numbers_are_32_bits(struct conf_env *env)
{
	/* Cut off before the call, where a long has no more than 32 bits. */
	const uint64_t high = UINT64_C(1) << 32 | IOMMU_HWPT_INVALIDATE;
	struct iommu_hwpt_invalidate cmd = conf_call(env, NULL, 0);

	return conf_ioctl_is(env, (unsigned long)high, &cmd, 0);
}

static bool an_unreadable_size_is_efault(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < OPS; i++) {
		unsigned long request = ops[i].request;

		ok = conf_ioctl_is(env, request, NULL, -EFAULT) &&
		     conf_ioctl_is(env, request, (void *)8, -EFAULT) &&
		     conf_ioctl_is(env, request, (void *)-8l, -EFAULT) &&
		     conf_ioctl_is(env, request, pages.end, -EFAULT) &&
		     conf_ioctl_is(env, request, pages.end - 1, -EFAULT) &&
		     conf_ioctl_is(env, request, pages.end - 3, -EFAULT);
	}
	conf_pages_free(&pages);
	return ok;
}

/* Also where nothing but the size can be read. */
static bool a_small_size_is_einval(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	bool ok = true;
	uint32_t size;
	size_t i;

	for (i = 0; ok && i < OPS; i++) {
		for (size = 0; ok && size < ops[i].min; size++) {
			char arg[64] = { 0 };

			make_wrong(env, &ops[i], arg);
			set_size(arg, size);
			set_size(pages.end - 4, size);
			ok = conf_ioctl_is(env, ops[i].request, arg, -EINVAL) &&
			     conf_ioctl_is(env, ops[i].request, pages.end - 4,
					   -EINVAL);
		}
	}
	conf_pages_free(&pages);
	return ok;
}

static bool a_small_size_leaves_entry_num(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1_invalidate entry = { .npages = 1 };
	struct iommu_hwpt_invalidate cmd = conf_call(env, &entry, 1);

	cmd.size = sizeof(cmd) - 1;
	return conf_invalidate_is(env, &cmd, -EINVAL, 1);
}

static bool a_struct_that_ends_too_early_is_efault(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	bool ok = true;
	uint32_t len;
	size_t i;

	for (i = 0; ok && i < OPS; i++) {
		for (len = 4; ok && len < known_size(env, &ops[i]); len++) {
			set_size(pages.end - len, known_size(env, &ops[i]));
			ok = conf_ioctl_is(env, ops[i].request, pages.end - len,
					   -EFAULT);
			memset(pages.base, 0, CONF_PAGE);
		}
	}
	conf_pages_free(&pages);
	return ok;
}

/* What is missing counts as zero, and is not read. */
static bool an_older_size_is_taken(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	bool ok = true;
	uint32_t size;
	size_t i;

	for (i = 0; ok && i < OPS; i++) {
		for (size = ops[i].min; ok && size <= known_size(env, &ops[i]);
		     size++) {
			char *arg = pages.end - size;

			memset(pages.base, 0, CONF_PAGE);
			make_wrong(env, &ops[i], arg);
			set_size(arg, size);
			ok = conf_ioctl_is(env, ops[i].request, arg,
					   ops[i].error);
		}
	}
	conf_pages_free(&pages);
	return ok;
}

static bool a_zero_tail_is_taken(struct conf_env *env)
{
	static const uint32_t more[] = { 1, 2, 7, 8, 9, 31, 4096, 8192 };
	struct conf_pages pages = conf_pages_new(3);
	bool ok = true;
	size_t i, k;

	for (i = 0; ok && i < OPS; i++) {
		for (k = 0; ok && k < sizeof(more) / sizeof(*more); k++) {
			uint32_t size = known_size(env, &ops[i]) + more[k];
			char *arg = pages.end - size;

			memset(pages.base, 0, 3 * CONF_PAGE);
			make_wrong(env, &ops[i], arg);
			set_size(arg, size);
			ok = conf_ioctl_is(env, ops[i].request, arg,
					   ops[i].error);
		}
	}
	conf_pages_free(&pages);
	return ok;
}

/* Wherever in the tail it is; and before the struct itself is looked at. */
static bool a_tail_that_is_not_zero_is_e2big(struct conf_env *env)
{
	char arg[128];
	bool ok = true;
	uint32_t at;
	size_t i;

	for (i = 0; ok && i < OPS; i++) {
		for (at = known_size(env, &ops[i]); ok && at < sizeof(arg);
		     at++) {
			memset(arg, 0, sizeof(arg));
			make_wrong(env, &ops[i], arg);
			arg[at] = 1;
			set_size(arg, sizeof(arg));
			ok = conf_ioctl_is(env, ops[i].request, arg, -E2BIG);
			set_size(arg, at + 1);
			ok = ok &&
			     conf_ioctl_is(env, ops[i].request, arg, -E2BIG);
			set_size(arg, at);
			ok = ok && conf_ioctl_is(env, ops[i].request, arg,
						 ops[i].error);
		}
	}
	return ok;
}

static bool a_tail_that_is_not_zero_leaves_entry_num(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1_invalidate entry = { .npages = 1 };
	struct {
		struct iommu_hwpt_invalidate cmd;
		/* Beyond the end of all that kernels know. */
		uint64_t tail[3];
	} arg = { .cmd = conf_call(env, &entry, 1), .tail = { 0, 0, 1 } };

	arg.cmd.size = sizeof(arg);
	return conf_invalidate_is(env, &arg.cmd, -E2BIG, 1);
}

static bool a_zero_tail_that_ends_too_early_is_efault(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < OPS; i++) {
		const uint32_t size = known_size(env, &ops[i]);
		char *arg = pages.end - size - 16;

		memset(pages.base, 0, CONF_PAGE);
		set_size(arg, size + 17);
		ok = conf_ioctl_is(env, ops[i].request, arg, -EFAULT);
	}
	conf_pages_free(&pages);
	return ok;
}

static bool a_tail_is_not_read_after_what_is_not_zero(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < OPS; i++) {
		const uint32_t size = known_size(env, &ops[i]);
		char *arg = pages.end - size - 16;

		memset(pages.base, 0, CONF_PAGE);
		set_size(arg, size + 4096);
		arg[size] = 1;
		ok = conf_ioctl_is(env, ops[i].request, arg, -E2BIG);
	}
	conf_pages_free(&pages);
	return ok;
}

static bool only_the_callers_size_is_written_back(struct conf_env *env)
{
	struct iommu_hw_info cmd = {
		.size = 32,
		.dev_id = env->dev,
		.out_capabilities = 0x5555555555555555,
	};

	return conf_ioctl_is(env, IOMMU_GET_HW_INFO, &cmd, 0) &&
	       conf_expect(env, cmd.out_capabilities == 0x5555555555555555,
			   "written beyond the size");
}

static bool no_tail_is_written_back(struct conf_env *env)
{
	struct {
		struct iommu_hwpt_invalidate cmd;
		uint64_t tail;
	} arg = { .cmd = conf_call(env, NULL, 0) };

	arg.cmd.size = sizeof(arg);
	return conf_invalidate_is(env, &arg.cmd, 0, 0) &&
	       conf_expect(env, arg.tail == 0 && arg.cmd.size == sizeof(arg),
			   "the tail or the size was written");
}

const struct conf_case conf_prologue_cases[] = {
	CONF_CASE(unknown_numbers_are_enotty),
	CONF_CASE(numbers_beyond_the_table_leave_the_argument_alone),
	CONF_CASE(a_wrong_number_in_the_table_reads_the_size_first),
	CONF_CASE(numbers_are_32_bits),
	CONF_CASE(an_unreadable_size_is_efault),
	CONF_CASE(a_small_size_is_einval),
	CONF_CASE(a_small_size_leaves_entry_num),
	CONF_CASE(a_struct_that_ends_too_early_is_efault),
	CONF_CASE(an_older_size_is_taken),
	CONF_CASE(a_zero_tail_is_taken),
	CONF_CASE(a_tail_that_is_not_zero_is_e2big),
	CONF_CASE(a_tail_that_is_not_zero_leaves_entry_num),
	CONF_CASE(a_zero_tail_that_ends_too_early_is_efault),
	CONF_CASE(a_tail_is_not_read_after_what_is_not_zero),
	CONF_CASE(only_the_callers_size_is_written_back),
	CONF_CASE(no_tail_is_written_back),
	{ 0 },
};
