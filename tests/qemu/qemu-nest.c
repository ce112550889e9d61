/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * QEMU with integrations/qemu, a guest that is this program, and the real VT-d
 * driver: what the guest invalidates arrives in the hardware's queue, before
 * its wait is done.
 */
#include "guest.h"
#include "refuse.h"

#include "lib/uapi/iommufd.h"
#include "lib/uapi/vfio.h"
#include "tests/harness/support.h"
#include "tests/vm/inject.h"
#include "tests/vm/real.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VIOMMU                                                      \
	"intel-iommu,x-scalable-mode=on,x-flts=on,caching-mode=on," \
	"intremap=on,fs1gp=off,x-nest-check=off"
#define DOMAIN 7u
#define TABLE UINT64_C(0x1000000)
/* The device's slot in the guest. */
#define SLOT 4u
#define DESCS_MAX 4096u

static struct trace *trace;
static struct conf_desc wanted[DESCS_MAX];
static size_t wanted_count;

static const char *const one_device[] = {
	"-object", "iommufd,id=iommufd0",
	"-device", VIOMMU ",x-nest=on",
	"-device", "vfio-pci,host=0000:00:02.0,iommufd=iommufd0,addr=4.0",
	"-trace",  "vtd_nest_*",
	"-trace",  "vtd_reset_exit",
	"-trace",  "vfio_listener_region_*",
	NULL,
};

/* ---- What the hardware was given ---- */

static void expect(enum conf_desc_kind kind, uint64_t addr, unsigned int am,
		   bool leaf)
{
	ck_assert_uint_lt(wanted_count, DESCS_MAX);
	wanted[wanted_count++] = (struct conf_desc){
		.kind = kind,
		.addr = addr & ~((UINT64_C(0x1000) << am) - 1),
		.am = am,
		.ih = leaf,
	};
}

/* Device-TLB descriptors are the kernel's own matter. */
static bool next_arrived(struct conf_desc *desc)
{
	struct trace_event event;

	while (trace_next(trace, &event)) {
		if (real_decode(&event, desc) && desc->kind != CONF_DEV_TLB)
			return true;
	}
	return false;
}

static void check_arrived(void)
{
	struct conf_desc desc;
	size_t i;

	for (i = 0; i < wanted_count; i++) {
		ck_assert_msg(next_arrived(&desc), "%zu of %zu arrived", i,
			      wanted_count);
		ck_assert_msg(desc.kind == wanted[i].kind &&
				      desc.addr == wanted[i].addr &&
				      desc.am == wanted[i].am &&
				      desc.ih == wanted[i].ih,
			      "number %zu is kind %d addr %#llx am %u ih %d, "
			      "not kind %d addr %#llx am %u ih %d",
			      i, desc.kind, (unsigned long long)desc.addr,
			      desc.am, desc.ih, wanted[i].kind,
			      (unsigned long long)wanted[i].addr, wanted[i].am,
			      wanted[i].ih);
	}
	ck_assert_msg(!next_arrived(&desc), "more than %zu arrived",
		      wanted_count);
	wanted_count = 0;
}

/* ---- What the guest does ---- */

static void start(struct guest *guest, const char *const *argv)
{
	guest_init(guest, qtest_start(argv), 1);
}

/* The device has a first stage, and the guest's cache knows it. */
static void give_table(struct guest *guest, unsigned int slot, uint16_t did)
{
	guest_set_entry(guest, slot, did, TABLE);
	guest_queue_pasid_cache(guest, did);
	ck_assert(guest_kick(guest));
	trace_discard(trace);
}

static void flush(struct guest *guest, uint16_t did, uint64_t addr,
		  unsigned int am, bool leaf)
{
	guest_queue_piotlb(guest, did, addr, am, leaf);
	expect(CONF_PIOTLB_PAGES, addr, am, leaf);
}

static void flush_at_random(struct guest *guest, struct support_rng *rng)
{
	uint32_t count = 1 + support_rng_below(rng, 16);

	while (count--)
		flush(guest, DOMAIN,
		      support_rng_next(rng) & UINT64_C(0x7ffffffff000),
		      support_rng_below(rng, 19), support_rng_below(rng, 2));
}

TEST(each_flush_arrives_before_its_wait_is_done)
{
	struct support_rng rng;
	struct guest guest;
	unsigned int kicks, flushes = 0;

	support_rng_start(&rng, "flushes");
	start(&guest, one_device);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	for (kicks = 0; kicks < 200; kicks++) {
		flush_at_random(&guest, &rng);
		flushes += (unsigned int)wanted_count;
		ck_assert(guest_kick(&guest));
		check_arrived();
	}
	printf("# %u kicks, %u flushes, %u calls\n", kicks, flushes,
	       qtest_count("vtd_nest_call "));
	ck_assert_uint_eq(qtest_count("vtd_nest_call "), kicks);
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 0);
	guest_end(&guest);
}

