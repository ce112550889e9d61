/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Kernels whose VT-d driver is known to do something else than a nested guest
 * asked for, while the ioctl succeeds.  The name of a release is all that this
 * goes by.
 */
#include <config.h>

#include <libiommunest.h>

#include "lib/abi.h"

/* Releases are compared as one number. */
#define RELEASE(major, minor, patch) \
	((uint64_t)(major) << 32 | (uint64_t)(minor) << 16 | (uint64_t)(patch))
#define NUMBER_MAX 0xffffu

/*
 * Linux 6.12.117 and 7.3.4 were read and run.  The other borders are inferred
 * from when a change went upstream or was sent to a stable series.
 */
static const struct {
	uint64_t fault;
	/* With the first release, and without the last. */
	uint64_t first;
	uint64_t end;
} ranges[] = {
	/* b33125296b50 brought it, 04b1b069f151 fixed it. */
	{ IOMMUNEST_VTD_KERNEL_FAULT_PLAIN_IOTLB, RELEASE(6, 16, 8),
	  RELEASE(6, 18, 16) },
	{ IOMMUNEST_VTD_KERNEL_FAULT_PLAIN_IOTLB, RELEASE(6, 19, 0),
	  RELEASE(6, 19, 6) },
	/*
	 * c4d27ffaa8eb brought it, b334d7f7e230 fixed it.  In between, where
	 * nothing goes out PASID-based, it is hidden.
	 */
	{ IOMMUNEST_VTD_KERNEL_FAULT_ALL_AM_52, RELEASE(6, 10, 0),
	  RELEASE(6, 16, 8) },
	{ IOMMUNEST_VTD_KERNEL_FAULT_ALL_AM_52, RELEASE(6, 18, 16),
	  RELEASE(6, 19, 0) },
	{ IOMMUNEST_VTD_KERNEL_FAULT_ALL_AM_52, RELEASE(6, 19, 6),
	  RELEASE(7, 1, 0) },
	/* When ATS began to stay on is not known. */
	{ IOMMUNEST_VTD_KERNEL_FAULT_NO_NESTED_ATS, RELEASE(6, 12, 0),
	  RELEASE(6, 13, 0) },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Moves *@text past a number; false: there is none, or it is too large. */
static bool read_number(const char **text, uint32_t *number)
{
	if (!is_digit(**text))
		return false;
	for (*number = 0; is_digit(**text); (*text)++) {
		*number = *number * 10 + (uint32_t)(**text - '0');
		if (*number > NUMBER_MAX)
			return false;
	}
	return true;
}

static bool read_release(const char *text, uint64_t *release)
{
	uint32_t major, minor, patch = 0;

	if (!read_number(&text, &major) || *text++ != '.' ||
	    !read_number(&text, &minor))
		return false;
	if (*text == '.') {
		text++;
		if (!read_number(&text, &patch))
			return false;
	}
	*release = RELEASE(major, minor, patch);
	return true;
}

EXPORT int iommunest_vtd_kernel_faults(const char *release, uint64_t *faults)
{
	uint64_t number, found = 0;
	size_t i;

	if (!release || !faults || !read_release(release, &number))
		return -EINVAL;
	for (i = 0; i < ARRAY_LEN(ranges); i++) {
		if (number >= ranges[i].first && number < ranges[i].end)
			found |= ranges[i].fault;
	}
	*faults = found;
	return __builtin_popcountll(found);
}

EXPORT const char *iommunest_vtd_kernel_fault_text(uint64_t fault)
{
	switch (fault) {
	case IOMMUNEST_VTD_KERNEL_FAULT_PLAIN_IOTLB:
		return "nested invalidations are sent as plain IOTLB "
		       "descriptors: stage-1 translations stay cached";
	case IOMMUNEST_VTD_KERNEL_FAULT_ALL_AM_52:
		return "a flush of everything is sent page-selective with an "
		       "address mask of 52, which hardware may refuse";
	case IOMMUNEST_VTD_KERNEL_FAULT_NO_NESTED_ATS:
		return "ATS is off in nested mode: no device has a device TLB";
	default:
		return "unknown";
	}
}
