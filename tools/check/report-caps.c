/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Capabilities as a table: what matters for nesting, in words. */
#include <string.h>

#include "tools/check/check.h"

static void put(char *value, size_t room, const char *text)
{
	snprintf(value, room, "%s", text);
}

static void put_bool(char *value, size_t room, bool is)
{
	put(value, room, is ? "yes" : "no");
}

static void put_bits(char *value, size_t room, unsigned int bits)
{
	if (bits)
		snprintf(value, room, "%u bits", bits);
	else
		put(value, room, "no");
}

#define YES_OR_NO(name_, member_)                                             \
	static void name_(const struct iommunest_vtd_caps *caps, char *value, \
			  size_t room)                                        \
	{                                                                     \
		put_bool(value, room, caps->member_);                         \
	}

YES_OR_NO(put_scalable, smts)
YES_OR_NO(put_nesting, nest)
YES_OR_NO(put_1gib, fs1gp)
YES_OR_NO(put_ats, dt)
YES_OR_NO(put_supervisor, srs)
YES_OR_NO(put_accessed, eafs)
YES_OR_NO(put_snoop, sc)
YES_OR_NO(put_coherent, c)
YES_OR_NO(put_dirty, ssads)

static void put_first_stage(const struct iommunest_vtd_caps *caps, char *value,
			    size_t room)
{
	if (!caps->fsts)
		put(value, room, "no");
	else
		put(value, room, caps->fs5lp ? "4, 5 levels" : "4 levels");
}

static void put_second_stage(const struct iommunest_vtd_caps *caps, char *value,
			     size_t room)
{
	bool has_48 = caps->sagaw & 1 << 2, has_57 = caps->sagaw & 1 << 3;

	if (!caps->ssts)
		put(value, room, "no");
	else if (has_48 && has_57)
		put(value, room, "48, 57 bits");
	else if (has_48 || has_57)
		put(value, room, has_57 ? "57 bits" : "48 bits");
	else
		put(value, room, "39 bits");
}

static void put_width(const struct iommunest_vtd_caps *caps, char *value,
		      size_t room)
{
	put_bits(value, room, caps->mgaw);
}

static void put_pasids(const struct iommunest_vtd_caps *caps, char *value,
		       size_t room)
{
	put_bits(value, room, caps->pasid ? caps->pasid_bits : 0);
}

static void put_page_requests(const struct iommunest_vtd_caps *caps,
			      char *value, size_t room)
{
	if (!caps->prs)
		put(value, room, "no");
	else
		put(value, room, caps->pds ? "yes, drained" : "yes");
}

static const struct {
	const char *name;
	void (*put)(const struct iommunest_vtd_caps *caps, char *value,
		    size_t room);
} rows[] = {
	{ "scalable mode (SMTS)", put_scalable },
	{ "nested translation (NEST)", put_nesting },
	{ "first stage (FSTS, FS5LP)", put_first_stage },
	{ "first stage, 1 GiB pages (FS1GP)", put_1gib },
	{ "second stage (SSTS, SAGAW)", put_second_stage },
	{ "second stage, dirty pages (SSADS)", put_dirty },
	{ "addresses (MGAW)", put_width },
	{ "PASIDs (PASID, PSS)", put_pasids },
	{ "device TLBs: ATS (DT)", put_ats },
	{ "page requests (PRS, PDS)", put_page_requests },
	{ "supervisor requests (SRS)", put_supervisor },
	{ "extended accessed flag (EAFS)", put_accessed },
	{ "snoop control (SC)", put_snoop },
	{ "coherent page walks (C)", put_coherent },
};

bool check_caps_row(const struct iommunest_vtd_caps *caps, size_t index,
		    const char **name, char *value, size_t room)
{
	if (index >= sizeof(rows) / sizeof(rows[0]))
		return false;
	*name = rows[index].name;
	rows[index].put(caps, value, room);
	return true;
}

bool check_guest_caps(const struct check *check,
		      const struct iommunest_hw_info *info,
		      struct iommunest_vtd_caps *guest)
{
	struct iommunest_vtd_guest offer = {
		.size = sizeof(offer),
		.features = check->features,
		.kernel_faults = check->faults,
	};
	/* struct iommu_hw_info_vtd: flags, capabilities, extended ones. */
	struct iommunest_hw_info shown = {
		.size = sizeof(shown),
		.type = IOMMUNEST_HW_INTEL_VTD,
		.data_len = 24,
	};

	guest->size = sizeof(*guest);
	if (iommunest_vtd_guest_offer(info, &offer))
		return false;
	shown.data[1] = offer.cap;
	shown.data[2] = offer.ecap;
	return !iommunest_vtd_caps_decode(guest, &shown);
}