/* Nobody is told of an ioctl before that; it would cost each of them. */
TEST(ioctls_are_shown_from_when_the_monitor_asks_for_it)
{
	static const char *const quiet[] = {
		"-object",
		"iommufd,id=iommufd0",
		"-device",
		VIOMMU ",x-nest=on",
		"-device",
		"vfio-pci,host=0000:00:02.0,iommufd=iommufd0,addr=4.0",
		"-trace",
		"vtd_nest_attach",
		NULL,
	};
	struct guest guest;

	start(&guest, quiet);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	flush(&guest, DOMAIN, 0x5000, 0, true);
	ck_assert(guest_kick(&guest));
	qtest_qmp(guest.qtest,
		  "{ 'execute': 'trace-event-set-state', 'arguments': { "
		  "'name': 'vtd_nest_call', 'enable': true } }",
		  "");
	flush(&guest, DOMAIN, 0x6000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	ck_assert_uint_eq(qtest_count("vtd_nest_call "), 1);
	guest_end(&guest);
}

TEST(an_iotlb_flush_reaches_the_first_stage)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct guest guest;

	start(&guest, one_device);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	iommunest_vtd_desc_iotlb(&desc, IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0, 0);
	guest_queue(&guest, &desc);
	ck_assert(guest_kick(&guest));
	expect(CONF_PIOTLB_ALL, 0, 0, false);
	check_arrived();
	guest_end(&guest);
}

TEST(the_queue_halts_at_a_bad_descriptor_and_goes_on_after_it)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct guest guest;
	uint32_t bad;

	start(&guest, one_device);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	flush(&guest, DOMAIN, 0x5000, 0, true);
	bad = guest.tail;
	desc.raw[0] = 0xf;
	guest_queue(&guest, &desc);
	ck_assert(!guest_kick(&guest));
	check_arrived();
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_FSTS, 4),
			  IOMMUNEST_VTD_FSTS_IQE);
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_IQERCD, 8),
			  IOMMUNEST_VTD_IQEI_TYPE);
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_IQH, 8), bad * 32);

	/* As Linux does it: a wait in its place. */
	guest.tail = bad;
	iommunest_vtd_desc_wait(
		&desc, IOMMUNEST_VTD_DESC_FN | IOMMUNEST_VTD_DESC_IF, 0, 0);
	guest_queue(&guest, &desc);
	guest_write_queue(&guest);
	guest.tail++;
	guest_set_reg(&guest, GUEST_REG_FSTS, 4, IOMMUNEST_VTD_FSTS_IQE);
	ck_assert(guest_is_done(&guest));
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_FSTS, 4), 0);
	guest_end(&guest);
}

/* With the tail at its beginning, which the guest writes before. */
TEST(a_queue_that_is_enabled_again_is_empty)
{
	struct guest guest;

	start(&guest, one_device);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	guest_set_ring(&guest, IOMMUNEST_VTD_IQA_DW | 1);
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_IQH, 8), 0);
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_FSTS, 4), 0);
	flush(&guest, DOMAIN, 0x5000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	guest_end(&guest);
}

