/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The whole life of a nested device, with a guest that plays along, on the
 * simulator.  iommunest_nesting(7) walks through it: each function here is
 * a step there.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <libiommunest-sim.h>

#define DEVICE "0000:00:02.0"

/* Guest memory, and what the guest has put where. */
#define RAM_SIZE (UINT64_C(2) << 20)
#define PAGE UINT64_C(4096)
#define RING 0x1000
#define STATUS 0x2000
#define PASID_ENTRY 0x3000
#define TABLES 0x10000
#define BUFFER 0x100000

/* What the guest's driver calls them. */
#define DID 7
#define IOVA UINT64_C(0x40000000)

struct vmm {
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	uint64_t features;
	uint64_t kernel_faults;
	/* The device, by its descriptor and its id. */
	int device;
	uint32_t dev_id;
	struct iommunest_hw_info info;
	/* What the guest reads there. */
	uint64_t cap;
	uint64_t ecap;
	unsigned char *ram;
	uint32_t ioas;
	uint32_t parent;
	uint32_t nested;
	struct iommunest_vtd_iq *iq;
	uint64_t iqt;
};

static void check(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

/* ---- Can this machine nest? ---- */

static void open_host(struct vmm *vmm)
{
	/* Without sys and sys_data: the kernel. */
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};

	check(iommunest_sim_new(&vmm->sim, NULL), "simulator");
	options.sys_data = vmm->sim;
	check(iommunest_open(&vmm->ctx, &options), "/dev/iommu");
	check(iommunest_features(vmm->ctx, &vmm->features), "features");
	/* A VMM has the release from uname(2). */
	check(iommunest_vtd_kernel_faults("7.3.4", &vmm->kernel_faults),
	      "release");
}

static void open_device(struct vmm *vmm)
{
	struct iommunest_vfio_device found = { .size = sizeof(found) };
	int ret;

	ret = iommunest_vfio_open_pci(vmm->ctx, DEVICE, &vmm->device,
				      &vmm->dev_id, &found);
	if (ret && found.reasons)
		warnx("%s: %s", DEVICE,
		      iommunest_vfio_reason_text(found.reasons &
						 -found.reasons));
	check(ret, DEVICE);
	vmm->info.size = sizeof(vmm->info);
	check(iommunest_hw_info(vmm->ctx, vmm->dev_id, &vmm->info),
	      "hardware");
}

/* ---- What the guest is shown ---- */

static void show_guest(struct vmm *vmm)
{
	struct iommunest_vtd_guest guest = {
		.size = sizeof(guest),
		.features = vmm->features,
		.kernel_faults = vmm->kernel_faults,
	};
	uint64_t reasons, left;

	check(iommunest_vtd_guest_offer(&vmm->info, &guest), "offer");
	/* The VMM's own, and without what it does not emulate. */
	guest.cap |= IOMMUNEST_VTD_CAP_ND_16_BITS | IOMMUNEST_VTD_CAP_CM |
		     IOMMUNEST_VTD_CAP_FRO(0x220);
	guest.ecap |=
		IOMMUNEST_VTD_ECAP_IRO(0x210) | IOMMUNEST_VTD_ECAP_PT;
	guest.ecap &= ~(IOMMUNEST_VTD_ECAP_PRS | IOMMUNEST_VTD_ECAP_PDS |
			IOMMUNEST_VTD_ECAP_PASID | IOMMUNEST_VTD_ECAP_PSS);
	check(iommunest_vtd_guest_check(&vmm->info, &guest, &reasons),
	      "check");
	for (left = reasons; left; left &= left - 1)
		warnx("%s", iommunest_vtd_guest_reason_text(left & -left));
	if (reasons)
		errx(1, "this host cannot nest");
	vmm->cap = guest.cap;
	vmm->ecap = guest.ecap;
	printf("the host can nest this guest\n");
}

/* ---- Guest memory and stage 2 ---- */

static void map_memory(struct vmm *vmm)
{
	uint64_t gpa = 0;

	vmm->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (vmm->ram == MAP_FAILED)
		err(1, "memory");
	check(iommunest_ioas_alloc(vmm->ctx, &vmm->ioas), "IOAS");
	/* The guest's physical addresses, not the next free ones. */
	check(iommunest_ioas_map(vmm->ctx, vmm->ioas, vmm->ram, RAM_SIZE,
				 IOMMUNEST_MAP_FIXED | IOMMUNEST_MAP_READ |
					 IOMMUNEST_MAP_WRITE,
				 &gpa),
	      "map");
}

