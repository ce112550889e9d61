/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the kernel can do.  Each question is an ioctl that no kernel carries
 * out; what it is refused for tells whether the kernel knows what it names.
 */
#include "lib/uapi/invalidate.h"

#include "lib/abi.h"
#include "lib/context.h"

/* _IOC_NR() of ioctls (include/uapi/linux/iommufd.h). */
enum {
	NR_IOAS_ALLOC = 0x81,
	NR_HWPT_ALLOC = 0x89,
	NR_GET_HW_INFO = 0x8a,
	NR_SET_DIRTY_TRACKING = 0x8b,
	NR_GET_DIRTY_BITMAP = 0x8c,
	NR_FAULT_QUEUE_ALLOC = 0x8e,
	NR_IOAS_MAP_FILE = 0x8f,
	NR_VIOMMU_ALLOC = 0x90,
	NR_VDEVICE_ALLOC = 0x91,
	NR_IOAS_CHANGE_PROCESS = 0x92,
	NR_VEVENTQ_ALLOC = 0x93,
	NR_HW_QUEUE_ALLOC = 0x94,
};

/* IOMMU_HW_INFO_FLAG_INPUT_TYPE */
#define HW_INFO_INPUT_TYPE (1u << 0)

/* No object has it: the kernel numbers them from 1. */
#define NO_ID 0u

/* How often to ask again after -EINTR. */
#define TRIES 16

/*
 * The errnos that answer.  The kernel checks in this order: number, size,
 * what it does not know of the struct, values, ids.
 */
enum answer {
	/* An error that is none, such as -ENOMEM. */
	NONE = 0,
	NOTTY = 1 << 0,
	TOO_BIG = 1 << 1,
	INVALID = 1 << 2,
	NOT_SUPPORTED = 1 << 3,
	NO_ENTRY = 1 << 4,
};

static enum answer answer_of(int ret)
{
	switch (ret) {
	case -ENOTTY:
		return NOTTY;
	case -E2BIG:
		return TOO_BIG;
	case -EINVAL:
		return INVALID;
	case -EOPNOTSUPP:
		return NOT_SUPPORTED;
	case -ENOENT:
		return NO_ENTRY;
	default:
		return NONE;
	}
}

/*
 * A struct that says it has no size, which is too small for any ioctl.  There
 * are more bytes, for an emulator that reads before it checks.
 */
static int ask_number(struct iommunest_ctx *ctx, unsigned int nr)
{
	uint64_t cmd[16] = { 0 };

	return iommunest__ioctl(ctx, _IO(IOMMUFD_TYPE, nr), cmd);
}

/* A type of data, and no data. */
static int ask_nested(struct iommunest_ctx *ctx, unsigned int nr)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = NO_ID,
		.pt_id = NO_ID,
		.data_type = IOMMU_HWPT_DATA_VTD_S1,
	};

	return iommunest__ioctl(ctx, _IO(IOMMUFD_TYPE, nr), &cmd);
}

/* A fault queue, which is not looked at before the device. */
static int ask_fault_id(struct iommunest_ctx *ctx, unsigned int nr)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = NO_ID,
		.pt_id = NO_ID,
		.fault_id = 1,
	};

	return iommunest__ioctl(ctx, _IO(IOMMUFD_TYPE, nr), &cmd);
}

static int ask_hw_info_type(struct iommunest_ctx *ctx, unsigned int nr)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.flags = HW_INFO_INPUT_TYPE,
		.dev_id = NO_ID,
	};

	return iommunest__ioctl(ctx, _IO(IOMMUFD_TYPE, nr), &cmd);
}

/* Without entries: nothing could be flushed even if there were an HWPT. */
static int ask_error_report(struct iommunest_ctx *ctx, unsigned int nr)
{
	struct iommunest_uapi_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = NO_ID,
		.flags = IOMMUNEST_INVALIDATE_REPORT_ERROR,
	};

	return iommunest__ioctl(ctx, _IO(IOMMUFD_TYPE, nr), &cmd);
}

