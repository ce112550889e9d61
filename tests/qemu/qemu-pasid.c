/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * PASIDs of a device that the guest uses, each with a table of its own.  The
 * test kernel says that the device has some; what it does with them is the
 * VT-d driver's.
 */
#include "guest.h"
#include "refuse.h"

#include "lib/uapi/vfio.h"
#include "tests/harness/support.h"
#include "tests/vm/real.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VIOMMU                                                      \
	"intel-iommu,x-scalable-mode=on,x-flts=on,caching-mode=on," \
	"intremap=on,fs1gp=off,x-nest=on,x-nest-check=off"
#define SLOT 4u
#define TABLE UINT64_C(0x1000000)
/* Of requests without a PASID, and of the two. */
#define DOMAIN 7u
#define ONE 5u
#define DOMAIN_OF_ONE 8u
/* In the second table. */
#define OTHER 70u
#define DOMAIN_OF_OTHER 9u

static struct trace *trace;

static const char *const with_pasids[] = {
	"-object", "iommufd,id=iommufd0",
	"-device", VIOMMU ",x-pasid-mode=on",
	"-device", "vfio-pci,host=0000:00:02.0,iommufd=iommufd0,addr=4.0",
	"-trace",  "vtd_nest_*",
	"-trace",  "vtd_reset_exit",
	NULL,
};

/* ---- The guest ---- */

static void start(struct guest *guest)
{
	guest_init(guest, qtest_start(with_pasids), 1);
	guest_flip_context(guest, SLOT, GUEST_PASIDE, 0);
	guest_translate(guest, true);
}

static void kick(struct guest *guest)
{
	ck_assert(guest_kick(guest));
}

static void give(struct guest *guest, uint32_t pasid, uint16_t did)
{
	guest_set_pasid(guest, SLOT, pasid, did, TABLE + pasid * 0x1000);
	guest_queue_pasid_cache_of(guest, did, pasid);
	kick(guest);
}

static void give_all(struct guest *guest)
{
	give(guest, 0, DOMAIN);
	give(guest, ONE, DOMAIN_OF_ONE);
	give(guest, OTHER, DOMAIN_OF_OTHER);
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 0);
}

static void take(struct guest *guest, uint32_t pasid, uint16_t did)
{
	guest_set_pasid(guest, SLOT, pasid, 0, 0);
	guest_queue_pasid_cache_of(guest, did, pasid);
	kick(guest);
}

/* ---- What the hardware was given ---- */

/* The PASID of the next flush; GUEST_PASIDS: there is none. */
static uint32_t next_arrived(uint64_t *addr)
{
	struct trace_event event;
	struct conf_desc desc;

	while (trace_next(trace, &event)) {
		if (!real_decode(&event, &desc) || desc.kind == CONF_DEV_TLB)
			continue;
		*addr = desc.addr;
		return (uint32_t)(event.qw0 >> 32 & 0xfffff);
	}
	return GUEST_PASIDS;
}

/* Each (domain, PASID) is flushed at an address of its own. */
static void flush_all(struct guest *guest)
{
	trace_discard(trace);
	guest_queue_pasid_flush(guest, DOMAIN, 0, 0x1000);
	guest_queue_pasid_flush(guest, DOMAIN_OF_ONE, ONE, 0x2000);
	guest_queue_pasid_flush(guest, DOMAIN_OF_OTHER, OTHER, 0x3000);
	/* None of these pairs is there. */
	guest_queue_pasid_flush(guest, DOMAIN_OF_ONE, OTHER, 0x4000);
	guest_queue_pasid_flush(guest, DOMAIN, ONE, 0x5000);
	kick(guest);
}

/* Those of the three that are attached are flushed, each once. */
static void check_attached(struct guest *guest, bool none, bool one, bool other)
{
	static const uint32_t pasids[] = { 0, ONE, OTHER };
	unsigned int seen[] = { 0, 0, 0 };
	uint64_t addr;
	uint32_t pasid;

	flush_all(guest);
	while ((pasid = next_arrived(&addr)) != GUEST_PASIDS) {
		ck_assert(addr >= 0x1000 && addr <= 0x3000);
		ck_assert_uint_eq(pasid, pasids[(addr >> 12) - 1]);
		seen[(addr >> 12) - 1]++;
	}
	ck_assert_uint_eq(seen[0], none);
	ck_assert_uint_eq(seen[1], one);
	ck_assert_uint_eq(seen[2], other);
}

static int if_pasids(int loops)
{
	return guest_host_has_pasids() ? loops : 0;
}

