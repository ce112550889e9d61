/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Which HWPTs a scope leads to, between runs and within one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"
#include "tests/harness/target.h"

static struct rig rig;

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

/* ---- Scopes ---- */

TEST(a_scope_may_be_added_once)
{
	rig_open(&rig, NULL);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 1, 5,
						    TARGET(rig.ctx, 11)),
			 -EEXIST);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 1, 5,
						    TARGET(rig.ctx, 12)),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 1, 6,
						    TARGET(rig.ctx, 11)),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 5, 5,
						    TARGET(rig.ctx, 11)),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 5, 5,
						    TARGET(rig.ctx, 11)),
			 -EEXIST);
	rig_put(&rig, guest_piotlb_all(1, 5));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 11x1, call 12x1");
}

TEST(a_pasid_has_20_bits)
{
	rig_open(&rig, NULL);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 1, 1u << 20,
						    TARGET(rig.ctx, 13)),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 1, UINT32_MAX,
						    TARGET(rig.ctx, 13)),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 1, 0xfffff,
						    TARGET(rig.ctx, 13)),
			 0);
}

/* More than there is room for at first, several times over. */
#define SCOPES 500u

TEST(the_table_grows_with_what_is_added)
{
	uint32_t i;

	rig_open(&rig, NULL);
	for (i = 0; i < SCOPES; i++)
		rig_add(&rig, 7, i, 1000 + i);
	for (i = 0; i < SCOPES; i++) {
		char want[32];

		rig_put(&rig, guest_piotlb_all(7, i));
		ck_assert_int_eq(rig_kick(&rig), 0);
		snprintf(want, sizeof(want), "call %ux1", 1000 + i);
		rig_tells(&rig, want);
	}
}

/* The same HWPT id in two contexts is two targets, each with its context. */
TEST(a_target_is_a_context_and_an_hwpt)
{
	struct iommunest_vtd_target target;
	struct iommunest_ctx *other;

	rig_open(&rig, NULL);
	other = host_open(&rig.host);
	target = *TARGET(other, 10);
	target.cookie = 77;
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 7, 1, &target), 0);
	rig_add(&rig, 7, 1, 10);
	rig_put(&rig, guest_piotlb_all(7, 1));
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(rig.result.calls, 2);
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, 10)),
			 0);
	rig_put(&rig, guest_piotlb_all(7, 1));
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(rig.result.calls, 1);
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, &target), 0);
	iommunest_close(other);
}

TEST(a_target_keeps_its_cookie_until_it_is_forgotten)
{
	struct iommunest_vtd_target target;

	rig_open(&rig, NULL);
	target = *TARGET(rig.ctx, 10);
	target.cookie = 99;
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 7, 1, &target),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, &target), 0);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 7, 1, &target), 0);
}

TEST(a_target_without_a_context_is_refused)
{
	struct iommunest_vtd_target target;

	rig_open(&rig, NULL);
	target = *TARGET(NULL, 10);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 7, 1, &target),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 7, 1, NULL),
			 -EINVAL);
	target = *TARGET(rig.ctx, 10);
	target.reserved = 1;
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 7, 1, &target),
			 -EINVAL);
}

TEST(a_removed_scope_leaves_the_others)
{
	rig_open(&rig, NULL);
	rig_add(&rig, 1, 0, 12);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 1, 0,
						       TARGET(rig.ctx, 11)),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 1, 1,
						       TARGET(rig.ctx, 12)),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 3, 0,
						       TARGET(rig.ctx, 12)),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 1, 1u << 20,
						       TARGET(rig.ctx, 12)),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 1,
						       IOMMUNEST_VTD_NO_PASID,
						       TARGET(rig.ctx, 12)),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 1, 0,
						       TARGET(rig.ctx, 12)),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 1, 0,
						       TARGET(rig.ctx, 12)),
			 -ENOENT);
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_put(&rig, guest_piotlb_all(2, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1, call 12x1");
	/* Its last one: now it is unknown. */
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 2, 0,
						       TARGET(rig.ctx, 12)),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, 12)),
			 -ENOENT);
	rig_put(&rig, guest_piotlb_all(2, 0));
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "vmm 2, call 10x1, call 11x1");
}