struct question {
	uint64_t feature;
	int (*ask)(struct iommunest_ctx *ctx, unsigned int nr);
	unsigned int nr;
	/* Answers that mean yes; the other answers mean no. */
	unsigned int yes;
};

#define KNOWS(nr_) .ask = ask_number, .nr = (nr_), .yes = ~(unsigned int)NOTTY

/* A kernel has a feature if it says yes to each question about it. */
static const struct question questions[] = {
	{ IOMMUNEST_FEATURE_IOAS, KNOWS(NR_IOAS_ALLOC) },
	{ IOMMUNEST_FEATURE_HW_INFO, KNOWS(NR_GET_HW_INFO) },
	{ IOMMUNEST_FEATURE_HWPT, KNOWS(NR_HWPT_ALLOC) },
	/* The first struct ended before the data. */
	{ IOMMUNEST_FEATURE_NESTED, ask_nested, NR_HWPT_ALLOC,
	  INVALID | NO_ENTRY },
	{ IOMMUNEST_FEATURE_DIRTY_TRACKING, KNOWS(NR_SET_DIRTY_TRACKING) },
	{ IOMMUNEST_FEATURE_DIRTY_TRACKING, KNOWS(NR_GET_DIRTY_BITMAP) },
	{ IOMMUNEST_FEATURE_INVALIDATE, ask_error_report,
	  _IOC_NR(IOMMU_HWPT_INVALIDATE), ~(unsigned int)NOTTY },
	{ IOMMUNEST_FEATURE_ERROR_REPORT, ask_error_report,
	  _IOC_NR(IOMMU_HWPT_INVALIDATE), NO_ENTRY },
	{ IOMMUNEST_FEATURE_FAULT_QUEUE, KNOWS(NR_FAULT_QUEUE_ALLOC) },
	/* The struct ended before the fault queue. */
	{ IOMMUNEST_FEATURE_FAULT_QUEUE, ask_fault_id, NR_HWPT_ALLOC,
	  NO_ENTRY },
	{ IOMMUNEST_FEATURE_MAP_FILE, KNOWS(NR_IOAS_MAP_FILE) },
	{ IOMMUNEST_FEATURE_VIOMMU, KNOWS(NR_VIOMMU_ALLOC) },
	{ IOMMUNEST_FEATURE_VIOMMU, KNOWS(NR_VDEVICE_ALLOC) },
	{ IOMMUNEST_FEATURE_CHANGE_PROCESS, KNOWS(NR_IOAS_CHANGE_PROCESS) },
	{ IOMMUNEST_FEATURE_VEVENTQ, KNOWS(NR_VEVENTQ_ALLOC) },
	/*
	 * The kernel looks at a device before it looks at the flag.  Both came
	 * with 6.15, and hardware information has the width of PASIDs without
	 * that.
	 */
	{ IOMMUNEST_FEATURE_PASID, KNOWS(NR_VEVENTQ_ALLOC) },
	{ IOMMUNEST_FEATURE_HW_INFO_TYPE, ask_hw_info_type, NR_GET_HW_INFO,
	  NO_ENTRY },
	{ IOMMUNEST_FEATURE_HW_QUEUE, KNOWS(NR_HW_QUEUE_ALLOC) },
};

_Static_assert(ARRAY_LEN(questions) <= 32, "a bit of the context for each");
_Static_assert(_IO(IOMMUFD_TYPE, NR_HWPT_ALLOC) == IOMMU_HWPT_ALLOC, "uAPI");
_Static_assert(_IO(IOMMUFD_TYPE, NR_GET_HW_INFO) == IOMMU_GET_HW_INFO, "uAPI");
_Static_assert(_IO(IOMMUFD_TYPE, NR_IOAS_ALLOC) == IOMMU_IOAS_ALLOC, "uAPI");

static int ask(struct iommunest_ctx *ctx, const struct question *question)
{
	int ret, tries = TRIES;

	do {
		ret = question->ask(ctx, question->nr);
	} while (ret == -EINTR && --tries > 0);
	return ret;
}

/*
 * The answer to question @i, unless it is known.  What a thread reads as
 * answered, it also reads the answer of.
 */
