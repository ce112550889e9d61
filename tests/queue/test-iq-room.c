/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Full rings that ask for as much room as there can be: what is gathered for
 * HWPTs grows from one end of it, waits from the other.  With too little, one
 * is written over the other, or both over the end.
 */
#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"

static struct rig rig;

static void tear_down(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, tear_down);

/* All HWPTs together; rig_open() has made three. */
static const uint32_t counts[] = { 4, 31, 32, 33, 64, 65, 300 };

static void open_with(uint32_t count)
{
	uint32_t i;

	rig_open(&rig, NULL);
	for (i = 3; i < count; i++)
		rig_add(&rig, (uint16_t)(100 + i), 0, 1000 + i);
}

/* The last slot of the ring that a guest can use. */
static uint32_t last_slot(void)
{
	return rig.guest.slots - 2;
}

static void put_pages_before_last(void)
{
	while (rig.guest.tail < last_slot())
		rig_page(&rig, (uint64_t)rig.guest.tail << 12);
}

static struct guest_desc for_all(void)
{
	return guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0);
}

static void all_were_sent(uint32_t count)
{
	uint32_t i;

	ck_assert_uint_ge(host_calls_to(&rig.host, 10), 1);
	ck_assert_uint_ge(host_calls_to(&rig.host, 12), 1);
	for (i = 3; i < count; i++)
		ck_assert_uint_eq(host_calls_to(&rig.host, 1000 + i), 1);
}

/* One for each slot and, at the end, one for each HWPT. */
TEST_LOOP(a_ring_full_of_pages_ends_with_one_for_all, ARRAY_LEN(counts))
{
	open_with(counts[_i]);
	put_pages_before_last();
	rig_put(&rig, for_all());
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.descriptors, last_slot() + 1);
	ck_assert_uint_eq(rig.result.forwarded, last_slot() + 1);
	all_were_sent(counts[_i]);
}

/* A page and a wait in turn, each of them told with its own slot. */
static void put_pairs_before_last(void)
{
	while (rig.guest.tail < last_slot()) {
		rig_page(&rig, (uint64_t)rig.guest.tail << 12);
		rig_wait(&rig);
	}
}

static void each_wait_was_written_once(void)
{
	uint32_t waits = last_slot() / 2;
	uint32_t i;

	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_STATUS), waits);
	for (i = 0; i < waits; i++) {
		const struct guest_event *event =
			guest_nth(&rig.guest, GUEST_STATUS, i);

		ck_assert_uint_eq(event->index, 2 * i + 1);
		ck_assert_uint_eq(event->addr, RIG_STATUS);
	}
}

TEST_LOOP(waits_are_not_written_over, ARRAY_LEN(counts))
{
	open_with(counts[_i]);
	put_pairs_before_last();
	rig_put(&rig, for_all());
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	each_wait_was_written_once();
	ck_assert_uint_eq(rig.result.forwarded, last_slot() / 2 + 1);
	all_were_sent(counts[_i]);
}

/* The same where a page goes to two HWPTs, which the room has to be for. */
TEST_LOOP(nor_where_each_page_goes_to_two, ARRAY_LEN(counts))
{
	open_with(counts[_i]);
	rig_add(&rig, 1, 0, 999);
	put_pairs_before_last();
	rig_put(&rig, for_all());
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	each_wait_was_written_once();
	ck_assert_uint_eq(rig.result.forwarded, last_slot() / 2 + 1);
	all_were_sent(counts[_i]);
}

/* Nothing else than these, in a ring without an end. */
TEST_LOOP(a_ring_full_of_those_for_all, ARRAY_LEN(counts))
{
	open_with(counts[_i]);
	rig_advance(&rig, 100);
	while ((rig.guest.tail + 1) % rig.guest.slots != 100)
		rig_put(&rig, for_all());
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.forwarded, rig.guest.slots - 1);
}
