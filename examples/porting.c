/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A VMM that has one ioctl for each descriptor moves to the queue engine,
 * in the ten steps of iommunest_porting(7).  It runs one guest both ways,
 * on the simulator, and prints what each took.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libiommunest-sim.h>

#define DEVICE "/dev/vfio/devices/vfio0"
#define RING 0x1000u
#define STATUS 0x3000u
#define SLOTS 128u
#define SLOT_BYTES 32u
#define DID 7u
#define KICKS 8u
#define FLUSHES 15u

#define FSTS_HALTS (IOMMUNEST_VTD_FSTS_IQE | IOMMUNEST_VTD_FSTS_ITE)

struct vmm {
	/* The VMM's own: guest memory, and registers that it had before.
	 */
	unsigned char memory[0x4000];
	uint64_t iqa, iqh, iqt, iqercd, rtaddr;
	uint64_t cap, ecap;
	uint32_t fsts, qies;
	/* The host's. */
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	int device;
	uint32_t dev_id, parent, hwpt;
	/* New. */
	struct iommunest_vtd_iq *iq;
	bool work_left, stopped;
	/* Of the old way: for one entry at a time. */
	struct iommunest_batch *batch;
	uint32_t ioctls, emulated_flushes;
};

static void check(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

/* ---- Before: one ioctl a descriptor ---- */

static void old_flush(struct vmm *vmm,
		      const struct iommunest_vtd_desc *desc)
{
	struct iommunest_report report = { .size = sizeof(report) };

	iommunest_batch_reset(vmm->batch);
	iommunest_vtd_batch_add_block(vmm->batch, desc->addr, desc->am, 0,
				      0);
	/* The guest's wait completes, whatever comes back. */
	if (iommunest_submit(vmm->ctx, vmm->hwpt, vmm->batch, NULL,
			     &report))
		warnx("a flush is lost");
	vmm->ioctls += report.calls;
}

static void old_run(struct vmm *vmm)
{
	for (; vmm->iqh != vmm->iqt;
	     vmm->iqh = (vmm->iqh + SLOT_BYTES) % (SLOTS * SLOT_BYTES)) {
		struct iommunest_vtd_desc desc = { .size = sizeof(desc) };
		uint64_t words[4];

		memcpy(words, vmm->memory + RING + vmm->iqh,
		       sizeof(words));
		check(iommunest_vtd_desc_decode(
			      &desc, words, 256,
			      IOMMUNEST_VTD_TTM_SCALABLE),
		      "descriptor");
		if (desc.type == IOMMUNEST_VTD_DESC_PIOTLB)
			old_flush(vmm, &desc);
		else if (desc.type == IOMMUNEST_VTD_DESC_WAIT)
			memcpy(vmm->memory + desc.addr, &desc.status_data,
			       4);
	}
}

/* ---- Step 2: a context on the VMM's own fd ---- */

/* Without sys and sys_data, as a VMM has it, this is the kernel. */
static void open_host(struct vmm *vmm)
{
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};

	check(iommunest_sim_new(&vmm->sim, NULL), "simulator");
	options.sys_data = vmm->sim;
	check(iommunest_open(&vmm->ctx, &options), "/dev/iommu");
}

/* ---- Step 3: a device, and what the guest may be shown ---- */

/* A VMM asks uname(2). */
#define RELEASE "7.3.4"

static int plug(struct vmm *vmm)
{
	struct iommunest_vtd_guest guest = { .size = sizeof(guest) };
	struct iommunest_hw_info info = { .size = sizeof(info) };
	uint64_t reasons;
	int ret;

	ret = iommunest_vtd_kernel_faults(RELEASE, &guest.kernel_faults);
	if (ret >= 0)
		ret = iommunest_features(vmm->ctx, &guest.features);
	if (!ret)
		ret = iommunest_hw_info(vmm->ctx, vmm->dev_id, &info);
	/* The first one decides; a VMM clears what it does not emulate. */
	if (!ret && !vmm->ecap)
		ret = iommunest_vtd_guest_caps(&info, &vmm->cap,
					       &vmm->ecap);
	guest.cap = vmm->cap;
	guest.ecap = vmm->ecap;
	if (!ret)
		ret = iommunest_vtd_guest_check(&info, &guest, &reasons);
	if (ret <= 0)
		return ret;
	warnx("refused: %s",
	      iommunest_vtd_guest_reason_text(reasons & -reasons));
	return -EOPNOTSUPP;
}

