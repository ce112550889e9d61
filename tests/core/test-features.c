/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What a kernel can do: each release since the first, as a kernel that refuses
 * calls in the order in which Linux does, and fails if it has to carry one out.
 * The real ones are asked in tests/conformance/cases-features.c.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/script.h"
#include "tests/harness/support.h"

#define F(name) IOMMUNEST_FEATURE_##name
#define FEATURES 15u

/* Numbers of the ABI, written out here a second time. */
#define FIRST 0x3b80ul
#define HWPT_ALLOC 0x3b89ul
#define GET_HW_INFO 0x3b8aul
#define INVALIDATE 0x3b8dul

struct kernel {
	const char *release;
	/* The last ioctl that it knows. */
	unsigned long last;
	/* Sizes of structs that grew. */
	uint32_t hwpt_size;
	uint32_t invalidate_size;
	/* Flags of GET_HW_INFO. */
	uint32_t hw_info_flags;
	uint64_t features;
};

#define IN_6_2 F(IOAS)
#define IN_6_6 (IN_6_2 | F(HW_INFO) | F(HWPT))
#define IN_6_7 (IN_6_6 | F(NESTED) | F(DIRTY_TRACKING))
#define IN_6_8 (IN_6_7 | F(INVALIDATE))
#define IN_6_11 (IN_6_8 | F(FAULT_QUEUE))
#define IN_6_13 (IN_6_11 | F(MAP_FILE) | F(VIOMMU))
#define IN_6_14 (IN_6_13 | F(CHANGE_PROCESS))
#define IN_6_15 (IN_6_14 | F(VEVENTQ) | F(PASID))
#define IN_6_17 (IN_6_15 | F(HW_QUEUE) | F(HW_INFO_TYPE))

/* From the history of include/uapi/linux/iommufd.h. */
static const struct kernel kernels[] = {
	{ "no iommufd", 0, 0, 0, 0, 0 },
	{ "6.2", 0x3b88, 0, 0, 0, IN_6_2 },
	{ "6.6", 0x3b8a, 24, 0, 0, IN_6_6 },
	{ "6.7", 0x3b8c, 40, 0, 0, IN_6_7 },
	{ "6.8", 0x3b8d, 40, 32, 0, IN_6_8 },
	{ "6.11", 0x3b8e, 48, 32, 0, IN_6_11 },
	{ "6.13", 0x3b91, 48, 32, 0, IN_6_13 },
	{ "6.14", 0x3b92, 48, 32, 0, IN_6_14 },
	{ "6.15", 0x3b93, 48, 32, 0, IN_6_15 },
	{ "6.17", 0x3b94, 48, 32, 1, IN_6_17 },
	{ "7.3", 0x3b95, 48, 32, 1, IN_6_17 },
	{ "patched", 0x3b95, 48, 40, 1, IN_6_17 | F(ERROR_REPORT) },
	/* Half of a feature is none of it. */
	{ "6.7, one of two ioctls", 0x3b8b, 40, 0, 0,
	  IN_6_7 & ~F(DIRTY_TRACKING) },
	{ "6.13, vIOMMUs alone", 0x3b90, 48, 32, 0, IN_6_13 & ~F(VIOMMU) },
	{ "6.11, no fault queue for an HWPT", 0x3b8e, 40, 32, 0, IN_6_8 },
};

/* ---- A kernel that is only asked ---- */

struct host {
	const struct kernel *kernel;
	pthread_mutex_t lock;
	unsigned int calls;
	/* The call that fails, from 1, with this; how many more do, with it. */
	unsigned int fails;
	int error;
	unsigned int more;
	/* ... or with this, if it is not 0. */
	int later;
	/* A call would have been carried out. */
	bool harmed;
};

/* The structs of ioctls that do not differ by release. */
static uint32_t size_of(const struct kernel *kernel, unsigned long request)
{
	switch (request) {
	case HWPT_ALLOC:
		return kernel->hwpt_size;
	case GET_HW_INFO:
		return 40;
	case INVALIDATE:
		return kernel->invalidate_size;
	default:
		return 8;
	}
}

static uint32_t min_of(unsigned long request)
{
	switch (request) {
	case HWPT_ALLOC:
		return 24;
	case GET_HW_INFO:
	case INVALIDATE:
		return 32;
	default:
		return 8;
	}
}

static bool has_tail(const uint32_t *words, uint32_t known)
{
	uint32_t i;

	for (i = known / 4; i < words[0] / 4; i++) {
		if (words[i])
			return true;
	}
	return false;
}

/* words: size, flags, dev_id, pt_id, out, reserved, data_type, data_len */
static int hwpt_alloc(const uint32_t *words)
{
	if (words[5])
		return -EOPNOTSUPP;
	if (words[0] > 24 && !words[6] != !words[7])
		return -EINVAL;
	return words[2] ? 0 : -ENOENT;
}

/* words: size, flags, dev_id */
static int hw_info(const struct kernel *kernel, const uint32_t *words)
{
	if (words[1] & ~kernel->hw_info_flags)
		return -EOPNOTSUPP;
	return words[2] ? 0 : -ENOENT;
}

