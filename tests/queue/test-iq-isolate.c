/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A VMM that takes a target apart within `isolate`: on the simulator, where an
 * HWPT cannot be destroyed while anything is attached to it, and ids are used
 * again at once.
 */
#include <errno.h>
#include <string.h>

#include <libiommunest-sim.h>

#include "tests/harness/guest.h"
#include "tests/harness/support.h"

#define SID_A 0x0018u
#define SID_B 0x0020u

/* The targets' names; NEXT has the id that BROKEN had. */
#define BROKEN UINT64_C(0xb0)
#define HEALTHY UINT64_C(0xa0)
#define NEXT UINT64_C(0xc0)

/* Three (device, PASID)s of the broken HWPT, and one of the healthy one. */
#define ATTACHED 3u

static struct iommunest_sim *sim;
static struct iommunest_ctx *ctx;
static struct iommunest_vtd_iq *iq;
static struct guest guest;
static struct iommunest_vtd_iq_result result;
static uint32_t devs[ATTACHED + 1];
static uint32_t parent;
static uint32_t broken;
static uint32_t healthy;
static uint32_t next;
/* The scope that the next HWPT gets. */
static uint16_t next_did;
static unsigned int isolated;
/* Descriptors that hardware got for the next HWPT, and the last one's page. */
static unsigned int next_descs;
static uint64_t next_addr;

/* ---- The host ---- */

static void on_desc(void *user, const struct iommunest_sim_desc *desc)
{
	(void)user;
	if (!next || desc->hwpt_id != next)
		return;
	next_descs++;
	next_addr = desc->addr;
}

static uint32_t new_hwpt(void)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.addr_width = 48,
	};
	uint32_t id;

	ck_assert_int_eq(
		iommunest_vtd_hwpt_alloc(ctx, devs[0], parent, &s1, &id), 0);
	return id;
}

static void attach(uint32_t dev, uint32_t hwpt)
{
	ck_assert_int_eq(
		iommunest_sim_attach(sim, iommunest_fd(ctx), dev, hwpt), 0);
}

static void cache(uint32_t hwpt, uint64_t addr)
{
	ck_assert_int_eq(iommunest_sim_translate(sim, iommunest_fd(ctx), hwpt,
						 addr, 0),
			 0);
}

static bool is_cached(uint32_t hwpt, uint64_t addr)
{
	return iommunest_sim_cached(sim, iommunest_fd(ctx), hwpt, addr) &
	       IOMMUNEST_SIM_CACHED_LEAF;
}

static void open_host(void)
{
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};
	uint32_t ioas;
	unsigned int i;

	ck_assert_int_eq(iommunest_sim_new(&sim, NULL), 0);
	iommunest_sim_on_desc(sim, on_desc, NULL);
	options.sys_data = sim;
	ck_assert_int_eq(iommunest_open(&ctx, &options), 0);
	for (i = 0; i < ARRAY_LEN(devs); i++)
		ck_assert_int_eq(iommunest_sim_bind(sim, iommunest_fd(ctx), 0,
						    &devs[i]),
				 0);
	ck_assert_int_eq(iommunest_ioas_alloc(ctx, &ioas), 0);
	ck_assert_int_eq(
		iommunest_hwpt_alloc_parent(ctx, devs[0], ioas, &parent), 0);
	broken = new_hwpt();
	healthy = new_hwpt();
	for (i = 0; i < ATTACHED; i++)
		attach(devs[i], broken);
	attach(devs[ATTACHED], healthy);
}

/* The next entry that is sent fails, and "all" in its place. */
static void break_host(void)
{
	const struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = IOMMUNEST_SIM_FAIL_ENTRY,
		.error = -EIO,
		.nth = 1,
		.repeat = 2,
	};

	ck_assert_int_eq(iommunest_sim_inject(sim, &fault), 0);
}

/* ---- The VMM ---- */

