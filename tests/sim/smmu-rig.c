/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "smmu-rig.h"

#include "tests/harness/support.h"

#include <endian.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void map(const struct smmu_rig *rig, uint32_t ioas, uint64_t from,
		uint64_t at, size_t len)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = ioas,
		.user_va = (uintptr_t)smmu_rig_at(rig, from),
		.length = len,
		.iova = at,
	};
	struct conf_env env = rig->env;

	ck_assert_msg(conf_ioctl_is(&env, IOMMU_IOAS_MAP, &cmd, 0), "%s",
		      env.why);
}

void smmu_rig_alias(const struct smmu_rig *rig, uint32_t ioas, uint64_t from,
		    uint64_t at)
{
	map(rig, ioas, from, at, PAGE);
}

#define ATS (1u << 10)
#define CD2L (1u << 19)
#define SSIDSIZE(bits) ((bits) << 6)

const uint32_t smmu_rig_idr[6] = { 0x0d44101b, 0x02730010, 0, 0x1514, 0, 0x74 };
const uint32_t smmu_rig_idr_ats[6] = { 0x0d44101b | ATS, 0x02730010, 0,
				       0x1514,		 0,	     0x74 };
const uint32_t smmu_rig_idr_ssids[6] = {
	0x0d44101b | CD2L, 0x02730010 | SSIDSIZE(8), 0, 0x1514, 0, 0x74
};

static void open_sim(struct smmu_rig *rig, const uint32_t idr[6])
{
	struct iommunest_sim_options options = {
		.size = sizeof(options),
		.profile = IOMMUNEST_SIM_SMMUV3_7_3,
	};
	struct conf_env *env = &rig->env;

	memcpy(options.idr, idr, sizeof(options.idr));
	ck_assert_int_eq(iommunest_sim_new(&rig->sim, &options), 0);
	env->sys = iommunest_sim_sys();
	env->sys_data = rig->sim;
	env->kernel = CONF_LINUX_7_3;
	env->fd = env->sys->open(rig->sim, "/dev/iommu", O_RDWR);
	ck_assert_int_ge(env->fd, 0);
}

void smmu_rig_open(struct smmu_rig *rig, const uint32_t idr[6],
		   uint32_t dev_flags)
{
	struct conf_env *env = &rig->env;
	unsigned int i;

	memset(rig, 0, sizeof(*rig));
	open_sim(rig, idr);
	for (i = 0; i < RIG_DEVICES; i++)
		ck_assert_int_eq(iommunest_sim_bind(rig->sim, env->fd,
						    dev_flags, &rig->dev[i]),
				 0);
	env->dev = rig->dev[0];
	env->other_dev = rig->dev[1];
	env->vsid = SMMU_VSID;
	ck_assert_msg(smmu_populate(env), "%s", env->why);
	ck_assert(smmu_alloc_vdevice(env, env->viommu, rig->dev[1],
				     SMMU_OTHER_VSID));
	rig->ram = mmap(NULL, RIG_PAGES * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(rig->ram, MAP_FAILED);
	map(rig, env->ioas, RIG_RAM, RIG_RAM, RIG_PAGES * PAGE);
}

void smmu_rig_close(struct smmu_rig *rig)
{
	rig->env.sys->close(rig->sim, rig->env.fd);
	ck_assert_uint_eq(iommunest_sim_open_fds(rig->sim), 0);
	iommunest_sim_free(rig->sim);
	munmap(rig->ram, RIG_PAGES * PAGE);
}

/* ---- Memory ---- */

uint64_t smmu_rig_take(struct smmu_rig *rig, unsigned int order)
{
	const size_t size = PAGE << order;

	rig->used = (rig->used + size - 1) & ~(size - 1);
	rig->used += size;
	ck_assert_uint_le(rig->used, RIG_PAGES * PAGE);
	return RIG_RAM + rig->used - size;
}

void *smmu_rig_at(const struct smmu_rig *rig, uint64_t gpa)
{
	return rig->ram + (gpa - RIG_RAM);
}

uint64_t smmu_rig_frame(struct smmu_rig *rig, uint32_t word)
{
	const uint64_t at = smmu_rig_take(rig, 0);

	memcpy(smmu_rig_at(rig, at), &word, sizeof(word));
	return at;
}

void smmu_rig_set_cd(const struct smmu_rig *rig, uint64_t cd, uint64_t word0,
		     uint64_t table)
{
	uint64_t *at = smmu_rig_at(rig, cd);

	at[1] = htole64(table);
	at[0] = htole64(word0);
}

void smmu_rig_set(const struct smmu_rig *rig, uint64_t table,
		  unsigned int index, uint64_t entry)
{
	uint64_t *at = smmu_rig_at(rig, table);

	at[index] = htole64(entry);
}

/* ---- Devices ---- */

uint32_t smmu_rig_nested(struct smmu_rig *rig, uint32_t viommu, uint64_t cd,
			 uint64_t word1)
{
	const uint64_t ste[2] = { STE_V | STE_S1 | cd,
				  STE_S1_CACHEABLE | word1 };
	struct conf_env env = rig->env;
	uint32_t hwpt;

	env.viommu = viommu;
	hwpt = smmu_alloc_nested(&env, ste);
	ck_assert_msg(hwpt, "%s", env.why);
	return hwpt;
}

void smmu_rig_attach(const struct smmu_rig *rig, unsigned int device,
		     uint32_t hwpt)
{
	ck_assert_int_eq(iommunest_sim_attach(rig->sim, rig->env.fd,
					      rig->dev[device], hwpt),
			 0);
}

static void prepare(struct smmu_rig *rig, unsigned int device, uint64_t iova)
{
	rig->dma = (struct iommunest_sim_dma){
		.size = sizeof(rig->dma),
		.dev_id = rig->dev[device],
		.iova = iova,
	};
}

uint32_t smmu_rig_read(struct smmu_rig *rig, unsigned int device, uint64_t iova)
{
	uint32_t word = RIG_NOTHING;
	int ret;

	prepare(rig, device, iova);
	ret = iommunest_sim_dma_read(rig->sim, rig->env.fd, &rig->dma, &word,
				     sizeof(word));
	ck_assert(ret == 0 || ret == -EFAULT);
	return word;
}

int smmu_rig_write(struct smmu_rig *rig, unsigned int device, uint64_t iova)
{
	const uint32_t word = 0x5eed;
	int ret;

	prepare(rig, device, iova);
	ret = iommunest_sim_dma_write(rig->sim, rig->env.fd, &rig->dma, &word,
				      sizeof(word));
	ck_assert(ret == 0 || ret == -EFAULT);
	return ret;
}

void smmu_rig_send(struct smmu_rig *rig, uint32_t viommu, uint64_t w0,
		   uint64_t w1)
{
	struct conf_env env = rig->env;

	env.viommu = viommu;
	ck_assert_msg(smmu_answers(&env, w0, w1, 0), "%s", env.why);
}
