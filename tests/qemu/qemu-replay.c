/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What real guests queued (tests/data/guest-iq), kick by kick through QEMU:
 * what the host has to invalidate has arrived in the hardware's queue, for each
 * device that it concerns, when the captured wait is done.
 *
 * The captures have no PASIDs.  Of their three devices at most there are two
 * here, so that what is for a third domain arrives nowhere: such a capture is
 * replayed once more with another pair.
 */
#include "guest.h"

#include "tests/harness/support.h"
#include "tests/vm/real.h"
#include "tools/capture.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VIOMMU                                                      \
	"intel-iommu,x-scalable-mode=on,x-flts=on,caching-mode=on," \
	"intremap=on,fs1gp=off,x-nest=on,x-nest-check=off"
#define CAPTURES "/tests/*.iq"
#define TABLE UINT64_C(0x1000000)
#define DEVICES 2u
#define DOMAINS_MAX 8u
/* Of a kick. */
#define LIST_MAX 512u
#define ALL_ORDER 52u
#define QUEUE_ERRORS                                       \
	(IOMMUNEST_VTD_FSTS_IQE | IOMMUNEST_VTD_FSTS_ICE | \
	 IOMMUNEST_VTD_FSTS_ITE)

struct list {
	struct conf_desc descs[LIST_MAX];
	unsigned int count;
};

struct device {
	unsigned int slot;
	uint16_t sid;
	uint16_t did;
	/* The host's domain id of its nested HWPT. */
	uint16_t host_did;
	struct list wanted;
	struct list arrived;
};

static struct trace *trace;
static glob_t captures;
static struct guest guest;
static struct device devices[DEVICES];
static unsigned int forwarded;

static const char *const arguments[] = {
	"-object", "iommufd,id=iommufd0",
	"-device", VIOMMU,
	"-device", "pcie-root-port,id=rp0,addr=6.0,chassis=1",
	"-device", "vfio-pci,host=0000:00:02.0,iommufd=iommufd0,addr=4.0",
	"-device", "vfio-pci,host=0000:01:00.0,iommufd=iommufd0,bus=rp0",
	"-trace",  "vtd_nest_attach",
	"-trace",  "vtd_nest_error",
	"-trace",  "vtd_nest_heal",
	NULL,
};

/* ---- What arrived ---- */

static void put(struct list *list, const struct conf_desc *desc)
{
	ck_assert_uint_lt(list->count, LIST_MAX);
	list->descs[list->count++] = *desc;
}

static unsigned int order_of(const struct conf_desc *desc)
{
	return desc->kind == CONF_PIOTLB_ALL ? ALL_ORDER : desc->am;
}

static bool covers(const struct conf_desc *a, const struct conf_desc *b)
{
	unsigned int am = order_of(a);

	return (!a->ih || b->ih) && am >= order_of(b) &&
	       (am == ALL_ORDER || (a->addr ^ b->addr) >> 12 >> am == 0);
}

static bool next_arrived(struct conf_desc *desc, uint16_t *host_did)
{
	struct trace_event event;

	while (trace_next(trace, &event)) {
		if (!real_decode(&event, desc) || desc->kind == CONF_DEV_TLB)
			continue;
		*host_did = (uint16_t)(event.qw0 >> 16);
		return true;
	}
	return false;
}

static void sort_arrived(void)
{
	struct conf_desc desc;
	uint16_t host_did;
	unsigned int i;

	while (next_arrived(&desc, &host_did)) {
		for (i = 0; i < DEVICES; i++) {
			if (devices[i].host_did == host_did)
				break;
		}
		ck_assert_msg(i < DEVICES, "host domain %u is nobody's",
			      host_did);
		put(&devices[i].arrived, &desc);
	}
}

static void check_device(struct device *device, size_t kick)
{
	unsigned int i, at = 0;

	for (i = 0; i < device->wanted.count; i++) {
		while (at < device->arrived.count &&
		       !covers(&device->arrived.descs[at],
			       &device->wanted.descs[i]))
			at++;
		ck_assert_msg(at < device->arrived.count,
			      "kick %zu: %u of %u for slot %u is not there",
			      kick, i, device->wanted.count, device->slot);
	}
	ck_assert_uint_le(device->arrived.count, device->wanted.count);
	forwarded += device->wanted.count;
	device->wanted.count = 0;
	device->arrived.count = 0;
}

