/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Events for a guest's event queue: SMMU architecture specification, chapter 7,
 * "Event records".
 */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/smmuv3/bits.h"

#include <libiommunest.h>

_Static_assert(IOMMUNEST_SMMUV3_EVENT_LEN ==
		       sizeof(struct iommu_vevent_arm_smmuv3),
	       "uAPI size");

#define EVT0_TYPE BITS(7, 0)
#define EVT0_SSV BIT(11)
#define EVT0_SSID BITS(31, 12)
#define EVT0_SID BITS(63, 32)
#define EVT1_STAG BITS(15, 0)
#define EVT1_STALL BIT(31)
#define EVT1_PNU BIT(33)
#define EVT1_IND BIT(34)
#define EVT1_RNW BIT(35)
#define EVT1_S2 BIT(39)
#define EVT1_CLASS BITS(41, 40)
#define EVT3_FETCH_ADDR BITS(51, 3)

static uint32_t flags_of(uint64_t word0, uint64_t word1)
{
	uint32_t flags = 0;

	if (word0 & EVT0_SSV)
		flags |= IOMMUNEST_SMMUV3_EVENT_SSV;
	if (word1 & EVT1_STALL)
		flags |= IOMMUNEST_SMMUV3_EVENT_STALL;
	if (word1 & EVT1_PNU)
		flags |= IOMMUNEST_SMMUV3_EVENT_PRIVILEGED;
	if (word1 & EVT1_IND)
		flags |= IOMMUNEST_SMMUV3_EVENT_INSTRUCTION;
	if (word1 & EVT1_RNW)
		flags |= IOMMUNEST_SMMUV3_EVENT_READ;
	if (word1 & EVT1_S2)
		flags |= IOMMUNEST_SMMUV3_EVENT_STAGE_2;
	return flags;
}

EXPORT int iommunest_smmuv3_event_decode(struct iommunest_smmuv3_event *out,
					 const void *data)
{
	struct iommunest_smmuv3_event event = { 0 };
	unsigned int i;
	int ret;

	if (!out || !data)
		return -EINVAL;
	ret = iommunest_check_size(out, END_OF(struct iommunest_smmuv3_event,
					       access_class));
	if (ret)
		return ret;
	memcpy(event.raw, data, sizeof(event.raw));
	for (i = 0; i < ARRAY_LEN(event.raw); i++)
		event.raw[i] = smmu_le64(event.raw[i]);
	event.type = (uint8_t)bits_get(event.raw[0], EVT0_TYPE);
	event.sid = (uint32_t)bits_get(event.raw[0], EVT0_SID);
	event.flags = flags_of(event.raw[0], event.raw[1]);
	if (event.flags & IOMMUNEST_SMMUV3_EVENT_SSV)
		event.ssid = (uint32_t)bits_get(event.raw[0], EVT0_SSID);
	event.stag = (uint16_t)bits_get(event.raw[1], EVT1_STAG);
	event.access_class = (uint8_t)bits_get(event.raw[1], EVT1_CLASS);
	event.addr = event.raw[2];
	event.fetch_addr = event.raw[3] & EVT3_FETCH_ADDR;
	iommunest_copy_out(out, &event, sizeof(event));
	return 0;
}

EXPORT const char *iommunest_smmuv3_event_name(unsigned int type)
{
	switch (type) {
	case IOMMUNEST_SMMUV3_EVENT_BAD_STREAMID:
		return "C_BAD_STREAMID";
	case IOMMUNEST_SMMUV3_EVENT_STE_FETCH:
		return "F_STE_FETCH";
	case IOMMUNEST_SMMUV3_EVENT_BAD_STE:
		return "C_BAD_STE";
	case IOMMUNEST_SMMUV3_EVENT_STREAM_DISABLED:
		return "F_STREAM_DISABLED";
	case IOMMUNEST_SMMUV3_EVENT_BAD_SUBSTREAMID:
		return "C_BAD_SUBSTREAMID";
	case IOMMUNEST_SMMUV3_EVENT_CD_FETCH:
		return "F_CD_FETCH";
	case IOMMUNEST_SMMUV3_EVENT_BAD_CD:
		return "C_BAD_CD";
	case IOMMUNEST_SMMUV3_EVENT_TRANSLATION:
		return "F_TRANSLATION";
	case IOMMUNEST_SMMUV3_EVENT_ADDR_SIZE:
		return "F_ADDR_SIZE";
	case IOMMUNEST_SMMUV3_EVENT_ACCESS:
		return "F_ACCESS";
	case IOMMUNEST_SMMUV3_EVENT_PERMISSION:
		return "F_PERMISSION";
	default:
		return "unknown";
	}
}
