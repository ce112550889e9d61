/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "tests/harness/sim-rig.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>

static void on_desc(void *user, const struct iommunest_sim_desc *desc)
{
	struct rig *rig = user;

	if (rig->desc_count < RIG_DESCS)
		rig->descs[rig->desc_count] = *desc;
	rig->desc_count++;
}

int rig_ioctl(const struct rig *rig, unsigned long request, void *cmd)
{
	return iommunest_sim_sys()->ioctl(rig->sim, rig->fd, request, cmd);
}

uint32_t rig_bind(const struct rig *rig, uint32_t flags)
{
	uint32_t dev;

	ck_assert_int_eq(iommunest_sim_bind(rig->sim, rig->fd, flags, &dev), 0);
	return dev;
}

uint32_t rig_alloc_nested(const struct rig *rig, uint32_t addr_width)
{
	struct iommu_hwpt_vtd_s1 s1 = { .addr_width = addr_width };
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = rig->dev,
		.pt_id = rig->parent,
		.data_type = IOMMU_HWPT_DATA_VTD_S1,
		.data_len = sizeof(s1),
		.data_uptr = (uintptr_t)&s1,
	};

	ck_assert_int_eq(rig_ioctl(rig, IOMMU_HWPT_ALLOC, &cmd), 0);
	return cmd.out_hwpt_id;
}

void rig_attach(const struct rig *rig, uint32_t dev, uint32_t hwpt)
{
	ck_assert_int_eq(iommunest_sim_attach(rig->sim, rig->fd, dev, hwpt), 0);
}

void rig_populate(struct rig *rig)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iommu_hwpt_alloc parent = {
		.size = sizeof(parent),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
	};

	ck_assert_int_eq(rig_ioctl(rig, IOMMU_IOAS_ALLOC, &ioas), 0);
	rig->ioas = ioas.out_ioas_id;
	rig->dev = rig_bind(rig, rig->dev_flags);
	parent.dev_id = rig->dev;
	parent.pt_id = rig->ioas;
	ck_assert_int_eq(rig_ioctl(rig, IOMMU_HWPT_ALLOC, &parent), 0);
	rig->parent = parent.out_hwpt_id;
	rig->nested = rig_alloc_nested(rig, 48);
	rig_attach(rig, rig->dev, rig->nested);
}

void rig_open_with(struct rig *rig, const struct iommunest_sim_options *options,
		   uint32_t dev_flags)
{
	memset(rig, 0, sizeof(*rig));
	ck_assert_int_eq(iommunest_sim_new(&rig->sim, options), 0);
	rig->fd = iommunest_sim_sys()->open(rig->sim, "/dev/iommu", O_RDWR);
	ck_assert_int_ge(rig->fd, 0);
	rig->dev_flags = dev_flags;
	rig_populate(rig);
	iommunest_sim_on_desc(rig->sim, on_desc, rig);
}

void rig_open(struct rig *rig, uint32_t profile, uint32_t sim_flags,
	      uint32_t dev_flags)
{
	const struct iommunest_sim_options options = {
		.size = sizeof(options),
		.profile = profile,
		.flags = sim_flags,
	};

	rig_open_with(rig, &options, dev_flags);
}

void rig_close(struct rig *rig)
{
	ck_assert_int_eq(iommunest_sim_sys()->close(rig->sim, rig->fd), 0);
	ck_assert_uint_eq(iommunest_sim_open_fds(rig->sim), 0);
	iommunest_sim_free(rig->sim);
}

void rig_translate(const struct rig *rig, uint32_t hwpt, uint64_t addr,
		   unsigned int order)
{
	ck_assert_int_eq(iommunest_sim_translate(rig->sim, rig->fd, hwpt, addr,
						 order),
			 0);
}

unsigned int rig_cached(const struct rig *rig, uint64_t addr)
{
	return iommunest_sim_cached(rig->sim, rig->fd, rig->nested, addr);
}

int rig_submit(struct rig *rig, uint32_t hwpt,
	       const struct iommu_hwpt_vtd_s1_invalidate *entries,
	       uint32_t *num)
{
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.data_uptr = (uintptr_t)entries,
		.entry_len = sizeof(*entries),
		.entry_num = *num,
	};
	int ret;

	rig->desc_count = 0;
	ret = rig_ioctl(rig, IOMMU_HWPT_INVALIDATE, &cmd);
	*num = cmd.entry_num;
	return ret;
}

int rig_submit_pages(struct rig *rig, uint32_t count, uint32_t *handled)
{
	struct iommu_hwpt_vtd_s1_invalidate entries[RIG_DESCS] = { 0 };
	uint32_t i;

	ck_assert_uint_le(count, RIG_DESCS);
	for (i = 0; i < count; i++) {
		entries[i].addr = i * PAGE;
		entries[i].npages = 1;
	}
	*handled = count;
	return rig_submit(rig, rig->nested, entries, handled);
}

void rig_flush(struct rig *rig, uint64_t addr, uint64_t npages, uint32_t flags)
{
	struct iommu_hwpt_vtd_s1_invalidate one = {
		.addr = addr,
		.npages = npages,
		.flags = flags,
	};
	uint32_t num = 1;

	ck_assert_int_eq(rig_submit(rig, rig->nested, &one, &num), 0);
	ck_assert_uint_eq(num, 1);
}

struct iommunest_sim_stats rig_stats(const struct rig *rig)
{
	struct iommunest_sim_stats stats = { .size = sizeof(stats) };

	iommunest_sim_stats(rig->sim, &stats);
	return stats;
}