/* ---- Step 4: what the engine asks of the VMM ---- */

static int read_memory(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct vmm *vmm = opaque;

	if (gpa > sizeof(vmm->memory) || len > sizeof(vmm->memory) - gpa)
		return -EFAULT;
	memcpy(buf, vmm->memory + gpa, len);
	return 0;
}

static int write_status(void *opaque, uint32_t index, uint64_t gpa,
			uint32_t data)
{
	struct vmm *vmm = opaque;

	(void)index;
	if (gpa % 4 || gpa >= sizeof(vmm->memory))
		return -EFAULT;
	__atomic_store_n((uint32_t *)(void *)(vmm->memory + gpa), data,
			 __ATOMIC_RELEASE);
	return 0;
}

static void interrupt(void *opaque, uint32_t index)
{
	/* ICS_REG.IWC, and the interrupt: as before. */
	(void)opaque, (void)index;
}

/* ---- Step 6: PASID-cache descriptors ---- */

static struct iommunest_vtd_target target_of(const struct vmm *vmm,
					     uint32_t hwpt)
{
	return (struct iommunest_vtd_target){
		.size = sizeof(struct iommunest_vtd_target),
		.ctx = vmm->ctx,
		.hwpt_id = hwpt,
		.cookie = (uintptr_t)vmm,
	};
}

static void drop(struct vmm *vmm, uint32_t hwpt)
{
	const struct iommunest_vtd_target target = target_of(vmm, hwpt);

	if (!hwpt)
		return;
	iommunest_vtd_iq_forget(vmm->iq, &target);
	iommunest_object_destroy(vmm->ctx, hwpt);
}

/*
 * The engine knows the new HWPT before the device uses it, and forgets the
 * old one after the device has left it.
 */
static int enter(struct vmm *vmm, uint16_t did,
		 const struct iommunest_vtd_s1 *s1)
{
	struct iommunest_vtd_target target;
	uint32_t hwpt, old = vmm->hwpt;
	int ret;

	ret = iommunest_vtd_hwpt_alloc(vmm->ctx, vmm->dev_id, vmm->parent,
				       s1, &hwpt);
	if (ret)
		return ret;
	target = target_of(vmm, hwpt);
	ret = iommunest_vtd_iq_add_scope(vmm->iq, did, 0, &target);
	if (!ret)
		ret = iommunest_vfio_attach(vmm->ctx, vmm->device, &hwpt);
	if (ret) {
		drop(vmm, hwpt);
		return ret;
	}
	vmm->hwpt = hwpt;
	drop(vmm, old);
	return 0;
}

/* ---- Step 8: what the host fails on ---- */

static int cut_off(struct vmm *vmm)
{
	int ret = iommunest_vfio_detach(vmm->ctx, vmm->device);

	if (ret)
		return ret;
	drop(vmm, vmm->hwpt);
	vmm->hwpt = 0;
	return 0;
}

static int isolate(void *opaque, uint64_t cookie, uint32_t index,
		   int error, uint32_t code)
{
	(void)cookie, (void)code;
	warnx("slot %u: %s; the device is cut off", index,
	      strerror(-error));
	return cut_off(opaque);
}

static void healed(void *opaque, uint64_t cookie, uint32_t index,
		   int error, uint32_t code)
{
	(void)opaque, (void)cookie, (void)code;
	warnx("slot %u: %s; all was flushed instead", index,
	      strerror(-error));
}

/* ---- Step 7: emulated devices ---- */

/* What the VMM did for each descriptor before, except for the ioctl. */
static void flush_emulated(struct vmm *vmm,
			   const struct iommunest_vtd_desc *desc)
{
	(void)desc;
	vmm->emulated_flushes++;
}

static int forwarded(void *opaque, uint32_t index,
		     const struct iommunest_vtd_desc *desc)
{
	(void)index;
	flush_emulated(opaque, desc);
	return 0;
}

