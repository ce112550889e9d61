/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What an IOAS maps: IOMMU_IOAS_MAP, MAP_FILE, COPY and UNMAP, on an IOAS that
 * a nest parent is made of.
 */
#include "conformance.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RW (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)
#define FIXED IOMMU_IOAS_MAP_FIXED_IOVA
#define PAGE ((uint64_t)CONF_PAGE)

/* Two pages of memory are mapped here, and two more behind a hole of one. */
#define TAKEN UINT64_C(0x40000)
#define AFTER_HOLE (TAKEN + 3 * PAGE)
#define FREE UINT64_C(0x80000)
/* Beyond what any VT-d maps. */
#define BEYOND (UINT64_C(1) << 60)

/* An IOAS with a nest parent, and memory. */
struct rig {
	uint32_t ioas;
	uint32_t parent;
	/* Without an HWPT. */
	uint32_t other;
	/* Four pages. */
	struct conf_pages pages;
	/* A memfd of four pages. */
	int file;
	int null;
};

static bool close_rig(struct conf_env *env, struct rig *rig, bool ok)
{
	struct iommu_ioas_unmap cmd = { .size = sizeof(cmd),
					.ioas_id = rig->ioas,
					.length = UINT64_MAX };

	ok = conf_ioctl_is(env, IOMMU_IOAS_UNMAP, &cmd, 0) && ok;
	cmd.ioas_id = rig->other;
	cmd.length = UINT64_MAX;
	ok = conf_ioctl_is(env, IOMMU_IOAS_UNMAP, &cmd, 0) && ok;
	ok = conf_destroy_is(env, rig->parent, 0) && ok;
	ok = conf_destroy_is(env, rig->other, 0) && ok;
	ok = conf_destroy_is(env, rig->ioas, 0) && ok;
	conf_pages_free(&rig->pages);
	close(rig->file);
	close(rig->null);
	return ok;
}

static struct iommu_ioas_map map_of(uint32_t ioas, void *at, uint64_t iova,
				    uint64_t length)
{
	return (struct iommu_ioas_map){
		.size = sizeof(struct iommu_ioas_map),
		.flags = RW | FIXED,
		.ioas_id = ioas,
		.user_va = (uintptr_t)at,
		.length = length,
		.iova = iova,
	};
}

static bool map_is(struct conf_env *env, struct iommu_ioas_map cmd, int want)
{
	int ret = conf_ioctl(env, IOMMU_IOAS_MAP, &cmd);

	return conf_expect(env, ret == want, "map %#llx at %#llx: %d not %d",
			   cmd.length, cmd.iova, ret, want);
}

static bool open_rig(struct conf_env *env, struct rig *rig)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = env->dev,
	};

	rig->pages = conf_pages_new(4);
	rig->file = memfd_create("cases-map", MFD_CLOEXEC);
	rig->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (!conf_expect(env,
			 rig->file >= 0 && rig->null >= 0 &&
				 !ftruncate(rig->file, 4 * CONF_PAGE),
			 "no files"))
		return false;
	rig->ioas = conf_alloc_ioas(env);
	rig->other = conf_alloc_ioas(env);
	cmd.pt_id = rig->ioas;
	rig->parent = conf_alloc_hwpt(env, &cmd);
	return rig->ioas && rig->other && rig->parent &&
	       map_is(env, map_of(rig->ioas, rig->pages.base, TAKEN, 2 * PAGE),
		      0) &&
	       map_is(env,
		      map_of(rig->ioas, rig->pages.base, AFTER_HOLE, 2 * PAGE),
		      0);
}

/* ---- Of two faults the earlier check wins ---- */

/* All structs of these ioctls. */
union any {
	struct iommu_ioas_map map;
	struct iommu_ioas_map_file file;
	struct iommu_ioas_copy copy;
	struct iommu_ioas_unmap unmap;
};

/* What a fault changes: two that change the same do not go together. */
#define FLAGS (1u << 0)
#define RESERVED (1u << 1)
#define IOVA (1u << 2)
#define LENGTH (1u << 3)
#define IOAS (1u << 4)
#define FROM (1u << 5)
#define SOURCE (1u << 6)

struct fault {
	const char *name;
	void (*apply)(const struct conf_env *env, const struct rig *rig,
		      union any *cmd);
	unsigned int changes;
	int error;
};

struct faults {
	unsigned long request;
	/* A right command. */
	union any (*right)(const struct rig *rig);
	const struct fault *all;
	size_t count;
};

