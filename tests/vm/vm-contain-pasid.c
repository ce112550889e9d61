/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * PASIDs of a device that does not answer, which a test-only patch claims for
 * it: their TLB is the device's, they are cut off with it, and come back with
 * it.  Invalidations of a device's TLB by PASID take QEMU 10.0.
 */
#include "contain.h"

#include "inject.h"

#include "tests/harness/support.h"

#include <errno.h>
#include <stdlib.h>

#define PASID 5u

static struct user *const user = &user_a;

static uint32_t stage_with_pasids(unsigned int nth)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.pgtbl_addr = CONTAIN_IOVA + nth * CONTAIN_PAGE,
		.addr_width = 48,
		.hwpt_flags = IOMMUNEST_HWPT_PASID,
	};
	uint32_t id;

	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(user->ctx, user->dev,
						  user->parent, &s1, &id),
			 0);
	return id;
}

static int attach_pasid(uint32_t id)
{
	return iommunest_vfio_attach_pasid(user->ctx, user->fd, PASID, &id);
}

static int detach_pasid(void)
{
	return iommunest_vfio_detach_pasid(user->ctx, user->fd, PASID);
}

/* What the PASID is attached to; user->nested is the device's own. */
static uint32_t of_pasid, another;

static void begin(void)
{
	contain_begin();
	user_begin(user, contain_address(0));
	user->nested = stage_with_pasids(2);
	of_pasid = stage_with_pasids(3);
	another = stage_with_pasids(4);
	ck_assert_int_eq(user_attach(user, user->nested), 0);
	ck_assert_int_eq(attach_pasid(of_pasid), 0);
}

FIXTURE(begin, contain_end);

/* Its invalidations, of user->nested as long as that is the PASID's. */
static bool pasid_works(void)
{
	const uint32_t own = user->nested;
	const struct event *events;
	unsigned int count, found = 0, i;
	bool ok;

	user->nested = of_pasid;
	history_begin();
	ok = user_can_invalidate(user, 4);
	user->nested = own;
	count = history_end(&events);
	for (i = 0; i < count; i++)
		found += event_type(&events[i]) == 8 &&
			 event_devtlb_sid(&events[i]) == user->sid;
	return ok && found >= 4;
}

static void contain_by_pasid(void)
{
	const uint32_t own = user->nested;

	user->nested = of_pasid;
	contain(user);
	user->nested = own;
}

TEST(a_time_out_of_a_pasids_tlb_cuts_the_device_off)
{
	ck_assert(pasid_works());
	contain_by_pasid();
	ck_assert(!pasid_works());
	ck_assert_int_eq(user_reset(user), 0);
	ck_assert(device_works(user));
	ck_assert(pasid_works());
}

TEST(a_pasid_is_not_attached_to_anything_new_before_the_reset)
{
	contain(user);
	ck_assert_int_eq(attach_pasid(another), -EBUSY);
	ck_assert_int_eq(detach_pasid(), 0);
	ck_assert_int_eq(attach_pasid(of_pasid), -EBUSY);
	ck_assert_int_eq(user_reset(user), 0);
	ck_assert(!pasid_works());
	ck_assert_int_eq(attach_pasid(of_pasid), 0);
	ck_assert(pasid_works());
	ck_assert(device_works(user));
}

TEST(a_pasid_of_a_silent_device_is_detached)
{
	const uint64_t blocked = inject_get("blocked");

	device_falls_silent(user);
	ck_assert_int_eq(detach_pasid(), 0);
	ck_assert_uint_eq(inject_get("blocked"), blocked + 1);
	ck_assert(!device_is_let_in(user));
	device_answers(user);
	ck_assert_int_eq(user_reset(user), 0);
	ck_assert(device_works(user));
}

int main(int argc, char **argv)
{
	if (!contain_can_be_tested())
		return 77;
	/* What one leaves behind, the next one finds. */
	setenv("CK_FORK", "no", 1);
	return support_run(argc, argv);
}
