/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A thousand lives on a real driver, one after the other: whatever they take
 * they give back.
 */
#include "ledger.h"
#include "life.h"
#include "real.h"

#include "tests/harness/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* On a device that stays open; and from open to close, with its reset. */
#define LIVES 1000u
#define WHOLE_LIVES 24u
/* What the first few keep is kept once: the kernel's and libc's own pools. */
#define FIRST 8u

static const char *const nodes[REAL_DEVICES] = { "VM_DEVICE",
						 "VM_DEVICE_BEHIND_PORT" };

static const char *node_of(int device)
{
	const char *node = getenv(nodes[device]);

	ck_assert_ptr_nonnull(node);
	return node;
}

static struct life a_life(void)
{
	return (struct life){ .sys = real_sys(), .device.fd = -1 };
}

static void live(struct life life)
{
	int ret = life_go_on(&life);

	if (ret)
		ck_abort_msg("%s: %s", life_step_name(&life), strerror(-ret));
}

/*
 * What each life keeps is there as often as there were lives.  The kernel's
 * threads come and go, and a CPU takes some dozens of objects to have one.
 * Descriptors, pins, domain ids and the IOMMU's tables have to be the very same
 * all the same.
 */
static const struct ledger_slack slack = {
	.heap = 512,
	.rss = 16,
	.memory = LIVES / 4,
	.objects = LIVES / 4,
};

/* The lowest id that is free: the same, if no object was left. */
static uint32_t next_id(const struct life_device *device)
{
	struct iommunest_ctx *ctx;
	uint32_t id = 0;

	ck_assert_int_eq(iommunest_open_fd(&ctx, device->iommu, NULL), 0);
	ck_assert_int_eq(iommunest_ioas_alloc(ctx, &id), 0);
	ck_assert_int_eq(iommunest_object_destroy(ctx, id), 0);
	iommunest_close(ctx);
	return id;
}

TEST_LOOP(a_thousand_lives_on_an_open_device_leave_nothing, REAL_DEVICES)
{
	static struct ledger before;
	struct life life = a_life();
	unsigned int i;
	uint32_t id;

	ck_assert_int_eq(life_open_device(&life.device, node_of(_i)), 0);
	for (i = 0; i < FIRST; i++)
		live(life);
	id = next_id(&life.device);
	ledger_take(&before);
	for (i = 0; i < LIVES; i++)
		live(life);
	ck_assert(ledger_holds(&before, &slack));
	ck_assert_uint_eq(next_id(&life.device), id);
	life_close_device(&life.device);
}

TEST_LOOP(lives_from_open_to_close_leave_nothing, REAL_DEVICES)
{
	static struct ledger before;
	struct life life = a_life();
	unsigned int i;

	life.node = node_of(_i);
	for (i = 0; i < FIRST / 4; i++)
		live(life);
	ledger_take(&before);
	for (i = 0; i < WHOLE_LIVES; i++)
		live(life);
	ck_assert(ledger_holds(&before, &slack));
}

int main(int argc, char **argv)
{
	ledger_start(argv);
	if (!getenv(nodes[0])) {
		printf("no device belongs to VFIO\n");
		return 77;
	}
	return support_run(argc, argv);
}