#define FAULT(fn_)                                                         \
	static void fn_(const struct conf_env *env, const struct rig *rig, \
			union any *cmd)

static bool one_pair(struct conf_env *env, const struct rig *rig,
		     const struct faults *of, const struct fault *first,
		     const struct fault *second)
{
	union any cmd = of->right(rig);
	int ret;

	first->apply(env, rig, &cmd);
	if (second)
		second->apply(env, rig, &cmd);
	ret = conf_ioctl(env, of->request, &cmd);
	return conf_expect(env, ret == first->error, "%s and %s: %d and not %d",
			   first->name, second ? second->name : "nothing", ret,
			   first->error);
}

static bool each_pair(struct conf_env *env, const struct faults *of)
{
	struct rig rig = { 0 };
	bool ok = open_rig(env, &rig);
	size_t i, k;

	for (i = 0; ok && i < of->count; i++) {
		ok = one_pair(env, &rig, of, &of->all[i], NULL);
		for (k = i + 1; ok && k < of->count; k++) {
			if (!(of->all[i].changes & of->all[k].changes))
				ok = one_pair(env, &rig, of, &of->all[i],
					      &of->all[k]);
		}
	}
	return close_rig(env, &rig, ok);
}

/* ---- IOMMU_IOAS_MAP ---- */

static union any right_map(const struct rig *rig)
{
	return (union any){ .map = map_of(rig->ioas, rig->pages.base, FREE,
					  2 * PAGE) };
}

FAULT(map_unknown_flag)
{
	(void)env, (void)rig;
	cmd->map.flags |= 1u << 3;
}

FAULT(map_reserved)
{
	(void)env, (void)rig;
	cmd->map.__reserved = 1;
}

FAULT(map_last_iova)
{
	(void)env, (void)rig;
	cmd->map.iova = UINT64_MAX;
}

FAULT(map_longest)
{
	(void)env, (void)rig;
	cmd->map.length = UINT64_MAX;
}

FAULT(map_no_access)
{
	(void)env, (void)rig;
	cmd->map.flags = FIXED;
}

FAULT(map_absent)
{
	(void)rig;
	cmd->map.ioas_id = conf_absent(env);
}

FAULT(map_in_hwpt)
{
	(void)env;
	cmd->map.ioas_id = rig->parent;
}

FAULT(map_va_overflow)
{
	(void)env, (void)rig;
	cmd->map.user_va = UINT64_MAX & ~(PAGE - 1);
}

FAULT(map_nothing)
{
	(void)env, (void)rig;
	cmd->map.length = 0;
}

FAULT(map_odd_length)
{
	(void)env, (void)rig;
	cmd->map.length = PAGE + 1;
}

FAULT(map_odd_iova)
{
	(void)env, (void)rig;
	cmd->map.iova = FREE + 1;
}

FAULT(map_iova_overflow)
{
	(void)env, (void)rig;
	cmd->map.iova = UINT64_MAX & ~(PAGE - 1);
}

FAULT(map_beyond)
{
	(void)env, (void)rig;
	cmd->map.iova = BEYOND;
}

FAULT(map_taken)
{
	(void)env, (void)rig;
	cmd->map.iova = TAKEN + PAGE;
}

FAULT(map_odd_address)
{
	(void)env;
	cmd->map.user_va = (uintptr_t)rig->pages.base + 1;
}

FAULT(map_no_memory)
{
	(void)env;
	cmd->map.user_va = (uintptr_t)rig->pages.end - PAGE;
}

FAULT(map_read_only)
{
	(void)env, (void)rig;
	cmd->map.flags = FIXED | IOMMU_IOAS_MAP_READABLE;
}

static const struct fault map_faults[] = {
	{ "unknown flag", map_unknown_flag, FLAGS, -EOPNOTSUPP },
	{ "reserved", map_reserved, RESERVED, -EOPNOTSUPP },
	{ "last IOVA", map_last_iova, IOVA, -EOVERFLOW },
	{ "longest", map_longest, LENGTH, -EOVERFLOW },
	{ "no access", map_no_access, FLAGS, -EINVAL },
	{ "absent IOAS", map_absent, IOAS, -ENOENT },
	{ "an HWPT", map_in_hwpt, IOAS, -ENOENT },
	{ "address overflow", map_va_overflow, FROM | LENGTH, -EOVERFLOW },
	{ "no length", map_nothing, LENGTH, -EINVAL },
	{ "odd length", map_odd_length, LENGTH, -EINVAL },
	{ "odd IOVA", map_odd_iova, IOVA, -EINVAL },
	{ "IOVA overflow", map_iova_overflow, IOVA | LENGTH, -EOVERFLOW },
	{ "beyond", map_beyond, IOVA, -EINVAL },
	{ "taken", map_taken, IOVA, -EEXIST },
	{ "odd address", map_odd_address, FROM, -EINVAL },
	{ "no memory", map_no_memory, FROM, -EFAULT },
	/* VT-d says that its hardware cannot. */
	{ "read only in a parent", map_read_only, FLAGS, -EINVAL },
};

