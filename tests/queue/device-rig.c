/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "tests/queue/device-rig.h"

struct rig rig;

void open_setup(const struct rig_setup *setup)
{
	rig_open(&rig, setup);
	rig_add_device(&rig, PLAIN, NO_PASID, 10);
	rig_add_device(&rig, MANY, 0, 11);
	rig_add_device(&rig, MANY, 5, 11);
	rig_add_device(&rig, MANY, 0xfffff, 12);
}

void open_usual(void)
{
	open_setup(&(struct rig_setup){ .qs = 0 });
}

void open_with(enum iommunest_policy policy, uint32_t limits)
{
	open_setup(&(struct rig_setup){
		.policy = policy,
		.limits = {
			.size = sizeof(struct iommunest_vtd_limits),
			.flags = limits,
		},
	});
}

uint32_t put_dev(uint64_t addr, unsigned int am)
{
	return rig_put(&rig, guest_dev_tlb(PLAIN, addr, am));
}

uint32_t put_block(uint64_t addr, unsigned int am)
{
	return rig_put(&rig, guest_piotlb_pages(1, 0, addr, am, false));
}

void kick(const char *story)
{
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, story);
}

void fail_entry(uint32_t hwpt_id, uint64_t addr, int error)
{
	host_fail(&rig.host, (struct host_rule){
				     .fault = HOST_FAIL_ENTRY,
				     .error = error,
				     .hwpt_id = hwpt_id,
				     .addr = addr,
			     });
}

void goes_on(const char *story)
{
	host_heal(&rig.host);
	iommunest_vtd_iq_clear_fault(rig.iq);
	kick(story);
}
