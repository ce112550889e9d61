/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The host fails on what comes before an ordering point, and nothing heals it:
 * the queue halts there, and what is at the ordering point does not happen.
 */
#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"

/* With so many HWPTs, ... */
#define HWPTS 33u
/* ... so many IOTLB descriptors are settled before one more is gathered. */
#define WIDE 500u

static struct rig rig;

static int no_device(void *vmm, uint16_t sid, uint32_t pasid, uint32_t nth,
		     struct iommunest_vtd_target *target)
{
	(void)vmm;
	(void)sid;
	(void)pasid;
	(void)nth;
	(void)target;
	return -EPERM;
}

static int unknown_device(void *vmm, uint16_t sid, uint32_t pasid, uint32_t nth,
			  struct iommunest_vtd_target *target)
{
	(void)vmm;
	(void)sid;
	(void)pasid;
	(void)nth;
	(void)target;
	return 0;
}

static void open_halting(int (*device)(void *vmm, uint16_t sid, uint32_t pasid,
				       uint32_t nth,
				       struct iommunest_vtd_target *target))
{
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.unhealed = IOMMUNEST_VTD_UNHEALED_HALT,
		.budget = IOMMUNEST_VTD_IQ_NO_BUDGET,
	};
	struct iommunest_vtd_iq_ops ops = caching_guest_ops;
	uint32_t i;

	ops.device = device;
	rig_open_with(&rig, &ops, &options);
	rig_set_base(&rig, RIG_BASE, 3);
	for (i = 3; i < HWPTS; i++)
		rig_add(&rig, 5, i, 100 + i);
	host_fail(&rig.host, (struct host_rule){ .fault = HOST_FAIL_ENTRY,
						 .error = -EIO,
						 .hwpt_id = 10,
						 .addr = HOST_ANY_ADDR });
}

static void tear_down(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, tear_down);

/* ---- What is there ---- */

static void put_vmms(void)
{
	rig_put(&rig, guest_vmms(0));
}

static void put_drain(void)
{
	rig_put(&rig, guest_wait(IOMMUNEST_VTD_DESC_SW | IOMMUNEST_VTD_DESC_PD,
				 RIG_STATUS, 1));
}

static void put_dev_tlb(void)
{
	rig_put(&rig, guest_dev_tlb(0x18, 0x1000, 0));
}

static void put_wide(uint32_t count)
{
	while (count--)
		rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
}

static void put_wide_and_one(void)
{
	put_wide(WIDE);
}

static void put_wide_and_dev_tlb(void)
{
	put_wide(WIDE - 3);
	put_dev_tlb();
}

static void put_wrong(void)
{
	rig_put(&rig, guest_typed(15));
}

static const struct {
	void (*put)(void);
	int (*device)(void *vmm, uint16_t sid, uint32_t pasid, uint32_t nth,
		      struct iommunest_vtd_target *target);
} rows[] = {
	{ put_vmms, NULL },
	{ put_drain, NULL },
	/* Of a device that nobody has, or that cannot be asked about. */
	{ put_dev_tlb, NULL },
	{ put_dev_tlb, unknown_device },
	{ put_dev_tlb, no_device },
	{ put_wide_and_one, NULL },
	{ put_wide_and_dev_tlb, NULL },
	{ put_wide_and_dev_tlb, no_device },
	{ put_wrong, NULL },
};

static void nothing_happened_after_the_page(void)
{
	uint32_t i;

	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 0, -EIO);
	ck_assert_uint_eq(rig.result.fsts, 0);
	ck_assert_uint_eq(rig.result.descriptors, 0);
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_STATUS), 0);
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_DESCRIPTOR), 0);
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_FORWARDED), 0);
	/* What was gathered for others went, and once. */
	for (i = 3; i < HWPTS; i++)
		ck_assert_uint_le(host_calls_to(&rig.host, 100 + i), 1);
}

TEST_LOOP(a_failure_before_it_comes_first, ARRAY_LEN(rows))
{
	open_halting(rows[_i].device);
	rig_page(&rig, 0x1000);
	rows[_i].put();
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	nothing_happened_after_the_page();
	/* And all of it happens once it is healed. */
	host_heal(&rig.host);
	iommunest_vtd_iq_clear_fault(rig.iq);
	rig_kick(&rig);
	ck_assert_uint_ge(host_calls_to(&rig.host, 10), 1);
	ck_assert_uint_ge(rig.result.descriptors, 1);
}
