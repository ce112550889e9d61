/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Kernels with a known fault: both sides of each border, and odd releases. */
#include <errno.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/support.h"

#define PLAIN IOMMUNEST_VTD_KERNEL_FAULT_PLAIN_IOTLB
#define ALL_52 IOMMUNEST_VTD_KERNEL_FAULT_ALL_AM_52
#define NO_ATS IOMMUNEST_VTD_KERNEL_FAULT_NO_NESTED_ATS

static const struct {
	const char *release;
	uint64_t faults;
} known[] = {
	{ "0.0", 0 },
	{ "5.15.0", 0 },
	{ "6.8", 0 },
	{ "6.9.65535", 0 },
	{ "6.10", ALL_52 },
	{ "6.11.11", ALL_52 },
	{ "6.12", ALL_52 | NO_ATS },
	{ "6.12.117", ALL_52 | NO_ATS },
	{ "6.12.65535", ALL_52 | NO_ATS },
	{ "6.13", ALL_52 },
	{ "6.16", ALL_52 },
	{ "6.16.7", ALL_52 },
	{ "6.16.8", PLAIN },
	{ "6.16.12", PLAIN },
	{ "6.17", PLAIN },
	{ "6.17.13", PLAIN },
	{ "6.18", PLAIN },
	{ "6.18.15", PLAIN },
	{ "6.18.16", ALL_52 },
	{ "6.18.65535", ALL_52 },
	{ "6.19", PLAIN },
	{ "6.19.5", PLAIN },
	{ "6.19.6", ALL_52 },
	{ "7.0", ALL_52 },
	{ "7.0.65535", ALL_52 },
	{ "7.1", 0 },
	{ "7.3.4", 0 },
	{ "65535.65535.65535", 0 },
	/* What comes after the numbers does not count. */
	{ "6.18.3-amd64", PLAIN },
	{ "6.18.15+deb14-amd64", PLAIN },
	{ "6.18-rc3", PLAIN },
	{ "6.18.16.99", ALL_52 },
	{ "6.17.0-5-generic", PLAIN },
	{ "6.18.3_1", PLAIN },
	{ "6.018.003", PLAIN },
	{ "7.3.4\n", 0 },
};

TEST_LOOP(a_kernel_has_its_faults, ARRAY_LEN(known))
{
	uint64_t faults = ~UINT64_C(0);
	int ret = iommunest_vtd_kernel_faults(known[_i].release, &faults);

	ck_assert_msg(faults == known[_i].faults, "%s: %#llx",
		      known[_i].release, (unsigned long long)faults);
	ck_assert_int_eq(ret, __builtin_popcountll(known[_i].faults));
}

static const char *const no_releases[] = {
	"",
	"6",
	"6.",
	".6",
	"6.x",
	"v6.18",
	" 6.18",
	"-6.18",
	"+6.18",
	"6-18",
	"6.18.",
	"6.18.x",
	"6.18.-1",
	"6..18",
	"65536.1",
	"6.65536",
	"6.18.65536",
	"linux",
	"6.18.4294967299",
	"4294967302.18",
	"0x6.18",
};

TEST_LOOP(what_is_no_release_is_einval, ARRAY_LEN(no_releases))
{
	uint64_t faults = 77;

	ck_assert_int_eq(iommunest_vtd_kernel_faults(no_releases[_i], &faults),
			 -EINVAL);
	ck_assert_uint_eq(faults, 77);
}

TEST(null_is_einval)
{
	uint64_t faults = 77;

	ck_assert_int_eq(iommunest_vtd_kernel_faults(NULL, &faults), -EINVAL);
	ck_assert_uint_eq(faults, 77);
	ck_assert_int_eq(iommunest_vtd_kernel_faults("6.18", NULL), -EINVAL);
}

TEST_LOOP(each_single_fault_has_a_text, 64)
{
	uint64_t fault = UINT64_C(1) << _i;
	bool is_known = fault & (PLAIN | ALL_52 | NO_ATS);
	const char *text = iommunest_vtd_kernel_fault_text(fault);

	ck_assert_int_eq(strcmp(text, "unknown") != 0, is_known);
}

TEST(no_other_fault_has_a_text)
{
	ck_assert_str_eq(iommunest_vtd_kernel_fault_text(0), "unknown");
	ck_assert_str_eq(iommunest_vtd_kernel_fault_text(PLAIN | ALL_52),
			 "unknown");
}
