/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A random guest with two devices, which move between domains and share them,
 * and so do PASIDs of the first one, if it has any: all that the guest
 * invalidates arrives in the hardware's queue before its wait is done, for each
 * device and PASID that it concerns, in the guest's order, and not more often
 * than the guest asked.
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
/* A PASID in each of its tables, and one without an entry. */
#define PASIDS 2u
#define FIRST_PASID 60u
#define PASID_STEP 7u
#define EMPTY_PASID 5u
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

/* A device's requests without a PASID, which is 0 then, or with one. */
struct device {
	unsigned int slot;
	uint32_t pasid;
	uint16_t did;
	/* The host's domain id of its nested HWPT. */
	uint16_t host_did;
	struct list wanted;
	struct list arrived;
};

struct world {
	struct guest guest;
	struct support_rng rng;
	struct device devices[DEVICES + PASIDS];
	unsigned int n_devices;
	unsigned int queued;
};

static struct trace *trace;

static const char *arguments[] = {
	"-device", VIOMMU,
	"-object", "iommufd,id=iommufd0",
	"-object", "iommufd,id=iommufd1",
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

	for (i = 0; i < w->n_devices; i++) {
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
			ck_abort_msg("device %u pasid %u: %u of %u, address "
				     "%#llx am %u "
				     "ih %d, is not there; " SUPPORT_SEED
				     "=%#llx",
				     device->slot, device->pasid, i,
				     device->wanted.count,
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
	for (i = 0; i < w->n_devices; i++)
		check_device(w, &w->devices[i]);
}

/* ---- What the guest asks ---- */

/* Of all PASIDs of the domain, as IOTLB descriptors are. */
#define ALL_PASIDS UINT32_MAX

static void want(struct world *w, uint16_t did, uint32_t pasid, uint64_t addr,
		 unsigned int am, bool leaf)
{
	const struct conf_desc desc = {
		.kind = am == ALL_ORDER ? CONF_PIOTLB_ALL : CONF_PIOTLB_PAGES,
		.addr = am == ALL_ORDER ? 0 : addr,
		.am = am == ALL_ORDER ? 0 : am,
		.ih = leaf,
	};
	unsigned int i;

	for (i = 0; i < w->n_devices; i++) {
		if (w->devices[i].did == did &&
		    (pasid == ALL_PASIDS || w->devices[i].pasid == pasid))
			put(&w->devices[i].wanted, &desc);
	}
}

static uint16_t any_domain(struct world *w)
{
	return (uint16_t)(below(w, 8) ? FIRST_DOMAIN + below(w, DOMAINS)
				      : EMPTY_DOMAIN);
}

static uint32_t pasid_number(unsigned int i)
{
	return FIRST_PASID + i * PASID_STEP;
}

static uint32_t any_pasid(struct world *w)
{
	switch (below(w, 8)) {
	case 0:
		return EMPTY_PASID;
	case 1:
	case 2:
	case 3:
		return pasid_number(below(w, PASIDS));
	default:
		return 0;
	}
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

/* Now and then with a PASID that no device has. */
static void ask_piotlb(struct world *w, struct iommunest_vtd_desc *desc)
{
	uint16_t did = any_domain(w);
	uint32_t pasid = any_pasid(w);
	uint64_t addr = any_address(w);
	unsigned int am = below(w, ORDERS);
	bool leaf = below(w, 2), all = !below(w, 8);

	iommunest_vtd_desc_piotlb(desc,
				  all ? IOMMUNEST_VTD_PIOTLB_ALL
				      : IOMMUNEST_VTD_PIOTLB_PAGES,
				  did, pasid, all ? 0 : addr, all ? 0 : am,
				  leaf && !all ? IOMMUNEST_VTD_DESC_IH : 0);
	want(w, did, pasid, all ? 0 : addr, all ? ALL_ORDER : am, leaf && !all);
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
			want(w, i, ALL_PASIDS, 0, ALL_ORDER, false);
	}
	queue(w, desc);
}

/* Its device TLB, which is flushed with what it is attached to. */
static void name_device(const struct device *device, uint64_t addr,
			unsigned int am, struct iommunest_vtd_desc *desc)
{
	uint16_t sid = (uint16_t)(device->slot << 3);

	if (device->pasid)
		iommunest_vtd_desc_pasid_dev_tlb(desc,
						 IOMMUNEST_VTD_DEV_TLB_PASID,
						 sid, 0, device->pasid, 0, addr,
						 am);
	else
		iommunest_vtd_desc_dev_tlb(desc, sid, 0, 0, addr, am);
}

/* Of one device, or of none that is there. */
static void ask_dev_tlb(struct world *w, struct iommunest_vtd_desc *desc)
{
	static const struct device nobody = { .slot = FIRST_SLOT + DEVICES };
	unsigned int i = below(w, w->n_devices + 1), am = below(w, ORDERS);
	struct conf_desc wanted = {
		.kind = CONF_PIOTLB_PAGES,
		.addr = any_address(w),
		.am = am,
		.ih = true,
	};

	if (i < w->n_devices)
		put(&w->devices[i].wanted, &wanted);
	name_device(i < w->n_devices ? &w->devices[i] : &nobody, wanted.addr,
		    am, desc);
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
 * A device, or one of its PASIDs, moves: its entry is replaced in place, as
 * Linux does it.  What arrives then is of the new table, whose id in the host a
 * descriptor for the device alone shows.
 */
static void move(struct world *w, struct device *device)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct conf_desc arrived;
	uint16_t old = device->did;

	device->did = (uint16_t)(FIRST_DOMAIN + below(w, DOMAINS));
	guest_set_pasid(&w->guest, device->slot, device->pasid, device->did,
			TABLE + 0x1000 * below(w, 16));
	guest_queue_pasid_cache_of(&w->guest, old ? old : device->did,
				   device->pasid);
	support_assert(&w->rng, guest_kick(&w->guest));
	trace_discard(trace);
	name_device(device, 0x5000, 0, &desc);
	guest_queue(&w->guest, &desc);
	support_assert(&w->rng, guest_kick(&w->guest));
	support_assert(&w->rng, next_arrived(&arrived, &device->host_did));
	support_assert(&w->rng, arrived.addr == 0x5000);
	trace_discard(trace);
}

static void add_device(struct world *w, unsigned int slot, uint32_t pasid)
{
	struct device *device = &w->devices[w->n_devices++];

	device->slot = slot;
	device->pasid = pasid;
	move(w, device);
}

static void add_pasids(struct world *w)
{
	unsigned int i;

	guest_flip_context(&w->guest, FIRST_SLOT, GUEST_PASIDE, 0);
	for (i = 0; i < PASIDS; i++)
		add_device(w, FIRST_SLOT, pasid_number(i));
}

static void start(struct world *w)
{
	bool pasids = guest_host_has_pasids();
	unsigned int i;

	if (pasids)
		arguments[1] = VIOMMU ",x-pasid-mode=on";
	/* 256 slots: it goes round every few kicks. */
	guest_init(&w->guest, qtest_start(arguments), 1);
	guest_translate(&w->guest, true);
	for (i = 0; i < DEVICES; i++)
		add_device(w, FIRST_SLOT + i, 0);
	if (pasids)
		add_pasids(w);
}

TEST(all_that_a_random_guest_invalidates_arrives)
{
	const uint64_t count = support_number("IOMMUNEST_COUNT", 10000);
	static struct world world;
	struct world *w = &world;
	unsigned int i, kicks = 0;

	support_rng_start(&w->rng, "random guest");
	start(w);
	for (; w->queued < count; kicks++) {
		for (i = 1 + below(w, 60); i; i--)
			ask(w);
		kick(w);
		if (!below(w, 16))
			move(w, &w->devices[below(w, w->n_devices)]);
	}
	printf("# %u kicks, %u descriptors, %u calls, %u PASIDs\n", kicks,
	       w->queued, qtest_count("vtd_nest_call "),
	       w->n_devices - DEVICES);
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