static bool
of_two_faults_of_a_mapping_the_earlier_check_wins(struct conf_env *env)
{
	static const struct faults of = {
		.request = IOMMU_IOAS_MAP,
		.right = right_map,
		.all = map_faults,
		.count = sizeof(map_faults) / sizeof(*map_faults),
	};

	return each_pair(env, &of);
}

/* ---- IOMMU_IOAS_MAP_FILE ---- */

static union any right_file(const struct rig *rig)
{
	return (union any){ .file = {
				    .size = sizeof(struct iommu_ioas_map_file),
				    .flags = RW | FIXED,
				    .ioas_id = rig->ioas,
				    .fd = rig->file,
				    .start = PAGE,
				    .length = 2 * PAGE,
				    .iova = FREE,
			    } };
}

FAULT(file_unknown_flag)
{
	(void)env, (void)rig;
	cmd->file.flags |= 1u << 3;
}

FAULT(file_last_iova)
{
	(void)env, (void)rig;
	cmd->file.iova = UINT64_MAX;
}

FAULT(file_longest)
{
	(void)env, (void)rig;
	cmd->file.length = UINT64_MAX;
}

FAULT(file_no_access)
{
	(void)env, (void)rig;
	cmd->file.flags = FIXED;
}

FAULT(file_absent)
{
	(void)rig;
	cmd->file.ioas_id = conf_absent(env);
}

FAULT(file_nothing)
{
	(void)env, (void)rig;
	cmd->file.length = 0;
}

FAULT(file_overflow)
{
	(void)env, (void)rig;
	cmd->file.start = UINT64_MAX & ~(PAGE - 1);
}

FAULT(file_none)
{
	(void)env, (void)rig;
	cmd->file.fd = -1;
}

FAULT(file_odd_length)
{
	(void)env, (void)rig;
	cmd->file.length = PAGE + 1;
}

FAULT(file_odd_iova)
{
	(void)env, (void)rig;
	cmd->file.iova = FREE + 1;
}

FAULT(file_taken)
{
	(void)env, (void)rig;
	cmd->file.iova = TAKEN;
}

FAULT(file_odd_start)
{
	(void)env, (void)rig;
	cmd->file.start = 1;
}

FAULT(file_no_memfd)
{
	(void)env;
	cmd->file.fd = rig->null;
}

FAULT(file_ends)
{
	(void)env, (void)rig;
	cmd->file.start = 3 * PAGE;
}

static const struct fault file_faults[] = {
	{ "unknown flag", file_unknown_flag, FLAGS, -EOPNOTSUPP },
	{ "last IOVA", file_last_iova, IOVA, -EOVERFLOW },
	{ "longest", file_longest, LENGTH, -EOVERFLOW },
	{ "no access", file_no_access, FLAGS, -EINVAL },
	{ "absent IOAS", file_absent, IOAS, -ENOENT },
	{ "no length", file_nothing, LENGTH, -EINVAL },
	{ "file overflow", file_overflow, FROM | LENGTH, -EOVERFLOW },
	{ "no file", file_none, SOURCE, -EBADF },
	{ "odd length", file_odd_length, LENGTH, -EINVAL },
	{ "odd IOVA", file_odd_iova, IOVA, -EINVAL },
	{ "taken", file_taken, IOVA, -EEXIST },
	{ "odd start", file_odd_start, FROM, -EINVAL },
	{ "no memfd", file_no_memfd, SOURCE, -EINVAL },
	{ "beyond the end", file_ends, FROM | LENGTH, -EINVAL },
};