static struct iommunest_vtd_target target(uint32_t hwpt, uint64_t cookie)
{
	return (struct iommunest_vtd_target){
		.size = sizeof(struct iommunest_vtd_target),
		.ctx = ctx,
		.hwpt_id = hwpt,
		.cookie = cookie,
	};
}

static void add_scope(uint16_t did, uint32_t pasid, uint32_t hwpt,
		      uint64_t cookie)
{
	const struct iommunest_vtd_target to = target(hwpt, cookie);

	ck_assert_int_eq(iommunest_vtd_iq_add_scope(iq, did, pasid, &to), 0);
}

static void add_device(uint16_t sid, uint32_t pasid)
{
	const struct iommunest_vtd_target to = target(broken, BROKEN);

	ck_assert_int_eq(iommunest_vtd_iq_add_device(iq, sid, pasid, &to), 0);
}

/* While one is attached, it is busy: all three have to go. */
static void take_apart(void)
{
	const struct iommunest_vtd_target gone = target(broken, BROKEN);
	unsigned int i;

	for (i = 0; i < ATTACHED; i++) {
		ck_assert_int_eq(iommunest_object_destroy(ctx, broken), -EBUSY);
		attach(devs[i], 0);
	}
	ck_assert_int_eq(iommunest_object_destroy(ctx, broken), 0);
	ck_assert_int_eq(iommunest_vtd_iq_forget(iq, &gone), 0);
}

/* With pages cached that the guest has asked to flush of the other one. */
static void make_next(void)
{
	next = new_hwpt();
	ck_assert_uint_eq(next, broken);
	attach(devs[0], next);
	add_scope(next_did, 0, next, NEXT);
	cache(next, 0x1000);
	cache(next, 0x2000);
	cache(next, 0x3000);
	cache(next, 0x5000);
}

static int isolate(void *vmm, uint64_t cookie, uint32_t index, int error,
		   uint32_t code)
{
	(void)vmm;
	(void)code;
	isolated++;
	ck_assert_uint_eq(cookie, BROKEN);
	ck_assert_uint_eq(index, 0);
	ck_assert_int_eq(error, -EIO);
	take_apart();
	if (next_did)
		make_next();
	return 0;
}