/* ---- Tables ---- */

TEST_LOOP(each_pasid_has_a_table_of_its_own, if_pasids(1))
{
	struct guest guest;

	start(&guest);
	give_all(&guest);
	ck_assert_uint_eq(qtest_count("vtd_nest_attach "), 3);
	check_attached(&guest, true, true, true);
	guest_end(&guest);
}

TEST_LOOP(an_entry_that_is_taken_away_detaches_its_pasid_only, if_pasids(1))
{
	struct guest guest;

	start(&guest);
	give_all(&guest);
	take(&guest, ONE, DOMAIN_OF_ONE);
	check_attached(&guest, true, false, true);
	take(&guest, 0, DOMAIN);
	check_attached(&guest, false, false, true);
	give(&guest, ONE, DOMAIN_OF_ONE);
	check_attached(&guest, false, true, true);
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 0);
	guest_end(&guest);
}

/* Nothing of a pass-through entry is to be flushed, and it goes like others. */
TEST_LOOP(a_pasid_may_pass_through, if_pasids(2))
{
	const uint64_t words[3] = { IOMMUNEST_VTD_PGTT_PASS_THROUGH << 6 | 1,
				    DOMAIN_OF_ONE };
	const uint32_t pasid = _i ? ONE : 0;
	struct guest guest;

	start(&guest);
	guest_set_raw_pasid(&guest, SLOT, pasid, words);
	guest_queue_pasid_cache_of(&guest, DOMAIN_OF_ONE, pasid);
	kick(&guest);
	ck_assert_uint_eq(qtest_count("vtd_nest_parent "), 1);
	check_attached(&guest, false, false, false);
	take(&guest, pasid, DOMAIN_OF_ONE);
	ck_assert_uint_eq(qtest_count("vtd_nest_block "), 2);
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 0);
	guest_end(&guest);
}

static void queue_cache(struct guest *guest, unsigned int granularity,
			uint16_t did)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	iommunest_vtd_desc_pasid_cache(&desc, granularity, did, 0);
	guest_queue(guest, &desc);
}

TEST_LOOP(a_descriptor_finds_what_is_new_and_gone_as_far_as_it_reaches,
	  if_pasids(1))
{
	struct guest guest;

	start(&guest);
	give(&guest, ONE, DOMAIN_OF_ONE);
	guest_set_pasid(&guest, SLOT, ONE, 0, 0);
	guest_set_pasid(&guest, SLOT, OTHER, DOMAIN_OF_OTHER, TABLE);
	queue_cache(&guest, IOMMUNEST_VTD_PASID_CACHE_DOMAIN, DOMAIN);
	check_attached(&guest, false, true, false);
	queue_cache(&guest, IOMMUNEST_VTD_PASID_CACHE_DOMAIN, DOMAIN_OF_OTHER);
	check_attached(&guest, false, true, true);
	queue_cache(&guest, IOMMUNEST_VTD_PASID_CACHE_GLOBAL, 0);
	check_attached(&guest, false, false, true);
	guest_end(&guest);
}

TEST_LOOP(a_flush_of_all_domains_reaches_each_pasid, if_pasids(1))
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	unsigned int count = 0;
	uint32_t pasid, sum = 0;
	struct guest guest;
	uint64_t addr;

	start(&guest);
	give_all(&guest);
	trace_discard(trace);
	iommunest_vtd_desc_iotlb(&desc, IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0, 0);
	guest_queue(&guest, &desc);
	kick(&guest);
	while ((pasid = next_arrived(&addr)) != GUEST_PASIDS) {
		sum += pasid;
		count++;
	}
	ck_assert_uint_eq(count, 3);
	ck_assert_uint_eq(sum, ONE + OTHER);
	guest_end(&guest);
}

/* ---- Registers ---- */

TEST_LOOP(without_translation_no_pasid_is_attached, if_pasids(1))
{
	struct guest guest;

	start(&guest);
	give_all(&guest);
	guest_translate(&guest, false);
	check_attached(&guest, false, false, false);
	guest_translate(&guest, true);
	check_attached(&guest, true, true, true);
	ck_assert_uint_eq(qtest_count("vtd_nest_attach "), 6);
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 0);
	guest_end(&guest);
}

static void flip_pasid_enable(struct guest *guest)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	guest_flip_context(guest, SLOT, GUEST_PASIDE, 0);
	iommunest_vtd_desc_context_cache(&desc, IOMMUNEST_VTD_CONTEXT_DEVICE,
					 DOMAIN, SLOT << 3, 0);
	guest_queue(guest, &desc);
	kick(guest);
}

