/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * From the guest's stream table to what its device is attached to.
 * Tables: SMMU architecture specification, 3.3 and chapter 5.
 *
 * What the guest wants is found anew, from its registers and tables,
 * whenever they may have changed; then the device is moved from where it
 * is to there. Whatever fails on this way, it never keeps what the guest
 * took away: it is detached, and the guest reads of a fault.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "regs.h"

/* ---- The guest's stream table ---- */

#define STRTAB_ADDR UINT64_C(0x000fffffffffffc0)
#define STRTAB_LOG2SIZE(cfg) ((cfg)&0x3f)
#define STRTAB_SPLIT(cfg) ((cfg) >> 6 & 0x1f)
#define STRTAB_FMT(cfg) ((cfg) >> 16 & 3)
#define FMT_LINEAR 0u
#define FMT_2LEVEL 1u

#define STE_BYTES 64u
#define L1_BYTES 8u
#define L1_SPAN(word) ((word)&0x1f)

/* A table is aligned to its own size, which is at least @least bytes. */
static uint64_t align(uint64_t addr, uint64_t size, uint64_t least)
{
	return addr & STRTAB_ADDR & ~((size > least ? size : least) - 1);
}

/* Whether a table for 2^@bits ids has the device's entry, and where. */
static bool find_2level(const struct vsmmu *vsmmu, uint64_t base,
			unsigned int bits, unsigned int split,
			uint64_t *gpa)
{
	const uint32_t l1 = VSMMU_SID >> split;
	const uint32_t l2 = VSMMU_SID & ((1u << split) - 1);
	unsigned int span, l1_bits = bits > split ? bits - split : 0;
	uint64_t word;

	if (split != 6 && split != 8 && split != 10)
		return false;
	base = align(base, (uint64_t)L1_BYTES << l1_bits, 64);
	if (vsmmu_read_memory(vsmmu, base + l1 * L1_BYTES, &word,
			      sizeof(word)))
		return false;
	word = le64toh(word);
	/* The second level has 2^(span - 1) entries; of 0 there is none.
	 */
	span = L1_SPAN(word);
	if (!span || span > split + 1 || l2 >> (span - 1))
		return false;
	*gpa = align(word, (uint64_t)STE_BYTES << (span - 1), STE_BYTES) +
	       (uint64_t)l2 * STE_BYTES;
	return true;
}

static bool find_ste(const struct vsmmu *vsmmu, uint64_t *gpa)
{
	const uint64_t base = vsmmu_get64(vsmmu, REG_STRTAB_BASE);
	const uint32_t cfg = vsmmu_get32(vsmmu, REG_STRTAB_BASE_CFG);
	unsigned int bits = STRTAB_LOG2SIZE(cfg);

	if (bits > VSMMU_SID_BITS)
		bits = VSMMU_SID_BITS;
	if (VSMMU_SID >> bits)
		return false;
	switch (STRTAB_FMT(cfg)) {
	case FMT_LINEAR:
		*gpa = align(base, (uint64_t)STE_BYTES << bits,
			     STE_BYTES) +
		       (uint64_t)VSMMU_SID * STE_BYTES;
		return true;
	case FMT_2LEVEL:
		return find_2level(vsmmu, base, bits, STRTAB_SPLIT(cfg),
				   gpa);
	default:
		return false;
	}
}

/* ---- What the guest wants ---- */

#define STE1_S1STALLD UINT64_C(0x8000000)

struct wanted {
	struct vsmmu_nest nest;
	/* Why the device is blocked, if the guest is to be told. */
	uint8_t event;
};

/* The guest was shown no stalls: its descriptors must not ask for them. */
static void forbid_stalls(const struct vsmmu *vsmmu,
			  struct iommunest_smmuv3_s1 *s1)
{
	if (vsmmu->device.caps.stall_model == 0)
		s1->ste[1] |= htole64(STE1_S1STALLD);
}

/* An entry is copied once, then judged, and only the copy is used. */
static void judge(const struct vsmmu *vsmmu, const uint64_t words[2],
		  struct wanted *want)
{
	struct iommunest_smmuv3_ste ste =
		IOMMUNEST_INIT(struct iommunest_smmuv3_ste);
	uint32_t reason;
	int ret;

	iommunest_smmuv3_ste_decode(&ste, words);
	if (!ste.valid || ste.config == IOMMUNEST_SMMUV3_CONFIG_ABORT)
		return;
	if (ste.config == IOMMUNEST_SMMUV3_CONFIG_BYPASS) {
		want->nest.dma = VSMMU_PARENT;
		return;
	}
	ret = iommunest_smmuv3_ste_to_s1(&ste, &vsmmu->device.caps,
					 VSMMU_GPA_BITS, &want->nest.s1,
					 &reason);
	if (ret) {
		vsmmu_note(vsmmu, "stream table entry refused: %s",
			   iommunest_smmuv3_ste_reason_text(reason));
		want->event = IOMMUNEST_SMMUV3_EVENT_BAD_STE;
		return;
	}
	forbid_stalls(vsmmu, &want->nest.s1);
	want->nest.dma = VSMMU_NESTED;
}