TEST(a_domain_that_is_replaced_in_place_has_a_new_table)
{
	struct guest guest;

	start(&guest, one_device);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	guest_set_entry(&guest, SLOT, DOMAIN + 1, TABLE);
	guest_queue_pasid_cache(&guest, DOMAIN);
	ck_assert(guest_kick(&guest));
	trace_discard(trace);

	guest_queue_piotlb(&guest, DOMAIN, 0x5000, 0, true);
	flush(&guest, DOMAIN + 1, 0x6000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	guest_end(&guest);
}

/*
 * Stage 2 is all of guest memory, whatever the guest translates.  If VFIO were
 * told to follow the guest's mappings, there would be nothing in it.
 */
TEST(guest_memory_stays_mapped_when_the_guest_translates)
{
	struct guest guest;
	unsigned int added;

	start(&guest, one_device);
	added = qtest_count("vfio_listener_region_add_ram ");
	ck_assert_uint_gt(added, 0);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	guest_translate(&guest, false);
	ck_assert_uint_eq(qtest_count("vfio_listener_region_add_ram "), added);
	ck_assert_uint_eq(qtest_count("vfio_listener_region_add_iommu "), 0);
	guest_end(&guest);
}

TEST(without_an_entry_or_translation_nothing_is_nested)
{
	struct guest guest;

	start(&guest, one_device);
	/* TE off: all of guest memory; nothing is the host's to flush. */
	guest_queue_piotlb(&guest, DOMAIN, 0x5000, 0, true);
	ck_assert(guest_kick(&guest));
	guest_translate(&guest, true);
	ck_assert_uint_eq(qtest_count("no valid PASID-table entry"), 1);
	give_table(&guest, SLOT, DOMAIN);
	ck_assert_uint_eq(qtest_count("vtd_nest_attach "), 1);
	guest_set_entry(&guest, SLOT, 0, 0);
	guest_queue_pasid_cache(&guest, DOMAIN);
	ck_assert(guest_kick(&guest));
	ck_assert_uint_eq(qtest_count("no valid PASID-table entry"), 2);
	guest_translate(&guest, false);
	ck_assert_uint_eq(qtest_count("vtd_nest_parent "), 1);
	trace_discard(trace);
	guest_queue_piotlb(&guest, DOMAIN, 0x5000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	guest_end(&guest);
}

/* ---- Faults ---- */

static void check_fault(struct guest *guest, unsigned int reason)
{
	uint64_t fault = guest_take_fault(guest);

	ck_assert_uint_eq(GUEST_FAULT_REASON(fault), reason);
	ck_assert_uint_eq(GUEST_FAULT_SID(fault), reason ? SLOT << 3 : 0);
	/* The one, and no error of the queue. */
	ck_assert_uint_eq(guest_take_fault(guest), 0);
	ck_assert_uint_eq(guest_reg(guest, GUEST_REG_FSTS, 4) & ~GUEST_FSTS_FRI,
			  0);
}

/* ---- What the host fails on ---- */

static int if_injected(int loops)
{
	return inject_is_there() ? loops : 0;
}

static bool all_arrived(void)
{
	struct conf_desc desc;
	bool all = false;

	while (next_arrived(&desc))
		all |= desc.kind == CONF_PIOTLB_ALL;
	return all;
}

/* Whichever it is, all of the device's goes instead, and the guest sees none.
 */
TEST_LOOP(a_flush_that_the_host_refuses_is_replaced_by_all, if_injected(10))
{
	struct guest guest;
	unsigned int i;

	start(&guest, one_device);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	inject_set("refuse", (uint64_t)_i + 1);
	for (i = 0; i < 10; i++)
		guest_queue_piotlb(&guest, DOMAIN, i << 20, 0, true);
	ck_assert(guest_kick(&guest));
	ck_assert(all_arrived());
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_FSTS, 4), 0);
	ck_assert_uint_eq(qtest_count("vtd_nest_heal "), 1);
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 0);
	/* And after it as ever. */
	flush(&guest, DOMAIN, 0x5000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	inject_clear();
	guest_end(&guest);
}

/*
 * And all of it cannot be flushed, either: the device is cut off, so that the
 * wait is true.  The queue has no error; DMA has one.
 */
TEST_LOOP(a_device_whose_all_is_refused_is_cut_off, if_injected(3))
{
	struct guest guest;
	uint64_t fault;
	unsigned int i;

	start(&guest, one_device);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	/* That, and what is sent instead. */
	inject_set("refuse_more", 100);
	inject_set("refuse", (uint64_t)_i + 1);
	for (i = 0; i < 3; i++)
		guest_queue_piotlb(&guest, DOMAIN, i << 20, 0, true);
	ck_assert(guest_kick(&guest));
	inject_clear();
	ck_assert_uint_eq(qtest_count("vtd_nest_heal "), 0);
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 1);
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_FSTS, 4), GUEST_FSTS_PPF);
	fault = guest_take_fault(&guest);
	ck_assert_uint_eq(GUEST_FAULT_REASON(fault), GUEST_FAULT_ENTRY_INVALID);
	ck_assert_uint_eq(GUEST_FAULT_SID(fault), SLOT << 3);

	/* There is nothing to flush. */
	trace_discard(trace);
	guest_queue_piotlb(&guest, DOMAIN, 0x5000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	/* Until the guest has the device look at its entry again. */
	guest_queue_pasid_cache(&guest, DOMAIN);
	ck_assert(guest_kick(&guest));
	ck_assert_uint_eq(qtest_count("vtd_nest_attach "), 2);
	trace_discard(trace);
	flush(&guest, DOMAIN, 0x5000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 1);
	guest_end(&guest);
}

/* ---- An attach that fails after all that was checked ---- */

/* What the host is asked for, in this order. */
static const unsigned long attach_requests[] = {
	IOMMU_HWPT_ALLOC,
	VFIO_DEVICE_ATTACH_IOMMUFD_PT,
};

/* The guest moves the device to another table, with a host that fails. */
static unsigned int move_refused(struct guest *guest,
				 const struct refuse_rule *rule)
{
	struct refuse *refuse;

	guest_set_entry(guest, SLOT, DOMAIN + 1, TABLE + 0x1000);
	guest_queue_pasid_cache(guest, DOMAIN);
	refuse = refuse_start(qtest_pid(guest->qtest), rule);
	/* The fault that is recorded is no error of the queue. */
	if (!guest_kick(guest))
		ck_assert(guest_is_done(guest));
	return refuse_end(refuse);
}

/*
 * It is on neither table, and the guest has a fault of DMA; until it asks
 * again.
 */
