/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A random guest with two devices, which move between domains and share them:
 * all that it invalidates arrives in the hardware's queue before its wait is
 * done, for each device that it concerns, in the guest's order, and not more
 * often than the guest asked.
 *
 * IOMMUNEST_COUNT is how many descriptors it queues.
 */
#include "guest.h"

#include "tests/harness/support.h"
#include "tests/vm/real.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define VIOMMU                                                      \
	"intel-iommu,x-scalable-mode=on,x-flts=on,caching-mode=on," \
	"intremap=on,fs1gp=off,x-nest=on,x-nest-check=off"
#define DEVICES 2u
#define FIRST_SLOT 4u
#define TABLE UINT64_C(0x1000000)
/* Domains that devices are in, and one without any. */
#define FIRST_DOMAIN 7u
#define DOMAINS 3u
#define EMPTY_DOMAIN 20u
#define LIST_MAX 512u
#define ALL_ORDER 52u
#define ORDERS 19u

struct list {
	struct conf_desc descs[LIST_MAX];
	unsigned int count;
};

struct device {
	unsigned int slot;
	uint16_t did;
	/* The host's domain id of its nested HWPT. */
	uint16_t host_did;
	struct list wanted;
	struct list arrived;
};

struct world {
	struct guest guest;
	struct support_rng rng;
	struct device devices[DEVICES];
	unsigned int queued;
};

static struct trace *trace;

static const char *const arguments[] = {
	"-object", "iommufd,id=iommufd0",
	"-object", "iommufd,id=iommufd1",
	"-device", VIOMMU,
	"-device", "vfio-pci,host=0000:00:02.0,iommufd=iommufd0,addr=4.0",
	"-device", "vfio-pci,host=0000:01:00.0,iommufd=iommufd1,addr=5.0",
	"-trace",  "vtd_nest_call",
	"-trace",  "vtd_nest_error",
	NULL,
};

static uint32_t below(struct world *w, uint32_t n)
{
	return support_rng_below(&w->rng, n);
}

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

static struct device *device_of(struct world *w, uint16_t host_did)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++) {
		if (w->devices[i].host_did == host_did)
			return &w->devices[i];
	}
	return NULL;
}

/* PASID-based IOTLB descriptors: the kernel adds what device TLBs need. */
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

static void sort_arrived(struct world *w)
{
	struct conf_desc desc;
	struct device *device;
	uint16_t host_did;

	while (next_arrived(&desc, &host_did)) {
		device = device_of(w, host_did);
		support_assert(&w->rng, device);
		put(&device->arrived, &desc);
	}
}

/* One may cover several that follow each other. */
static void check_device(struct world *w, struct device *device)
{
	unsigned int i, at = 0;

	for (i = 0; i < device->wanted.count; i++) {
		while (at < device->arrived.count &&
		       !covers(&device->arrived.descs[at],
			       &device->wanted.descs[i]))
			at++;
		if (at == device->arrived.count)
			ck_abort_msg("device %u: %u of %u, address %#llx am %u "
				     "ih %d, is not there; " SUPPORT_SEED
				     "=%#llx",
				     device->slot, i, device->wanted.count,
				     (unsigned long long)device->wanted.descs[i]
					     .addr,
				     order_of(&device->wanted.descs[i]),
				     device->wanted.descs[i].ih,
				     (unsigned long long)w->rng.seed);
	}
	support_assert(&w->rng, device->arrived.count <= device->wanted.count);
	device->wanted.count = 0;
	device->arrived.count = 0;
}

static void kick(struct world *w)
{
	unsigned int i;

	support_assert(&w->rng, guest_kick(&w->guest));
	sort_arrived(w);
	for (i = 0; i < DEVICES; i++)
		check_device(w, &w->devices[i]);
}

/* ---- What the guest asks ---- */

static void want(struct world *w, uint16_t did, uint64_t addr, unsigned int am,
		 bool leaf)
{
	const struct conf_desc desc = {
		.kind = am == ALL_ORDER ? CONF_PIOTLB_ALL : CONF_PIOTLB_PAGES,
		.addr = am == ALL_ORDER ? 0 : addr,
		.am = am == ALL_ORDER ? 0 : am,
		.ih = leaf,
	};
	unsigned int i;

	for (i = 0; i < DEVICES; i++) {
		if (w->devices[i].did == did)
			put(&w->devices[i].wanted, &desc);
	}
}

static uint16_t any_domain(struct world *w)
{
	return (uint16_t)(below(w, 8) ? FIRST_DOMAIN + below(w, DOMAINS)
				      : EMPTY_DOMAIN);
}

static uint64_t any_address(struct world *w)
{
	return support_rng_next(&w->rng) & UINT64_C(0x7ffffffff000);
}

static void queue(struct world *w, const struct iommunest_vtd_desc *desc)
{
	guest_queue(&w->guest, desc);
	w->queued++;
}