static void make_stage_2(struct vmm *vmm)
{
	struct iommunest_paging_hwpt paging = {
		.size = sizeof(paging),
		.flags = IOMMUNEST_HWPT_NEST_PARENT,
	};

	if (vmm->info.capabilities & IOMMUNEST_HW_CAP_DIRTY_TRACKING)
		paging.flags |= IOMMUNEST_HWPT_DIRTY_TRACKING;
	check(iommunest_hwpt_alloc_paging(vmm->ctx, vmm->dev_id, vmm->ioas,
					  &paging, &vmm->parent),
	      "stage 2");
}

/* Where the device is before the guest says anything: all of memory. */
static int attach_boot(struct vmm *vmm)
{
	uint32_t pt_id = vmm->parent;

	return iommunest_vfio_attach(vmm->ctx, vmm->device, &pt_id);
}

/* ---- The guest's entry becomes a nested HWPT ---- */

static struct iommunest_vtd_target target_of(const struct vmm *vmm,
					     uint32_t nested)
{
	return (struct iommunest_vtd_target){
		.size = sizeof(struct iommunest_vtd_target),
		.ctx = vmm->ctx,
		.hwpt_id = nested,
	};
}

/* The engine forgets it, and then it is gone. */
static void drop(struct vmm *vmm, uint32_t nested)
{
	const struct iommunest_vtd_target target = target_of(vmm, nested);

	if (!nested)
		return;
	iommunest_vtd_iq_forget(vmm->iq, &target);
	check(iommunest_object_destroy(vmm->ctx, nested), "destroy");
}

static int stage_1_of(struct vmm *vmm, struct iommunest_vtd_s1 *s1,
		      uint16_t *did)
{
	struct iommunest_vtd_pasid_entry entry = { .size = sizeof(entry) };
	uint64_t words[8];
	uint32_t reason;
	int ret;

	/* One copy, and only the copy is looked at. */
	memcpy(words, vmm->ram + PASID_ENTRY, sizeof(words));
	ret = iommunest_vtd_pasid_decode(&entry, words);
	if (!ret)
		ret = iommunest_vtd_pasid_to_s1(&entry, &vmm->info, 39, s1,
						&reason);
	*did = entry.did;
	return ret;
}

/*
 * The engine knows the new HWPT before the device uses it, and forgets the
 * old one after the device has left it.
 */
static int enter(struct vmm *vmm)
{
	struct iommunest_vtd_s1 s1 = { .size = sizeof(s1) };
	struct iommunest_vtd_target target;
	uint32_t nested, old = vmm->nested;
	uint16_t did;
	int ret;

	ret = stage_1_of(vmm, &s1, &did);
	if (ret)
		return ret;
	ret = iommunest_vtd_hwpt_alloc(vmm->ctx, vmm->dev_id, vmm->parent,
				       &s1, &nested);
	if (ret)
		return ret;
	target = target_of(vmm, nested);
	ret = iommunest_vtd_iq_add_scope(vmm->iq, did, 0, &target);
	if (!ret)
		ret = iommunest_vfio_attach(vmm->ctx, vmm->device,
					    &nested);
	if (ret) {
		drop(vmm, nested);
		return ret;
	}
	vmm->nested = nested;
	drop(vmm, old);
	return 0;
}

/* Detached, it reaches nothing, and nothing is cached for it. */
static int block(struct vmm *vmm)
{
	int ret = iommunest_vfio_detach(vmm->ctx, vmm->device);

	if (ret)
		return ret;
	drop(vmm, vmm->nested);
	vmm->nested = 0;
	return 0;
}

/* ---- The queue engine, and what it asks of the VMM ---- */

static int read_memory(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct vmm *vmm = opaque;

	if (gpa > RAM_SIZE || len > RAM_SIZE - gpa)
		return -EFAULT;
	memcpy(buf, vmm->ram + gpa, len);
	return 0;
}

static int write_status(void *opaque, uint32_t index, uint64_t gpa,
			uint32_t data)
{
	struct vmm *vmm = opaque;

	(void)index;
	if (gpa % 4 || gpa >= RAM_SIZE)
		return -EFAULT;
	__atomic_store_n((uint32_t *)(void *)(vmm->ram + gpa), data,
			 __ATOMIC_RELEASE);
	return 0;
}

