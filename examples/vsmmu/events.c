/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the guest is told: events in its queue, errors in GERROR, and the
 * MSI of each.
 */
#include <endian.h>
#include <string.h>

#include "regs.h"

/* ---- MSIs ---- */

/* Offsets from the register that has the address. */
#define CFG1_DATA 8u

/* An address of 0 means none.  0, or the negated errno of its write. */
static int send(struct vsmmu *vsmmu, uint32_t cfg0)
{
	const struct vsmmu_config *config = &vsmmu->config;
	uint64_t addr = vsmmu_get64(vsmmu, cfg0);

	if (!addr)
		return 0;
	return config->msi(config->user, addr,
			   vsmmu_get32(vsmmu, cfg0 + CFG1_DATA));
}

/* ---- Errors ---- */

/* An error is active while its bits in GERROR and GERRORN differ. */
static bool is_active(const struct vsmmu *vsmmu, uint32_t error)
{
	return (vsmmu_get32(vsmmu, REG_GERROR) ^
		vsmmu_get32(vsmmu, REG_GERRORN)) &
	       error;
}

static void toggle(struct vsmmu *vsmmu, uint32_t error)
{
	vsmmu_put32(vsmmu, REG_GERROR,
		    vsmmu_get32(vsmmu, REG_GERROR) ^ error);
}

static void tell_of_error(struct vsmmu *vsmmu)
{
	if (!vsmmu_is_set(vsmmu, REG_IRQ_CTRL, IRQ_CTRL_GERROR))
		return;
	if (send(vsmmu, REG_GERROR_IRQ_CFG0) &&
	    !is_active(vsmmu, GERROR_MSI_GERROR_ABT))
		toggle(vsmmu, GERROR_MSI_GERROR_ABT);
}

/* While the guest has not acknowledged one, another is not told. */
void vsmmu_raise_error(struct vsmmu *vsmmu, uint32_t error)
{
	if (is_active(vsmmu, error))
		return;
	toggle(vsmmu, error);
	tell_of_error(vsmmu);
}

/* The engine keeps its bits of GERROR, and this file the others. */
void vsmmu_show_errors(struct vsmmu *vsmmu, uint32_t gerror)
{
	const uint32_t old = vsmmu_get32(vsmmu, REG_GERROR);
	const uint32_t now =
		(old & ~GERROR_QUEUE) | (gerror & GERROR_QUEUE);

	if (now == old)
		return;
	vsmmu_put32(vsmmu, REG_GERROR, now);
	tell_of_error(vsmmu);
}

/* ---- The event queue ---- */

#define EVENT_BYTES IOMMUNEST_SMMUV3_EVENT_LEN
#define QUEUE_LOG2SIZE 0x1fu
#define QUEUE_ADDR UINT64_C(0x000fffffffffffe0)

static unsigned int queue_bits(const struct vsmmu *vsmmu)
{
	uint32_t bits =
		vsmmu_get32(vsmmu, REG_EVENTQ_BASE) & QUEUE_LOG2SIZE;

	return bits < VSMMU_QUEUE_BITS ? bits : VSMMU_QUEUE_BITS;
}

/* The guest reads OVFLG as long as it differs from its OVACKFLG. */
static void lose_event(struct vsmmu *vsmmu)
{
	uint32_t prod = vsmmu_get32(vsmmu, REG_EVENTQ_PROD);
	uint32_t cons = vsmmu_get32(vsmmu, REG_EVENTQ_CONS);

	if ((prod ^ cons) & EVENTQ_OVERFLOW)
		return;
	vsmmu_put32(vsmmu, REG_EVENTQ_PROD, prod ^ EVENTQ_OVERFLOW);
}

static void tell_of_event(struct vsmmu *vsmmu)
{
	if (vsmmu_is_set(vsmmu, REG_IRQ_CTRL, IRQ_CTRL_EVENTQ) &&
	    send(vsmmu, REG_EVENTQ_IRQ_CFG0))
		vsmmu_raise_error(vsmmu, GERROR_MSI_EVENTQ_ABT);
}

static int store_event(const struct vsmmu *vsmmu, uint32_t slot,
		       const uint64_t words[4])
{
	const uint64_t base =
		vsmmu_get64(vsmmu, REG_EVENTQ_BASE) & QUEUE_ADDR &
		~(((uint64_t)EVENT_BYTES << queue_bits(vsmmu)) - 1);
	uint64_t event[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		event[i] = htole64(words[i]);
	return vsmmu_write_memory(vsmmu,
				  base + (uint64_t)slot * EVENT_BYTES,
				  event, sizeof(event));
}

/* A slot and, above it, the wrap bit. */
void vsmmu_add_event(struct vsmmu *vsmmu, const uint64_t words[4])
{
	const uint32_t slots = 1u << queue_bits(vsmmu);
	const uint32_t mask = 2 * slots - 1;
	uint32_t prod = vsmmu_get32(vsmmu, REG_EVENTQ_PROD);
	uint32_t cons = vsmmu_get32(vsmmu, REG_EVENTQ_CONS);
	const bool was_empty = !((prod ^ cons) & mask);

	if (!vsmmu_is_set(vsmmu, REG_CR0, CR0_EVENTQEN))
		return;
	if (((prod ^ cons) & mask) == slots) {
		lose_event(vsmmu);
		return;
	}
	if (store_event(vsmmu, prod & (slots - 1), words)) {
		vsmmu_raise_error(vsmmu, GERROR_EVENTQ_ABT);
		return;
	}
	/* What a vCPU reads as produced is in memory. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	vsmmu_put32(vsmmu, REG_EVENTQ_PROD,
		    (prod & EVENTQ_OVERFLOW) | ((prod + 1) & mask));
	if (was_empty)
		tell_of_event(vsmmu);
}

/*
 * The host's SMMU does not tell the VMM of a transaction that it blocks,
 * so the guest is told once, when its tables are looked at, and no address
 * is named.
 */
void vsmmu_record_fault(struct vsmmu *vsmmu, uint8_t type)
{
	const uint64_t words[4] = { (uint64_t)VSMMU_SID << 32 | type };

	vsmmu_note(vsmmu, "event %s", iommunest_smmuv3_event_name(type));
	vsmmu_add_event(vsmmu, words);
}

/* ---- The host's events ---- */

static void pass_on(struct vsmmu *vsmmu,
		    const struct iommunest_event *event)
{
	struct iommunest_smmuv3_event decoded =
		IOMMUNEST_INIT(struct iommunest_smmuv3_event);

	/* To the guest it is as if its own queue had been full. */
	if (event->lost) {
		vsmmu_note(vsmmu, "%u events were lost", event->lost);
		lose_event(vsmmu);
	}
	if (!event->data)
		return;
	iommunest_smmuv3_event_decode(&decoded, event->data);
	vsmmu_note(vsmmu, "event %s from the host",
		   iommunest_smmuv3_event_name(decoded.type));
	/* The kernel has put the guest's stream id in. */
	vsmmu_add_event(vsmmu, decoded.raw);
}

int vsmmu_read_events(struct vsmmu *vsmmu)
{
	struct iommunest_event event =
		IOMMUNEST_INIT(struct iommunest_event);
	int ret;

	if (!vsmmu->host.events)
		return 0;
	for (;;) {
		ret = iommunest_event_reader_next(vsmmu->host.events,
						  &event);
		if (ret <= 0)
			return ret;
		pass_on(vsmmu, &event);
	}
}
