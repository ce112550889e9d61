/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the cases of an SMMUv3 are written with.
 *
 * The driver sends the commands of a call in groups of 63, each with a CMD_SYNC
 * of its own.  Where one is refused there are three meanings of entry_num:
 * Linux 7.3 counts what precedes it, although it did not send its group; newer
 * kernels count up to its group; and with the patches of kernel/ what precedes
 * it is sent and counted.
 */
#ifndef CONFORMANCE_SMMU_H
#define CONFORMANCE_SMMU_H

#include "conformance.h"
#include "viommu-uapi.h"

#define SMMU_TYPE_VIOMMU 1u
#define SMMU_TYPE_INVALIDATE 1u
#define SMMU_TYPE_HWPT 2u
#define SMMU_TYPE_HW_INFO 2u
#define SMMU_TYPE_VEVENTQ 1u

#define SMMU_GROUP 63u

/*
 * Stream ids that are not the devices' own, so that one which is not translated
 * is seen.
 */
#define SMMU_VSID 0x55u
#define SMMU_OTHER_VSID 0x66u

#define SMMU_OP 0xffull
#define SMMU_CFGI_STE 0x03ull
#define SMMU_CFGI_CD 0x05ull
#define SMMU_CFGI_CD_ALL 0x06ull
#define SMMU_NH_ALL 0x10ull
#define SMMU_NH_ASID 0x11ull
#define SMMU_NH_VA 0x12ull
#define SMMU_NH_VAA 0x13ull
#define SMMU_NSNH_ALL 0x30ull
#define SMMU_ATC_INV 0x40ull
#define SMMU_SYNC 0x46ull

#define SMMU_SSV (1ull << 11)
#define SMMU_NUM(num) ((uint64_t)(num) << 12)
#define SMMU_SCALE(scale) ((uint64_t)(scale) << 20)
#define SMMU_VMID(vmid) ((uint64_t)(vmid) << 32)
#define SMMU_ASID(asid) ((uint64_t)(asid) << 48)
#define SMMU_SID(sid) ((uint64_t)(sid) << 32)
#define SMMU_SSID(ssid) ((uint64_t)(ssid) << 12)
#define SMMU_LEAF (1ull << 0)
#define SMMU_TTL(ttl) ((uint64_t)(ttl) << 8)
#define SMMU_TG(tg) ((uint64_t)(tg) << 10)

#define STE_V (1ull << 0)
#define STE_CONFIG(config) ((uint64_t)(config) << 1)
#define STE_ABORT STE_CONFIG(0)
#define STE_BYPASS STE_CONFIG(4)
#define STE_S1 STE_CONFIG(5)
/* Both inner and outer cacheable, inner shareable. */
#define STE_S1_CACHEABLE (1ull << 2 | 1ull << 4 | 3ull << 6)

/* Of IOMMU_GET_HW_INFO. */
struct smmu_hw_info {
	uint32_t flags;
	uint32_t reserved;
	uint32_t idr[6];
	uint32_t iidr;
	uint32_t aidr;
};

/* What the cases go by; read each time. */
struct smmu_features {
	bool asid16;
	bool ats;
	bool ril;
	bool ds;
	unsigned int ssid_bits;
};

bool smmu_hw_info(struct conf_env *env, struct smmu_hw_info *info);
bool smmu_features(struct conf_env *env, struct smmu_features *features);

/* As the guest and the kernel write it: little endian. */
struct conf_command smmu_command(uint64_t w0, uint64_t w1);
uint64_t smmu_word(const struct conf_command *command, unsigned int word);

/* A right call for the vIOMMU. */
struct iommu_hwpt_invalidate smmu_call(const struct conf_env *env,
				       const struct conf_command *commands,
				       uint32_t count);
/* One command gets this answer: 0 or a negated errno. */
bool smmu_answers(struct conf_env *env, uint64_t w0, uint64_t w1, int want);

/* For a command at @index that is refused. */
uint32_t smmu_counted(const struct conf_env *env, uint32_t index);
uint32_t smmu_sent(const struct conf_env *env, uint32_t index);

/* A right command for a nested HWPT of the vIOMMU. */
struct iommu_hwpt_alloc smmu_nested(const struct conf_env *env,
				    const uint64_t ste[2]);
/* 0: it failed, and the reason is noted. */
uint32_t smmu_alloc_viommu(struct conf_env *env, uint32_t parent);
uint32_t smmu_alloc_vdevice(struct conf_env *env, uint32_t viommu, uint32_t dev,
			    uint64_t vsid);
uint32_t smmu_alloc_nested(struct conf_env *env, const uint64_t ste[2]);
/*
 * The objects of an environment that has a file descriptor and two devices.
 * Stage 1 of the nested HWPTs is off.
 */
bool smmu_populate(struct conf_env *env);

/* In no table, as kernels warn. */
bool smmu_too_many_for_one_copy_are_enomem(struct conf_env *env);

extern const struct conf_case conf_smmu_call_cases[];
extern const struct conf_case conf_smmu_command_cases[];
extern const struct conf_case conf_smmu_group_cases[];
extern const struct conf_case conf_smmu_object_cases[];
extern const struct conf_case conf_smmu_hwpt_cases[];
extern const struct conf_case conf_smmu_event_cases[];

#endif /* CONFORMANCE_SMMU_H */