/* ---- What the guest asked ---- */

/* @did 0: of all domains. */
static void want(uint16_t did, const struct conf_desc *desc)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++) {
		if (devices[i].did && (!did || devices[i].did == did))
			put(&devices[i].wanted, desc);
	}
}

static void want_of_device(uint16_t sid, struct conf_desc *desc)
{
	unsigned int i;

	/* With any flush of these pages, the host's device TLB is flushed. */
	desc->kind = CONF_PIOTLB_PAGES;
	desc->ih = true;
	for (i = 0; i < DEVICES; i++) {
		if (devices[i].did && devices[i].sid == sid)
			put(&devices[i].wanted, desc);
	}
}

static bool is_iotlb(const uint64_t *words)
{
	return (words[0] & 0xf) == 2;
}

static bool is_wait(const uint64_t *words)
{
	return (words[0] & 0xf) == 5;
}

/* The formats are those of the hardware's queue. */
static void want_what_it_asks(const uint64_t *words)
{
	static const struct conf_desc all = { .kind = CONF_PIOTLB_ALL };
	const struct trace_event event = {
		.kind = TRACE_DESC,
		.qw0 = words[0],
		.qw1 = words[1],
	};
	uint16_t did = (uint16_t)(words[0] >> 16);
	struct conf_desc desc;

	if (is_iotlb(words)) {
		/* Global, or of a domain. */
		want((words[0] >> 4 & 3) == 1 ? 0 : did, &all);
		return;
	}
	if (!real_decode(&event, &desc))
		return;
	if (desc.kind == CONF_DEV_TLB)
		want_of_device((uint16_t)(words[0] >> 32), &desc);
	else
		want(did, &desc);
}

/* ---- Kicks ---- */

static void queue_words(const uint64_t *words)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	memcpy(desc.raw, words, sizeof(desc.raw));
	guest_queue(&guest, &desc);
	want_what_it_asks(words);
}

/* Its status word gets its data. */
static void clear_status(const uint64_t *words)
{
	qtest_write(guest.qtest, 4, words[1], ~words[0] >> 32);
}

static void check_done(const uint64_t *words, size_t kick)
{
	uint64_t status = qtest_read(guest.qtest, 4, words[1]);

	ck_assert_msg(
		status == words[0] >> 32,
		"kick %zu: the wait is not done, FSTS %#llx IQERCD %#llx", kick,
		(unsigned long long)guest_reg(&guest, GUEST_REG_FSTS, 4),
		(unsigned long long)guest_reg(&guest, GUEST_REG_IQERCD, 8));
}

static void play_kick(const struct capture *capture, size_t number)
{
	const struct capture_kick *kick = &capture->kicks[number];
	/* In place of one that was not recorded: a global PASID-cache one. */
	static const uint64_t unseen[4] = { 0x37 };
	const uint64_t *words = NULL;
	uint32_t i;

	for (i = 0; i < kick->unseen; i++)
		queue_words(unseen);
	for (i = 0; i < kick->count; i++) {
		words = capture->descs[kick->first + i].words;
		queue_words(words);
	}
	ck_assert_uint_eq(guest.tail, kick->tail);
	ck_assert(words && is_wait(words));
	clear_status(words);
	guest_ring_doorbell(&guest);
	check_done(words, number);
	sort_arrived();
	for (i = 0; i < DEVICES; i++)
		check_device(&devices[i], number);
}

/* ---- Captures ---- */

static void read_capture(struct capture *capture, const char *name)
{
	char error[CAPTURE_ERROR_MAX] = "";
	FILE *in = fopen(name, "r");
	int ret;

	ck_assert_ptr_nonnull(in);
	ret = capture_read(capture, in, name, error, sizeof(error));
	ck_assert_msg(!ret, "%s", error);
	fclose(in);
}

/* Domains with a first stage, as they come. */
static unsigned int find_domains(const struct capture *capture, uint16_t *dids)
{
	unsigned int count = 0, i;
	size_t at;

	for (at = 0; at < capture->desc_count; at++) {
		const uint64_t *words = capture->descs[at].words;
		uint16_t did = (uint16_t)(words[0] >> 16);

		if ((words[0] & 0xf) != 6)
			continue;
		/* A PASID that is not 0 could not be attached. */
		ck_assert_uint_eq(words[0] >> 32, 0);
		for (i = 0; i < count && dids[i] != did; i++)
			;
		if (i < count)
			continue;
		ck_assert_uint_lt(count, DOMAINS_MAX);
		dids[count++] = did;
	}
	return count;
}

