/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Devices that the VMM names when it is asked, by ops.device. */
#include <errno.h>
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"
#include "tests/harness/target.h"

#define NO_PASID IOMMUNEST_VTD_NO_PASID
#define ALL_PASIDS IOMMUNEST_VTD_ALL_PASIDS

static struct rig rig;

/* What the VMM knows of its devices. */
static struct device {
	uint16_t sid;
	uint32_t pasid;
	uint32_t hwpt_id;
} devices[8];
static uint32_t n_devices;
/* The answer in place of all that. */
static int error;
static uint32_t endless;
static bool grows;

static bool is_asked_for(const struct device *device, uint16_t sid,
			 uint32_t pasid)
{
	return device->sid == sid &&
	       (pasid == ALL_PASIDS || pasid == device->pasid);
}

static int tell_device(void *vmm, uint16_t sid, uint32_t pasid, uint32_t nth,
		       struct iommunest_vtd_target *target)
{
	uint32_t i;

	ck_assert_ptr_eq(vmm, &rig.guest);
	ck_assert_uint_eq(target->size, sizeof(*target));
	if (grows)
		for (i = 0; i < 50; i++)
			rig_add(&rig, 1, 100 + nth, 200 + 50 * nth + i);
	for (i = 0; i < n_devices; i++) {
		if (!is_asked_for(&devices[i], sid, pasid) || nth--)
			continue;
		target->ctx = rig.ctx;
		target->hwpt_id = devices[i].hwpt_id;
		return 1;
	}
	if (endless) {
		target->ctx = rig.ctx;
		target->hwpt_id = endless;
		return 1;
	}
	return error;
}

static void knows(uint16_t sid, uint32_t pasid, uint32_t hwpt_id)
{
	devices[n_devices++] = (struct device){ sid, pasid, hwpt_id };
}

static void open_asking(uint32_t unhealed)
{
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.unhealed = unhealed,
		.budget = IOMMUNEST_VTD_IQ_NO_BUDGET,
	};
	struct iommunest_vtd_iq_ops ops = caching_guest_ops;

	ops.device = tell_device;
	rig_open_with(&rig, &ops, &options);
}

static void set_up(void)
{
	memset(devices, 0, sizeof(devices));
	n_devices = endless = 0;
	grows = false;
	error = 0;
	open_asking(IOMMUNEST_VTD_UNHEALED_HALT);
}

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(set_up, teardown);

static void kick(const char *story)
{
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, story);
}

TEST(each_question_has_its_answer)
{
	knows(7, NO_PASID, 10);
	knows(7, 5, 11);
	knows(8, NO_PASID, 12);
	rig_put(&rig, guest_dev_tlb(7, 0x1000, 0));
	rig_put(&rig, guest_pasid_dev_tlb(7, 5, 0x1000, 0));
	rig_put(&rig, guest_dev_tlb(8, 0x1000, 0));
	kick("call 10x1, call 11x1, call 12x1, forwarded 0, forwarded 1, "
	     "forwarded 2");
	rig_entry(&rig, 0, 0, 0x1000, 1, IOMMUNEST_VTD_LEAF);
	/* All PASIDs of a device. */
	rig_put(&rig, guest_pasids_dev_tlb(7, 0x2000, 0));
	kick("call 10x1, call 11x1, forwarded 3");
	/* Others are the VMM's. */
	rig_put(&rig, guest_pasid_dev_tlb(7, 6, 0x1000, 0));
	rig_put(&rig, guest_dev_tlb(9, 0x1000, 0));
	kick("vmm 4, vmm 5");
}

TEST(buses_may_be_renumbered)
{
	knows(0x100, NO_PASID, 10);
	rig_put(&rig, guest_dev_tlb(0x100, 0x1000, 0));
	kick("call 10x1, forwarded 0");
	devices[0].sid = 0x200;
	rig_put(&rig, guest_dev_tlb(0x100, 0x1000, 0));
	rig_put(&rig, guest_dev_tlb(0x200, 0x1000, 0));
	kick("vmm 1, call 10x1, forwarded 2");
}

TEST(an_entry_before_covers_it_as_ever)
{
	knows(7, NO_PASID, 10);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_dev_tlb(7, 0x1000, 0));
	rig_wait(&rig);
	kick("call 10x1, forwarded 0, covered 1@10, forwarded 1, status 2");
}