static int find_out(struct iommunest_ctx *ctx, size_t i)
{
	const unsigned int bit = 1u << i;
	enum answer answer;
	int ret;

	if (atomic_load(&ctx->answered) & bit)
		return 0;
	ret = ask(ctx, &questions[i]);
	answer = answer_of(ret);
	if (answer == NONE)
		return ret < 0 ? ret : -EPROTO;
	if (answer & questions[i].yes)
		atomic_fetch_or(&ctx->yes, bit);
	atomic_fetch_or(&ctx->answered, bit);
	return 0;
}

static uint64_t features_of(struct iommunest_ctx *ctx)
{
	const unsigned int yes = atomic_load(&ctx->yes);
	uint64_t features = 0, lacking = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(questions); i++) {
		if (yes & 1u << i)
			features |= questions[i].feature;
		else
			lacking |= questions[i].feature;
	}
	return features & ~lacking;
}

EXPORT int iommunest_features(struct iommunest_ctx *ctx, uint64_t *features)
{
	int ret, error = 0;
	size_t i;

	if (!ctx || !features)
		return -EINVAL;
	for (i = 0; i < ARRAY_LEN(questions); i++) {
		ret = find_out(ctx, i);
		if (ret && !error)
			error = ret;
	}
	*features = features_of(ctx);
	return error;
}

static const struct words {
	uint64_t feature;
	const char *name;
	const char *text;
} words[] = {
	{ IOMMUNEST_FEATURE_IOAS, "ioas", "I/O address spaces (Linux 6.2)" },
	{ IOMMUNEST_FEATURE_HW_INFO, "hw-info",
	  "hardware information (Linux 6.6)" },
	{ IOMMUNEST_FEATURE_HWPT, "hwpt",
	  "allocation of hardware page tables (Linux 6.6)" },
	{ IOMMUNEST_FEATURE_NESTED, "nested",
	  "nest parents, and nested page tables on them (Linux 6.7)" },
	{ IOMMUNEST_FEATURE_DIRTY_TRACKING, "dirty-tracking",
	  "pages that devices wrote to, for live migration (Linux 6.7)" },
	{ IOMMUNEST_FEATURE_INVALIDATE, "invalidate",
	  "invalidation of nested page tables (Linux 6.8)" },
	{ IOMMUNEST_FEATURE_FAULT_QUEUE, "fault-queue",
	  "page requests of devices, and responses (Linux 6.11)" },
	{ IOMMUNEST_FEATURE_MAP_FILE, "map-file",
	  "mapping of files (Linux 6.13)" },
	{ IOMMUNEST_FEATURE_VIOMMU, "viommu",
	  "vIOMMUs and vDEVICEs (Linux 6.13)" },
	{ IOMMUNEST_FEATURE_CHANGE_PROCESS, "change-process",
	  "mappings that go over to another process (Linux 6.14)" },
	{ IOMMUNEST_FEATURE_VEVENTQ, "veventq",
	  "events of a vIOMMU (Linux 6.15)" },
	{ IOMMUNEST_FEATURE_PASID, "pasid",
	  "page tables attached to PASIDs (Linux 6.15)" },
	{ IOMMUNEST_FEATURE_HW_INFO_TYPE, "hw-info-type",
	  "hardware information of a chosen type (Linux 6.17)" },
	{ IOMMUNEST_FEATURE_HW_QUEUE, "hw-queue",
	  "queues that hardware reads by itself (Linux 6.17)" },
	{ IOMMUNEST_FEATURE_ERROR_REPORT, "error-report",
	  "reports of what hardware finds (the library's patches)" },
};

static const struct words *find_words(uint64_t feature)
{
	static const struct words unknown = { 0, "unknown", "unknown" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++) {
		if (words[i].feature == feature)
			return &words[i];
	}
	return &unknown;
}

EXPORT const char *iommunest_feature_name(uint64_t feature)
{
	return find_words(feature)->name;
}

EXPORT const char *iommunest_feature_text(uint64_t feature)
{
	return find_words(feature)->text;
}
