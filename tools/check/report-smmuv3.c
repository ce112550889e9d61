/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* An SMMUv3's ID registers as a table: what a guest and its VMM go by. */
#include <string.h>

#include "tools/check/check.h"

static void put(char *value, size_t room, const char *text)
{
	snprintf(value, room, "%s", text);
}

static void put_bits(char *value, size_t room, unsigned int bits)
{
	if (bits)
		snprintf(value, room, "%u bits", bits);
	else
		put(value, room, "no");
}

static void put_asids(const struct iommunest_smmuv3_caps *caps, char *value,
		      size_t room)
{
	put_bits(value, room, caps->asid_bits);
}

static void put_streams(const struct iommunest_smmuv3_caps *caps, char *value,
			size_t room)
{
	put_bits(value, room, caps->sid_bits);
}

static void put_substreams(const struct iommunest_smmuv3_caps *caps,
			   char *value, size_t room)
{
	put_bits(value, room, caps->ssid_bits);
}

static void put_tables(const struct iommunest_smmuv3_caps *caps, char *value,
		       size_t room)
{
	static const char *const names[] = { "no", "AArch32", "AArch64",
					     "AArch32, AArch64" };

	put(value, room, names[caps->ttf & 3]);
}

static void put_granules(const struct iommunest_smmuv3_caps *caps, char *value,
			 size_t room)
{
	snprintf(value, room, "%s%s%s", caps->gran4k ? " 4 KiB" : "",
		 caps->gran16k ? " 16 KiB" : "",
		 caps->gran64k ? " 64 KiB" : "");
	memmove(value, value + (*value == ' '), strlen(value));
}

static void put_52(const struct iommunest_smmuv3_caps *caps, char *value,
		   size_t room)
{
	put(value, room, caps->vax || caps->ds ? "yes" : "no");
}

static void put_ranges(const struct iommunest_smmuv3_caps *caps, char *value,
		       size_t room)
{
	put(value, room, caps->ril ? "yes" : "no: page by page");
}

static void put_ats(const struct iommunest_smmuv3_caps *caps, char *value,
		    size_t room)
{
	put(value, room, caps->ats ? "yes" : "no");
}

static void put_stall(const struct iommunest_smmuv3_caps *caps, char *value,
		      size_t room)
{
	static const char *const names[] = { "stall or terminate", "terminate",
					     "stall", "reserved" };

	put(value, room, names[caps->stall_model & 3]);
}

static void put_repeat(const struct iommunest_smmuv3_caps *caps, char *value,
		       size_t room)
{
	put(value, room,
	    caps->flags & IOMMUNEST_SMMUV3_ERRATA_REPEAT ? "yes" : "no");
}

static const struct {
	const char *name;
	void (*put)(const struct iommunest_smmuv3_caps *caps, char *value,
		    size_t room);
} rows[] = {
	{ "ASIDs (ASID16)", put_asids },
	{ "streams (SIDSIZE)", put_streams },
	{ "substreams: PASIDs (SSIDSIZE)", put_substreams },
	{ "tables (TTF)", put_tables },
	{ "granules (GRAN4K, 16K, 64K)", put_granules },
	{ "addresses of 52 bits (VAX, DS)", put_52 },
	{ "invalidation of ranges (RIL)", put_ranges },
	{ "the device's ATS", put_ats },
	{ "faults (STALL_MODEL)", put_stall },
	{ "commands go twice (T264-SMMU-3)", put_repeat },
};

bool check_smmuv3_row(const struct iommunest_smmuv3_caps *caps, size_t index,
		      const char **name, char *value, size_t room)
{
	if (index >= sizeof(rows) / sizeof(rows[0]))
		return false;
	*name = rows[index].name;
	rows[index].put(caps, value, room);
	return true;
}
