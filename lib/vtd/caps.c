/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What CAP_REG and ECAP_REG say. */
#include "lib/abi.h"
#include "lib/vtd/cap-regs.h"

_Static_assert(IOMMUNEST_HW_INTEL_VTD == IOMMU_HW_INFO_TYPE_INTEL_VTD,
	       "uAPI type");

/* Domain ids have 16 bits everywhere; ND is 7 on no hardware. */
#define DOMAIN_BITS_MAX 16u

/* Offsets of registers are in units of 128 bits. */
#define OFFSET_UNIT 16u

static uint64_t at_most(uint64_t value, uint64_t max)
{
	return value < max ? value : max;
}

static void decode_cap(struct iommunest_vtd_caps *to, uint64_t cap)
{
	to->domain_bits = (uint8_t)at_most(4 + 2 * bits_get(cap, CAP_ND),
					   DOMAIN_BITS_MAX);
	to->afl = cap & CAP_AFL;
	to->rwbf = cap & CAP_RWBF;
	to->plmr = cap & CAP_PLMR;
	to->phmr = cap & CAP_PHMR;
	to->cm = cap & CAP_CM;
	to->sagaw = (uint8_t)bits_get(cap, CAP_SAGAW);
	to->mgaw = (uint8_t)(bits_get(cap, CAP_MGAW) + 1);
	to->zlr = cap & CAP_ZLR;
	to->fro = (uint16_t)(bits_get(cap, CAP_FRO) * OFFSET_UNIT);
	to->sslps = (uint8_t)bits_get(cap, CAP_SSLPS);
	to->psi = cap & CAP_PSI;
	to->nfr = (uint16_t)(bits_get(cap, CAP_NFR) + 1);
	to->mamv = (uint8_t)bits_get(cap, CAP_MAMV);
	to->dwd = cap & CAP_DWD;
	to->drd = cap & CAP_DRD;
	to->fs1gp = cap & CAP_FS1GP;
	to->pi = cap & CAP_PI;
	to->fs5lp = cap & CAP_FS5LP;
	to->ecmds = cap & CAP_ECMDS;
	to->esirtps = cap & CAP_ESIRTPS;
	to->esrtps = cap & CAP_ESRTPS;
}

static void decode_ecap(struct iommunest_vtd_caps *to, uint64_t ecap)
{
	to->c = ecap & ECAP_C;
	to->qi = ecap & ECAP_QI;
	to->dt = ecap & ECAP_DT;
	to->ir = ecap & ECAP_IR;
	to->eim = ecap & ECAP_EIM;
	to->pt = ecap & ECAP_PT;
	to->sc = ecap & ECAP_SC;
	to->iro = (uint16_t)(bits_get(ecap, ECAP_IRO) * OFFSET_UNIT);
	to->mhmv = (uint8_t)bits_get(ecap, ECAP_MHMV);
	to->nest = ecap & ECAP_NEST;
	to->prs = ecap & ECAP_PRS;
	to->ers = ecap & ECAP_ERS;
	to->srs = ecap & ECAP_SRS;
	to->nwfs = ecap & ECAP_NWFS;
	to->eafs = ecap & ECAP_EAFS;
	to->pasid_bits =
		(uint8_t)at_most(vtd_pss_bits(ecap), VTD_PASID_BITS_MAX);
	to->pasid = ecap & ECAP_PASID;
	to->dit = ecap & ECAP_DIT;
	to->pds = ecap & ECAP_PDS;
	to->smts = ecap & ECAP_SMTS;
	to->vcs = ecap & ECAP_VCS;
	to->ssads = ecap & ECAP_SSADS;
	to->ssts = ecap & ECAP_SSTS;
	to->fsts = ecap & ECAP_FSTS;
	to->smpwcs = ecap & ECAP_SMPWCS;
	to->rps = ecap & ECAP_RPS;
	to->pms = ecap & ECAP_PMS;
	to->rprivs = ecap & ECAP_RPRIVS;
}

int iommunest__vtd_check_info(const struct iommunest_hw_info *info)
{
	if (!info || info->size < END_OF(struct iommunest_hw_info, data))
		return -EINVAL;
	return 0;
}

EXPORT int iommunest_vtd_caps_decode(struct iommunest_vtd_caps *caps,
				     const struct iommunest_hw_info *info)
{
	struct iommunest_vtd_caps out = { 0 };
	struct iommu_hw_info_vtd host;
	int ret;

	if (!caps || iommunest__vtd_check_info(info) < 0)
		return -EINVAL;
	ret = iommunest_check_size(caps,
				   END_OF(struct iommunest_vtd_caps, rprivs));
	if (ret)
		return ret;
	if (!vtd_info_is_vtd(info))
		return -EOPNOTSUPP;
	host = vtd_host(info);
	out.cap = host.cap_reg;
	out.ecap = host.ecap_reg;
	out.flags = host.flags;
	decode_cap(&out, host.cap_reg);
	decode_ecap(&out, host.ecap_reg);
	iommunest_copy_out(caps, &out, sizeof(out));
	return 0;
}