static void interrupt(void *opaque, uint32_t index)
{
	(void)opaque, (void)index;
}

/* The guest changed its entry; what the host cannot do is blocked. */
static int descriptor(void *opaque, uint32_t index,
		      const struct iommunest_vtd_desc *desc)
{
	struct vmm *vmm = opaque;

	(void)index;
	if (desc->type != IOMMUNEST_VTD_DESC_PASID_CACHE)
		return 0;
	return enter(vmm) ? block(vmm) : 0;
}

static int isolate(void *opaque, uint64_t cookie, uint32_t index,
		   int error, uint32_t code)
{
	(void)cookie, (void)index, (void)error, (void)code;
	return block(opaque);
}

static void make_engine(struct vmm *vmm)
{
	static const struct iommunest_vtd_iq_ops ops = {
		.size = sizeof(ops),
		.read = read_memory,
		.write_status = write_status,
		.interrupt = interrupt,
		.descriptor = descriptor,
		.isolate = isolate,
	};

	check(iommunest_vtd_iq_new(&vmm->iq, &ops, vmm, NULL), "engine");
}

/* GCMD_REG.QIE: IQA_REG has the ring, RTADDR_REG the mode. */
static void wrote_qie(struct vmm *vmm)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };

	check(iommunest_vtd_iq_set_base(vmm->iq,
					RING | IOMMUNEST_VTD_IQA_DW,
					IOMMUNEST_VTD_TTM_SCALABLE),
	      "IQA");
	check(iommunest_vtd_iq_enable(vmm->iq, &result), "QIE");
}

static void wrote_iqt(struct vmm *vmm)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };

	check(iommunest_vtd_iq_run(vmm->iq, vmm->iqt, &result), "queue");
}

/* ---- The guest ---- */

static void put64(struct vmm *vmm, uint64_t gpa, uint64_t value)
{
	memcpy(vmm->ram + gpa, &value, sizeof(value));
}

static void guest_queues(struct vmm *vmm,
			 const struct iommunest_vtd_desc *desc)
{
	memcpy(vmm->ram + RING + vmm->iqt, desc->raw, 32);
	vmm->iqt += 32;
}

static void guest_kicks(struct vmm *vmm)
{
	struct iommunest_vtd_desc wait = { .size = sizeof(wait) };
	uint32_t done;

	put64(vmm, STATUS, 0);
	iommunest_vtd_desc_wait(&wait, IOMMUNEST_VTD_DESC_SW, STATUS, 1);
	guest_queues(vmm, &wait);
	wrote_iqt(vmm);
	memcpy(&done, vmm->ram + STATUS, sizeof(done));
	if (!done)
		errx(1, "the guest waits for ever");
}

/* Four levels: present, writable, the user's; and one page at the end. */
static void guest_maps(struct vmm *vmm, uint64_t gpa)
{
	const uint64_t bits = 7;
	int level;

	for (level = 3; level > 0; level--)
		put64(vmm,
		      TABLES + (3 - (uint64_t)level) * PAGE +
			      (IOVA >> (12 + 9 * level) & 511) * 8,
		      (TABLES + (4 - (uint64_t)level) * PAGE) | bits);
	put64(vmm, TABLES + 3 * PAGE + (IOVA >> 12 & 511) * 8,
	      gpa ? gpa | bits : 0);
}

/* It is present, first stage, and has its domain id and root. */
static void guest_writes_entry(struct vmm *vmm)
{
	struct iommunest_vtd_desc desc = { .size = sizeof(desc) };

	put64(vmm, PASID_ENTRY + 16, TABLES);
	put64(vmm, PASID_ENTRY + 8, DID);
	put64(vmm, PASID_ENTRY, 1 | IOMMUNEST_VTD_PGTT_FIRST_STAGE << 6);
	iommunest_vtd_desc_pasid_cache(
		&desc, IOMMUNEST_VTD_PASID_CACHE_PASID, DID, 0);
	guest_queues(vmm, &desc);
	guest_kicks(vmm);
}