/* Without the SMMU a device sees guest memory; without an entry, nothing.
 */
static void find_wanted(const struct vsmmu *vsmmu, struct wanted *want)
{
	uint64_t words[2], gpa;

	*want = (struct wanted){ .nest.dma = VSMMU_BLOCKED };
	if (!vsmmu_is_set(vsmmu, REG_CR0, CR0_SMMUEN)) {
		if (!vsmmu_is_set(vsmmu, REG_GBPA, GBPA_ABORT))
			want->nest.dma = VSMMU_PARENT;
		return;
	}
	if (!find_ste(vsmmu, &gpa))
		want->event = vsmmu_is_set(vsmmu, REG_CR2, CR2_RECINVSID)
				      ? IOMMUNEST_SMMUV3_EVENT_BAD_STREAMID
				      : 0;
	else if (vsmmu_read_memory(vsmmu, gpa, words, sizeof(words)))
		want->event = IOMMUNEST_SMMUV3_EVENT_STE_FETCH;
	else
		judge(vsmmu, words, want);
}

static bool is_same(const struct vsmmu_nest *a, const struct vsmmu_nest *b)
{
	if (a->dma != b->dma)
		return false;
	return a->dma != VSMMU_NESTED ||
	       !memcmp(&a->s1, &b->s1, sizeof(a->s1));
}

/* ---- The host ---- */

/* How often it is asked for what it may be able to do a moment later. */
#define TRIES 4u

static bool may_try_again(int ret, unsigned int *tries)
{
	return (ret == -ENOMEM || ret == -EBUSY || ret == -EINTR) &&
	       ++*tries < TRIES;
}

/* What cannot be destroyed is in nobody's way, except that it uses others.
 */
static int destroy(struct vsmmu *vsmmu, uint32_t *id)
{
	unsigned int tries = 0;
	int ret;

	if (!*id)
		return 0;
	do
		ret = iommunest_object_destroy(vsmmu->config.ctx, *id);
	while (may_try_again(ret, &tries));
	if (!ret)
		*id = 0;
	return ret;
}

static void drop(struct vsmmu *vsmmu, uint32_t hwpt_id)
{
	uint32_t id = hwpt_id;
	int ret;

	if (!hwpt_id)
		return;
	ret = destroy(vsmmu, &id);
	vsmmu_note(vsmmu, "hwpt %u %s%s", hwpt_id,
		   ret ? "cannot be destroyed: " : "goes",
		   ret ? strerror(-ret) : "");
}

/* A command of the VMM's own, not of the guest's queue. */
static int send(const struct vsmmu *vsmmu,
		const struct iommunest_smmuv3_entry *entry)
{
	struct iommunest_inv_type type =
		IOMMUNEST_INIT(struct iommunest_inv_type);
	struct iommunest_batch *batch;
	int ret;

	ret = iommunest_smmuv3_type(&type, &vsmmu->device.caps, NULL);
	if (!ret)
		ret = iommunest_batch_new(&batch, &type, 1);
	if (ret)
		return ret;
	iommunest_batch_add(batch, entry, 0);
	ret = iommunest_submit(vsmmu->config.ctx, vsmmu->host.viommu_id,
			       batch, NULL, NULL);
	iommunest_batch_free(batch);
	return ret;
}

/* ---- What the engine knows ---- */

static struct iommunest_smmuv3_target target_of(const struct vsmmu *vsmmu)
{
	return (struct iommunest_smmuv3_target){
		.size = sizeof(struct iommunest_smmuv3_target),
		.ctx = vsmmu->config.ctx,
		.viommu_id = vsmmu->host.viommu_id,
		.cookie = vsmmu->host.viommu_id,
	};
}

/*
 * From here on the guest's commands reach the vIOMMU.  Those before did
 * not, and translations stay cached under its VMID whatever its devices
 * are attached to: so all of them go before one is attached.
 */
static int reach(struct vsmmu *vsmmu)
{
	const struct iommunest_smmuv3_target target = target_of(vsmmu);
	struct iommunest_smmuv3_entry all;
	int ret;

	if (vsmmu->host.reached)
		return 0;
	iommunest_smmuv3_tlbi_nsnh_all(&all);
	ret = send(vsmmu, &all);
	if (ret)
		return ret;
	/* It is there where it was isolated. */
	iommunest_smmuv3_cmdq_remove_target(vsmmu->cmdq, &target);
	ret = iommunest_smmuv3_cmdq_add_target(vsmmu->cmdq, &target);
	if (ret)
		return ret;
	vsmmu->host.reached = true;
	return iommunest_smmuv3_cmdq_add_stream(vsmmu->cmdq, VSMMU_SID,
						&target);
}

