/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What /dev/iommu does, as a table of cases.  Nothing here knows whom it asks:
 * an environment supplies the system calls and a set of objects, and the same
 * cases hold for the simulator and for the kernel that it stands for.
 *
 * The cases issue raw ioctls and look at the errno and at what was written
 * back.  Where the environment can tell, they look at the descriptors too.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

/* First: config.h in it decides what the system's headers declare. */
#include "lib/uapi/uapi.h"

#include <libiommunest.h>

#include <errno.h>

enum conf_kernel {
	CONF_LINUX_6_12,
	CONF_LINUX_7_3,
};

enum conf_desc_kind {
	CONF_PIOTLB_ALL,
	CONF_PIOTLB_PAGES,
	CONF_DEV_TLB,
};

/* A descriptor in the host's invalidation queue; waits do not count. */
struct conf_desc {
	enum conf_desc_kind kind;
	unsigned int am;
	uint64_t addr;
	bool ih;
	uint32_t pasid;
};

/*
 * What an SMMUv3's count says of a refused command, see
 * tests/conformance/smmu.h.
 */
enum conf_smmu_count {
	CONF_SMMU_OVERCOUNTS,
	CONF_SMMU_GROUP_START,
	CONF_SMMU_EXACT,
};

/* A command in an SMMUv3's queue, as it is there. */
struct conf_command {
	uint64_t word[2];
};

struct conf_env {
	const struct iommunest_sys *sys;
	void *sys_data;
	/* An open /dev/iommu, and what is in it. */
	int fd;
	enum conf_kernel kernel;
	/* With the patches of kernel/: those of a-fixes and b-latency. */
	bool fixed;
	/* And those of d-truth. */
	bool reports;
	uint32_t ioas;
	/* A nest parent on the IOAS, and two stage-1 HWPTs on it. */
	uint32_t parent;
	uint32_t nested;
	uint32_t unattached;
	/* Attached to `nested`. */
	uint32_t dev;
	/* It has ATS, and uses it where the kernel does. */
	bool ats;
	/* It is bound through this file of VFIO's device node. */
	int device;
	const char *node;
	/*
	 * Optional: attaches the device, in place of what it is attached to;
	 * 0 detaches.  Returns 0 or a negated errno.
	 */
	int (*attach)(struct conf_env *env, uint32_t hwpt_id);
	/*
	 * Optional: what reaches the host's queue between the two.  stop()
	 * returns how many there were, and copies at most @max.
	 */
	void (*record)(struct conf_env *env);
	size_t (*stop)(struct conf_env *env, struct conf_desc *descs,
		       size_t max);
	/*
	 * Behind an SMMUv3: a vIOMMU on the parent, which `nested` and
	 * `unattached` are of; a vDEVICE of `dev` with the stream id `vsid`;
	 * and another device of the same SMMU, which has no vDEVICE.
	 */
	enum conf_smmu_count smmu_count;
	uint32_t viommu;
	uint32_t vdevice;
	uint32_t vsid;
	uint32_t other_dev;
	/* As attach(), the other one. */
	int (*attach_other)(struct conf_env *env, uint32_t hwpt_id);
	/* Optional: as stop(), of an SMMUv3's queue, with its CMD_SYNCs. */
	size_t (*commands)(struct conf_env *env, struct conf_command *commands,
			   size_t max);
	void *user;
	/* Out: why a case failed, or was skipped. */
	bool skipped;
	char why[256];
};

struct conf_case {
	/* What it claims. */
	const char *name;
	/* False: it does not hold, and env->why says what was seen. */
	bool (*run)(struct conf_env *env);
};

/* A row: the name is the function's. */
#define CONF_CASE(fn_)                     \
	{                                  \
		.name = #fn_, .run = (fn_) \
	}

/* The cases of one kind of IOMMU: tables of them, ended by NULL. */
typedef const struct conf_case *const *conf_suite;
extern const struct conf_case *const conf_vtd[];
extern const struct conf_case *const conf_smmu[];

size_t conf_count(conf_suite suite);
const struct conf_case *conf_get(conf_suite suite, size_t index);

/*
 * Runs each case in each of the groups, in this order, as support_run() runs
 * tests: @hold is called with _i = group * conf_count() + case.
 */
int conf_run(int argc, char **argv, conf_suite suite,
	     const char *(*group_name)(size_t group), size_t groups,
	     void (*hold)(int _i));

/* A group of them, ended by a NULL name. */
extern const struct conf_case conf_prologue_cases[];
extern const struct conf_case conf_invalidate_cases[];
extern const struct conf_case conf_entry_cases[];
extern const struct conf_case conf_order_cases[];
extern const struct conf_case conf_flush_cases[];
extern const struct conf_case conf_object_cases[];
extern const struct conf_case conf_ioas_cases[];
extern const struct conf_case conf_map_cases[];
extern const struct conf_case conf_option_cases[];
extern const struct conf_case conf_hwpt_cases[];
extern const struct conf_case conf_dirty_cases[];
extern const struct conf_case conf_attach_cases[];
extern const struct conf_case conf_window_cases[];
extern const struct conf_case conf_vfio_cases[];
extern const struct conf_case conf_hw_info_cases[];
extern const struct conf_case conf_fault_queue_cases[];
extern const struct conf_case conf_viommu_cases[];
extern const struct conf_case conf_report_cases[];
extern const struct conf_case conf_features_cases[];
extern const struct conf_case conf_teardown_cases[];

/* ---- What the cases are written with ---- */

/* False, and the reason noted, unless @ok. */
bool conf_expect(struct conf_env *env, bool ok, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* True: the environment cannot show it. */
bool conf_skip(struct conf_env *env, const char *reason);

int conf_ioctl(struct conf_env *env, unsigned long request, void *arg);
/* The ioctl returns @want: 0 or a negated errno. */
bool conf_ioctl_is(struct conf_env *env, unsigned long request, void *arg,
		   int want);

/* A right call for the attached HWPT. */
struct iommu_hwpt_invalidate
conf_call(const struct conf_env *env,
	  const struct iommu_hwpt_vtd_s1_invalidate *entries, uint32_t count);
/* It returns @want, and entry_num reads back as @num. */
bool conf_invalidate_is(struct conf_env *env, struct iommu_hwpt_invalidate *cmd,
			int want, uint32_t num);

/* A right command for a nested HWPT. */
struct iommu_hwpt_alloc conf_nested(const struct conf_env *env,
				    const struct iommu_hwpt_vtd_s1 *s1);
struct iommu_hwpt_vtd_s1 conf_stage1(void);
/* 0: it failed, and the reason is noted. */
uint32_t conf_alloc_ioas(struct conf_env *env);
uint32_t conf_alloc_hwpt(struct conf_env *env, struct iommu_hwpt_alloc *cmd);
bool conf_destroy_is(struct conf_env *env, uint32_t id, int want);
/*
 * The objects of an environment that has a file descriptor and a device: two
 * nested HWPTs on a parent.  False, and env->why: one could not be had.
 */
bool conf_populate(struct conf_env *env);
/* An id that no object has. */
uint32_t conf_absent(const struct conf_env *env);

/* Memory that ends at @end: a page that nobody may touch follows. */
struct conf_pages {
	char *base;
	char *end;
	size_t mapped;
};

struct conf_pages conf_pages_new(size_t count);
/* All can be read, and nothing written. */
void conf_pages_seal(struct conf_pages *pages);
void conf_pages_free(struct conf_pages *pages);
#define CONF_PAGE 4096u

#endif /* CONFORMANCE_H */