TEST(a_target_counts_once)
{
	knows(7, 0, 10);
	knows(7, 5, 10);
	knows(7, 6, 11);
	rig_put(&rig, guest_pasids_dev_tlb(7, 0x1000, 0));
	kick("call 10x1, call 11x1, forwarded 0");
}

TEST(such_an_engine_has_no_table_of_devices)
{
	ck_assert_int_eq(iommunest_vtd_iq_add_device(rig.iq, 7, NO_PASID,
						     TARGET(rig.ctx, 10)),
			 -EINVAL);
}

/* ---- Answers that are failures ---- */

static void halts(int why)
{
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_pasids_dev_tlb(7, 0x1000, 0));
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), why);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, why);
	rig_counts(&rig, (struct rig_counts){ .descriptors = 1,
					      .forwarded = 1,
					      .entries = rig.result.entries,
					      .calls = rig.result.calls });
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_DESCRIPTOR), 0);
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_FORWARDED), 1);
	/* It asks again. */
	error = 0;
	endless = 0;
	n_devices = 0;
	knows(7, NO_PASID, 12);
	iommunest_vtd_iq_clear_fault(rig.iq);
	kick("call 12x1, forwarded 1, status 2");
}

TEST(a_failure_halts_the_queue)
{
	error = -ENODEV;
	halts(-ENODEV);
}

TEST(so_does_one_after_the_first_target)
{
	knows(7, 0, 12);
	error = -ENODEV;
	halts(-ENODEV);
}

/* A flush for it would be lost without a word. */
TEST(a_target_without_a_scope_is_a_failure)
{
	knows(7, 0, 12);
	knows(7, 1, 99);
	halts(-ENOENT);
}

TEST(a_list_without_an_end_is_a_failure)
{
	endless = 12;
	halts(-E2BIG);
}

/* It is asked who has to flush, and cannot say that it is done. */
TEST(eremoteio_is_a_failure_like_any_other)
{
	knows(7, 0, 12);
	error = -EREMOTEIO;
	halts(-EREMOTEIO);
}

TEST(a_failure_can_be_shown_as_ite)
{
	rig_end(&rig);
	open_asking(IOMMUNEST_VTD_UNHEALED_ITE);
	error = -ENODEV;
	rig_put(&rig, guest_dev_tlb(7, 0x1000, 0));
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), -ENODEV);
	ck_assert_uint_eq(rig.result.fsts, IOMMUNEST_VTD_FSTS_ITE);
	ck_assert_uint_eq(rig.result.iqh, 2 << 5);
	rig_tells(&rig, "");
	/* The slot is done, and `descriptor` was not given it. */
	ck_assert_uint_eq(rig.result.descriptors, 2);
	ck_assert_uint_eq(rig.result.vmm, 0);
}

/* It may add what it names; the tables grow while it is asked. */
TEST(tables_may_grow_while_it_is_asked)
{
	uint32_t i;

	grows = true;
	for (i = 0; i < 4; i++)
		knows(7, i, 200 + 50 * i);
	for (i = 0; i < 3; i++)
		rig_page(&rig, (uint64_t)i << 12);
	rig_put(&rig, guest_pasids_dev_tlb(7, 0x9000, 0));
	kick("call 10x3, call 200x1, call 250x1, call 300x1, call 350x1, "
	     "forwarded 0, forwarded 1, forwarded 2, forwarded 3");
}

/* Their number is the VMM's, and their items find room all the same. */
TEST(a_ring_of_them_finds_room)
{
	const uint32_t slots = 16384;
	uint32_t i;

	rig_set_base(&rig, RIG_BASE, 7);
	for (i = 0; i < ARRAY_LEN(devices); i++) {
		rig_add(&rig, 3, i, 20 + i);
		knows(7, i, 20 + i);
	}
	for (i = 0; i < slots - 1; i++)
		rig_put(&rig, guest_pasids_dev_tlb(7, (uint64_t)i << 12, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.entries, 8 * (slots - 1));
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_FORWARDED), slots - 1);
	ck_assert_uint_le(rig.result.calls, 8 * 20);
}