void vsmmu_nest_forgotten(struct vsmmu *vsmmu)
{
	vsmmu->host.reached = false;
}

static void unreach(struct vsmmu *vsmmu)
{
	const struct iommunest_smmuv3_target target = target_of(vsmmu);

	/* Where the engine does not know it, this fails and does no harm.
	 */
	iommunest_smmuv3_cmdq_remove_target(vsmmu->cmdq, &target);
	vsmmu->host.reached = false;
}

/* ---- Moving the device ---- */

static int attach(const struct vsmmu *vsmmu, uint32_t pt_id)
{
	return iommunest_vfio_attach(vsmmu->config.ctx, vsmmu->device.fd,
				     &pt_id);
}

/*
 * The engine knows the vIOMMU before the device uses it: nothing is ever
 * cached that no command would reach.
 */
static int enter(struct vsmmu *vsmmu, struct vsmmu_nest *nest)
{
	int ret;

	ret = reach(vsmmu);
	if (ret) {
		unreach(vsmmu);
		return ret;
	}
	ret = iommunest_smmuv3_hwpt_alloc(vsmmu->config.ctx,
					  vsmmu->device.dev_id,
					  vsmmu->host.viommu_id, &nest->s1,
					  &nest->hwpt_id);
	if (ret)
		return ret;
	ret = attach(vsmmu, nest->hwpt_id);
	if (ret)
		drop(vsmmu, nest->hwpt_id);
	return ret;
}

static int try_to_move(struct vsmmu *vsmmu, struct vsmmu_nest *nest)
{
	switch (nest->dma) {
	case VSMMU_NESTED:
		return enter(vsmmu, nest);
	case VSMMU_PARENT:
		return attach(vsmmu, vsmmu->device.parent_id);
	default:
		return iommunest_vfio_detach(vsmmu->config.ctx,
					     vsmmu->device.fd);
	}
}

static void note_move(const struct vsmmu *vsmmu)
{
	const struct vsmmu_nest *nest = &vsmmu->nest;

	if (nest->dma == VSMMU_NESTED)
		vsmmu_note(vsmmu, "the device is attached to hwpt %u",
			   nest->hwpt_id);
	else
		vsmmu_note(vsmmu, nest->dma == VSMMU_PARENT
					  ? "the device sees guest memory"
					  : "the device is blocked");
}

static int move(struct vsmmu *vsmmu, const struct vsmmu_nest *to)
{
	uint32_t old = vsmmu->nest.hwpt_id;
	struct vsmmu_nest nest = *to;
	unsigned int tries = 0;
	int ret;

	do
		ret = try_to_move(vsmmu, &nest);
	while (may_try_again(ret, &tries));
	if (ret) {
		/* It is where it was, or blocked: drivers differ. */
		vsmmu->nest.dma = VSMMU_UNKNOWN;
		return ret;
	}
	vsmmu->nest = nest;
	note_move(vsmmu);
	drop(vsmmu, old);
	return 0;
}

/*
 * The entry is what it was.  An invalidation of it is one of its context
 * descriptors, too, and the kernel sees no change that would make it send
 * one.
 */
static int refresh(const struct vsmmu *vsmmu, bool invalidate)
{
	struct iommunest_smmuv3_entry entry;
	unsigned int tries = 0;
	int ret;

	if (!invalidate || vsmmu->nest.dma != VSMMU_NESTED)
		return 0;
	iommunest_smmuv3_cfgi_cd_all(&entry, VSMMU_SID);
	do
		ret = send(vsmmu, &entry);
	while (may_try_again(ret, &tries));
	return ret;
}

/* A device that is detached reaches nothing. */
static int block(struct vsmmu *vsmmu)
{
	const struct vsmmu_nest blocked = { .dma = VSMMU_BLOCKED };

	return is_same(&blocked, &vsmmu->nest) ? 0 : move(vsmmu, &blocked);
}

/* To the guest it is as if its SMMU could not read the entry. */
int vsmmu_nest_cut_off(struct vsmmu *vsmmu)
{
	int ret = block(vsmmu);

	if (!ret && vsmmu_is_set(vsmmu, REG_CR0, CR0_SMMUEN))
		vsmmu_record_fault(vsmmu,
				   IOMMUNEST_SMMUV3_EVENT_STE_FETCH);
	return ret;
}

int vsmmu_nest_update(struct vsmmu *vsmmu, bool invalidate)
{
	struct wanted want;
	int ret;

	if (!vsmmu->plugged)
		return 0;
	find_wanted(vsmmu, &want);
	ret = is_same(&want.nest, &vsmmu->nest)
		      ? refresh(vsmmu, invalidate)
		      : move(vsmmu, &want.nest);
	if (ret) {
		vsmmu_note(vsmmu, "the host cannot do it: %s",
			   strerror(-ret));
		return vsmmu_nest_cut_off(vsmmu);
	}
	if (want.event)
		vsmmu_record_fault(vsmmu, want.event);
	return 0;
}

