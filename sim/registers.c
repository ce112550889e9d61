/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * CAP_REG and ECAP_REG (VT-d specification, chapter 11, "Capability Register"
 * and "Extended Capability Register"): the fields that the driver reads.
 */
#include "registers.h"

#define BIT(n) (1ull << (n))

#define CAP_MAMV_SHIFT 48
#define CAP_MAMV_MASK 0x3fu
#define CAP_FL1GP BIT(56)
#define CAP_FL5LP BIT(60)
#define CAP_SAGAW_48 BIT(10)
#define CAP_SAGAW_57 BIT(11)
#define CAP_MGAW_SHIFT 16
#define CAP_MGAW_MASK 0x3fu

#define ECAP_NEST BIT(26)
#define ECAP_SRS BIT(31)
#define ECAP_EAFS BIT(34)
#define ECAP_PSS_SHIFT 35
#define ECAP_PSS_MASK 0x1fu
#define ECAP_PASID BIT(40)
#define ECAP_SMTS BIT(43)
#define ECAP_SLADS BIT(45)
#define ECAP_SLTS BIT(46)
#define ECAP_FLTS BIT(47)
#define ECAP_SMPWC BIT(48)

/* The most that PCI allows. */
#define PASID_WIDTH_MAX 20u

/* Fields that the driver does not read are as on hardware that can nest. */
uint64_t iommunest__sim_default_cap(void)
{
	const uint64_t domains_64k = 6, second_stage_4_and_5_levels = 3 << 10;
	const uint64_t width_57 = (uint64_t)(57 - 1) << 16;
	const uint64_t pages_2m_1g = 3ull << 34;
	const uint64_t page_selective = BIT(39);
	const uint64_t mamv = 18ull << CAP_MAMV_SHIFT;
	const uint64_t drain = BIT(54) | BIT(55);

	return domains_64k | second_stage_4_and_5_levels | width_57 |
	       pages_2m_1g | page_selective | mamv | drain | CAP_FL1GP |
	       CAP_FL5LP;
}

uint64_t iommunest__sim_default_ecap(void)
{
	const uint64_t coherent = BIT(0), queue = BIT(1), device_tlb = BIT(2);
	const uint64_t remap_interrupts = BIT(3) | BIT(4);
	const uint64_t pass_through = BIT(6), snoop = BIT(7);
	/* And their draining, without which a guest has no use for them. */
	const uint64_t page_requests = BIT(29) | BIT(42);
	const uint64_t pss = (uint64_t)(PASID_WIDTH_MAX - 1) << ECAP_PSS_SHIFT;

	return coherent | queue | device_tlb | remap_interrupts | pass_through |
	       snoop | page_requests | pss | ECAP_NEST | ECAP_SRS | ECAP_EAFS |
	       ECAP_PASID | ECAP_SMTS | ECAP_SLADS | ECAP_SLTS | ECAP_FLTS |
	       ECAP_SMPWC;
}

unsigned int iommunest__sim_mamv(const struct iommunest_sim *sim)
{
	return (unsigned int)(sim->cap >> CAP_MAMV_SHIFT) & CAP_MAMV_MASK;
}

static bool has_all(const struct iommunest_sim *sim, uint64_t bits)
{
	return (sim->ecap & bits) == bits;
}

bool iommunest__sim_can_nest(const struct iommunest_sim *sim)
{
	if (sim->profile->smmu)
		return true;
	return has_all(sim, ECAP_SMTS | ECAP_NEST);
}

bool iommunest__sim_can_first_stage(const struct iommunest_sim *sim)
{
	if (sim->profile->smmu)
		return true;
	return has_all(sim, ECAP_SMTS | ECAP_FLTS);
}

bool iommunest__sim_can_first_stage_1g(const struct iommunest_sim *sim)
{
	return sim->cap & CAP_FL1GP;
}

/* Without scalable mode there is only a second stage. */
bool iommunest__sim_can_second_stage(const struct iommunest_sim *sim)
{
	if (sim->profile->smmu)
		return true;
	return !has_all(sim, ECAP_SMTS) || has_all(sim, ECAP_SLTS);
}

bool iommunest__sim_can_track_dirty(const struct iommunest_sim *sim)
{
	if (sim->profile->smmu)
		return false;
	return has_all(sim, ECAP_SMTS | ECAP_SLADS | ECAP_SMPWC);
}

static unsigned int mgaw(const struct iommunest_sim *sim)
{
	return ((sim->cap >> CAP_MGAW_SHIFT) & CAP_MGAW_MASK) + 1;
}

static unsigned int smaller(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static unsigned int first_stage_width(const struct iommunest_sim *sim)
{
	if (mgaw(sim) > 48 && sim->cap & CAP_FL5LP)
		return smaller(57, mgaw(sim));
	return smaller(48, mgaw(sim));
}

/* 6.12 wants 5 levels in both stages, where it may use either. */
static bool has_5_levels(const struct iommunest_sim *sim)
{
	if (!sim->profile->prefers_first_stage &&
	    iommunest__sim_can_first_stage(sim) && !(sim->cap & CAP_FL5LP))
		return false;
	return sim->cap & CAP_SAGAW_57;
}

static unsigned int second_stage_width(const struct iommunest_sim *sim)
{
	if (mgaw(sim) > 48 && has_5_levels(sim))
		return smaller(57, mgaw(sim));
	if (mgaw(sim) > 39 && sim->cap & (CAP_SAGAW_48 | CAP_SAGAW_57))
		return smaller(48, mgaw(sim));
	return smaller(39, mgaw(sim));
}

/* A first stage leaves out the upper half, where addresses are negative. */
uint64_t iommunest__sim_last_iova(const struct iommunest_sim *sim,
				  bool first_stage)
{
	if (sim->profile->smmu)
		return iommunest__sim_smmu_last_iova(first_stage);
	if (first_stage)
		return (1ull << (first_stage_width(sim) - 1)) - 1;
	return (1ull << second_stage_width(sim)) - 1;
}

/* 0: no PASIDs.  Simulated devices support the widest. */
unsigned int iommunest__sim_pasid_width(const struct iommunest_sim *sim)
{
	unsigned int width;

	/* Whatever IDR1.SSIDSIZE says: that is for commands only. */
	if (sim->profile->smmu)
		return 0;
	if (!has_all(sim, ECAP_SMTS | ECAP_PASID))
		return 0;
	width = ((sim->ecap >> ECAP_PSS_SHIFT) & ECAP_PSS_MASK) + 1;
	return width < PASID_WIDTH_MAX ? width : PASID_WIDTH_MAX;
}

bool iommunest__sim_can_stage1(const struct iommunest_sim *sim,
			       const struct iommu_hwpt_vtd_s1 *s1)
{
	if (s1->addr_width != 48 && s1->addr_width != 57)
		return false;
	if (s1->addr_width == 57 && !(sim->cap & CAP_FL5LP))
		return false;
	if (s1->flags & IOMMU_VTD_S1_SRE && !has_all(sim, ECAP_SRS))
		return false;
	return !(s1->flags & IOMMU_VTD_S1_EAFE) || has_all(sim, ECAP_EAFS);
}