static void open_engine(void)
{
	struct iommunest_vtd_iq_ops ops = guest_ops;
	uint64_t iqa = guest_iqa(0x10000, 0, true);

	ops.isolate = isolate;
	guest_init(&guest, iqa);
	ck_assert_int_eq(iommunest_vtd_iq_new(&iq, &ops, &guest, NULL), 0);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(iq, iqa,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	enable_engine(iq);
	add_scope(1, 0, broken, BROKEN);
	add_scope(1, 5, broken, BROKEN);
	add_device(SID_A, IOMMUNEST_VTD_NO_PASID);
	add_device(SID_A, 5);
	add_device(SID_B, 5);
	add_scope(2, 0, healthy, HEALTHY);
}

static void set_up(void)
{
	next = 0;
	next_did = 0;
	isolated = 0;
	next_descs = 0;
	open_host();
	open_engine();
}

static void tear_down(void)
{
	iommunest_vtd_iq_free(iq);
	guest_free(&guest);
	iommunest_close(ctx);
	iommunest_sim_free(sim);
}
FIXTURE(set_up, tear_down);

static void put_page(uint16_t did, uint64_t addr)
{
	guest_put(&guest, guest_piotlb_pages(did, 0, addr, 0, false));
}

static void put_wait(void)
{
	guest_put(&guest, guest_wait(IOMMUNEST_VTD_DESC_SW, 0x7000, 1));
}

/* All of it is done. */
static void kick(unsigned int waits)
{
	result = (struct iommunest_vtd_iq_result)IOMMUNEST_INIT(
		struct iommunest_vtd_iq_result);
	ck_assert_int_eq(guest_kick(&guest, iq, &result), 0);
	ck_assert_uint_eq(result.iqh, guest_iqt(&guest));
	ck_assert_uint_eq(result.fsts, 0);
	ck_assert_uint_eq(result.waits, waits);
}

/* Flushes of each (device, PASID), one of the healthy HWPT, and a wait. */
static void put_old(void)
{
	put_page(1, 0x1000);
	guest_put(&guest, guest_piotlb_pages(1, 5, 0x2000, 0, false));
	guest_put(&guest, guest_dev_tlb(SID_A, 0x3000, 0));
	guest_put(&guest, guest_pasid_dev_tlb(SID_A, 5, 0x3000, 0));
	guest_put(&guest, guest_pasid_dev_tlb(SID_B, 5, 0x3000, 0));
	put_page(2, 0x4000);
	put_wait();
}

/* What was not sent of it is told by its own name. */
static void told_of_broken(void)
{
	uint32_t n = guest_count(&guest, GUEST_COVERED);
	uint32_t i;

	ck_assert_uint_ge(n, 1);
	for (i = 0; i < n; i++)
		ck_assert_uint_eq(guest_nth(&guest, GUEST_COVERED, i)->hwpt_id,
				  BROKEN);
}

/* ---- The cases ---- */

TEST(what_is_attached_three_times_is_taken_apart)
{
	cache(broken, 0x1000);
	cache(healthy, 0x4000);
	put_old();
	break_host();
	kick(1);
	ck_assert_uint_eq(isolated, 1);
	ck_assert_uint_eq(result.forwarded, 6);
	ck_assert(!is_cached(healthy, 0x4000));
	ck_assert(!is_cached(broken, 0x1000));
	/* Its scopes are gone: they are the VMM's now. */
	put_page(1, 0x1000);
	guest_put(&guest, guest_pasid_dev_tlb(SID_B, 5, 0x3000, 0));
	put_wait();
	kick(1);
	ck_assert_uint_eq(result.vmm, 2);
	ck_assert_uint_eq(isolated, 1);
}

/* In the scope that the old one had, and in another. */
TEST_LOOP(its_id_is_another_ones_at_once, 2)
{
	next_did = _i ? 7 : 1;
	put_old();
	break_host();
	kick(1);
	ck_assert_uint_eq(isolated, 1);
	told_of_broken();
	/* Nothing of before. */
	ck_assert_uint_eq(next_descs, 0);
	ck_assert(is_cached(next, 0x1000));
	ck_assert(is_cached(next, 0x2000));
	ck_assert(is_cached(next, 0x3000));
	/* And all of its own. */
	put_page(next_did, 0x1000);
	put_wait();
	kick(1);
	ck_assert_uint_eq(next_descs, 1);
	ck_assert_uint_eq(next_addr, 0x1000);
	ck_assert(!is_cached(next, 0x1000));
	ck_assert(is_cached(next, 0x2000));
}

/* The guest's own are already in the ring, after an ordering point. */
TEST_LOOP(its_own_may_follow_in_the_same_run, 2)
{
	next_did = _i ? 7 : 1;
	put_old();
	guest_put(&guest, guest_vmms(0));
	put_page(next_did, 0x5000);
	put_wait();
	break_host();
	kick(2);
	ck_assert_uint_eq(isolated, 1);
	ck_assert_uint_eq(next_descs, 1);
	ck_assert_uint_eq(next_addr, 0x5000);
	ck_assert(!is_cached(next, 0x5000));
	ck_assert(is_cached(next, 0x1000));
}

/* It is not cut off, although the one that had its id was. */
TEST(it_may_fail_and_be_healed_itself)
{
	const struct iommunest_sim_fault once = {
		.size = sizeof(once),
		.kind = IOMMUNEST_SIM_FAIL_ENTRY,
		.error = -EIO,
		.nth = 1,
	};

	next_did = 1;
	put_old();
	break_host();
	kick(1);
	ck_assert_int_eq(iommunest_sim_inject(sim, &once), 0);
	put_page(1, 0x1000);
	put_wait();
	kick(1);
	ck_assert_uint_eq(isolated, 1);
	ck_assert(!is_cached(next, 0x1000));
	ck_assert(!is_cached(next, 0x2000));
}