TEST_LOOP(without_pasid_enable_no_pasid_is_attached, if_pasids(1))
{
	struct guest guest;

	start(&guest);
	give_all(&guest);
	flip_pasid_enable(&guest);
	check_attached(&guest, true, false, false);
	flip_pasid_enable(&guest);
	check_attached(&guest, true, true, true);
	guest_end(&guest);
}

TEST_LOOP(after_a_reset_no_pasid_is_attached, if_pasids(1))
{
	struct guest guest;

	start(&guest);
	give_all(&guest);
	qtest_reset(guest.qtest);
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 0);
	free(guest.ring);
	guest_init(&guest, guest.qtest, 1);
	guest_flip_context(&guest, SLOT, GUEST_PASIDE, 0);
	check_attached(&guest, false, false, false);
	/* Its tables are there still. */
	guest_translate(&guest, true);
	check_attached(&guest, true, true, true);
	guest_end(&guest);
}

/* ---- A host that fails ---- */

TEST_LOOP(a_pasid_that_cannot_be_attached_has_a_fault_of_its_own, if_pasids(1))
{
	const struct refuse_rule rule = {
		.requests = { VFIO_DEVICE_ATTACH_IOMMUFD_PT },
		.error = EINVAL,
		.times = REFUSE_ALWAYS,
	};
	struct refuse *refuse;
	struct guest guest;
	uint64_t fault;

	start(&guest);
	give(&guest, 0, DOMAIN);
	give(&guest, OTHER, DOMAIN_OF_OTHER);
	guest_set_pasid(&guest, SLOT, ONE, DOMAIN_OF_ONE, TABLE);
	guest_queue_pasid_cache_of(&guest, DOMAIN_OF_ONE, ONE);
	refuse = refuse_start(qtest_pid(guest.qtest), &rule);
	if (!guest_kick(&guest))
		ck_assert(guest_is_done(&guest));
	ck_assert_uint_eq(refuse_end(refuse), 1);
	fault = guest_take_fault(&guest);
	ck_assert_uint_eq(GUEST_FAULT_REASON(fault), GUEST_FAULT_ENTRY_INVALID);
	ck_assert_uint_eq(GUEST_FAULT_SID(fault), SLOT << 3);
	ck_assert_uint_eq(GUEST_FAULT_PASID(fault), ONE);
	check_attached(&guest, true, false, true);
	guest_queue_pasid_cache_of(&guest, DOMAIN_OF_ONE, ONE);
	kick(&guest);
	check_attached(&guest, true, true, true);
	guest_end(&guest);
}

/* ---- Limits ---- */

TEST_LOOP(more_pasids_than_there_is_room_for_are_blocked, if_pasids(1))
{
	struct guest guest;
	uint32_t pasid;

	start(&guest);
	for (pasid = 1; pasid < 64; pasid++)
		guest_set_pasid(&guest, SLOT, pasid, DOMAIN_OF_ONE, TABLE);
	guest_repeat_table(&guest, SLOT, 16);
	queue_cache(&guest, IOMMUNEST_VTD_PASID_CACHE_GLOBAL, 0);
	kick(&guest);
	ck_assert_uint_eq(qtest_count("vtd_nest_attach "), 512);
	ck_assert_uint_eq(qtest_said("uses more than 512 PASIDs"), 1);
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 0);
	guest_end(&guest);
}

/* To a guest that they are not offered to, they mean nothing. */
TEST(without_pasids_entries_for_them_are_not_looked_at)
{
	static const char *const argv[] = {
		"-object",
		"iommufd,id=iommufd0",
		"-device",
		VIOMMU,
		"-device",
		"vfio-pci,host=0000:00:02.0,iommufd=iommufd0,addr=4.0",
		"-trace",
		"vtd_nest_*",
		NULL,
	};
	struct guest guest;

	guest_init(&guest, qtest_start(argv), 1);
	ck_assert(!(guest_reg(&guest, GUEST_REG_ECAP, 8) >> 40 & 1));
	guest_flip_context(&guest, SLOT, GUEST_PASIDE, 0);
	guest_translate(&guest, true);
	give_all(&guest);
	ck_assert_uint_eq(qtest_count("vtd_nest_attach "), 1);
	guest_end(&guest);
}

int main(int argc, char **argv)
{
	int ret;

	trace = trace_open(8192);
	if (!trace) {
		printf("no trace events of a VT-d: %s\n", strerror(errno));
		return 77;
	}
	ret = support_run(argc, argv);
	trace_close(trace);
	return ret;
}
