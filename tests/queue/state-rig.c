/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <string.h>

#include "tests/queue/state-rig.h"

struct rig rig;

struct iommunest_vtd_iq *another(uint32_t budget)
{
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_VTD_IQ_STOP,
		.budget = budget,
	};
	struct iommunest_vtd_iq *iq;

	ck_assert_int_eq(
		iommunest_vtd_iq_new(&iq, &guest_ops, &rig.guest, &options), 0);
	return iq;
}

void take(struct iommunest_vtd_iq *iq)
{
	iommunest_vtd_iq_free(rig.iq);
	rig.iq = iq;
}

void open_new(void)
{
	rig_open(&rig, NULL);
	take(another(0));
	rig_add(&rig, 1, 0, 10);
	rig_add(&rig, 1, 5, 11);
	rig_add(&rig, 2, 0, 12);
}

void disable(void)
{
	ck_assert_int_eq(iommunest_vtd_iq_disable(rig.iq), 0);
}

state_t saved_of(const struct iommunest_vtd_iq *iq)
{
	state_t state;

	memset(&state, 0xa5, sizeof(state));
	state.size = sizeof(state);
	ck_assert_int_eq(iommunest_vtd_iq_save(iq, &state), 0);
	ck_assert_uint_eq(state.size, sizeof(state));
	return state;
}

state_t saved(void)
{
	return saved_of(rig.iq);
}

void nothing_happened(void)
{
	rig_tells(&rig, "");
	rig_counts(&rig, (struct rig_counts){ 0 });
}

void stand_at_slot_2(void)
{
	rig_wait(&rig);
	rig_wait(&rig);
	rig_put(&rig, guest_typed(0));
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 2, -EBADMSG);
}

/* ---- Ways that an engine can be ---- */

static void be_new(void)
{
	open_new();
}

void be_new_and_kicked(void)
{
	open_new();
	rig_wait(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
}

static void be_new_and_scalable(void)
{
	open_new();
	ck_assert_int_eq(iommunest_vtd_iq_set_mode(rig.iq,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
}

void be_idle(void)
{
	rig_open(&rig, &(struct rig_setup){ .qs = 1 });
	rig_advance(&rig, 200);
}

static void be_narrow(void)
{
	rig_open(&rig, &(struct rig_setup){ .narrow = true });
	rig_advance(&rig, 201);
}

static void be_legacy(void)
{
	rig_open(&rig, &(struct rig_setup){ .legacy = true, .qs = 7 });
	rig_advance(&rig, 5);
}

static void be_disabled(void)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 100);
	disable();
}

static void be_in_the_middle(void)
{
	rig_open(&rig, &(struct rig_setup){ .budget = 2 });
	rig_wait(&rig);
	rig_wait(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 1);
}

void be_at_a_bad_descriptor(void)
{
	rig_open(&rig, NULL);
	stand_at_slot_2();
}

static void be_disabled_with_a_fault(void)
{
	be_at_a_bad_descriptor();
	disable();
}

static void be_enabled_with_an_old_fault(void)
{
	be_disabled_with_a_fault();
	ck_assert_int_eq(rig_enable(&rig), -EBADMSG);
}

static void be_at_a_bad_tail(void)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 3);
	rig.guest.tail = rig.guest.slots + 1;
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
}

static void be_at_bad_memory(void)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 3);
	rig_wait(&rig);
	rig.guest.bad_first = 3;
	rig.guest.bad_count = 1;
	rig.guest.read_error = -ETIMEDOUT;
	ck_assert_int_eq(rig_kick(&rig), -ETIMEDOUT);
	rig.guest.bad_count = 0;
}

static void be_at_a_bad_status(void)
{
	rig_open(&rig, NULL);
	rig_wait(&rig);
	rig.guest.bad_status = RIG_STATUS;
	rig.guest.write_error = -EFAULT;
	ck_assert_int_eq(rig_kick(&rig), -EFAULT);
	rig.guest.write_error = 0;
}

static void be_at_a_bad_host(void)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 127);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	host_fail(&rig.host, (struct host_rule){
				     .fault = HOST_FAIL_ENTRY,
				     .error = -EIO,
				     .hwpt_id = 10,
				     .addr = HOST_ANY_ADDR,
			     });
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	host_heal(&rig.host);
}

static int device_error;

static int fail_device(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	return event->kind == GUEST_DESCRIPTOR ? device_error : 0;
}

static void be_at_a_device(int error)
{
	rig_open(&rig, NULL);
	rig_wait(&rig);
	rig_vmm(&rig);
	device_error = error;
	rig.guest.hook = fail_device;
	ck_assert_int_eq(rig_kick(&rig), error);
	rig.guest.hook = NULL;
}

static void be_at_a_silent_device(void)
{
	be_at_a_device(-ETIMEDOUT);
}

/* Its errno is none; what a state says has to be one. */
static void be_at_a_wrong_device(void)
{
	rig_open(&rig, NULL);
	rig_wait(&rig);
	rig_vmm(&rig);
	device_error = -100000;
	rig.guest.hook = fail_device;
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig.guest.hook = NULL;
}

void (*const ways[WAYS])(void) = {
	be_new,
	be_new_and_kicked,
	be_new_and_scalable,
	be_idle,
	be_narrow,
	be_legacy,
	be_disabled,
	be_in_the_middle,
	be_at_a_bad_descriptor,
	be_disabled_with_a_fault,
	be_enabled_with_an_old_fault,
	be_at_a_bad_tail,
	be_at_bad_memory,
	be_at_a_bad_status,
	be_at_a_bad_host,
	be_at_a_silent_device,
	be_at_a_wrong_device,
};
