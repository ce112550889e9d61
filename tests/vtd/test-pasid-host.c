/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What becomes of a guest's PASID-table entry on the simulator's host. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest-sim.h>

#include "tests/harness/support.h"
#include "tests/vtd/pasid-rig.h"

/* ---- On the simulator's host ---- */

struct rig {
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	struct iommunest_hw_info info;
	uint32_t dev;
	uint32_t parent;
};

static void rig_start(struct rig *rig, uint64_t cap, uint64_t ecap)
{
	struct iommunest_sim_options sim_options = {
		.size = sizeof(sim_options), .cap = cap, .ecap = ecap
	};
	struct iommunest_open_options options = { .size = sizeof(options),
						  .sys = iommunest_sim_sys() };
	uint32_t ioas;

	ck_assert_int_eq(iommunest_sim_new(&rig->sim, &sim_options), 0);
	options.sys_data = rig->sim;
	ck_assert_int_eq(iommunest_open(&rig->ctx, &options), 0);
	ck_assert_int_eq(iommunest_sim_bind(rig->sim, iommunest_fd(rig->ctx), 0,
					    &rig->dev),
			 0);
	ck_assert_int_eq(iommunest_ioas_alloc(rig->ctx, &ioas), 0);
	ck_assert_int_eq(iommunest_hwpt_alloc_parent(rig->ctx, rig->dev, ioas,
						     &rig->parent),
			 0);
	rig->info.size = sizeof(rig->info);
	ck_assert_int_eq(iommunest_hw_info(rig->ctx, rig->dev, &rig->info), 0);
}

static void rig_end(struct rig *rig)
{
	iommunest_close(rig->ctx);
	iommunest_sim_free(rig->sim);
}

/* As the driver: allocated, and then refused at attach or not. */
static int try_s1(struct rig *rig, const struct iommunest_vtd_s1 *s1)
{
	uint32_t hwpt;
	int ret;

	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(rig->ctx, rig->dev,
						  rig->parent, s1, &hwpt),
			 0);
	ret = iommunest_sim_attach(rig->sim, iommunest_fd(rig->ctx), rig->dev,
				   hwpt);
	ck_assert_int_eq(iommunest_sim_attach(rig->sim, iommunest_fd(rig->ctx),
					      rig->dev, 0),
			 0);
	ck_assert_int_eq(iommunest_object_destroy(rig->ctx, hwpt), 0);
	return ret;
}

/* What a VMM would ask for that looks at nothing. */
static struct iommunest_vtd_s1 unchecked(const struct words *words)
{
	uint64_t word = words->word[2];

	return (struct iommunest_vtd_s1){
		.size = sizeof(struct iommunest_vtd_s1),
		.pgtbl_addr = word & ~UINT64_C(0xfff),
		.addr_width = word & FSPM(1) ? 57 : 48,
		.flags = (word & BIT(0) ? IOMMUNEST_VTD_S1_SRE : 0) |
			 (word & BIT(4) ? IOMMUNEST_VTD_S1_WPE : 0) |
			 (word & BIT(7) ? IOMMUNEST_VTD_S1_EAFE : 0),
	};
}

/* Each of the 8 hosts, and random entries. */
TEST_LOOP(accepted_entries_attach_and_refused_ones_do_not, 8)
{
	uint64_t ecap = SC | SMPWCS | NEST | SMTS | SSTS | FSTS;
	struct support_rng rng;
	struct rig rig = { 0 };
	int i;

	support_rng_start(&rng, "pasid");
	ecap |= (_i & 1 ? SRS : 0) | (_i & 2 ? EAFS : 0);
	rig_start(&rig, BIT(39) | (_i & 4 ? FS5LP : 0), ecap);
	for (i = 0; i < 1000; i++) {
		struct words words = plain();
		struct iommunest_vtd_s1 s1;
		struct outcome got;
		int ret;

		words.word[2] = support_rng_next(&rng) &
				~(UINT64_C(0xf00) | FSPM(2) | BIT(1));
		s1 = unchecked(&words);
		ret = try_s1(&rig, &s1);
		got = to_s1(&words, &rig.info, 64);
		support_assert(&rng, (got.ret == 0) == (ret == 0));
		if (!got.ret)
			support_assert(&rng, !memcmp(&got.s1, &s1, sizeof(s1)));
	}
	rig_end(&rig);
}