/* words: size, hwpt_id, pointer, type, entry_len, entry_num, flags */
static int invalidate(const struct kernel *kernel, const uint32_t *words)
{
	const uint32_t known = kernel->invalidate_size == 40 ? 1 : 0;

	if (words[7] & ~known)
		return -EOPNOTSUPP;
	return words[1] ? 0 : -ENOENT;
}

static int execute(const struct kernel *kernel, unsigned long request,
		   const uint32_t *words)
{
	switch (request) {
	case HWPT_ALLOC:
		return hwpt_alloc(words);
	case GET_HW_INFO:
		return hw_info(kernel, words);
	case INVALIDATE:
		return invalidate(kernel, words);
	default:
		return 0;
	}
}

/* drivers/iommu/iommufd/main.c: iommufd_fops_ioctl() */
static int refuse(const struct kernel *kernel, unsigned long request,
		  const uint32_t *words)
{
	if (request < FIRST || request > kernel->last)
		return -ENOTTY;
	if (words[0] < min_of(request))
		return -EINVAL;
	if (has_tail(words, size_of(kernel, request)))
		return -E2BIG;
	return execute(kernel, request, words);
}

static int host_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct host *host = data;
	int ret;

	pthread_mutex_lock(&host->lock);
	host->calls++;
	if (host->fails && host->calls >= host->fails &&
	    host->calls <= host->fails + host->more) {
		ret = host->error;
		if (host->later && host->calls > host->fails)
			ret = host->later;
	} else {
		ret = refuse(host->kernel, request, arg);
		host->harmed |= fd != SCRIPT_FD || ret >= 0;
	}
	pthread_mutex_unlock(&host->lock);
	return ret;
}

static int host_open(void *data, const char *path, int flags)
{
	(void)data;
	(void)path;
	(void)flags;
	return -EIO;
}

static int host_close(void *data, int fd)
{
	(void)data;
	(void)fd;
	return -EIO;
}

static struct iommunest_ctx *start(struct host *host,
				   const struct kernel *kernel)
{
	static const struct iommunest_sys sys = {
		.size = sizeof(sys),
		.open = host_open,
		.close = host_close,
		.ioctl = host_ioctl,
	};
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &sys,
		.sys_data = host,
	};
	struct iommunest_ctx *ctx;

	*host = (struct host){ .kernel = kernel,
			       .lock = PTHREAD_MUTEX_INITIALIZER };
	ck_assert_int_eq(iommunest_open_fd(&ctx, SCRIPT_FD, &options), 0);
	return ctx;
}

static void end(struct host *host, struct iommunest_ctx *ctx)
{
	ck_assert_msg(!host->harmed, "a question was carried out");
	iommunest_close(ctx);
}

static const struct kernel *newest(void)
{
	return &kernels[ARRAY_LEN(kernels) - 4];
}

/* ---- Answers ---- */

TEST_LOOP(each_release_has_its_features, ARRAY_LEN(kernels))
{
	struct host host;
	struct iommunest_ctx *ctx = start(&host, &kernels[_i]);
	uint64_t features = UINT64_MAX;

	ck_assert_int_eq(iommunest_features(ctx, &features), 0);
	ck_assert_msg(features == kernels[_i].features, "%s: %#llx",
		      kernels[_i].release, (unsigned long long)features);
	end(&host, ctx);
}

TEST_LOOP(a_kernel_is_asked_once_for_each_context, ARRAY_LEN(kernels))
{
	struct host host;
	struct iommunest_ctx *ctx = start(&host, &kernels[_i]);
	uint64_t first, second;
	unsigned int calls;

	ck_assert_int_eq(iommunest_features(ctx, &first), 0);
	calls = host.calls;
	ck_assert_uint_gt(calls, 0);
	ck_assert_int_eq(iommunest_features(ctx, &second), 0);
	ck_assert_uint_eq(host.calls, calls);
	ck_assert_uint_eq(second, first);
	end(&host, ctx);
}

/* ---- No answers ---- */

static const int errors[] = { -ENOMEM, -EIO, -EPERM, -EBADF, -EFAULT, -ENOSYS };

static unsigned int questions(void)
{
	struct host host;
	struct iommunest_ctx *ctx = start(&host, newest());
	uint64_t features;

	ck_assert_int_eq(iommunest_features(ctx, &features), 0);
	end(&host, ctx);
	return host.calls;
}

/* Whichever question it is, the others are answered and not asked again. */
TEST_LOOP(an_error_that_tells_nothing_is_returned_and_not_kept,
	  ARRAY_LEN(errors))
{
	const unsigned int all = questions();
	unsigned int nth;

	for (nth = 1; nth <= all; nth++) {
		struct host host;
		struct iommunest_ctx *ctx = start(&host, newest());
		uint64_t some = 0, features = 0;

		host.fails = nth;
		host.error = errors[_i];
		ck_assert_int_eq(iommunest_features(ctx, &some), errors[_i]);
		ck_assert_uint_ne(some, newest()->features);
		ck_assert_uint_eq(some & ~newest()->features, 0);
		ck_assert_int_eq(iommunest_features(ctx, &features), 0);
		ck_assert_uint_eq(features, newest()->features);
		ck_assert_uint_eq(host.calls, all + 1);
		end(&host, ctx);
	}
}

