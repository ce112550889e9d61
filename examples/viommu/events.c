/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the guest is told by interrupts: waits that are done, errors of the
 * queue, faults.  Both kinds of interrupt have the same four registers:
 * control, data, address, and its upper half.
 */
#include "regs.h"

#define DATA 4u
#define ADDR 8u

/* FSTS_REG: what a fault event tells of. */
#define FSTS_EVENTS (FSTS_PPF | FSTS_HALTS | IOMMUNEST_VTD_FSTS_ICE)

static void send(struct viommu *viommu, uint32_t ectl)
{
	const struct viommu_config *config = &viommu->config;

	viommu_clear(viommu, ectl, ECTL_IP);
	config->msi(config->user, viommu_get64(viommu, ectl + ADDR),
		    viommu_get32(viommu, ectl + DATA));
}

static void raise(struct viommu *viommu, uint32_t ectl)
{
	if (viommu_is_set(viommu, ectl, ECTL_IM))
		viommu_set(viommu, ectl, ECTL_IP);
	else
		send(viommu, ectl);
}

void viommu_unmasked(struct viommu *viommu, uint32_t ectl)
{
	if (viommu_is_set(viommu, ectl, ECTL_IP))
		send(viommu, ectl);
}

/* ---- Waits ---- */

void viommu_wait_done(struct viommu *viommu)
{
	/* The guest has not seen the last one yet: no need for another. */
	if (viommu_is_set(viommu, REG_ICS, ICS_IWC))
		return;
	viommu_set(viommu, REG_ICS, ICS_IWC);
	raise(viommu, REG_IECTL);
}

void viommu_wait_seen(struct viommu *viommu)
{
	/* A pending interrupt is not needed any more. */
	viommu_clear(viommu, REG_IECTL, ECTL_IP);
}

/* ---- Errors and faults ---- */

/* While the guest has not dealt with one, another one is no new event. */
void viommu_set_status(struct viommu *viommu, uint32_t fsts)
{
	bool is_new = !viommu_is_set(viommu, REG_FSTS, FSTS_EVENTS);

	viommu_set(viommu, REG_FSTS, fsts);
	if (fsts && is_new)
		raise(viommu, REG_FECTL);
}

void viommu_status_seen(struct viommu *viommu)
{
	if (!viommu_is_set(viommu, REG_FSTS, FSTS_EVENTS))
		viommu_clear(viommu, REG_FECTL, ECTL_IP);
}

/*
 * The host's IOMMU does not tell the VMM of a request that it blocks, so the
 * guest is told once, when its tables are looked at, and no request is named.
 * As hardware may, all faults of the device are one while the guest has not
 * dealt with it.
 */
void viommu_record_fault(struct viommu *viommu, uint32_t reason)
{
	if (viommu_is_set(viommu, REG_FRCD + 12, FRCD_F))
		return;
	viommu_note(viommu, "fault, reason 0x%x", reason);
	viommu_put64(viommu, REG_FRCD, 0);
	viommu_put32(viommu, REG_FRCD + 8, VIOMMU_SID);
	viommu_put32(viommu, REG_FRCD + 12, FRCD_F | reason);
	viommu_set_status(viommu, FSTS_PPF);
}

void viommu_fault_seen(struct viommu *viommu)
{
	viommu_clear(viommu, REG_FSTS, FSTS_PPF);
	viommu_status_seen(viommu);
}