static void guest_unmaps(struct vmm *vmm)
{
	struct iommunest_vtd_desc desc = { .size = sizeof(desc) };

	guest_maps(vmm, 0);
	iommunest_vtd_desc_piotlb(&desc, IOMMUNEST_VTD_PIOTLB_PAGES, DID,
				  0, IOVA, 0, IOMMUNEST_VTD_DESC_IH);
	guest_queues(vmm, &desc);
	guest_kicks(vmm);
}

/* The device writes to memory, if it can. */
static void device_writes(struct vmm *vmm, uint64_t addr, const char *when)
{
	struct iommunest_sim_dma dma = {
		.size = sizeof(dma),
		.dev_id = vmm->dev_id,
		.iova = addr,
	};
	static const char text[] = "from the device";
	int ret;

	memset(vmm->ram + BUFFER, 0, PAGE);
	ret = iommunest_sim_dma_write(vmm->sim, iommunest_fd(vmm->ctx),
				      &dma, text, sizeof(text));
	if (ret != -EFAULT)
		check(ret, "DMA");
	printf("%s: 0x%llx is %s\n", when, (unsigned long long)addr,
	       memcmp(vmm->ram + BUFFER, text, sizeof(text)) ? "blocked"
							     : "written");
}

/* ---- Migration ---- */

static void migrate(struct vmm *vmm)
{
	unsigned char bitmap[RAM_SIZE / PAGE / 8] = { 0 };
	const struct iommunest_dirty dirty = {
		.size = sizeof(dirty),
		.length = RAM_SIZE,
		.page_size = PAGE,
		.bitmap = bitmap,
		.bitmap_len = sizeof(bitmap),
	};
	uint64_t page;

	if (!(vmm->info.capabilities & IOMMUNEST_HW_CAP_DIRTY_TRACKING))
		return;
	check(iommunest_dirty_set(vmm->ctx, vmm->parent, true),
	      "tracking");
	device_writes(vmm, IOVA, "migration");
	check(iommunest_dirty_get(vmm->ctx, vmm->parent, &dirty), "dirty");
	for (page = 0; page < RAM_SIZE / PAGE; page++)
		if (bitmap[page / 8] >> page % 8 & 1)
			printf("dirty: page 0x%llx\n",
			       (unsigned long long)(page * PAGE));
	check(iommunest_dirty_set(vmm->ctx, vmm->parent, false),
	      "tracking");
}

/* ---- Reset, unplug, the end ---- */

static void reset(struct vmm *vmm)
{
	check(attach_boot(vmm), "attach");
	drop(vmm, vmm->nested);
	vmm->nested = 0;
	vmm->iqt = 0;
	check(iommunest_vtd_iq_reset(vmm->iq), "reset");
}

static void unplug(struct vmm *vmm)
{
	check(iommunest_vfio_detach(vmm->ctx, vmm->device), "detach");
	iommunest_vfio_close(vmm->ctx, vmm->device);
}

/* From the leaves down; iommunest_close() alone would do. */
static void end(struct vmm *vmm)
{
	iommunest_vtd_iq_free(vmm->iq);
	check(iommunest_object_destroy(vmm->ctx, vmm->parent), "stage 2");
	check(iommunest_ioas_unmap_all(vmm->ctx, vmm->ioas, NULL),
	      "unmap");
	check(iommunest_object_destroy(vmm->ctx, vmm->ioas), "IOAS");
	iommunest_close(vmm->ctx);
	munmap(vmm->ram, RAM_SIZE);
	printf("left open: %u\n", iommunest_sim_open_fds(vmm->sim));
	iommunest_sim_free(vmm->sim);
}

int main(void)
{
	struct vmm vmm = { 0 };

	open_host(&vmm);
	open_device(&vmm);
	show_guest(&vmm);
	map_memory(&vmm);
	make_stage_2(&vmm);
	check(attach_boot(&vmm), "attach");
	make_engine(&vmm);
	device_writes(&vmm, BUFFER, "boot");

	wrote_qie(&vmm);
	guest_maps(&vmm, BUFFER);
	guest_writes_entry(&vmm);
	device_writes(&vmm, IOVA, "nested");
	device_writes(&vmm, BUFFER, "nested");
	migrate(&vmm);
	guest_unmaps(&vmm);
	device_writes(&vmm, IOVA, "unmapped");

	reset(&vmm);
	device_writes(&vmm, BUFFER, "reset");
	unplug(&vmm);
	end(&vmm);
	return 0;
}