/* ---- Plugging ---- */

#define EVENT_DEPTH 64u

/* The guest was shown the ID registers before the device came. */
static int check_host(const struct vsmmu *vsmmu,
		      const struct iommunest_smmuv3_caps *host)
{
	const struct iommunest_smmuv3_caps *guest = &vsmmu->config.caps;

	if (host->asid_bits < guest->asid_bits ||
	    host->ssid_bits < guest->ssid_bits ||
	    host->bbml < guest->bbml || (guest->ttf & ~host->ttf) ||
	    (host->ttendian && host->ttendian != guest->ttendian))
		return -EOPNOTSUPP;
	if ((guest->cd2l && !host->cd2l) || (guest->ats && !host->ats) ||
	    (guest->ril && !host->ril) || (guest->ds && !host->ds) ||
	    guest->vax > host->vax || (guest->gran4k && !host->gran4k) ||
	    (guest->gran16k && !host->gran16k) ||
	    (guest->gran64k && !host->gran64k))
		return -EOPNOTSUPP;
	/* It stalls, whatever the guest's descriptors say. */
	return host->stall_model == 2 ? -EOPNOTSUPP : 0;
}

static int open_events(struct vsmmu *vsmmu)
{
	struct vsmmu_host *host = &vsmmu->host;
	int ret;

	ret = iommunest_smmuv3_event_queue_alloc(
		vsmmu->config.ctx, host->viommu_id, EVENT_DEPTH,
		&host->event_queue_id, &host->event_fd);
	if (ret)
		return ret;
	return iommunest_event_reader_new(&host->events, vsmmu->config.ctx,
					  host->event_fd,
					  IOMMUNEST_SMMUV3_EVENT_LEN);
}

static void close_events(struct vsmmu *vsmmu)
{
	struct vsmmu_host *host = &vsmmu->host;

	iommunest_event_reader_free(host->events);
	host->events = NULL;
	if (host->event_fd >= 0)
		iommunest_event_queue_close(vsmmu->config.ctx,
					    host->event_fd);
	host->event_fd = -1;
}

/* The reverse of open_host(), also of half of it.  The device is detached.
 */
static int close_host(struct vsmmu *vsmmu)
{
	struct vsmmu_host *host = &vsmmu->host;
	int ret;

	unreach(vsmmu);
	close_events(vsmmu);
	ret = destroy(vsmmu, &host->event_queue_id);
	if (!ret)
		ret = destroy(vsmmu, &host->vdevice_id);
	return ret ? ret : destroy(vsmmu, &host->viommu_id);
}

/* The vDEVICE is there before the device is attached to what translates.
 */
static int open_host(struct vsmmu *vsmmu)
{
	const struct vsmmu_device *device = &vsmmu->device;
	struct vsmmu_host *host = &vsmmu->host;
	int ret;

	*host = (struct vsmmu_host){ .event_fd = -1 };
	ret = iommunest_smmuv3_viommu_alloc(vsmmu->config.ctx,
					    device->dev_id,
					    device->parent_id,
					    &host->viommu_id);
	if (!ret)
		ret = iommunest_smmuv3_vdevice_alloc(
			vsmmu->config.ctx, host->viommu_id, device->dev_id,
			VSMMU_SID, VSMMU_SID_BITS, &host->vdevice_id);
	if (!ret)
		ret = open_events(vsmmu);
	if (ret)
		close_host(vsmmu);
	return ret;
}

/*
 * Where the guest has its SMMU on already, the device goes from nothing to
 * what its entry says, and sees no more of memory on the way.
 */
int vsmmu_plug(struct vsmmu *vsmmu, const struct vsmmu_device *device)
{
	int ret;

	if (vsmmu->plugged)
		return -EBUSY;
	ret = check_host(vsmmu, &device->caps);
	if (ret)
		return ret;
	vsmmu->device = *device;
	ret = open_host(vsmmu);
	if (ret)
		return ret;
	vsmmu->nest = (struct vsmmu_nest){ .dma = VSMMU_UNKNOWN };
	vsmmu->plugged = true;
	return vsmmu_nest_update(vsmmu, false);
}

/*
 * Not back to the parent: the guest's DMA may go on until the device is
 * reset, and would see all of memory.
 */
int vsmmu_unplug(struct vsmmu *vsmmu)
{
	int ret;

	if (!vsmmu->plugged)
		return 0;
	ret = block(vsmmu);
	if (!ret)
		ret = close_host(vsmmu);
	if (!ret)
		vsmmu->plugged = false;
	return ret;
}
