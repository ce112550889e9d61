/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the queue engine asks of the VMM. */
#include <errno.h>
#include <string.h>

#include "regs.h"

/* Guest memory as a host address, or NULL. */
static void *translate(const struct viommu *viommu, uint64_t gpa, size_t len)
{
	const struct viommu_config *config = &viommu->config;

	if (gpa > config->memory_size || len > config->memory_size - gpa)
		return NULL;
	return config->memory + gpa;
}

int viommu_read_memory(const struct viommu *viommu, uint64_t gpa, void *buf,
		       size_t len)
{
	const void *from = translate(viommu, gpa, len);

	if (!from)
		return -EFAULT;
	memcpy(buf, from, len);
	return 0;
}

static int read_ring(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	return viommu_read_memory(vmm, gpa, buf, len);
}

/*
 * The guest's CPUs poll this word, and take everything before it as
 * invalidated: one store, after all that the kernel did.
 */
static int write_status(void *vmm, uint32_t index, uint64_t gpa, uint32_t data)
{
	uint32_t *status = translate(vmm, gpa, sizeof(*status));

	(void)index;
	if (!status)
		return -EFAULT;
	__atomic_store_n(status, data, __ATOMIC_RELEASE);
	return 0;
}

static void interrupt(void *vmm, uint32_t index)
{
	(void)index;
	viommu_wait_done(vmm);
}

/*
 * All descriptors before it in the ring are done, and none after it has begun:
 * this is the place to change HWPTs and scopes.  Which entry the guest changed
 * is not asked: hardware may read any of them again, at any time.
 *
 * The guest waits for this and has no use for an error, which halts its queue:
 * it is for a device that is where it must not be.
 */
static int take_descriptor(void *vmm, uint32_t index,
			   const struct iommunest_vtd_desc *desc)
{
	struct viommu *viommu = vmm;
	char text[128];

	iommunest_vtd_desc_print(desc, text, sizeof(text));
	viommu_note(viommu, "slot %u is the VMM's: %s", index, text);
	switch (desc->type) {
	case IOMMUNEST_VTD_DESC_CONTEXT_CACHE:
	case IOMMUNEST_VTD_DESC_PASID_CACHE:
		return viommu_nest_update(viommu);
	case IOMMUNEST_VTD_DESC_IEC:
		/* A VMM with interrupt remapping updates its routes here. */
	case IOMMUNEST_VTD_DESC_IOTLB:
	case IOMMUNEST_VTD_DESC_PIOTLB:
	case IOMMUNEST_VTD_DESC_DEV_TLB:
	case IOMMUNEST_VTD_DESC_PASID_DEV_TLB:
		/*
		 * ... one with emulated devices drops what it cached for them,
		 * here and in `forwarded`.
		 */
	default:
		return 0;
	}
}

static void healed(void *vmm, uint64_t cookie, uint32_t index, int error,
		   uint32_t code)
{
	(void)code;
	viommu_note(vmm, "slot %u: %s; all of hwpt %llu is flushed instead",
		    index, strerror(-error), (unsigned long long)cookie);
}

/* The one device there is goes through the one target there is. */
static int isolate(void *vmm, uint64_t cookie, uint32_t index, int error,
		   uint32_t code)
{
	(void)cookie, (void)code;
	viommu_note(vmm, "slot %u: %s, and nothing flushes it", index,
		    strerror(-error));
	return viommu_nest_cut_off(vmm);
}

static void trace(void *vmm, uint64_t cookie, const struct iommunest_call *call)
{
	(void)cookie;
	viommu_note(vmm, "ioctl: hwpt %u, %u of %u entries%s%s", call->id,
		    call->handled, call->count, call->error ? ": " : "",
		    call->error ? strerror(-call->error) : "");
}

const struct iommunest_vtd_iq_ops viommu_iq_ops = {
	.size = sizeof(viommu_iq_ops),
	.read = read_ring,
	.write_status = write_status,
	.interrupt = interrupt,
	.descriptor = take_descriptor,
	.healed = healed,
	.isolate = isolate,
	.trace = trace,
};
