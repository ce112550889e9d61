/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <malloc.h>
#include <string.h>

#include "tests/harness/linux-jobs.h"
#include "tests/queue/linux-rows.h"

static struct linux_vmm vmm;

void linux_expect(const char *what, unsigned int outcomes, unsigned int wanted)
{
	char text[80];

	if (outcomes == wanted)
		return;
	strcpy(text, linux_outcome_text(outcomes));
	ck_abort_msg("%s: %s; wanted: %s", what, text,
		     linux_outcome_text(wanted));
}

/* ---- What is submitted ---- */

static struct linux_flush fence(void)
{
	struct linux_job drain;

	linux_drain(&drain, linux_vmm_page(1, 0), linux_vmm_page(1, 0));
	return drain.flushes[0];
}

static struct linux_flush flush_of(const struct linux_row *row,
				   enum linux_kind kind)
{
	switch (kind) {
	case BAD:
		return linux_vmm_page(row->did, LINUX_BAD_ADDR);
	case OTHER:
		return linux_vmm_page(2, 0xb000);
	case FENCE:
		return fence();
	case IOTLB:
		return linux_vmm_iotlb(row->did);
	case DEV_TLB:
		return linux_vmm_dev_tlb(VMM_SID, 0x9000);
	case FOREIGN:
		return linux_vmm_dev_tlb(VMM_FOREIGN, 0x9000);
	case PASID_CACHE:
		return linux_vmm_pasid_cache(row->did);
	case PAGE_A:
		return linux_vmm_page_a(0xc000);
	case WRONG:
		return (struct linux_flush){ .desc = guest_typed(15) };
	default:
		return linux_vmm_page(row->did, 0xa000);
	}
}

/* The one in the middle is about the failure; the others are well. */
static void add_jobs(struct linux_jobs *jobs, const struct linux_row *row)
{
	struct linux_job *job = linux_jobs_add(jobs, 1);
	unsigned int i;

	for (i = 0; i < LINUX_KINDS && row->job[i]; i++)
		linux_add(job, flush_of(row, row->job[i]));
	job->drain = row->job[0] == FENCE;
	linux_add(linux_jobs_add(jobs, 0), linux_vmm_page(2, 0x1000));
	linux_add(linux_jobs_add(jobs, 0), linux_vmm_page(1, 0x2000));
	job = linux_jobs_add(jobs, 2);
	for (i = 0; i < 3; i++)
		linux_add(job, linux_vmm_page(2, 0x10000 + (i << 12)));
	job = linux_jobs_add(jobs, 2);
	for (i = 0; i < 2; i++)
		linux_add(job, linux_vmm_page(1, 0x20000 + (i << 12)));
}

/* ---- Where and when ---- */

#define CPUS 3u

static const unsigned int places[] = { 0, 1, 2, 119, 122, 123, 125, 126, 127 };
static const unsigned int budgets[] = { 0, 1, 3 };

/* A number from 0 to VARIANTS - 1 says all of it. */
#define VARIANTS \
	(CPUS * LINUX_WHENS * ARRAY_LEN(budgets) * ARRAY_LEN(places) * 2)

static unsigned int pick(unsigned int *variant, size_t n)
{
	unsigned int choice = *variant % (unsigned int)n;

	*variant /= (unsigned int)n;
	return choice;
}

static void add_rules(const struct linux_row *row)
{
	unsigned int i;

	for (i = 0; i < LINUX_RULES && row->rules[i].error; i++)
		linux_vmm_fail(&vmm, row->rules[i].hwpt_id, row->rules[i]);
	vmm.answer = row->answer;
	vmm.attach = row->attach;
}

static bool is_promised(const struct linux_row *row, enum linux_form form)
{
	return form == LINUX_EXACT ||
	       row->unhealed != IOMMUNEST_VTD_UNHEALED_ITE;
}

static void check_told(const struct linux_row *row, const char *what,
		       const unsigned int *told, uint32_t wanted)
{
	unsigned int i;

	/* libcheck's own assertions are slow. */
	for (i = 0; i < VMM_HWPTS; i++)
		if (told[i] != (wanted >> i & 1))
			ck_abort_msg("%s: %s was told %u times of %u",
				     row->name, what, told[i], VMM_HWPT + i);
}

/* What the guest was shown is added to *@shown. */
static unsigned int outcome_of(const struct linux_row *row,
			       enum linux_form form, unsigned int variant,
			       uint32_t *shown)
{
	struct linux_jobs jobs = { 0 };
	unsigned int first = pick(&variant, CPUS);
	const struct linux_vmm_setup setup = {
		.form = form,
		.when = pick(&variant, LINUX_WHENS),
		.isolate = row->isolate,
		.unhealed = row->unhealed,
		.policy = row->policy,
		.budget = budgets[pick(&variant, ARRAY_LEN(budgets))],
		.migrates = pick(&variant, 2),
		.readmits = row->readmits,
		.contains = row->contains,
		.kicks_each = row->kicks_each,
		.cpus = CPUS,
		.next_job = linux_jobs_next,
		.data = &jobs,
	};
	unsigned int outcome;

	linux_vmm_open(&vmm, &setup);
	add_jobs(&jobs, row);
	linux_advance(&vmm.guest, places[pick(&variant, ARRAY_LEN(places))]);
	add_rules(row);
	outcome = linux_run(&vmm.guest, first);
	if (row->told && is_promised(row, form)) {
		check_told(row, "healed", vmm.healed_told, row->healed);
		check_told(row, "isolate", vmm.isolate_told, row->isolated);
	}
	*shown |= vmm.shown;
	linux_vmm_close(&vmm);
	return outcome;
}

/* IQE is the guest's own fault, and ITE what the VMM asked for. */
static uint32_t may_be_shown(const struct linux_row *row)
{
	uint32_t fsts = IOMMUNEST_VTD_FSTS_ICE;

	if (row->told)
		return row->shown;
	if (row->unhealed == IOMMUNEST_VTD_UNHEALED_ITE)
		fsts |= IOMMUNEST_VTD_FSTS_ITE;
	return fsts;
}

/* Thousands of engines come and go: the memory is not given back in between. */
static void keep_memory(void)
{
#ifdef M_TRIM_THRESHOLD
	mallopt(M_TRIM_THRESHOLD, 1 << 24);
#endif
}

void linux_row_run(const struct linux_row *row, enum linux_form form)
{
	unsigned int outcomes = 0;
	uint32_t shown = 0;
	unsigned int i;

	keep_memory();
	for (i = 0; i < VARIANTS; i++)
		outcomes |= outcome_of(row, form, i, &shown);
	if (!is_promised(row, form))
		return;
	linux_expect(row->name, outcomes, row->wanted);
	ck_assert_msg(!(shown & ~may_be_shown(row)), "%s: shows %#x", row->name,
		      shown);
	if (row->told)
		ck_assert_uint_eq(shown, row->shown);
}