static bool of_two_faults_of_a_file_the_earlier_check_wins(struct conf_env *env)
{
	static const struct faults of = {
		.request = IOMMU_IOAS_MAP_FILE,
		.right = right_file,
		.all = file_faults,
		.count = sizeof(file_faults) / sizeof(*file_faults),
	};
	struct rig none = { .ioas = env->ioas };
	union any cmd = right_file(&none);

	if (env->kernel == CONF_LINUX_6_12)
		return conf_ioctl_is(env, IOMMU_IOAS_MAP_FILE, &cmd, -ENOTTY);
	return each_pair(env, &of);
}

/* ---- IOMMU_IOAS_COPY ---- */

static union any right_copy(const struct rig *rig)
{
	return (union any){ .copy = {
				    .size = sizeof(struct iommu_ioas_copy),
				    .flags = RW | FIXED,
				    .dst_ioas_id = rig->ioas,
				    .src_ioas_id = rig->ioas,
				    .length = 2 * PAGE,
				    .dst_iova = FREE,
				    .src_iova = TAKEN,
			    } };
}

FAULT(copy_unknown_flag)
{
	(void)env, (void)rig;
	cmd->copy.flags |= 1u << 3;
}

FAULT(copy_to_last)
{
	(void)env, (void)rig;
	cmd->copy.dst_iova = UINT64_MAX;
}

FAULT(copy_from_last)
{
	(void)env, (void)rig;
	cmd->copy.src_iova = UINT64_MAX;
}

FAULT(copy_longest)
{
	(void)env, (void)rig;
	cmd->copy.length = UINT64_MAX;
}

FAULT(copy_no_access)
{
	(void)env, (void)rig;
	cmd->copy.flags = FIXED;
}

FAULT(copy_absent_source)
{
	(void)rig;
	cmd->copy.src_ioas_id = conf_absent(env);
}

FAULT(copy_nothing)
{
	(void)env, (void)rig;
	cmd->copy.length = 0;
}

FAULT(copy_source_overflow)
{
	(void)env, (void)rig;
	cmd->copy.src_iova = UINT64_MAX & ~(PAGE - 1);
}

FAULT(copy_hole)
{
	(void)env, (void)rig;
	cmd->copy.src_iova = TAKEN + PAGE;
}

FAULT(copy_absent)
{
	(void)rig;
	cmd->copy.dst_ioas_id = conf_absent(env);
}

FAULT(copy_odd_length)
{
	(void)env, (void)rig;
	cmd->copy.length = PAGE + 1;
}

FAULT(copy_odd_iova)
{
	(void)env, (void)rig;
	cmd->copy.dst_iova = FREE + 1;
}

FAULT(copy_beyond)
{
	(void)env, (void)rig;
	cmd->copy.dst_iova = BEYOND;
}

FAULT(copy_over_itself)
{
	(void)env, (void)rig;
	cmd->copy.dst_iova = TAKEN;
}

static const struct fault copy_faults[] = {
	{ "unknown flag", copy_unknown_flag, FLAGS, -EOPNOTSUPP },
	{ "to the last", copy_to_last, IOVA, -EOVERFLOW },
	{ "from the last", copy_from_last, FROM, -EOVERFLOW },
	{ "longest", copy_longest, LENGTH, -EOVERFLOW },
	{ "no access", copy_no_access, FLAGS, -EINVAL },
	{ "absent source", copy_absent_source, SOURCE, -ENOENT },
	{ "no length", copy_nothing, LENGTH, -EINVAL },
	{ "overflow", copy_source_overflow, FROM | LENGTH, -EOVERFLOW },
	{ "a hole", copy_hole, FROM | LENGTH, -ENOENT },
	{ "absent IOAS", copy_absent, IOAS, -ENOENT },
	{ "odd length", copy_odd_length, LENGTH, -EINVAL },
	{ "odd IOVA", copy_odd_iova, IOVA, -EINVAL },
	{ "beyond", copy_beyond, IOVA, -EINVAL },
	{ "over itself", copy_over_itself, IOVA, -EEXIST },
};

static bool of_two_faults_of_a_copy_the_earlier_check_wins(struct conf_env *env)
{
	static const struct faults of = {
		.request = IOMMU_IOAS_COPY,
		.right = right_copy,
		.all = copy_faults,
		.count = sizeof(copy_faults) / sizeof(*copy_faults),
	};

	return each_pair(env, &of);
}