TEST_LOOP(a_device_that_cannot_be_attached_is_blocked_until_the_guest_asks,
	  ARRAY_LEN(attach_requests))
{
	const struct refuse_rule rule = {
		.requests = { attach_requests[_i] },
		.error = EINVAL,
		.times = REFUSE_ALWAYS,
	};
	struct guest guest;

	start(&guest, one_device);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	ck_assert_uint_eq(move_refused(&guest, &rule), 1);
	check_fault(&guest, GUEST_FAULT_ENTRY_INVALID);
	ck_assert_uint_eq(
		qtest_said("attach: Invalid argument; its DMA is blocked"), 1);
	trace_discard(trace);
	guest_queue_piotlb(&guest, DOMAIN, 0x5000, 0, true);
	guest_queue_piotlb(&guest, DOMAIN + 1, 0x5000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();

	guest_queue_pasid_cache(&guest, DOMAIN + 1);
	ck_assert(guest_kick(&guest));
	trace_discard(trace);
	flush(&guest, DOMAIN + 1, 0x5000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	check_fault(&guest, 0);
	guest_end(&guest);
}

/* What may be there a moment later is asked for four times. */
TEST_LOOP(an_attach_that_works_after_a_while_is_not_seen, 6)
{
	static const int errors[] = { ENOMEM, EBUSY, EINTR };
	const struct refuse_rule rule = {
		.requests = { attach_requests[_i % 2] },
		.error = errors[_i / 2],
		.times = 3,
	};
	struct guest guest;

	start(&guest, one_device);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	ck_assert_uint_eq(move_refused(&guest, &rule), 3);
	check_fault(&guest, 0);
	trace_discard(trace);
	flush(&guest, DOMAIN + 1, 0x5000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	guest_end(&guest);
}

TEST(an_attach_that_never_works_is_given_up)
{
	const struct refuse_rule rule = {
		.requests = { VFIO_DEVICE_ATTACH_IOMMUFD_PT },
		.error = ENOMEM,
		.times = REFUSE_ALWAYS,
	};
	struct guest guest;

	start(&guest, one_device);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	ck_assert_uint_eq(move_refused(&guest, &rule), 4);
	check_fault(&guest, GUEST_FAULT_ENTRY_INVALID);
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 1);
	guest_end(&guest);
}

/* Then the guest may not run; "cont" tries again. */
TEST(a_device_that_cannot_be_detached_either_stops_the_machine)
{
	const struct refuse_rule rule = {
		.requests = { VFIO_DEVICE_ATTACH_IOMMUFD_PT,
			      VFIO_DEVICE_DETACH_IOMMUFD_PT },
		.error = EINVAL,
		.times = REFUSE_ALWAYS,
	};
	struct guest guest;

	start(&guest, one_device);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	ck_assert_uint_eq(move_refused(&guest, &rule), 2);
	ck_assert_uint_eq(qtest_said("and it cannot be detached"), 1);
	ck_assert(qtest_qmp(guest.qtest, "{ 'execute': 'query-status' }",
			    "io-error"));
	qtest_qmp(guest.qtest, "{ 'execute': 'cont' }", "");
	qtest_wait(guest.qtest, "vtd_nest_attach ", 2);
	trace_discard(trace);
	flush(&guest, DOMAIN + 1, 0x5000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	guest_end(&guest);
}

/* ---- Two devices, each on an iommufd of its own ---- */

static const char *const two_devices[] = {
	"-object", "iommufd,id=iommufd0",
	"-object", "iommufd,id=iommufd1",
	"-device", VIOMMU ",x-nest=on",
	"-device", "vfio-pci,host=0000:00:02.0,iommufd=iommufd0,addr=4.0",
	"-device", "vfio-pci,host=0000:01:00.0,iommufd=iommufd1,addr=5.0",
	"-trace",  "vtd_nest_*",
	"-trace",  "vtd_reset_exit",
	NULL,
};

TEST(a_domain_of_two_devices_is_flushed_for_both)
{
	struct guest guest;
	size_t i;

	start(&guest, two_devices);
	guest_translate(&guest, true);
	guest_set_entry(&guest, SLOT + 1, DOMAIN, TABLE);
	give_table(&guest, SLOT, DOMAIN);
	ck_assert_uint_eq(qtest_count("vtd_nest_attach "), 2);
	for (i = 0; i < 10; i++)
		flush(&guest, DOMAIN, i << 20, (unsigned int)i, true);
	/* One array after the other. */
	for (i = 0; i < 10; i++)
		wanted[wanted_count++] = wanted[i];
	ck_assert(guest_kick(&guest));
	check_arrived();
	ck_assert_uint_eq(qtest_count("vtd_nest_call "), 2);
	guest_end(&guest);
}

TEST(domains_of_two_devices_are_told_apart)
{
	struct guest guest;

	start(&guest, two_devices);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	give_table(&guest, SLOT + 1, DOMAIN + 1);
	flush(&guest, DOMAIN, 0x5000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	/* The second one is cut off; the first one is as before. */
	guest_set_entry(&guest, SLOT + 1, 0, 0);
	guest_queue_pasid_cache(&guest, DOMAIN + 1);
	ck_assert(guest_kick(&guest));
	trace_discard(trace);
	guest_queue_piotlb(&guest, DOMAIN + 1, 0x5000, 0, true);
	flush(&guest, DOMAIN, 0x6000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	ck_assert_uint_eq(qtest_count("vtd_nest_attach "), 2);
	guest_end(&guest);
}

/* ---- What is refused, or not nested, and says so ---- */

TEST(a_host_that_cannot_nest_is_refused_and_told_why)
{
	static const char *const argv[] = {
		"-object",
		"iommufd,id=iommufd0",
		/* The emulated host has no first stage. */
		"-device",
		VIOMMU ",x-nest=on,x-nest-check=on",
		"-device",
		"vfio-pci,host=0000:00:02.0,iommufd=iommufd0,addr=4.0",
		NULL,
	};

	qtest_refuses(argv, "the host has no first-stage translation");
}

TEST(without_x_nest_it_is_refused_as_ever)
{
	static const char *const argv[] = {
		"-object",
		"iommufd,id=iommufd0",
		"-device",
		VIOMMU,
		"-device",
		"vfio-pci,host=0000:00:02.0,iommufd=iommufd0,addr=4.0",
		NULL,
	};

	qtest_refuses(argv, "uncompatible with stage-1 translation");
}

#define MDEV_TYPE "/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create"
#define MDEV "b0000000-0000-4000-8000-000000000001"
#define MDEV_DEVICE "vfio-pci,sysfsdev=/sys/bus/mdev/devices/" MDEV

static int if_mdev(int loops)
{
	return access(MDEV_TYPE, W_OK) ? 0 : loops;
}

static void write_to(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

/* It has no stage 1 of its own; with an iommufd, and without one. */
TEST_LOOP(a_mediated_device_is_refused, if_mdev(2))
{
	const char *const argv[] = {
		"-object", "iommufd,id=iommufd0",
		"-device", VIOMMU ",x-nest=on",
		"-device", _i ? MDEV_DEVICE : MDEV_DEVICE ",iommufd=iommufd0",
		NULL,
	};

	write_to(MDEV_TYPE, MDEV);
	qtest_refuses(argv, "the vIOMMU cannot nest mediated devices");
	write_to("/sys/bus/mdev/devices/" MDEV "/remove", "1");
}

TEST(a_device_before_the_viommu_is_refused)
{
	static const char *const argv[] = {
		"-object",
		"iommufd,id=iommufd0",
		"-device",
		"vfio-pci,host=0000:00:02.0,iommufd=iommufd0,addr=4.0",
		"-device",
		VIOMMU ",x-nest=on",
		NULL,
	};

	qtest_refuses(argv, "put -device intel-iommu first");
}

/* ---- What the guest did wrong ---- */

/* It is off its table, and comes back with a good one. */
static void check_blocked(struct guest *guest, unsigned int reason)
{
	ck_assert_uint_eq(qtest_count("vtd_nest_block "), 2);
	check_fault(guest, reason);
	trace_discard(trace);
	guest_queue_piotlb(guest, DOMAIN, 0x5000, 0, true);
	ck_assert(guest_kick(guest));
	check_arrived();
}

static void check_back(struct guest *guest)
{
	give_table(guest, SLOT, DOMAIN);
	flush(guest, DOMAIN, 0x5000, 0, true);
	ck_assert(guest_kick(guest));
	check_arrived();
	check_fault(guest, 0);
	guest_end(guest);
}

#define FIRST_STAGE (IOMMUNEST_VTD_PGTT_FIRST_STAGE << 6 | 1)
#define FPD UINT64_C(2)
#define LEVELS_5 UINT64_C(4)

static const struct {
	uint64_t words[3];
	unsigned int reason;
} bad_entries[] = {
	/* 4 levels are what is offered. */
	{ { FIRST_STAGE, DOMAIN, TABLE | LEVELS_5 },
	  GUEST_FAULT_ENTRY_INVALID },
	{ { FIRST_STAGE | FPD, DOMAIN, TABLE | LEVELS_5 }, 0 },
	{ { IOMMUNEST_VTD_PGTT_SECOND_STAGE << 6 | 1, DOMAIN, TABLE },
	  GUEST_FAULT_ENTRY_INVALID },
	{ { FIRST_STAGE | 1 << 10, DOMAIN, TABLE },
	  GUEST_FAULT_ENTRY_RESERVED },
	/* Execute requests are not offered, either. */
	{ { FIRST_STAGE, DOMAIN, TABLE | 2 }, GUEST_FAULT_ENTRY_RESERVED },
	{ { FIRST_STAGE, DOMAIN, TABLE | UINT64_C(1) << 50 },
	  GUEST_FAULT_TABLE },
	/* Not there, which is no mistake. */
	{ { 0, DOMAIN, TABLE }, 0 },
};

TEST_LOOP(a_bad_entry_blocks_the_device_with_the_fault_of_hardware,
	  ARRAY_LEN(bad_entries))
{
	const uint64_t *words = bad_entries[_i].words;
	struct guest guest;

	start(&guest, one_device);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	guest_set_raw_entry(&guest, SLOT, words[0], words[1], words[2]);
	guest_queue_pasid_cache(&guest, DOMAIN);
	ck_assert(guest_kick(&guest) || bad_entries[_i].reason);
	check_blocked(&guest, bad_entries[_i].reason);
	check_back(&guest);
}

/* Bits that are wrong in what leads to the entry. */
static const struct {
	uint64_t root;
	uint64_t context[2];
	unsigned int reason;
} bad_ways[] = {
	{ .root = 1 << 1, .reason = GUEST_FAULT_ROOT_RESERVED },
	{ .context = { 1 << 5 }, .reason = GUEST_FAULT_CONTEXT_RESERVED },
	{ .context = { 1 << 5 | FPD } },
	/* RID_PASID, of 13 bits at most with such a directory. */
	{ .context = { 0, 1 << 13 }, .reason = GUEST_FAULT_CONTEXT_INVALID },
	{ .root = 1 },
	{ .context = { 1 } },
};

static void flip_way(struct guest *guest, int i)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	guest_flip_root(guest, bad_ways[i].root);
	guest_flip_context(guest, SLOT, bad_ways[i].context[0],
			   bad_ways[i].context[1]);
	iommunest_vtd_desc_context_cache(&desc, IOMMUNEST_VTD_CONTEXT_DEVICE,
					 DOMAIN, SLOT << 3, 0);
	guest_queue(guest, &desc);
	ck_assert(guest_kick(guest) || bad_ways[i].reason);
}

TEST_LOOP(a_bad_way_to_the_entry_blocks_it_with_the_fault_of_hardware,
	  ARRAY_LEN(bad_ways))
{
	struct guest guest;

	start(&guest, one_device);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	flip_way(&guest, _i);
	check_blocked(&guest, bad_ways[_i].reason);
	flip_way(&guest, _i);
	check_back(&guest);
}

/* Legacy, reserved, abort: it has to be scalable. */
TEST_LOOP(a_guest_of_another_mode_is_blocked_and_told_so, 3)
{
	static const unsigned int modes[] = { 0, 2, 3 };
	struct guest guest;

	start(&guest, one_device);
	guest_set_root(&guest, modes[_i]);
	guest_translate(&guest, true);
	ck_assert_uint_eq(qtest_count("vtd_nest_block "), 1);
	ck_assert_uint_eq(qtest_count("legacy mode"), modes[_i] == 0);
	check_fault(&guest, GUEST_FAULT_MODE);
	guest_translate(&guest, false);
	ck_assert_uint_eq(qtest_count("vtd_nest_parent "), 1);
	check_fault(&guest, 0);
	guest_end(&guest);
}

/* ---- Registers ---- */

TEST(a_write_of_64_bits_is_two_of_32)
{
	struct guest guest;

	start(&guest, one_device);
	guest_set_reg(&guest, GUEST_REG_FECTL, 8, UINT64_C(0x0000123480000000));
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_FECTL, 4), 0x80000000);
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_FECTL + 4, 4), 0x1234);
	guest_end(&guest);
}

TEST(what_the_budget_leaves_is_done_after_the_write)
{
	struct guest guest;
	unsigned int i;

	guest_init(&guest, qtest_start(one_device), 4);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	for (i = 0; i < 1000; i++)
		flush(&guest, DOMAIN, (uint64_t)i << 12, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	/* 1001 descriptors, 256 at most in a run. */
	ck_assert_uint_eq(qtest_count("vtd_nest_run "), 1 + 2 + 1 + 4);
	ck_assert_uint_eq(qtest_count("vtd_nest_call "), 4);
	guest_end(&guest);
}

TEST(a_reset_brings_the_device_back_to_all_of_memory)
{
	struct guest guest;

	start(&guest, one_device);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	qtest_reset(guest.qtest);
	ck_assert_uint_eq(qtest_count("vtd_nest_parent "), 1);
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_GSTS, 4), 0);
	/* The same again. */
	free(guest.ring);
	guest_init(&guest, guest.qtest, 1);
	guest_translate(&guest, true);
	give_table(&guest, SLOT, DOMAIN);
	flush(&guest, DOMAIN, 0x5000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	guest_end(&guest);
}

/* ---- An emulated device in the domain of a passed-through one ---- */

static const char *const with_emulated[] = {
	"-object", "iommufd,id=iommufd0",
	"-device", VIOMMU ",x-nest=on",
	"-device", "vfio-pci,host=0000:00:02.0,iommufd=iommufd0,addr=4.0",
	"-device", "edu,addr=8.0",
	"-trace",  "vtd_nest_*",
	NULL,
};

#define EDU_SLOT 8u
#define EDU_BAR UINT64_C(0xe0000000)
/* Its buffer, as its DMA names it. */
#define EDU_BUFFER 0x40000u
#define EDU_FROM 0x80u
#define EDU_TO 0x88u
#define EDU_COUNT 0x90u
#define EDU_COMMAND 0x98u

/* What it does DMA with: two pages, by tables of the guest. */
#define INPUT UINT64_C(0x200000)
#define OUTPUT UINT64_C(0x201000)
#define PAGES UINT64_C(0x1100000)

/* Present, writable, for users. */
#define PTE UINT64_C(7)

static void map(struct guest *guest, uint64_t iova, uint64_t page)
{
	qtest_write(guest->qtest, 8, TABLE + 0x3000 + (iova >> 12 & 511) * 8,
		    page | PTE);
}

static void make_tables(struct guest *guest)
{
	qtest_write(guest->qtest, 8, TABLE, (TABLE + 0x1000) | PTE);
	qtest_write(guest->qtest, 8, TABLE + 0x1000, (TABLE + 0x2000) | PTE);
	/* The second of 2 MiB each. */
	qtest_write(guest->qtest, 8, TABLE + 0x2008, (TABLE + 0x3000) | PTE);
	map(guest, INPUT, PAGES);
	map(guest, OUTPUT, PAGES + 0x1000);
}

/* Its registers, and that it may do DMA. */
static void start_edu(struct guest *guest)
{
	const uint32_t at = 0x80000000u | EDU_SLOT << 11;

	qtest_out(guest->qtest, 0xcf8, at | 0x10);
	qtest_out(guest->qtest, 0xcfc, (uint32_t)EDU_BAR);
	qtest_out(guest->qtest, 0xcf8, at | 0x04);
	qtest_out(guest->qtest, 0xcfc, 0x6);
}

static void edu_copies(struct guest *guest, uint64_t from, uint64_t to,
		       uint32_t command)
{
	qtest_write(guest->qtest, 8, EDU_BAR + EDU_FROM, from);
	qtest_write(guest->qtest, 8, EDU_BAR + EDU_TO, to);
	qtest_write(guest->qtest, 8, EDU_BAR + EDU_COUNT, 8);
	qtest_write(guest->qtest, 8, EDU_BAR + EDU_COMMAND, command);
	qtest_step(guest->qtest, 200000000);
}

/* What the device finds at INPUT. */
static uint64_t edu_reads(struct guest *guest)
{
	edu_copies(guest, INPUT, EDU_BUFFER, 1);
	edu_copies(guest, EDU_BUFFER, OUTPUT, 1 | 2);
	return qtest_read(guest->qtest, 8, PAGES + 0x1000);
}

TEST(an_emulated_device_in_the_same_domain_is_flushed_too)
{
	const uint64_t before = 0x1111, after = 0x2222;
	struct guest guest;

	start(&guest, with_emulated);
	make_tables(&guest);
	qtest_write(guest.qtest, 8, PAGES, before);
	qtest_write(guest.qtest, 8, PAGES + 0x2000, after);
	start_edu(&guest);
	guest_translate(&guest, true);
	guest_set_entry(&guest, EDU_SLOT, DOMAIN, TABLE);
	give_table(&guest, SLOT, DOMAIN);
	ck_assert_uint_eq(edu_reads(&guest), before);

	map(&guest, INPUT, PAGES + 0x2000);
	/* It has cached where INPUT was. */
	ck_assert_uint_eq(edu_reads(&guest), before);
	flush(&guest, DOMAIN, INPUT, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();
	ck_assert_uint_eq(edu_reads(&guest), after);
	guest_end(&guest);
}

/* ---- Hot-plug ---- */

static const char *const behind_port[] = {
	"-object", "iommufd,id=iommufd0",
	"-device", VIOMMU ",x-nest=on",
	"-device", "pcie-root-port,id=rp0,addr=6.0,chassis=1",
	"-device", "vfio-pci,host=0000:00:02.0,iommufd=iommufd0,bus=rp0",
	"-trace",  "vtd_nest_*",
	"-trace",  "iommufd_backend_disconnect",
	NULL,
};

/* The firmware's work: bus 1 is behind the port 00:06.0. */
static void number_buses(struct guest *guest)
{
	qtest_out(guest->qtest, 0xcf8, 0x80003018);
	qtest_out(guest->qtest, 0xcfc, 0x00010100);
}

/*
 * The guest's ACPI code: slot 0 of the first bus with hot-plug.  QEMU lets go
 * of the device a moment later.
 */
static void eject(struct guest *guest)
{
	qtest_out(guest->qtest, 0xcd0, 0);
	qtest_out(guest->qtest, 0xcc8, 1);
	ck_assert_uint_eq(qtest_count("vtd_nest_unplug "), 1);
	qtest_wait(guest->qtest, "iommufd_backend_disconnect", 1);
}

static void nest_behind_port(struct guest *guest)
{
	give_table(guest, GUEST_BEHIND_PORT, DOMAIN);
	flush(guest, DOMAIN, 0x5000, 0, true);
	ck_assert(guest_kick(guest));
	check_arrived();
}

TEST(a_device_is_unplugged_and_plugged_again)
{
	struct guest guest;

	start(&guest, behind_port);
	number_buses(&guest);
	guest_translate(&guest, true);
	nest_behind_port(&guest);

	eject(&guest);
	trace_discard(trace);
	guest_queue_piotlb(&guest, DOMAIN, 0x5000, 0, true);
	ck_assert(guest_kick(&guest));
	check_arrived();

	guest_set_entry(&guest, GUEST_BEHIND_PORT, 0, 0);
	qtest_qmp(guest.qtest,
		  "{ 'execute': 'device_add', 'arguments': { 'driver': "
		  "'vfio-pci', 'host': '0000:00:02.0', 'iommufd': "
		  "'iommufd0', 'bus': 'rp0' } }",
		  "");
	ck_assert_uint_eq(qtest_count("vtd_nest_plug "), 2);
	ck_assert_uint_eq(qtest_count("no valid PASID-table entry"), 2);
	nest_behind_port(&guest);
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 0);
	guest_end(&guest);
}

/* ---- Migration, which QEMU allows without VFIO devices ---- */

#define STREAM "file:/tmp/stream"

static const char *const source[] = {
	"-device", VIOMMU ",x-nest=on", "-trace", "vtd_nest_*", NULL,
};

static const char *const destination[] = {
	"-device",    VIOMMU ",x-nest=on", "-trace",
	"vtd_nest_*", "-incoming",	   STREAM,
	NULL,
};

static void wait_for(struct guest *guest, const char *command, const char *text)
{
	unsigned int tries;

	for (tries = 0; tries < 10000; tries++) {
		if (qtest_qmp(guest->qtest, command, text))
			return;
	}
	ck_abort_msg("%s is never %s", command, text);
}

/* The guest finds itself in another QEMU. */
static void migrate(struct guest *guest)
{
	qtest_qmp(guest->qtest,
		  "{ 'execute': 'migrate', 'arguments': { 'uri': '" STREAM
		  "' } }",
		  "");
	wait_for(guest, "{ 'execute': 'query-migrate' }",
		 "\"status\": \"completed\"");
	qtest_end(guest->qtest);
	guest->qtest = qtest_start(destination);
	wait_for(guest, "{ 'execute': 'query-migrate' }",
		 "\"status\": \"completed\"");
	/* A machine that was stopped is stopped here, too. */
	qtest_qmp(guest->qtest, "{ 'execute': 'cont' }", "");
}

TEST(a_queue_that_halts_goes_on_after_migration)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct guest guest;
	uint32_t bad;

	start(&guest, source);
	bad = guest.tail;
	desc.raw[0] = 0xf;
	guest_queue(&guest, &desc);
	ck_assert(!guest_kick(&guest));
	migrate(&guest);
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_FSTS, 4),
			  IOMMUNEST_VTD_FSTS_IQE);
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_IQERCD, 8),
			  IOMMUNEST_VTD_IQEI_TYPE);
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_IQH, 8), bad * 32);
	ck_assert(!guest_is_done(&guest));

	guest.tail = bad;
	guest_queue_piotlb(&guest, DOMAIN, 0x5000, 0, true);
	guest_write_queue(&guest);
	guest.tail++;
	guest_set_reg(&guest, GUEST_REG_FSTS, 4, IOMMUNEST_VTD_FSTS_IQE);
	ck_assert(guest_is_done(&guest));
	ck_assert(guest_kick(&guest));
	guest_end(&guest);
}

/* A machine that is stopped does nothing after the write. */
TEST(what_the_budget_left_is_done_after_migration)
{
	struct guest guest;
	unsigned int i;

	guest_init(&guest, qtest_start(source), 4);
	qtest_qmp(guest.qtest, "{ 'execute': 'stop' }", "");
	for (i = 0; i < 1000; i++)
		guest_queue_piotlb(&guest, DOMAIN, (uint64_t)i << 12, 0, true);
	ck_assert(!guest_kick(&guest));
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_IQH, 8), 256 * 32);
	migrate(&guest);
	for (i = 0; i < 1000 && !guest_is_done(&guest); i++)
		;
	ck_assert(guest_is_done(&guest));
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_IQH, 8), 1001 * 32);
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
