/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Linux's driver in front of an engine whose VMM asked for ITE: all that can
 * come between a failure and the wait that shows it.
 */
#include <errno.h>

#include "tests/harness/support.h"
#include "tests/queue/linux-rows.h"

#define ITE IOMMUNEST_VTD_FSTS_ITE
#define ICE IOMMUNEST_VTD_FSTS_ICE
#define IQE IOMMUNEST_VTD_FSTS_IQE

/* The page fails, and then all pages: once, so that it is well later. */
#define FAILS_ONCE(number) \
	LINUX_ENTRY(number, -EIO, 1), LINUX_ALL(number, -EIO, 1)
#define SHOWN_AS_ITE \
	.isolate = LINUX_ISOLATE_FAILS, .unhealed = IOMMUNEST_VTD_UNHEALED_ITE

static const struct linux_row rows[] = {
	{
		.name = "at the second of three",
		.job = { PAGE, BAD, PAGE },
		.did = 1,
		.rules = { FAILS_ONCE(VMM_HWPT) },
		SHOWN_AS_ITE,
		.wanted = LINUX_ALL_DONE,
		.told = true,
		.shown = ITE,
		.isolated = VMM_BIT(VMM_HWPT),
	},
	{
		.name = "the tail before any wait",
		.job = { PAGE, BAD, PAGE },
		.did = 1,
		.rules = { FAILS_ONCE(VMM_HWPT) },
		SHOWN_AS_ITE,
		.kicks_each = true,
		.wanted = LINUX_ALL_DONE,
		.told = true,
		.shown = ITE,
		.isolated = VMM_BIT(VMM_HWPT),
	},
	{
		.name = "a wait with FN only after it",
		.job = { BAD, FENCE, PAGE },
		.did = 1,
		.rules = { FAILS_ONCE(VMM_HWPT) },
		SHOWN_AS_ITE,
		.wanted = LINUX_ALL_DONE,
		.told = true,
		.shown = ITE,
		.isolated = VMM_BIT(VMM_HWPT),
	},
	{
		.name = "the same, and the tail after the wait with FN",
		.job = { BAD, FENCE, PAGE },
		.did = 1,
		.rules = { FAILS_ONCE(VMM_HWPT) },
		SHOWN_AS_ITE,
		.kicks_each = true,
		.wanted = LINUX_ALL_DONE,
		.told = true,
		.shown = ITE,
		.isolated = VMM_BIT(VMM_HWPT),
	},
	{
		.name = "within a drain of page requests",
		.job = { FENCE, BAD, DEV_TLB },
		.did = 1,
		.rules = { FAILS_ONCE(VMM_HWPT) },
		SHOWN_AS_ITE,
		.wanted = LINUX_ALL_DONE,
		.told = true,
		.shown = ITE,
		.isolated = VMM_BIT(VMM_HWPT),
	},
	{
		.name = "the drain itself",
		.job = { FENCE, PAGE, DEV_TLB },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_WAIT, -EIO, 1, false },
		SHOWN_AS_ITE,
		.wanted = LINUX_ALL_DONE,
		.told = true,
		.shown = ITE,
	},
	{
		.name = "a second failure of the same target",
		.job = { BAD, FOREIGN, BAD },
		.did = 1,
		.rules = { LINUX_ENTRY(VMM_HWPT, -EIO, 2),
			   LINUX_ALL(VMM_HWPT, -EIO, 2) },
		SHOWN_AS_ITE,
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "a second failure, of another target",
		.job = { BAD, FOREIGN, OTHER },
		.did = 1,
		.rules = { FAILS_ONCE(VMM_HWPT),
			   LINUX_ANY_ENTRY(VMM_HWPT + 1, -EPERM, 2) },
		SHOWN_AS_ITE,
		.wanted = LINUX_ALL_DONE,
		.told = true,
		.shown = ITE,
		.isolated = VMM_BIT(VMM_HWPT) | VMM_BIT(VMM_HWPT + 1),
	},
	{
		.name = "a second failure, of the VMM",
		.job = { BAD, FOREIGN, PAGE },
		.did = 1,
		.rules = { FAILS_ONCE(VMM_HWPT) },
		.answer = { IOMMUNEST_VTD_DESC_DEV_TLB, -ETIMEDOUT, 1, false },
		SHOWN_AS_ITE,
		.wanted = LINUX_ALL_DONE,
		.told = true,
		.shown = ITE,
		.isolated = VMM_BIT(VMM_HWPT),
	},
	{
		.name = "both contexts at one slot",
		.job = { PAGE, BAD },
		.did = 4,
		.rules = { FAILS_ONCE(VMM_HWPT + 4), FAILS_ONCE(VMM_FAR) },
		SHOWN_AS_ITE,
		.wanted = LINUX_ALL_DONE,
		.told = true,
		.shown = ITE,
		.isolated = VMM_BIT(VMM_HWPT + 4) | VMM_BIT(VMM_FAR),
	},
	{
		.name = "the other context, with PASIDs",
		.job = { PAGE_A, BAD, PAGE_A },
		.did = VMM_PASID_DID,
		.rules = { FAILS_ONCE(VMM_FAR_PASID) },
		SHOWN_AS_ITE,
		.wanted = LINUX_ALL_DONE,
		.told = true,
		.shown = ITE,
		.isolated = VMM_BIT(VMM_FAR_PASID),
	},
	{
		.name = "the other context, always",
		.job = { PAGE, BAD },
		.did = 4,
		.rules = { LINUX_ANY_ENTRY(VMM_FAR, -EIO, 0) },
		SHOWN_AS_ITE,
		.wanted = LINUX_FOREVER,
	},
	/* Linux repairs only what is at the beginning of a submission. */
	{
		.name = "the guest's own fault",
		.job = { BAD, WRONG, PAGE },
		.did = 1,
		.rules = { FAILS_ONCE(VMM_HWPT) },
		SHOWN_AS_ITE,
		.wanted = LINUX_FOREVER,
		.told = true,
		.shown = IQE,
		.isolated = VMM_BIT(VMM_HWPT),
	},
	/* The guest clears ITE, and submits again before it looks for ICE. */
	{
		.name = "an unexpected completion after it",
		.job = { BAD, FOREIGN, PAGE },
		.did = 1,
		.rules = { FAILS_ONCE(VMM_HWPT) },
		.answer = { IOMMUNEST_VTD_DESC_DEV_TLB, -EREMOTEIO, 0, true },
		SHOWN_AS_ITE,
		.wanted = LINUX_ALL_DONE,
		.told = true,
		.shown = ITE | ICE,
		.isolated = VMM_BIT(VMM_HWPT),
	},
	{
		.name = "an unexpected completion before it",
		.job = { FOREIGN, BAD, PAGE },
		.did = 1,
		.rules = { FAILS_ONCE(VMM_HWPT) },
		.answer = { IOMMUNEST_VTD_DESC_DEV_TLB, -EREMOTEIO, 0, true },
		SHOWN_AS_ITE,
		.wanted = LINUX_ALL_DONE,
		.told = true,
		.shown = ITE | ICE,
		.isolated = VMM_BIT(VMM_HWPT),
	},
	/* What heals shows nothing. */
	{
		.name = "healed",
		.job = { PAGE, BAD, PAGE },
		.did = 4,
		.rules = { LINUX_ENTRY(VMM_FAR, -EREMOTEIO, 0) },
		SHOWN_AS_ITE,
		.wanted = LINUX_ALL_DONE,
		.told = true,
		.healed = VMM_BIT(VMM_FAR),
	},
	{
		.name = "always, and isolated",
		.job = { PAGE, BAD, PAGE },
		.did = 4,
		.rules = { LINUX_ANY_ENTRY(VMM_FAR, -EIO, 0) },
		.unhealed = IOMMUNEST_VTD_UNHEALED_ITE,
		.isolate = LINUX_ISOLATE_WORKS,
		.wanted = LINUX_ALL_DONE,
		.told = true,
		.isolated = VMM_BIT(VMM_FAR),
	},
};

TEST_LOOP(what_comes_before_the_wait_that_shows_it, 2 * ARRAY_LEN(rows))
{
	linux_row_run(&rows[_i / 2], _i & 1 ? LINUX_EXACT : LINUX_BY_TWO);
}