TEST(a_question_that_is_interrupted_is_asked_again)
{
	const unsigned int all = questions();
	unsigned int nth;

	for (nth = 1; nth <= all; nth++) {
		struct host host;
		struct iommunest_ctx *ctx = start(&host, newest());
		uint64_t features = 0;

		host.fails = nth;
		host.more = 3;
		host.error = -EINTR;
		ck_assert_int_eq(iommunest_features(ctx, &features), 0);
		ck_assert_uint_eq(features, newest()->features);
		ck_assert_uint_eq(host.calls, all + 4);
		end(&host, ctx);
	}
}

TEST(a_kernel_that_is_always_interrupted_is_given_up)
{
	struct host host;
	struct iommunest_ctx *ctx = start(&host, newest());
	uint64_t features = UINT64_MAX;

	host.fails = 1;
	host.more = UINT32_MAX - 1;
	host.error = -EINTR;
	ck_assert_int_eq(iommunest_features(ctx, &features), -EINTR);
	ck_assert_uint_eq(features, 0);
	ck_assert_uint_le(host.calls, 1000);
	end(&host, ctx);
}

TEST(the_first_error_is_the_one_that_is_told)
{
	struct host host;
	struct iommunest_ctx *ctx = start(&host, newest());
	uint64_t features = UINT64_MAX;

	host.fails = 1;
	host.more = UINT32_MAX - 1;
	host.error = -EBADF;
	host.later = -EPERM;
	ck_assert_int_eq(iommunest_features(ctx, &features), -EBADF);
	ck_assert_uint_eq(features, 0);
	end(&host, ctx);
}

/* Nothing that calls itself a kernel does what no kernel may do. */
TEST(a_question_that_succeeds_is_eproto)
{
	struct host host;
	struct iommunest_ctx *ctx = start(&host, newest());
	uint64_t features = UINT64_MAX;

	host.fails = 1;
	host.more = UINT32_MAX - 1;
	ck_assert_int_eq(iommunest_features(ctx, &features), -EPROTO);
	ck_assert_uint_eq(features, 0);
	end(&host, ctx);
}

TEST(null_is_einval)
{
	struct host host;
	struct iommunest_ctx *ctx = start(&host, newest());
	uint64_t features = 7;

	ck_assert_int_eq(iommunest_features(NULL, &features), -EINVAL);
	ck_assert_uint_eq(features, 7);
	ck_assert_int_eq(iommunest_features(ctx, NULL), -EINVAL);
	ck_assert_uint_eq(host.calls, 0);
	end(&host, ctx);
}

/* ---- Threads ---- */

#define THREADS 4

struct asker {
	struct iommunest_ctx *ctx;
	uint64_t features;
	int ret;
};

static void *ask(void *data)
{
	struct asker *asker = data;

	asker->ret = iommunest_features(asker->ctx, &asker->features);
	return NULL;
}

/* Nobody gets half of an answer. */
TEST_LOOP(threads_get_the_same_answer, 50)
{
	struct host host;
	struct iommunest_ctx *ctx = start(&host, newest());
	struct asker askers[THREADS];
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++) {
		askers[i] = (struct asker){ .ctx = ctx };
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < THREADS; i++) {
		ck_assert_int_eq(askers[i].ret, 0);
		ck_assert_uint_eq(askers[i].features, newest()->features);
	}
	end(&host, ctx);
}

/* ---- Words ---- */

TEST(each_feature_has_a_name_and_words_of_its_own)
{
	unsigned int i, j;

	for (i = 0; i < FEATURES; i++) {
		const char *name = iommunest_feature_name(UINT64_C(1) << i);
		const char *text = iommunest_feature_text(UINT64_C(1) << i);

		ck_assert_str_ne(name, "unknown");
		ck_assert_str_ne(text, "unknown");
		/* It goes into command lines and JSON. */
		ck_assert_uint_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz-"),
				  strlen(name));
		for (j = 0; j < i; j++) {
			uint64_t other = UINT64_C(1) << j;

			ck_assert_str_ne(name, iommunest_feature_name(other));
			ck_assert_str_ne(text, iommunest_feature_text(other));
		}
	}
}

static const uint64_t no_feature[] = { 0, 3, UINT64_C(1) << FEATURES,
				       UINT64_C(1) << 63, UINT64_MAX };

TEST_LOOP(what_is_no_feature_is_unknown, ARRAY_LEN(no_feature))
{
	ck_assert_str_eq(iommunest_feature_name(no_feature[_i]), "unknown");
	ck_assert_str_eq(iommunest_feature_text(no_feature[_i]), "unknown");
}