static int descriptor(void *opaque, uint32_t index,
		      const struct iommunest_vtd_desc *desc)
{
	struct vmm *vmm = opaque;
	/* A VMM reads the guest's PASID-table entry. */
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.pgtbl_addr = 0x2000,
		.addr_width = 48,
	};

	(void)index;
	flush_emulated(vmm, desc);
	if (desc->type == IOMMUNEST_VTD_DESC_PASID_CACHE &&
	    enter(vmm, desc->did, &s1))
		return cut_off(vmm);
	return 0;
}

static const struct iommunest_vtd_iq_ops ops = {
	.size = sizeof(ops),
	.read = read_memory,
	.write_status = write_status,
	.interrupt = interrupt,
	.descriptor = descriptor,
	.forwarded = forwarded,
	.isolate = isolate,
	.healed = healed,
};

/* ---- Step 5: from a register write to a call ---- */

/* Each step's registers become visible together. */
static int show(struct vmm *vmm, int ret,
		const struct iommunest_vtd_iq_result *result)
{
	vmm->iqh = result->iqh;
	vmm->iqercd = result->iqercd;
	vmm->fsts |= result->fsts;
	vmm->ioctls += result->calls;
	/* The guest sees nothing of it, and waits: it has to be stopped.
	 */
	if (result->cause == IOMMUNEST_CAUSE_HOST && !result->fsts)
		vmm->stopped = true;
	return ret;
}

static int run(struct vmm *vmm)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	int ret = iommunest_vtd_iq_run(vmm->iq, vmm->iqt, &result);

	return show(vmm, ret, &result);
}

static void wrote_iqt(struct vmm *vmm, uint64_t iqt)
{
	vmm->iqt = iqt;
	vmm->work_left = run(vmm) == 1;
}

static void wrote_qie(struct vmm *vmm)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	int ret;

	check(iommunest_vtd_iq_set_base(
		      vmm->iq, vmm->iqa,
		      IOMMUNEST_VTD_RTADDR_TTM(vmm->rtaddr)),
	      "IQA");
	vmm->qies = 1;
	ret = iommunest_vtd_iq_enable(vmm->iq, &result);
	vmm->work_left = show(vmm, ret, &result) == 1;
}

static void wrote_fsts(struct vmm *vmm, uint32_t bits)
{
	uint32_t before = vmm->fsts & FSTS_HALTS;

	vmm->fsts &= ~bits;
	if (!before || vmm->fsts & FSTS_HALTS)
		return;
	iommunest_vtd_iq_clear_fault(vmm->iq);
	/* Up to the tail: Linux uses its slots again right after it. */
	while (run(vmm) == 1)
		;
}

/* ---- Step 9: the main loop, reset, migration ---- */

static void bottom_half(struct vmm *vmm)
{
	if (vmm->work_left)
		vmm->work_left = run(vmm) == 1;
}

static int loaded(struct vmm *vmm)
{
	const struct iommunest_vtd_iq_registers registers = {
		.size = sizeof(registers),
		.iqa = vmm->iqa,
		.iqh = vmm->iqh,
		.iqt = vmm->iqt,
		.iqercd = vmm->iqercd,
		.fsts = vmm->fsts,
		.ttm = IOMMUNEST_VTD_RTADDR_TTM(vmm->rtaddr),
		.enabled = vmm->qies,
	};

	vmm->work_left = true;
	return iommunest_vtd_iq_restore_registers(vmm->iq, &registers);
}

static int reset(struct vmm *vmm)
{
	int ret =
		iommunest_vfio_attach(vmm->ctx, vmm->device, &vmm->parent);

	if (ret)
		return ret;
	drop(vmm, vmm->hwpt);
	vmm->hwpt = 0;
	vmm->qies = vmm->fsts = 0;
	vmm->iqa = vmm->iqh = vmm->iqt = vmm->iqercd = vmm->rtaddr = 0;
	vmm->work_left = false;
	return iommunest_vtd_iq_reset(vmm->iq);
}

/* ---- A guest, and both ways ---- */

static void put(struct vmm *vmm, uint64_t *tail,
		const struct iommunest_vtd_desc *desc)
{
	memcpy(vmm->memory + RING + *tail, desc->raw, SLOT_BYTES);
	*tail = (*tail + SLOT_BYTES) % (SLOTS * SLOT_BYTES);
}

