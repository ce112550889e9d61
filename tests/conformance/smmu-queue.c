/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The engine of a guest's command queue, as far as a device's DMA: random
 * commands, while pages are mapped to other frames.  When a CMD_SYNC completes,
 * a device reads no frame that was invalidated before it.  Some calls fail: the
 * host refuses a stream that has no vDEVICE, or does not do what it is told.
 */
#include "smmu-guest.h"

#include "tests/harness/support.h"

#include <stdio.h>
#include <string.h>

#define PAGES 8u
#define COMMANDS 600u
#define ROUNDS_MIN 20u
#define LOG2 8u
#define SLOTS (1u << LOG2)
#define BASE UINT64_C(0x7f000000)
#define ADDR(page) (GUEST_IOVA + (page)*0x1000ull)
/* The engine takes it for the target's, and the host does not. */
#define STRANGE_SID 0x77u

/* Of one device: what the cache may hold, and what the table has. */
struct model {
	struct guest_stage1 stage1;
	unsigned int mapped[PAGES];
	bool may[PAGES][GUEST_FRAMES];
	unsigned int stale;
};

static struct model models[GUEST_DEVICES];
static struct support_rng rng;
static struct iommunest_ctx *ctx;
static struct iommunest_smmuv3_caps caps;
static struct iommunest_smmuv3_cmdq *queue;
static struct iommunest_smmuv3_cmdq_result result;
static struct iommunest_sys sys;

/* The guest's ring, and how many commands it put and knows to be done. */
static struct conf_command ring[SLOTS];
static uint64_t put, told;
static uint32_t failing_calls;
static uint32_t judged, skipped, healed;

static uint16_t asid_of(unsigned int device)
{
	return (uint16_t)(10 + device);
}

/* ---- The model ---- */

static void model_map(unsigned int device, unsigned int page,
		      unsigned int frame)
{
	struct model *model = &models[device];

	model->mapped[page] = frame;
	model->may[page][frame] = true;
	guest_map(&guest, &model->stage1, page, frame);
}

/* A page, or PAGES for all, of a device that has the ASID, or any for 0. */
static void model_flush(uint64_t asid, uint64_t page)
{
	unsigned int device, i;

	for (device = 0; device < GUEST_DEVICES; device++) {
		struct model *model = &models[device];

		if (asid && asid != asid_of(device))
			continue;
		for (i = 0; i < PAGES; i++) {
			if (page != PAGES && page != i)
				continue;
			memset(model->may[i], 0, sizeof(model->may[i]));
			model->may[i][model->mapped[i]] = true;
		}
	}
}

static void model_execute(const struct conf_command *command)
{
	const uint64_t w0 = smmu_word(command, 0);
	const uint64_t page =
		((smmu_word(command, 1) & ~0xfffull) - GUEST_IOVA) >> 12;

	switch (w0 & SMMU_OP) {
	case SMMU_NH_VA:
		model_flush(w0 >> 48, page);
		break;
	case SMMU_NH_VAA:
		model_flush(0, page);
		break;
	case SMMU_NH_ASID:
		model_flush(w0 >> 48, PAGES);
		break;
	case SMMU_NSNH_ALL:
		model_flush(0, PAGES);
		break;
	default:
		break;
	}
}

/* All before the slot is done. */
static void model_reach(uint32_t slot)
{
	while (told % SLOTS != slot)
		model_execute(&ring[told++ % SLOTS]);
}

static void judge(void)
{
	unsigned int page[GUEST_DEVICES], device;
	uint32_t frame[GUEST_DEVICES];

	for (device = 0; device < GUEST_DEVICES; device++)
		page[device] = support_rng_below(&rng, PAGES);
	guest_read_both(&guest, page, frame);
	for (device = 0; device < GUEST_DEVICES; device++) {
		struct model *model = &models[device];

		support_assert(&rng, frame[device] < GUEST_FRAMES);
		support_assert(&rng, model->may[page[device]][frame[device]]);
		model->stale += frame[device] != model->mapped[page[device]];
	}
	judged++;
}

/* ---- The VMM, and a host that fails now and then ---- */

static int host_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	const struct conf_env *env = data;

	if (request == IOMMU_HWPT_INVALIDATE && failing_calls) {
		failing_calls--;
		((struct iommu_hwpt_invalidate *)arg)->entry_num = 0;
		return -ETIMEDOUT;
	}
	return env->sys->ioctl(env->sys_data, fd, request, arg);
}