static void number_buses(void)
{
	qtest_out(guest.qtest, 0xcf8, 0x80003018);
	qtest_out(guest.qtest, 0xcfc, 0x00010100);
}

/* A descriptor for the device alone shows its table's id in the host. */
static void learn_host_did(struct device *device)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct conf_desc arrived;

	trace_discard(trace);
	iommunest_vtd_desc_dev_tlb(&desc, device->sid, 0, 0, 0x5000, 0);
	guest_queue(&guest, &desc);
	ck_assert(guest_kick(&guest));
	ck_assert(next_arrived(&arrived, &device->host_did));
	ck_assert_uint_eq(arrived.addr, 0x5000);
}

static void start(const uint16_t *dids)
{
	static const unsigned int slots[DEVICES] = { 4, GUEST_BEHIND_PORT };
	static const uint16_t sids[DEVICES] = { 0x20, 0x100 };
	unsigned int i;

	guest_init(&guest, qtest_start(arguments), 1);
	number_buses();
	for (i = 0; i < DEVICES; i++) {
		devices[i] = (struct device){
			.slot = slots[i],
			.sid = sids[i],
			.did = dids[i],
		};
		guest_set_entry(&guest, slots[i], dids[i], TABLE + 0x1000 * i);
	}
}

static void translate(unsigned int ttm)
{
	unsigned int i;

	guest_set_root(&guest, ttm);
	guest_translate(&guest, true);
	for (i = 0; i < DEVICES && devices[i].did; i++)
		learn_host_did(&devices[i]);
}

static void play(const struct capture *capture, const char *name,
		 const uint16_t *dids)
{
	bool wide = capture->rings[0].width == 256;
	size_t i;

	ck_assert_uint_eq(capture->ring_count, 1);
	forwarded = 0;
	start(dids);
	/* A narrow ring is that of a legacy guest. */
	translate(wide);
	guest_set_ring(&guest, capture->rings[0].iqa & ~IOMMUNEST_VTD_IQA_BASE);
	trace_discard(trace);
	for (i = 0; i < capture->kick_count; i++)
		play_kick(capture, i);
	printf("# %s: %zu kicks, domains %u and %u, %u to forward\n", name, i,
	       dids[0], dids[1], forwarded);
	ck_assert_uint_eq(qtest_count("vtd_nest_attach "), wide ? DEVICES : 0);
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 0);
	ck_assert_uint_eq(qtest_count("vtd_nest_heal "), 0);
	/* That a legacy guest's devices are blocked is a fault, recorded. */
	ck_assert_uint_eq(guest_reg(&guest, GUEST_REG_FSTS, 4) &
				  (wide ? UINT32_MAX : QUEUE_ERRORS),
			  0);
	ck_assert(!wide || forwarded > 100);
	guest_end(&guest);
}

static size_t find_captures(void)
{
	return glob(CAPTURES, 0, NULL, &captures) ? 0 : captures.gl_pathc;
}

TEST_LOOP(what_a_captured_guest_asks_arrives, find_captures())
{
	const char *name = captures.gl_pathv[_i];
	uint16_t dids[DOMAINS_MAX] = { 0 }, pair[DEVICES];
	struct capture capture;
	unsigned int count, i;

	read_capture(&capture, name);
	count = find_domains(&capture, dids);
	/* The last one is of the device behind a port, if it was there. */
	for (i = 0; i == 0 || i + 1 < count; i++) {
		pair[0] = dids[i];
		pair[1] = count ? dids[count - 1] : 0;
		play(&capture, name, pair);
	}
	capture_free(&capture);
}

int main(int argc, char **argv)
{
	int ret;

	trace = trace_open(8192);
	if (!trace) {
		printf("no trace events of a VT-d: %s\n", strerror(errno));
		return 77;
	}
	if (captures.gl_pathc < 6) {
		printf("the captures are not here\n");
		return EXIT_FAILURE;
	}
	ret = support_run(argc, argv);
	globfree(&captures);
	trace_close(trace);
	return ret;
}
