/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "conformance.h"

#include "tests/harness/support.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

const struct conf_case *const conf_vtd[] = {
	conf_prologue_cases,	conf_invalidate_cases, conf_entry_cases,
	conf_order_cases,	conf_flush_cases,      conf_object_cases,
	conf_hwpt_cases,	conf_attach_cases,     conf_window_cases,
	conf_hw_info_cases,	conf_report_cases,     conf_features_cases,
	conf_fault_queue_cases, conf_viommu_cases,     conf_ioas_cases,
	conf_map_cases,		conf_option_cases,     conf_dirty_cases,
	conf_vfio_cases,	conf_teardown_cases,   NULL,
};

const struct conf_case *conf_get(conf_suite suite, size_t index)
{
	const struct conf_case *c;

	for (; *suite; suite++) {
		for (c = *suite; c->name; c++) {
			if (index-- == 0)
				return c;
		}
	}
	return NULL;
}

size_t conf_count(conf_suite suite)
{
	size_t count = 0;

	while (conf_get(suite, count))
		count++;
	return count;
}

/* Each has the case's name, so that a crash has it too. */
static void add_row(struct support_test *row, const struct conf_case *c,
		    size_t index, const char *group_name, void (*hold)(int _i))
{
	row->test = (TTest){
		.name = c->name,
		.fn = hold,
		.file = __FILE__,
		.line = __LINE__,
	};
	snprintf(row->group, sizeof(row->group), "%s", group_name);
	row->first = (int)index;
	row->end = row->first + 1;
	support_add(row);
}

int conf_run(int argc, char **argv, conf_suite suite,
	     const char *(*group_name)(size_t group), size_t groups,
	     void (*hold)(int _i))
{
	const size_t cases = conf_count(suite);
	struct support_test *rows = calloc(groups * cases, sizeof(*rows));
	size_t i;
	int ret;

	if (!rows)
		return EXIT_FAILURE;
	for (i = 0; i < groups * cases; i++)
		add_row(&rows[i], conf_get(suite, i % cases), i,
			group_name(i / cases), hold);
	ret = support_run(argc, argv);
	free(rows);
	return ret;
}

bool conf_expect(struct conf_env *env, bool ok, const char *format, ...)
{
	va_list args;

	if (ok)
		return true;
	va_start(args, format);
	vsnprintf(env->why, sizeof(env->why), format, args);
	va_end(args);
	return false;
}

bool conf_skip(struct conf_env *env, const char *reason)
{
	env->skipped = true;
	snprintf(env->why, sizeof(env->why), "%s", reason);
	return true;
}

int conf_ioctl(struct conf_env *env, unsigned long request, void *arg)
{
	return env->sys->ioctl(env->sys_data, env->fd, request, arg);
}

bool conf_ioctl_is(struct conf_env *env, unsigned long request, void *arg,
		   int want)
{
	int ret = conf_ioctl(env, request, arg);

	return conf_expect(env, ret == want, "ioctl %#lx: %d and not %d",
			   request, ret, want);
}

struct iommu_hwpt_invalidate
conf_call(const struct conf_env *env,
	  const struct iommu_hwpt_vtd_s1_invalidate *entries, uint32_t count)
{
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = env->nested,
		.data_uptr = (uintptr_t)entries,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = sizeof(*entries),
		.entry_num = count,
	};

	return cmd;
}

bool conf_invalidate_is(struct conf_env *env, struct iommu_hwpt_invalidate *cmd,
			int want, uint32_t num)
{
	const uint32_t sent = cmd->entry_num;
	int ret = conf_ioctl(env, IOMMU_HWPT_INVALIDATE, cmd);

	return conf_expect(env, ret == want && cmd->entry_num == num,
			   "%u entries: %d and not %d, entry_num %u and not %u",
			   sent, ret, want, cmd->entry_num, num);
}

struct iommu_hwpt_vtd_s1 conf_stage1(void)
{
	struct iommu_hwpt_vtd_s1 s1 = {
		.pgtbl_addr = 0x100000,
		.addr_width = 48,
	};

	return s1;
}

struct iommu_hwpt_alloc conf_nested(const struct conf_env *env,
				    const struct iommu_hwpt_vtd_s1 *s1)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = env->dev,
		.pt_id = env->parent,
		.data_type = IOMMU_HWPT_DATA_VTD_S1,
		.data_len = sizeof(*s1),
		.data_uptr = (uintptr_t)s1,
	};

	return cmd;
}

uint32_t conf_alloc_ioas(struct conf_env *env)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };

	if (!conf_ioctl_is(env, IOMMU_IOAS_ALLOC, &cmd, 0))
		return 0;
	return cmd.out_ioas_id;
}

uint32_t conf_alloc_hwpt(struct conf_env *env, struct iommu_hwpt_alloc *cmd)
{
	if (!conf_ioctl_is(env, IOMMU_HWPT_ALLOC, cmd, 0))
		return 0;
	return cmd->out_hwpt_id;
}

bool conf_destroy_is(struct conf_env *env, uint32_t id, int want)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };
	int ret = conf_ioctl(env, IOMMU_DESTROY, &cmd);

	return conf_expect(env, ret == want, "destroy %u: %d and not %d", id,
			   ret, want);
}

bool conf_populate(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = env->dev,
	};

	env->ioas = conf_alloc_ioas(env);
	cmd.pt_id = env->ioas;
	env->parent = conf_alloc_hwpt(env, &cmd);
	cmd = conf_nested(env, &s1);
	env->nested = conf_alloc_hwpt(env, &cmd);
	cmd = conf_nested(env, &s1);
	env->unattached = conf_alloc_hwpt(env, &cmd);
	return env->ioas && env->parent && env->nested && env->unattached;
}

uint32_t conf_absent(const struct conf_env *env)
{
	(void)env;
	return 0x7ffffff0;
}

struct conf_pages conf_pages_new(size_t count)
{
	struct conf_pages pages = { .mapped = (count + 1) * CONF_PAGE };

	pages.base = mmap(NULL, pages.mapped, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages.base == MAP_FAILED)
		abort();
	pages.end = pages.base + count * CONF_PAGE;
	if (mprotect(pages.end, CONF_PAGE, PROT_NONE))
		abort();
	return pages;
}

void conf_pages_seal(struct conf_pages *pages)
{
	if (mprotect(pages->base, pages->mapped, PROT_READ))
		abort();
}

void conf_pages_free(struct conf_pages *pages)
{
	munmap(pages->base, pages->mapped);
}