static bool copies_of(struct conf_env *env, const struct rig *rig)
{
	union any cmd = right_copy(rig);

	/* A part of one, and the same memory a second time. */
	cmd.copy.length = PAGE;
	cmd.copy.src_iova = TAKEN + PAGE;
	if (!conf_ioctl_is(env, IOMMU_IOAS_COPY, &cmd, 0))
		return false;
	/* Two that follow each other; the kernel chooses where. */
	if (!map_is(env,
		    map_of(rig->ioas, rig->pages.base, TAKEN + 2 * PAGE, PAGE),
		    0))
		return false;
	cmd = right_copy(rig);
	cmd.copy.dst_ioas_id = rig->other;
	cmd.copy.length = 5 * PAGE;
	cmd.copy.flags = IOMMU_IOAS_MAP_READABLE;
	cmd.copy.dst_iova = 0x1234;
	if (!conf_ioctl_is(env, IOMMU_IOAS_COPY, &cmd, 0) ||
	    !conf_expect(env, cmd.copy.dst_iova && !(cmd.copy.dst_iova % PAGE),
			 "copied to %#llx", cmd.copy.dst_iova))
		return false;
	/* What was mapped for writing is, whatever the copy may do. */
	cmd.copy.src_ioas_id = rig->other;
	cmd.copy.src_iova = cmd.copy.dst_iova;
	cmd.copy.flags = RW;
	return conf_ioctl_is(env, IOMMU_IOAS_COPY, &cmd, 0);
}

static bool a_copy_is_of_any_part_without_holes(struct conf_env *env)
{
	struct rig rig = { 0 };
	bool ok = open_rig(env, &rig) && copies_of(env, &rig);

	return close_rig(env, &rig, ok);
}

static bool read_only_of(struct conf_env *env, const struct rig *rig)
{
	struct iommu_ioas_map map =
		map_of(rig->other, rig->pages.base, FREE, 2 * PAGE);
	union any cmd = right_copy(rig);

	map.flags = FIXED | IOMMU_IOAS_MAP_READABLE;
	cmd.copy.src_ioas_id = rig->other;
	cmd.copy.src_iova = FREE;
	return map_is(env, map, 0) &&
	       conf_ioctl_is(env, IOMMU_IOAS_COPY, &cmd, -EPERM);
}

static bool
a_copy_does_not_write_what_was_mapped_for_reading(struct conf_env *env)
{
	struct rig rig = { 0 };
	bool ok = open_rig(env, &rig) && read_only_of(env, &rig);

	return close_rig(env, &rig, ok);
}

/* ---- IOMMU_IOAS_UNMAP ---- */

static bool unmap_is(struct conf_env *env, uint32_t ioas, uint64_t iova,
		     uint64_t length, int want, uint64_t unmapped)
{
	struct iommu_ioas_unmap cmd = { .size = sizeof(cmd),
					.ioas_id = ioas,
					.iova = iova,
					.length = length };
	int ret = conf_ioctl(env, IOMMU_IOAS_UNMAP, &cmd);

	return conf_expect(
		env, ret == want && cmd.length == (ret ? length : unmapped),
		"unmap %#llx from %#llx: %d and not %d, %#llx",
		(unsigned long long)length, cmd.iova, ret, want, cmd.length);
}

static bool unmaps_of(struct conf_env *env, const struct rig *rig)
{
	const uint32_t absent = conf_absent(env);

	return unmap_is(env, absent, 1, UINT64_MAX, -ENOENT, 0) &&
	       unmap_is(env, rig->parent, 0, 0, -ENOENT, 0) &&
	       unmap_is(env, rig->ioas, 1, UINT64_MAX, -EOVERFLOW, 0) &&
	       unmap_is(env, rig->ioas, UINT64_MAX, 0, -EOVERFLOW, 0) &&
	       unmap_is(env, rig->ioas, UINT64_MAX, UINT64_MAX, -EOVERFLOW,
			0) &&
	       unmap_is(env, rig->ioas, UINT64_MAX - 1, 0, -EINVAL, 0) &&
	       unmap_is(env, rig->ioas, UINT64_MAX - 1, 3, -EOVERFLOW, 0) &&
	       unmap_is(env, rig->ioas, FREE, PAGE, -ENOENT, 0) &&
	       /* One mapping is whole, the other is not. */
	       unmap_is(env, rig->ioas, TAKEN, 4 * PAGE, -ENOENT, 0) &&
	       unmap_is(env, rig->ioas, TAKEN, 2 * PAGE, -ENOENT, 0) &&
	       unmap_is(env, rig->ioas, AFTER_HOLE + PAGE, PAGE, -ENOENT, 0) &&
	       unmap_is(env, rig->ioas, 0, UINT64_MAX - 1, 0, 2 * PAGE) &&
	       unmap_is(env, rig->ioas, 0, UINT64_MAX, 0, 0);
}

