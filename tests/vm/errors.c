/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "errors.h"

#include <sys/mman.h>

#define IOVA (UINT64_C(1) << 30)
#define PAGE 4096u

struct trace *errors_trace;
struct real errors_plain, errors_ats;

static struct iommu_hwpt_vtd_s1_invalidate entries[ERRORS_LONGEST];

void errors_put_pages(uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		entries[i] = (struct iommu_hwpt_vtd_s1_invalidate){
			.addr = (uint64_t)(i + 1) << 13,
			.npages = 1,
		};
}

struct iommu_hwpt_vtd_s1_invalidate *errors_entries(void)
{
	return entries;
}

struct errors_answer errors_ask(struct real *on, uint32_t hwpt, uint32_t count,
				bool report)
{
	struct iommunest_uapi_invalidate cmd = {
		.size = report ? (uint32_t)sizeof(cmd)
			       : (uint32_t)IOMMUNEST_UAPI_INVALIDATE_SIZE,
		.hwpt_id = hwpt,
		.data_uptr = (uintptr_t)entries,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = sizeof(*entries),
		.entry_num = count,
		.flags = report ? IOMMUNEST_INVALIDATE_REPORT_ERROR : 0,
	};
	struct errors_answer answer;

	answer.ret = conf_ioctl(&on->env, IOMMU_HWPT_INVALIDATE, &cmd);
	answer.num = cmd.entry_num;
	answer.last = cmd.out_last_index;
	answer.code = cmd.out_driver_error_code;
	return answer;
}

struct errors_answer errors_call(struct real *on, uint32_t count)
{
	return errors_ask(on, on->env.nested, count, false);
}

struct errors_answer errors_report(struct real *on, uint32_t count)
{
	return errors_ask(on, on->env.nested, count, true);
}

void errors_map(void)
{
	static void *memory;
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = errors_ats.env.ioas,
		.length = PAGE,
		.iova = IOVA,
	};

	if (!memory)
		memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cmd.user_va = (uintptr_t)memory;
	ck_assert_int_eq(conf_ioctl(&errors_ats.env, IOMMU_IOAS_MAP, &cmd), 0);
}

int errors_unmap(void)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = errors_ats.env.ioas,
		.iova = IOVA,
		.length = PAGE,
	};

	return conf_ioctl(&errors_ats.env, IOMMU_IOAS_UNMAP, &cmd);
}

void errors_is_done(struct errors_answer answer, uint32_t count)
{
	ck_assert_int_eq(answer.ret, 0);
	ck_assert_uint_eq(answer.num, count);
	ck_assert_uint_eq(answer.code, 0);
}

void errors_begin(void)
{
	if (inject_is_there())
		inject_clear();
	trace_discard(errors_trace);
	inject_log_lines("");
}

bool errors_injects(void)
{
	return inject_is_there();
}

bool errors_tells(void)
{
	return inject_is_there() && real_kernel() != CONF_LINUX_6_12;
}

int errors_if_injects(int loops)
{
	return errors_injects() ? loops : 0;
}

int errors_if_tells(int loops)
{
	return errors_tells() ? loops : 0;
}