static int vmm_read(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	(void)vmm;
	memcpy(buf, (const char *)ring + (gpa - BASE), len);
	return 0;
}

/* Devices are slow: not at each. */
static void vmm_interrupt(void *vmm, uint32_t index)
{
	(void)vmm;
	model_reach(index);
	if (!support_rng_below(&rng, 4))
		judge();
}

static int vmm_command(void *vmm, uint32_t index,
		       const struct iommunest_smmuv3_cmd *cmd)
{
	(void)vmm;
	(void)index;
	support_assert(&rng, cmd->opcode == SMMU_CFGI_STE);
	return 0;
}

static void vmm_skipped(void *vmm, uint32_t index, uint64_t cookie, int error)
{
	const uint64_t w0 = smmu_word(&ring[index], 0);

	(void)vmm;
	(void)cookie;
	support_assert(&rng, error == -EIO);
	support_assert(&rng, w0 >> 32 == STRANGE_SID);
	skipped++;
}

static void vmm_healed(void *vmm, uint64_t cookie, uint32_t index, int error,
		       uint32_t code)
{
	(void)vmm;
	(void)cookie;
	(void)index;
	(void)code;
	support_assert(&rng, error == -ETIMEDOUT);
	healed++;
}

static const struct iommunest_smmuv3_cmdq_ops ops = {
	.size = sizeof(ops),
	.read = vmm_read,
	.interrupt = vmm_interrupt,
	.command = vmm_command,
	.skipped = vmm_skipped,
	.healed = vmm_healed,
};

static void open_context(void)
{
	struct conf_env *env = guest_env(&guest);
	struct iommunest_open_options options = { .size = sizeof(options),
						  .sys = &sys,
						  .sys_data = env };
	struct iommunest_hw_info info =
		IOMMUNEST_INIT(struct iommunest_hw_info);

	sys = *env->sys;
	sys.ioctl = host_ioctl;
	ck_assert_int_eq(iommunest_open_fd(&ctx, env->fd, &options), 0);
	ck_assert_int_eq(iommunest_hw_info(ctx, env->dev, &info), 0);
	caps.size = sizeof(caps);
	ck_assert_int_eq(iommunest_smmuv3_caps_decode(&caps, &info), 0);
}

static void open_queue(uint32_t policy)
{
	static const uint32_t sids[] = { SMMU_VSID, SMMU_OTHER_VSID,
					 STRANGE_SID };
	const struct iommunest_smmuv3_cmdq_options options = {
		.size = sizeof(options),
		.caps = &caps,
		.policy = policy,
		.unhealed = IOMMUNEST_SMMUV3_UNHEALED_HALT,
		.budget = 40,
	};
	const struct iommunest_smmuv3_target target = {
		.size = sizeof(target),
		.ctx = ctx,
		.viommu_id = guest_env(&guest)->viommu,
	};
	size_t i;

	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_new(&queue, &ops, NULL, &options), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_target(queue, &target), 0);
	for (i = 0; i < ARRAY_LEN(sids); i++)
		ck_assert_int_eq(iommunest_smmuv3_cmdq_add_stream(
					 queue, sids[i], &target),
				 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(queue, BASE | LOG2),
			 0);
	result.size = sizeof(result);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(
				 queue, IOMMUNEST_SMMUV3_CR0_CMDQEN, &result),
			 0);
}

/* ---- The guest ---- */

static struct conf_command any_command(bool strange)
{
	const uint64_t asid =
		SMMU_ASID(asid_of(support_rng_below(&rng, GUEST_DEVICES)));
	const unsigned int page = support_rng_below(&rng, PAGES);
	const uint32_t kind = support_rng_below(&rng, 100);

	if (kind < 40)
		return smmu_command(SMMU_NH_VA | asid, ADDR(page) | SMMU_LEAF);
	if (kind < 44)
		return smmu_command(SMMU_NH_VAA, ADDR(page));
	if (kind < 46)
		return smmu_command(SMMU_NH_ASID | asid, 0);
	if (kind < 47)
		return smmu_command(SMMU_NSNH_ALL, 0);
	if (kind < 55)
		return smmu_command(
			SMMU_CFGI_CD | SMMU_SID(guest_vsid(support_rng_below(
					       &rng, GUEST_DEVICES))),
			SMMU_LEAF);
	if (kind < 57)
		return smmu_command(SMMU_CFGI_STE | SMMU_SID(SMMU_VSID), 1);
	if (kind < 75)
		return smmu_command(SMMU_SYNC | 1 << 12, 0);
	if (strange && kind < 85)
		return smmu_command(SMMU_CFGI_CD | SMMU_SID(STRANGE_SID), 0);
	/* Of nothing that is there. */
	return smmu_command(SMMU_NH_VA | SMMU_ASID(0x99), ADDR(0));
}