static bool mappings_are_unmapped_whole(struct conf_env *env)
{
	struct rig rig = { 0 };
	bool ok = open_rig(env, &rig) && unmaps_of(env, &rig);

	return close_rig(env, &rig, ok);
}

/* ---- Without an HWPT nothing is looked at ---- */

static bool hwpt_is(struct conf_env *env, uint32_t ioas, int want)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = env->dev,
		.pt_id = ioas,
	};
	int ret = conf_ioctl(env, IOMMU_HWPT_ALLOC, &cmd);

	if (!conf_expect(env, ret == want, "HWPT: %d and not %d", ret, want))
		return false;
	return ret || conf_destroy_is(env, cmd.out_hwpt_id, 0);
}

static bool later_of(struct conf_env *env, const struct rig *rig)
{
	const uint32_t ioas = rig->other;
	char *base = rig->pages.base;
	struct iommu_ioas_map read_only = map_of(ioas, base, FREE, PAGE);

	read_only.flags = FIXED | IOMMU_IOAS_MAP_READABLE;
	return map_is(env, map_of(ioas, base + 1, FREE + 3, 5), 0) &&
	       hwpt_is(env, ioas, -EADDRINUSE) &&
	       unmap_is(env, ioas, 0, UINT64_MAX, 0, 5) &&
	       map_is(env, map_of(ioas, rig->pages.end, FREE, PAGE), 0) &&
	       hwpt_is(env, ioas, -EFAULT) &&
	       unmap_is(env, ioas, 0, UINT64_MAX, 0, PAGE) &&
	       map_is(env, map_of(ioas, base, BEYOND, PAGE), 0) &&
	       hwpt_is(env, ioas, -EADDRINUSE) &&
	       unmap_is(env, ioas, 0, UINT64_MAX, 0, PAGE) &&
	       map_is(env, read_only, 0) && hwpt_is(env, ioas, -EINVAL) &&
	       unmap_is(env, ioas, 0, UINT64_MAX, 0, PAGE) &&
	       map_is(env, map_of(ioas, base, FREE, PAGE), 0) &&
	       hwpt_is(env, ioas, 0);
}

static bool
without_an_hwpt_nothing_is_looked_at_until_there_is_one(struct conf_env *env)
{
	struct rig rig = { 0 };
	bool ok = open_rig(env, &rig) && later_of(env, &rig);

	return close_rig(env, &rig, ok);
}

/* ---- Where the kernel chooses ---- */

static bool choices_of(struct conf_env *env, const struct rig *rig)
{
	struct iommu_ioas_map cmd =
		map_of(rig->ioas, rig->pages.base, UINT64_MAX, PAGE);

	cmd.flags = RW;
	/* It means nothing, and is checked. */
	if (!map_is(env, cmd, -EOVERFLOW))
		return false;
	cmd.iova = TAKEN + 1;
	if (!conf_ioctl_is(env, IOMMU_IOAS_MAP, &cmd, 0))
		return false;
	return conf_expect(env, cmd.iova && !(cmd.iova % PAGE),
			   "%#llx was chosen", cmd.iova) &&
	       unmap_is(env, rig->ioas, cmd.iova, PAGE, 0, PAGE);
}

static bool a_choice_is_aligned_and_never_0(struct conf_env *env)
{
	struct rig rig = { 0 };
	bool ok = open_rig(env, &rig) && choices_of(env, &rig);

	return close_rig(env, &rig, ok);
}

const struct conf_case conf_map_cases[] = {
	CONF_CASE(of_two_faults_of_a_mapping_the_earlier_check_wins),
	CONF_CASE(of_two_faults_of_a_file_the_earlier_check_wins),
	CONF_CASE(of_two_faults_of_a_copy_the_earlier_check_wins),
	CONF_CASE(a_copy_is_of_any_part_without_holes),
	CONF_CASE(a_copy_does_not_write_what_was_mapped_for_reading),
	CONF_CASE(mappings_are_unmapped_whole),
	CONF_CASE(without_an_hwpt_nothing_is_looked_at_until_there_is_one),
	CONF_CASE(a_choice_is_aligned_and_never_0),
	{ 0 },
};
