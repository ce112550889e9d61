/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Event records (SMMU architecture specification, chapter 7, "Event records").
 * The driver passes on what stage 1 is at fault for, with the guest's number of
 * the stream.
 */
#include "smmu-event.h"

#include <endian.h>

#include "veventq.h"

#define EVENT_TYPE 1u

#define C_BAD_STE 0x04u
#define F_STREAM_DISABLED 0x06u
#define C_BAD_SUBSTREAMID 0x08u
#define C_BAD_CD 0x0au
#define F_TRANSLATION 0x10u
#define F_ADDR_SIZE 0x11u
#define F_ACCESS 0x12u
#define F_PERMISSION 0x13u

#define SID(stream) ((uint64_t)(stream) << 32)
#define PRIVILEGED (UINT64_C(1) << 33)
#define READ (UINT64_C(1) << 35)
/* It is the address of the access that is at fault. */
#define CLASS_INPUT (UINT64_C(2) << 40)

/* 0: nobody is told. */
static unsigned int type_of(uint32_t reason)
{
	switch (reason) {
	case IOMMUNEST_SIM_DMA_STE:
		return C_BAD_STE;
	case IOMMUNEST_SIM_DMA_STREAM_DISABLED:
		return F_STREAM_DISABLED;
	case IOMMUNEST_SIM_DMA_SUBSTREAM:
		return C_BAD_SUBSTREAMID;
	case IOMMUNEST_SIM_DMA_CD:
		return C_BAD_CD;
	case IOMMUNEST_SIM_DMA_NOT_PRESENT:
		return F_TRANSLATION;
	case IOMMUNEST_SIM_DMA_ADDRESS_SIZE:
		return F_ADDR_SIZE;
	case IOMMUNEST_SIM_DMA_ACCESS_FLAG:
		return F_ACCESS;
	case IOMMUNEST_SIM_DMA_PERMISSION:
		return F_PERMISSION;
	default:
		return 0;
	}
}

/* Of a translation.  The context descriptor says whether it is recorded. */
static bool is_recorded(const struct sim_device *dev, bool ats)
{
	return !ats && dev->contexts.context.records_faults;
}

void iommunest__sim_smmu_report(const struct sim_access *access,
				const struct sim_file *iommufd,
				const struct sim_device *dev, bool ats)
{
	const unsigned int type = type_of(access->reason);
	uint64_t word[SIM_EVENT_WORDS] = { 0 };

	if (!type || !dev->told)
		return;
	word[0] = htole64(type | SID(dev->told_stream));
	if (type >= F_TRANSLATION) {
		if (!is_recorded(dev, ats))
			return;
		word[1] = htole64(CLASS_INPUT | (access->write ? 0 : READ) |
				  (access->privileged ? PRIVILEGED : 0));
		word[2] = htole64(access->iova);
	}
	iommunest__sim_veventq_add(access->sim, iommufd, dev->told, EVENT_TYPE,
				   word);
}