static void put_some(bool strange)
{
	uint32_t count =
		1 +
		support_rng_below(&rng, support_rng_below(&rng, 4) ? 12 : 150);

	while (count--)
		ring[put++ % SLOTS] = any_command(strange);
	ring[put++ % SLOTS] = smmu_command(SMMU_SYNC | 1 << 12, 0);
}

/* Until all is done; what halts goes on when the host has recovered. */
static void kick(void)
{
	int ret = iommunest_smmuv3_cmdq_write_prod(
		queue, (uint32_t)(put % (SLOTS * 2)), &result);

	while (ret) {
		if (ret < 0) {
			support_assert(&rng, ret == -ETIMEDOUT);
			failing_calls = 0;
			iommunest_smmuv3_cmdq_clear_fault(queue);
		}
		ret = iommunest_smmuv3_cmdq_run(queue, &result);
	}
	support_assert(&rng, result.cons == put % (SLOTS * 2));
	while (told < put)
		model_execute(&ring[told++ % SLOTS]);
}

static void set_up(void)
{
	unsigned int device, page;

	memset(models, 0, sizeof(models));
	put = told = 0;
	failing_calls = judged = skipped = healed = 0;
	for (device = 0; device < GUEST_DEVICES; device++) {
		const uint64_t sid = SMMU_SID(guest_vsid(device));

		models[device].stage1 =
			guest_new_stage1(&guest, asid_of(device));
		for (page = 0; page < PAGES; page++)
			model_map(device, page, page);
		guest_set_stage1(&guest, device, &models[device].stage1);
		ck_assert_int_eq(
			guest_invalidate(&guest, SMMU_CFGI_CD_ALL | sid, 0), 0);
	}
	ck_assert_int_eq(guest_invalidate(&guest, SMMU_NSNH_ALL, 0), 0);
	open_context();
}

static void tear_down(void)
{
	iommunest_smmuv3_cmdq_free(queue);
	iommunest_close(ctx);
}

FIXTURE(set_up, tear_down);

static void remap_some(void)
{
	uint32_t some = 1 + support_rng_below(&rng, 4);

	while (some--)
		model_map(support_rng_below(&rng, GUEST_DEVICES),
			  support_rng_below(&rng, PAGES),
			  support_rng_below(&rng, GUEST_FRAMES));
}

/* Otherwise nothing of what follows would be shown. */
static void something_is_cached(void)
{
	ck_assert_uint_eq(guest_read(&guest, 0, 0), 0);
	model_map(0, 0, 1);
	ck_assert_uint_eq(guest_read(&guest, 0, 0), 0);
}

/* One is healed; where healing fails, too, the queue halts. */
static uint32_t any_failures(void)
{
	return support_rng_below(&rng, 4) ? 1 : 2 + support_rng_below(&rng, 2);
}

/* The first refuses, and all others are done; the second is healed. */
static const uint32_t policies[] = { IOMMUNEST_SMMUV3_CMDQ_SKIP,
				     IOMMUNEST_SMMUV3_CMDQ_HEAL };

TEST_LOOP(after_a_sync_nothing_that_was_invalidated_is_read,
	  ARRAY_LEN(policies))
{
	const bool skips = policies[_i] == IOMMUNEST_SMMUV3_CMDQ_SKIP;
	const uint64_t count = support_number("IOMMUNEST_COUNT", COMMANDS);
	unsigned int rounds = 0;

	support_rng_start(&rng, "smmu-queue");
	open_queue(policies[_i]);
	something_is_cached();
	for (; put < count || rounds < ROUNDS_MIN; rounds++) {
		remap_some();
		if (support_rng_below(&rng, 2))
			judge();
		put_some(skips);
		if (!skips && support_rng_below(&rng, 2))
			failing_calls = any_failures();
		kick();
		failing_calls = 0;
		judge();
	}
	printf("%u rounds, %llu commands, judged %u, skipped %u, healed %u, "
	       "stale: %u and %u\n",
	       rounds, (unsigned long long)put, judged, skipped, healed,
	       models[0].stale, models[1].stale);
	/* Otherwise nothing was shown. */
	if (count >= COMMANDS)
		support_assert(&rng, skips ? skipped : healed);
}