/* Flushes and a wait; returns the tail. */
static uint64_t put_flushes(struct vmm *vmm, uint64_t tail,
			    uint32_t number)
{
	struct iommunest_vtd_desc desc = { .size = sizeof(desc) };
	uint32_t i;

	for (i = 0; i < FLUSHES; i++) {
		iommunest_vtd_desc_piotlb(&desc,
					  IOMMUNEST_VTD_PIOTLB_PAGES, DID,
					  0, (uint64_t)i << 12, 0, 0);
		put(vmm, &tail, &desc);
	}
	iommunest_vtd_desc_wait(&desc, IOMMUNEST_VTD_DESC_SW, STATUS,
				number);
	put(vmm, &tail, &desc);
	return tail;
}

static uint64_t put_pasid_cache(struct vmm *vmm, uint64_t tail)
{
	struct iommunest_vtd_desc desc = { .size = sizeof(desc) };

	iommunest_vtd_desc_pasid_cache(
		&desc, IOMMUNEST_VTD_PASID_CACHE_PASID, DID, 0);
	put(vmm, &tail, &desc);
	return tail;
}

static void is_done(const struct vmm *vmm, uint32_t number)
{
	uint32_t status;

	memcpy(&status, vmm->memory + STATUS, sizeof(status));
	if (status != number)
		errx(1, "wait %u is not complete", number);
}

static void set_up(struct vmm *vmm)
{
	uint32_t ioas;

	open_host(vmm);
	check(iommunest_vfio_open(vmm->ctx, DEVICE, &vmm->device,
				  &vmm->dev_id),
	      DEVICE);
	check(iommunest_ioas_alloc(vmm->ctx, &ioas), "IOAS");
	check(iommunest_hwpt_alloc_parent(vmm->ctx, vmm->dev_id, ioas,
					  &vmm->parent),
	      "nest parent");
	check(iommunest_batch_new(&vmm->batch, iommunest_vtd_s1_type(), 1),
	      "batch");
	/* The default: heal, isolate, and a budget. */
	check(iommunest_vtd_iq_new(&vmm->iq, &ops, vmm, NULL), "engine");
}

static void run_old(struct vmm *vmm)
{
	uint32_t i;

	for (i = 1; i <= KICKS; i++) {
		vmm->iqt = put_flushes(vmm, vmm->iqt, i);
		old_run(vmm);
		is_done(vmm, i);
	}
}

static void run_new(struct vmm *vmm)
{
	uint32_t i;

	vmm->iqh = vmm->iqt = 0;
	vmm->iqa = RING | IOMMUNEST_VTD_IQA_DW;
	vmm->rtaddr = (uint64_t)IOMMUNEST_VTD_TTM_SCALABLE << 10;
	wrote_qie(vmm);
	wrote_iqt(vmm, put_pasid_cache(vmm, vmm->iqt));
	for (i = 1; i <= KICKS; i++) {
		wrote_iqt(vmm, put_flushes(vmm, vmm->iqt, i));
		is_done(vmm, i);
		/* A migration in the middle of it. */
		check(loaded(vmm), "registers");
		bottom_half(vmm);
	}
	wrote_fsts(vmm, FSTS_HALTS);
}

int main(void)
{
	static struct vmm vmm;
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.pgtbl_addr = 0x2000,
		.addr_width = 48,
	};

	set_up(&vmm);
	check(plug(&vmm), "device");
	check(enter(&vmm, DID, &s1), "HWPT");
	run_old(&vmm);
	printf("before: %u ioctls\n", vmm.ioctls);
	vmm.ioctls = 0;
	run_new(&vmm);
	printf("after: %u ioctls, %u flushes of emulated devices\n",
	       vmm.ioctls, vmm.emulated_flushes);
	check(reset(&vmm), "reset");

	iommunest_vtd_iq_free(vmm.iq);
	iommunest_batch_free(vmm.batch);
	iommunest_vfio_close(vmm.ctx, vmm.device);
	iommunest_close(vmm.ctx);
	iommunest_sim_free(vmm.sim);
	return vmm.stopped;
}