/* With a PASID that no device has, now and then. */
static void ask_piotlb(struct world *w, struct iommunest_vtd_desc *desc)
{
	uint16_t did = any_domain(w);
	uint32_t pasid = below(w, 8) ? 0 : 5;
	uint64_t addr = any_address(w);
	unsigned int am = below(w, ORDERS);
	bool leaf = below(w, 2), all = !below(w, 8);

	iommunest_vtd_desc_piotlb(desc,
				  all ? IOMMUNEST_VTD_PIOTLB_ALL
				      : IOMMUNEST_VTD_PIOTLB_PAGES,
				  did, pasid, all ? 0 : addr, all ? 0 : am,
				  leaf && !all ? IOMMUNEST_VTD_DESC_IH : 0);
	if (!pasid)
		want(w, did, addr, all ? ALL_ORDER : am, leaf && !all);
	queue(w, desc);
}

/* Whatever it names, first-stage entries of the domain go with it. */
static void ask_iotlb(struct world *w, struct iommunest_vtd_desc *desc)
{
	unsigned int granularity = IOMMUNEST_VTD_IOTLB_GLOBAL + below(w, 3);
	bool pages = granularity == IOMMUNEST_VTD_IOTLB_PAGES;
	bool global = granularity == IOMMUNEST_VTD_IOTLB_GLOBAL;
	uint16_t did = global ? 0 : any_domain(w), i;

	iommunest_vtd_desc_iotlb(desc, granularity, did,
				 pages ? any_address(w) : 0,
				 pages ? below(w, ORDERS) : 0, 0);
	for (i = FIRST_DOMAIN; i < FIRST_DOMAIN + DOMAINS; i++) {
		if (global || i == did)
			want(w, i, 0, ALL_ORDER, false);
	}
	queue(w, desc);
}

/* Of one device, or of none that is there. */
static void ask_dev_tlb(struct world *w, struct iommunest_vtd_desc *desc)
{
	unsigned int i = below(w, DEVICES + 1), am = below(w, ORDERS);
	struct conf_desc wanted = {
		.kind = CONF_PIOTLB_PAGES,
		.addr = any_address(w),
		.am = am,
		.ih = true,
	};

	iommunest_vtd_desc_dev_tlb(desc, (uint16_t)((FIRST_SLOT + i) << 3), 0,
				   0, wanted.addr, am);
	if (i < DEVICES)
		put(&w->devices[i].wanted, &wanted);
	queue(w, desc);
}

/* Nothing has changed there. */
static void ask_cache(struct world *w, struct iommunest_vtd_desc *desc)
{
	if (below(w, 2))
		iommunest_vtd_desc_pasid_cache(
			desc, IOMMUNEST_VTD_PASID_CACHE_GLOBAL, 0, 0);
	else
		iommunest_vtd_desc_context_cache(
			desc, IOMMUNEST_VTD_CONTEXT_GLOBAL, 0, 0, 0);
	queue(w, desc);
}

static void ask_wait(struct world *w, struct iommunest_vtd_desc *desc)
{
	iommunest_vtd_desc_wait(
		desc, IOMMUNEST_VTD_DESC_FN | IOMMUNEST_VTD_DESC_IF, 0, 0);
	queue(w, desc);
}

static void ask(struct world *w)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	uint32_t choice = below(w, 32);

	if (choice < 20)
		ask_piotlb(w, &desc);
	else if (choice < 26)
		ask_dev_tlb(w, &desc);
	else if (choice < 29)
		ask_wait(w, &desc);
	else if (choice < 31)
		ask_iotlb(w, &desc);
	else
		ask_cache(w, &desc);
}

/*
 * A device moves: its entry is replaced in place, as Linux does it.  What
 * arrives then is of the new table, whose id in the host a descriptor for the
 * device alone shows.
 */
static void move(struct world *w, struct device *device)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct conf_desc arrived;
	uint16_t old = device->did;

	device->did = (uint16_t)(FIRST_DOMAIN + below(w, DOMAINS));
	guest_set_entry(&w->guest, device->slot, device->did,
			TABLE + 0x1000 * below(w, 16));
	guest_queue_pasid_cache(&w->guest, old ? old : device->did);
	support_assert(&w->rng, guest_kick(&w->guest));
	trace_discard(trace);
	iommunest_vtd_desc_dev_tlb(&desc, (uint16_t)(device->slot << 3), 0, 0,
				   0x5000, 0);
	guest_queue(&w->guest, &desc);
	support_assert(&w->rng, guest_kick(&w->guest));
	support_assert(&w->rng, next_arrived(&arrived, &device->host_did));
	support_assert(&w->rng, arrived.addr == 0x5000);
	trace_discard(trace);
}

TEST(all_that_a_random_guest_invalidates_arrives)
{
	const uint64_t count = support_number("IOMMUNEST_COUNT", 10000);
	static struct world world;
	struct world *w = &world;
	unsigned int i, kicks = 0;

	support_rng_start(&w->rng, "random guest");
	/* 256 slots: it goes round every few kicks. */
	guest_init(&w->guest, qtest_start(arguments), 1);
	guest_translate(&w->guest, true);
	for (i = 0; i < DEVICES; i++) {
		w->devices[i].slot = FIRST_SLOT + i;
		move(w, &w->devices[i]);
	}
	for (; w->queued < count; kicks++) {
		for (i = 1 + below(w, 60); i; i--)
			ask(w);
		kick(w);
		if (!below(w, 16))
			move(w, &w->devices[below(w, DEVICES)]);
	}
	printf("# %u kicks, %u descriptors, %u calls\n", kicks, w->queued,
	       qtest_count("vtd_nest_call "));
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 0);
	guest_end(&w->guest);
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