TEST(a_removed_hwpt_gets_nothing_any_more)
{
	rig_open(&rig, NULL);
	rig_add(&rig, 1, 7, 10);
	rig_add(&rig, 1, 7, 12);
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, 10)),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, 10)),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, 99)),
			 -ENOENT);
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_put(&rig, guest_piotlb_all(1, 7));
	rig_put(&rig, guest_piotlb_all(1, 5));
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "vmm 0, call 12x1, call 11x1, covered 3@11, "
			"covered 3@12");
	/* And may come back. */
	rig_add(&rig, 1, 0, 10);
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_put(&rig, guest_piotlb_all(1, 7));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1, call 12x1");
}

#define MANY 1000u

/* Few domains, and few PASIDs, so that both matter; no two scopes alike. */
static struct guest_desc desc_of_many(uint32_t nth, bool wrong)
{
	return guest_piotlb_all((uint16_t)(nth % 32),
				nth / 32 * 512 + (wrong ? 1 : 0));
}

static void kick_many(const char *what)
{
	uint32_t i, call = 0;

	for (i = 0; i < MANY; i++)
		rig_put(&rig, desc_of_many(i, false));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	for (i = 0; i < MANY; i++) {
		if (*what == 'h' && i % 2)
			continue;
		ck_assert_uint_lt(call, rig.host.n_calls);
		ck_assert_uint_eq(rig.host.calls[call].hwpt_id, 5000 + i);
		ck_assert_uint_eq(rig.host.calls[call++].count, 1);
	}
	ck_assert_uint_eq(call, rig.host.n_calls);
	ck_assert_uint_eq(rig.result.vmm, MANY - call);
}

TEST(a_thousand_scopes_are_told_apart)
{
	uint32_t i;

	rig_open(&rig, &(struct rig_setup){ .qs = 4 });
	for (i = 10; i < 13; i++)
		ck_assert_int_eq(
			iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, i)), 0);
	for (i = 0; i < MANY; i++)
		rig_add(&rig, (uint16_t)(i % 32), i / 32 * 512, 5000 + i);
	kick_many("all");
	for (i = 0; i < MANY; i++)
		rig_put(&rig, desc_of_many(i, true));
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(rig.result.vmm, MANY);
	ck_assert_uint_eq(rig.host.n_calls, 0);
	for (i = 1; i < MANY; i += 2)
		ck_assert_int_eq(iommunest_vtd_iq_forget(
					 rig.iq, TARGET(rig.ctx, 5000 + i)),
				 0);
	kick_many("half");
}

/* ---- Changing scopes within a run ---- */

static int add_13(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	if (event->kind == GUEST_DESCRIPTOR)
		rig_add(&rig, 4, 4, 13);
	return 0;
}

TEST(the_vmm_may_add_an_hwpt_within_a_run)
{
	rig_open(&rig, NULL);
	rig.guest.hook = add_13;
	rig_page(&rig, 0x1000);
	rig_vmm(&rig);
	rig_put(&rig, guest_piotlb_all(4, 4));
	rig_page(&rig, 0x2000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, vmm 1, call 13x1, call 10x1");
}

static int remove_10(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	if (event->kind == GUEST_DESCRIPTOR && event->index == 1)
		ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq,
							 TARGET(rig.ctx, 10)),
				 0);
	return 0;
}

TEST(the_vmm_may_remove_an_hwpt_within_a_run)
{
	rig_open(&rig, NULL);
	rig.guest.hook = remove_10;
	rig_page(&rig, 0x1000);
	rig_vmm(&rig);
	rig_page(&rig, 0x2000);
	rig_page_of(&rig, 11, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, vmm 1, vmm 2, call 11x1");
}
