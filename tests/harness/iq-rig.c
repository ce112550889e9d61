/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/target.h"
#include "tests/harness/policy.h"

static void make_engine(struct rig *rig, const struct rig_setup *setup)
{
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.policy = engine_policy(setup->policy),
		.budget = setup->budget ? setup->budget
					: IOMMUNEST_VTD_IQ_NO_BUDGET,
		.limits = setup->limits.size ? &setup->limits : NULL,
	};

	ck_assert_int_eq(iommunest_vtd_iq_new(&rig->iq,
					      setup->caches ? &caching_guest_ops
							    : &guest_ops,
					      &rig->guest, &options),
			 0);
}

static void add_usual(struct rig *rig)
{
	rig_add(rig, 1, 0, 10);
	rig_add(rig, 1, 5, 11);
	rig_add(rig, 2, 0, 12);
}

void rig_open(struct rig *rig, const struct rig_setup *setup)
{
	static const struct rig_setup usual;
	uint64_t iqa;

	if (!setup)
		setup = &usual;
	memset(rig, 0, sizeof(*rig));
	iqa = guest_iqa(RIG_BASE, setup->qs, !setup->narrow);
	host_init(&rig->host);
	guest_init(&rig->guest, iqa);
	rig->ctx = host_open(&rig->host);
	make_engine(rig, setup);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(rig->iq, iqa,
						   !setup->legacy &&
							   !setup->narrow),
			 0);
	enable_engine(rig->iq);
	add_usual(rig);
}

void rig_open_with(struct rig *rig, const struct iommunest_vtd_iq_ops *ops,
		   const struct iommunest_vtd_iq_options *options)
{
	rig_open(rig, NULL);
	iommunest_vtd_iq_free(rig->iq);
	ck_assert_int_eq(
		iommunest_vtd_iq_new(&rig->iq, ops, &rig->guest, options), 0);
	rig_set_base(rig, RIG_BASE, 0);
	add_usual(rig);
}

void rig_close(struct rig *rig)
{
	iommunest_vtd_iq_free(rig->iq);
	iommunest_close(rig->ctx);
	guest_free(&rig->guest);
	host_free(&rig->host);
}

void rig_end(struct rig *rig)
{
	if (rig->iq)
		rig_close(rig);
	memset(rig, 0, sizeof(*rig));
}

void rig_add(struct rig *rig, uint16_t did, uint32_t pasid, uint32_t hwpt_id)
{
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig->iq, did, pasid,
						    TARGET(rig->ctx, hwpt_id)),
			 0);
}

void rig_add_device(struct rig *rig, uint16_t sid, uint32_t pasid,
		    uint32_t hwpt_id)
{
	ck_assert_int_eq(iommunest_vtd_iq_add_device(rig->iq, sid, pasid,
						     TARGET(rig->ctx, hwpt_id)),
			 0);
}

void rig_set_base(struct rig *rig, uint64_t base, unsigned int qs)
{
	uint64_t iqa = guest_iqa(base, qs, true);

	guest_set_base(&rig->guest, iqa);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(rig->iq, iqa,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	enable_engine(rig->iq);
}

uint32_t rig_put(struct rig *rig, struct guest_desc desc)
{
	return guest_put(&rig->guest, desc);
}

uint32_t rig_page(struct rig *rig, uint64_t addr)
{
	return rig_page_of(rig, 10, addr);
}

uint32_t rig_page_of(struct rig *rig, uint32_t hwpt_id, uint64_t addr)
{
	uint16_t did = hwpt_id == 12 ? 2 : 1;
	uint32_t pasid = hwpt_id == 11 ? 5 : 0;

	return rig_put(rig, guest_piotlb_pages(did, pasid, addr, 0, false));
}

uint32_t rig_wait(struct rig *rig)
{
	return rig_put(rig, guest_wait(IOMMUNEST_VTD_DESC_SW, RIG_STATUS,
				       rig->guest.tail));
}

uint32_t rig_vmm(struct rig *rig)
{
	return rig_put(rig, guest_dev_tlb(0x5555, 0x1000, 0));
}

void rig_advance(struct rig *rig, uint32_t count)
{
	while (count--)
		rig_put(rig, guest_wait(0, 0, 0));
	ck_assert_int_eq(rig_kick(rig), 0);
	rig_is_done(rig);
}

int rig_kick(struct rig *rig)
{
	guest_forget(&rig->guest);
	host_forget(&rig->host);
	return guest_kick(&rig->guest, rig->iq, &rig->result);
}

int rig_enable(struct rig *rig)
{
	guest_forget(&rig->guest);
	host_forget(&rig->host);
	return guest_enable(&rig->guest, rig->iq, &rig->result);
}

void rig_tells(struct rig *rig, const char *story)
{
	ck_assert_str_eq(guest_story(&rig->guest), story);
}

void rig_counts(const struct rig *rig, struct rig_counts counts)
{
	const struct iommunest_vtd_iq_result *result = &rig->result;

	ck_assert_uint_eq(result->descriptors, counts.descriptors);
	ck_assert_uint_eq(result->forwarded, counts.forwarded);
	ck_assert_uint_eq(result->waits, counts.waits);
	ck_assert_uint_eq(result->vmm, counts.vmm);
	ck_assert_uint_eq(result->skipped, counts.skipped);
	ck_assert_uint_eq(result->entries, counts.entries);
	ck_assert_uint_eq(result->calls, counts.calls);
}

void rig_is_done(const struct rig *rig)
{
	const struct iommunest_vtd_iq_result *result = &rig->result;

	ck_assert_uint_eq(result->size, sizeof(*result));
	ck_assert_uint_eq(result->iqh, guest_iqt(&rig->guest));
	ck_assert_uint_eq(result->iqercd, 0);
	ck_assert_uint_eq(result->fsts, 0);
	ck_assert_uint_eq(result->cause, IOMMUNEST_CAUSE_NONE);
	ck_assert_uint_eq(result->index, 0);
	ck_assert_int_eq(result->error, 0);
	ck_assert_uint_eq(result->cookie, 0);
}

/* A host's failure is not shown to the guest. */
static uint32_t fsts_of(uint32_t cause)
{
	return cause == IOMMUNEST_CAUSE_HOST ? 0 : 1u << 4;
}

void rig_stands(const struct rig *rig, uint32_t cause, uint32_t slot, int error)
{
	const struct iommunest_vtd_iq_result *result = &rig->result;

	ck_assert_uint_eq(result->size, sizeof(*result));
	ck_assert_uint_eq(result->iqh, (uint64_t)slot << rig->guest.shift);
	ck_assert_uint_eq(result->cause, cause);
	ck_assert_uint_eq(result->index, slot);
	ck_assert_int_eq(result->error, error);
	ck_assert_uint_eq(result->fsts, fsts_of(cause));
}

void rig_entry(const struct rig *rig, uint32_t call, uint32_t nth,
	       uint64_t addr, uint64_t npages, uint32_t flags)
{
	const struct iommunest_vtd_entry *entry =
		host_entries(&rig->host, call) + nth;

	ck_assert_uint_lt(nth, rig->host.calls[call].count);
	ck_assert_uint_eq(entry->addr, addr);
	ck_assert_uint_eq(entry->npages, npages);
	ck_assert_uint_eq(entry->flags, flags);
	ck_assert_uint_eq(entry->reserved, 0);
}

void rig_entry_all(const struct rig *rig, uint32_t call, uint32_t nth)
{
	rig_entry(rig, call, nth, 0, UINT64_MAX, 0);
}
