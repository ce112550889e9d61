/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Faults of a device's DMA in the event queue of its vIOMMU. */
#include "smmu-guest.h"

#include "tests/harness/support.h"

#include <endian.h>
#include <poll.h>

#define ASID 5u
#define F_TRANSLATION 0x10u
#define C_BAD_CD 0x0au

struct record {
	struct vevent_header header;
	uint64_t event[4];
};

static struct guest_stage1 stage1;
static struct veventq_alloc queue;

static void flush(unsigned int device)
{
	const uint64_t sid = SMMU_SID(guest_vsid(device));

	ck_assert_int_eq(guest_invalidate(&guest, SMMU_CFGI_CD_ALL | sid, 0),
			 0);
	ck_assert_int_eq(guest_invalidate(&guest, SMMU_NSNH_ALL, 0), 0);
}

static void set_up(void)
{
	unsigned int device;

	stage1 = guest_new_stage1(&guest, ASID);
	for (device = 0; device < GUEST_DEVICES; device++) {
		guest_set_stage1(&guest, device, &stage1);
		flush(device);
	}
	queue = (struct veventq_alloc){ .size = sizeof(queue),
					.viommu_id = guest_env(&guest)->viommu,
					.type = SMMU_TYPE_VEVENTQ,
					.depth = 4 };
	ck_assert(conf_ioctl_is(guest_env(&guest), VEVENTQ_ALLOC, &queue, 0));
}

static void tear_down(void)
{
	struct conf_env *env = guest_env(&guest);

	env->sys->close(env->sys_data, (int)queue.out_veventq_fd);
	conf_destroy_is(guest_env(&guest), queue.out_veventq_id, 0);
}

FIXTURE(set_up, tear_down);

static void fault(unsigned int device, unsigned int page)
{
	guest_read(&guest, device, page);
}

static ssize_t read_queue(void *to, size_t len)
{
	struct conf_env *env = guest_env(&guest);

	return env->sys->read(env->sys_data, (int)queue.out_veventq_fd, to,
			      len);
}

static size_t read_some(void *to, size_t len)
{
	ssize_t ret = read_queue(to, len);

	ck_assert_int_ge(ret, 0);
	return (size_t)ret;
}

/* The kernel has a thread that reports them. */
static void wait_for_event(void)
{
	struct conf_env *env = guest_env(&guest);
	struct pollfd fd = { .fd = (int)queue.out_veventq_fd,
			     .events = POLLIN };

	ck_assert_int_eq(env->sys->poll(env->sys_data, &fd, 1, -1), 1);
}

static void next(struct record *record)
{
	wait_for_event();
	ck_assert_uint_eq(read_some(record, sizeof(*record)), sizeof(*record));
}

static void is_event(const struct record *record, unsigned int type,
		     unsigned int device)
{
	const uint64_t word = le64toh(record->event[0]);

	ck_assert_uint_eq(word & 0xff, type);
	ck_assert_uint_eq(word >> 32, guest_vsid(device));
}

TEST_LOOP(a_page_that_is_not_mapped_is_an_event, GUEST_DEVICES)
{
	struct record record;

	fault((unsigned int)_i, 9);
	next(&record);
	ck_assert_uint_eq(record.header.flags, 0);
	ck_assert_uint_eq(record.header.sequence, 0);
	is_event(&record, F_TRANSLATION, (unsigned int)_i);
	ck_assert_uint_eq(le64toh(record.event[2]), GUEST_IOVA + 9 * 0x1000);
	ck_assert_uint_eq(read_some(&record, sizeof(record)), 0);
}

TEST(a_context_descriptor_that_is_not_valid_is_an_event)
{
	struct record record;

	guest.cd[0][0] = 0;
	flush(0);
	fault(0, 9);
	next(&record);
	is_event(&record, C_BAD_CD, 0);
}

/* Without a buffer for a record: neither lost nor in part. */
TEST(a_record_is_read_as_a_whole)
{
	struct record records[2];

	fault(0, 1);
	wait_for_event();
	ck_assert_int_eq(read_queue(records, sizeof(records[0]) - 1), -EINVAL);
	ck_assert_int_eq(read_queue(records, 7), -EINVAL);
	ck_assert_uint_eq(read_some(records, sizeof(records)),
			  sizeof(records[0]));
	is_event(&records[0], F_TRANSLATION, 0);
}

/*
 * What does not fit is counted: after those that did comes a header alone, with
 * the number of the last.  The kernel may have that one in its hands still, and
 * then it finds room.
 */
TEST(events_that_are_lost_are_counted)
{
	const unsigned int faults = 9;
	struct {
		struct record kept[4];
		struct vevent_header lost;
		char room[64];
	} all;
	struct record after;
	unsigned int i;

	for (i = 0; i < faults; i++)
		fault(0, i);
	guest.settle(&guest);
	ck_assert_uint_eq(read_some(&all, sizeof(all)),
			  sizeof(all.kept) + sizeof(all.lost));
	for (i = 0; i < 4; i++) {
		ck_assert_uint_eq(all.kept[i].header.flags, 0);
		ck_assert_uint_eq(all.kept[i].header.sequence, i);
		ck_assert_uint_eq(le64toh(all.kept[i].event[2]),
				  GUEST_IOVA + i * 0x1000);
	}
	ck_assert_uint_eq(all.lost.flags, VEVENT_LOST);
	if (all.lost.sequence == faults - 2) {
		next(&after);
		ck_assert_uint_eq(after.header.sequence, faults - 1);
	} else {
		ck_assert_uint_eq(all.lost.sequence, faults - 1);
	}
	fault(0, 20);
	next(&after);
	ck_assert_uint_eq(after.header.sequence, faults);
}
