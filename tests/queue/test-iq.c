/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The queue engine where all goes well: rings, waits, forwarding, order. */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"

#define SW IOMMUNEST_VTD_DESC_SW
#define IF IOMMUNEST_VTD_DESC_IF
#define FN IOMMUNEST_VTD_DESC_FN
#define PD IOMMUNEST_VTD_DESC_PD

static struct rig rig;

static void teardown(void)
{
	if (rig.iq)
		rig_close(&rig);
	memset(&rig, 0, sizeof(rig));
}

/* ---- Making an engine ---- */

/* A host, and options to make engines with. */
struct maker {
	struct host host;
	struct iommunest_ctx *ctx;
	struct iommunest_vtd_iq_ops ops;
	struct iommunest_vtd_iq_options options;
};

static struct maker maker;

static void maker_setup(void)
{
	host_init(&maker.host);
	maker.ctx = host_open(&maker.host);
	maker.ops = guest_ops;
	memset(&maker.options, 0, sizeof(maker.options));
	maker.options.size = sizeof(maker.options);
}

static void maker_teardown(void)
{
	teardown();
	iommunest_close(maker.ctx);
	host_free(&maker.host);
}
FIXTURE(maker_setup, maker_teardown);

static int make(const void *options)
{
	struct iommunest_vtd_iq *iq = (void *)&maker;
	int ret;

	ret = iommunest_vtd_iq_new(&iq, maker.ctx, &maker.ops, &maker, options);
	ck_assert_int_eq(!ret, iq != NULL);
	iommunest_vtd_iq_free(iq);
	return ret;
}

TEST(new_refuses_null)
{
	struct iommunest_vtd_iq *iq = (void *)&maker;

	ck_assert_int_eq(iommunest_vtd_iq_new(NULL, maker.ctx, &maker.ops, NULL,
					      NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_new(&iq, NULL, &maker.ops, NULL,
					      NULL),
			 -EINVAL);
	ck_assert_ptr_null(iq);
	iq = (void *)&maker;
	ck_assert_int_eq(iommunest_vtd_iq_new(&iq, maker.ctx, NULL, NULL, NULL),
			 -EINVAL);
	ck_assert_ptr_null(iq);
}

TEST(options_may_be_null)
{
	ck_assert_int_eq(make(NULL), 0);
}

TEST_LOOP(each_needed_function_must_be_there, 4)
{
	static const size_t needed[] = {
		offsetof(struct iommunest_vtd_iq_ops, read),
		offsetof(struct iommunest_vtd_iq_ops, write_status),
		offsetof(struct iommunest_vtd_iq_ops, interrupt),
		offsetof(struct iommunest_vtd_iq_ops, descriptor),
	};

	memset((char *)&maker.ops + needed[_i], 0, sizeof(void (*)(void)));
	ck_assert_int_eq(make(NULL), -EINVAL);
}

TEST(covered_and_trace_are_optional)
{
	maker.ops.covered = NULL;
	maker.ops.trace = NULL;
	ck_assert_int_eq(make(NULL), 0);
}

TEST(skipped_is_needed_for_the_policy_skip_only)
{
	maker.ops.skipped = NULL;
	ck_assert_int_eq(make(&maker.options), 0);
	maker.options.policy = IOMMUNEST_POLICY_FLUSH_ALL;
	ck_assert_int_eq(make(&maker.options), 0);
	maker.options.policy = IOMMUNEST_POLICY_SKIP;
	ck_assert_int_eq(make(&maker.options), -EINVAL);
	maker.ops.skipped = guest_ops.skipped;
	ck_assert_int_eq(make(&maker.options), 0);
}

TEST_LOOP(other_policies_are_refused, 4)
{
	static const uint32_t others[] = { IOMMUNEST_POLICY_ASK, 4, 5,
					   UINT32_MAX };

	maker.options.policy = others[_i];
	ck_assert_int_eq(make(&maker.options), -EINVAL);
}

TEST(a_reserved_option_is_refused)
{
	maker.options.reserved = 1;
	ck_assert_int_eq(make(&maker.options), -EINVAL);
}

TEST(scopes_are_bounded)
{
	maker.options.max_targets = 1u << 14;
	ck_assert_int_eq(make(&maker.options), 0);
	maker.options.max_targets = (1u << 14) + 1;
	ck_assert_int_eq(make(&maker.options), -EINVAL);
	maker.options.max_targets = UINT32_MAX;
	ck_assert_int_eq(make(&maker.options), -EINVAL);
}

TEST(bad_limits_are_refused)
{
	struct iommunest_vtd_limits limits = { .size = sizeof(limits) };

	maker.options.limits = &limits;
	ck_assert_int_eq(make(&maker.options), 0);
	limits.flags = ~0u;
	ck_assert_int_eq(make(&maker.options), -EOPNOTSUPP);
	limits.flags = IOMMUNEST_VTD_LIMIT_MAMV;
	limits.mamv = 64;
	ck_assert_int_eq(make(&maker.options), -EINVAL);
	limits.mamv = 63;
	ck_assert_int_eq(make(&maker.options), 0);
	limits.size--;
	ck_assert_int_eq(make(&maker.options), -EINVAL);
}

/* A struct of the caller that is longer than ours, with a given last byte. */
static void *longer(const void *from, size_t size, unsigned char last)
{
	unsigned char *copy = calloc(1, size + 8);
	size_t new_size = size + 8;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, from, size);
	memcpy(copy, &new_size, sizeof(new_size));
	copy[size + 7] = last;
	return copy;
}

TEST(options_may_grow_only_by_zeros)
{
	void *options = longer(&maker.options, sizeof(maker.options), 0);

	ck_assert_int_eq(make(options), 0);
	free(options);
	options = longer(&maker.options, sizeof(maker.options), 1);
	ck_assert_int_eq(make(options), -E2BIG);
	free(options);
	maker.options.size--;
	ck_assert_int_eq(make(&maker.options), -EINVAL);
	maker.options.size = 0;
	ck_assert_int_eq(make(&maker.options), -EINVAL);
}

static int make_with_ops(const void *ops)
{
	struct iommunest_vtd_iq *iq;
	int ret;

	ret = iommunest_vtd_iq_new(&iq, maker.ctx, ops, NULL, NULL);
	iommunest_vtd_iq_free(iq);
	return ret;
}

TEST(ops_may_grow_only_by_zeros)
{
	void *ops = longer(&maker.ops, sizeof(maker.ops), 0);

	ck_assert_int_eq(make_with_ops(ops), 0);
	free(ops);
	ops = longer(&maker.ops, sizeof(maker.ops), 1);
	ck_assert_int_eq(make_with_ops(ops), -E2BIG);
	free(ops);
	maker.ops.size--;
	ck_assert_int_eq(make_with_ops(&maker.ops), -EINVAL);
}

TEST(limits_may_grow_only_by_zeros)
{
	const struct iommunest_vtd_limits limits = { .size = sizeof(limits) };
	void *copy = longer(&limits, sizeof(limits), 0);

	maker.options.limits = copy;
	ck_assert_int_eq(make(&maker.options), 0);
	free(copy);
	copy = longer(&limits, sizeof(limits), 1);
	maker.options.limits = copy;
	ck_assert_int_eq(make(&maker.options), -E2BIG);
	free(copy);
}

TEST(longer_limits_do_for_a_base)
{
	const struct iommunest_vtd_limits limits = { .size = sizeof(limits) };
	void *copy = longer(&limits, sizeof(limits), 0);
	struct iommunest_vtd_iq *iq;

	maker.options.limits = copy;
	ck_assert_int_eq(iommunest_vtd_iq_new(&iq, maker.ctx, &maker.ops, NULL,
					      &maker.options),
			 0);
	free(copy);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(
				 iq, guest_iqa(RIG_BASE, 0, true), true),
			 0);
	iommunest_vtd_iq_free(iq);
}

TEST(null_engines_are_refused)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };

	iommunest_vtd_iq_free(NULL);
	iommunest_vtd_iq_clear_fault(NULL);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(NULL, 0, true), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(NULL, 1, 0, 1), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_forget(NULL, 1), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(NULL, 1, 0, 1), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_set_mode(NULL, true), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_run(NULL, 0, &result), -EINVAL);
}

TEST(ops_and_options_are_copied)
{
	struct iommunest_vtd_limits limits = {
		.size = sizeof(limits),
		.flags = IOMMUNEST_VTD_LIMIT_MAMV,
		.mamv = 1,
	};
	struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.limits = &limits,
	};
	struct iommunest_vtd_iq_ops ops = guest_ops;

	rig_open(&rig, NULL);
	iommunest_vtd_iq_free(rig.iq);
	ck_assert_int_eq(iommunest_vtd_iq_new(&rig.iq, rig.ctx, &ops,
					      &rig.guest, &options),
			 0);
	memset(&limits, 0xff, sizeof(limits));
	memset(&options, 0xff, sizeof(options));
	memset(&ops, 0, sizeof(ops));
	ck_assert_int_eq(iommunest_vtd_iq_set_base(
				 rig.iq, guest_iqa(RIG_BASE, 0, true), true),
			 0);
	rig_add(&rig, 1, 0, 10);
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x4000, 2, false));
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x2, status 1");
}

/* ---- The ring ---- */

static void open_ring(int loop)
{
	rig_open(&rig, &(struct rig_setup){
			       .qs = (unsigned int)loop % 8,
			       .narrow = loop >= 8,
		       });
}

/* All slots but one: more would look like none. */
static void fill_ring(void)
{
	uint32_t i;

	for (i = 0; i < rig.guest.slots - 2; i++) {
		if (rig.guest.wide)
			rig_page(&rig, (uint64_t)i << 12);
		else
			rig_put(&rig, guest_wait(0, 0, 0));
	}
	rig_wait(&rig);
}

static void check_full_run(void)
{
	uint32_t count = rig.guest.slots - 1;
	uint32_t pages = rig.guest.wide ? count - 1 : 0;
	uint32_t i, unread = 0, right = 0;

	fill_ring();
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = count,
				 .forwarded = pages,
				 .waits = count - pages,
				 .entries = pages,
				 .calls = pages ? 1 : 0,
			 });
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_STATUS), 1);
	for (i = 0; i < rig.guest.slots; i++)
		unread += rig.guest.reads[i] == 0;
	ck_assert_uint_eq(unread, 1);
	for (i = 0; i < pages; i++)
		right += rig.host.entries[i].addr == (uint64_t)i << 12 &&
			 rig.host.entries[i].npages == 1;
	ck_assert_uint_eq(right, pages);
}

TEST_LOOP(a_ring_has_the_size_that_its_register_says, 16)
{
	open_ring(_i);
	check_full_run();
	ck_assert_uint_eq(rig.result.iqh, (rig.guest.slots - 1)
						  << rig.guest.shift);
	/* And once around. */
	check_full_run();
	check_full_run();
	ck_assert_uint_eq(rig.result.iqh, (rig.guest.slots - 3)
						  << rig.guest.shift);
}

TEST_LOOP(a_tail_beyond_the_ring_is_refused, 16)
{
	open_ring(_i);
	if (rig.guest.slots << rig.guest.shift > 0x7ffff)
		return;
	rig_advance(&rig, 3);
	rig.guest.tail = rig.guest.slots;
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 3, -EBADMSG);
	ck_assert_uint_eq(rig.result.iqercd, IOMMUNEST_VTD_IQEI_TAIL);
	rig_tells(&rig, "");
	iommunest_vtd_iq_clear_fault(rig.iq);
	rig.guest.tail = 3;
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "status 3");
}

TEST(a_tail_within_a_256_bit_slot_is_refused)
{
	struct iommunest_vtd_iq_result *result = &rig.result;

	rig_open(&rig, NULL);
	rig_advance(&rig, 3);
	result->size = sizeof(*result);
	ck_assert_int_eq(iommunest_vtd_iq_run(rig.iq, 5 << 5 | 16, result),
			 -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 3, -EBADMSG);
	ck_assert_uint_eq(result->iqercd, IOMMUNEST_VTD_IQEI_TAIL_ALIGN);
	ck_assert_uint_eq(result->descriptors, 0);
}

TEST(a_128_bit_slot_starts_at_each_16_bytes)
{
	rig_open(&rig, &(struct rig_setup){ .narrow = true });
	rig_wait(&rig);
	ck_assert_uint_eq(guest_iqt(&rig.guest), 16);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "status 0");
}

TEST(tail_bits_outside_its_field_do_not_count)
{
	struct iommunest_vtd_iq_result *result = &rig.result;

	rig_open(&rig, NULL);
	rig_wait(&rig);
	result->size = sizeof(*result);
	ck_assert_int_eq(iommunest_vtd_iq_run(rig.iq, ~0x7ffffull | 0x20 | 0xf,
					      result),
			 0);
	rig_is_done(&rig);
	rig_tells(&rig, "status 0");
}

TEST(a_run_goes_on_where_the_ring_begins_again)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 125);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_page(&rig, 0x2000);
	rig_page(&rig, 0x3000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.iqh, 2 << 5);
	rig_tells(&rig, "call 10x3, status 126, status 1");
	rig_entry(&rig, 0, 0, 0x1000, 1, 0);
	rig_entry(&rig, 0, 1, 0x2000, 1, 0);
	rig_entry(&rig, 0, 2, 0x3000, 1, 0);
}

TEST(nothing_to_do_is_done_at_once)
{
	rig_open(&rig, NULL);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_counts(&rig, (struct rig_counts){ 0 });
	rig_tells(&rig, "");
	rig_advance(&rig, 5);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_counts(&rig, (struct rig_counts){ 0 });
}

/* Bits 10:3. */
TEST_RANGE(a_base_with_a_reserved_bit_changes_nothing, 3, 11)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 2);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(rig.iq, 1ull << _i, true),
			 -EINVAL);
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1");
}

TEST_LOOP(a_new_base_starts_at_slot_0_without_a_fault, 8)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 2);
	rig_put(&rig, guest_typed(0));
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	guest_free(&rig.guest);
	guest_init(&rig.guest, guest_iqa(RIG_BASE, (unsigned int)_i, true));
	ck_assert_int_eq(iommunest_vtd_iq_set_base(
				 rig.iq,
				 guest_iqa(RIG_BASE, (unsigned int)_i, true),
				 true),
			 0);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	check_full_run();
	ck_assert_uint_eq(rig.result.iqh, (rig.guest.slots - 1) << 5);
}

/* The guest's memory asserts that all reads are within it. */
TEST_LOOP(the_ring_may_be_anywhere, 4)
{
	static const uint64_t bases[] = { 0, 0x1000, 0x7ffffffffffff000,
					  0xffffffffffff0000 };
	uint64_t iqa = guest_iqa(bases[_i], 0, true);

	rig_open(&rig, NULL);
	guest_free(&rig.guest);
	guest_init(&rig.guest, iqa);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(rig.iq, iqa, true), 0);
	check_full_run();
}

TEST(without_a_base_nothing_runs)
{
	struct iommunest_vtd_iq_options options = { .size = sizeof(options) };
	struct iommunest_vtd_iq *iq;

	rig_open(&rig, NULL);
	ck_assert_int_eq(iommunest_vtd_iq_new(&iq, rig.ctx, &guest_ops,
					      &rig.guest, &options),
			 0);
	memset(&rig.result, 0xa5, sizeof(rig.result));
	rig.result.size = sizeof(rig.result);
	ck_assert_int_eq(iommunest_vtd_iq_run(iq, 0, &rig.result), -EINVAL);
	iommunest_vtd_iq_free(iq);
	/* But the result is written. */
	ck_assert_uint_eq(rig.result.iqh, 0);
	rig_counts(&rig, (struct rig_counts){ 0 });
}

/* ---- The result ---- */

TEST(a_result_of_a_wrong_size_is_not_touched)
{
	struct iommunest_vtd_iq_result result, before;

	rig_open(&rig, NULL);
	rig_wait(&rig);
	memset(&result, 0xa5, sizeof(result));
	result.size = offsetof(struct iommunest_vtd_iq_result, calls);
	before = result;
	ck_assert_int_eq(iommunest_vtd_iq_run(rig.iq, 0x20, &result), -EINVAL);
	ck_assert_mem_eq(&result, &before, sizeof(result));
	ck_assert_int_eq(iommunest_vtd_iq_run(rig.iq, 0x20, NULL), -EINVAL);
	rig_tells(&rig, "");
}

TEST(a_longer_result_ends_in_zeros)
{
	struct {
		struct iommunest_vtd_iq_result result;
		uint64_t more[2];
		uint64_t not_ours;
	} longer_result;

	rig_open(&rig, NULL);
	rig_wait(&rig);
	memset(&longer_result, 0xa5, sizeof(longer_result));
	longer_result.result.size =
		offsetof(__typeof__(longer_result), not_ours);
	ck_assert_int_eq(
		iommunest_vtd_iq_run(rig.iq, 0x20, &longer_result.result), 0);
	ck_assert_uint_eq(longer_result.result.size,
			  offsetof(__typeof__(longer_result), not_ours));
	ck_assert_uint_eq(longer_result.result.descriptors, 1);
	ck_assert_uint_eq(longer_result.more[0], 0);
	ck_assert_uint_eq(longer_result.more[1], 0);
	ck_assert_uint_eq(longer_result.not_ours, 0xa5a5a5a5a5a5a5a5);
}

TEST(a_result_tells_what_became_of_each_descriptor)
{
	rig_open(&rig, NULL);
	rig_page_of(&rig, 10, 0x1000);
	rig_page_of(&rig, 12, 0x1000);
	rig_page_of(&rig, 10, 0x2000);
	rig_wait(&rig);
	rig_put(&rig, guest_wait(IF, 0, 0));
	rig_vmm(&rig);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	rig_put(&rig, guest_piotlb_all(9, 9));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 8,
				 .forwarded = 4,
				 .waits = 2,
				 .vmm = 3,
				 .entries = 5,
				 .calls = 4,
			 });
	rig_tells(&rig, "call 10x2, call 12x1, status 3, interrupt 4, vmm 5, "
			"call 10x1, call 11x1, vmm 6, vmm 7");
}

/* ---- Waits ---- */

TEST_LOOP(a_wait_does_what_its_flags_say, 6)
{
	static const struct {
		uint32_t flags;
		const char *story;
	} rows[] = {
		{ 0, "" },
		{ SW, "status 0" },
		{ IF, "interrupt 0" },
		{ SW | IF, "status 0, interrupt 0" },
		{ FN, "" },
		{ SW | FN, "status 0" },
	};

	rig_open(&rig, NULL);
	rig_put(&rig, guest_wait(rows[_i].flags, RIG_STATUS, 7));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, rows[_i].story);
	rig_counts(&rig, (struct rig_counts){ .descriptors = 1, .waits = 1 });
}

/* The VMM drains its page requests first. */
TEST(a_wait_that_drains_goes_to_the_vmm_before_it_completes)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_wait(SW | IF | PD, RIG_STATUS, 7));
	rig_page(&rig, 0x2000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, vmm 1, status 1, interrupt 1, call 10x1");
	rig_counts(&rig, (struct rig_counts){ .descriptors = 3,
					      .forwarded = 2,
					      .waits = 1,
					      .vmm = 1,
					      .entries = 2,
					      .calls = 2 });
}

static int refuse_to_drain(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	return event->kind == GUEST_DESCRIPTOR ? -EIO : 0;
}

TEST(a_wait_that_is_not_drained_does_not_complete)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_wait(SW | PD, RIG_STATUS, 7));
	rig.guest.hook = refuse_to_drain;
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -EIO);
	rig_tells(&rig, "call 10x1, vmm 1");
	rig_counts(&rig, (struct rig_counts){ .descriptors = 1,
					      .forwarded = 1,
					      .entries = 1,
					      .calls = 1 });
	rig.guest.hook = NULL;
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "vmm 1, status 1");
}

TEST(a_drained_wait_whose_status_cannot_be_written_is_not_counted)
{
	rig_open(&rig, NULL);
	rig_put(&rig, guest_wait(SW | PD, RIG_STATUS, 7));
	rig.guest.bad_status = RIG_STATUS;
	rig.guest.write_error = -EFAULT;
	ck_assert_int_eq(rig_kick(&rig), -EFAULT);
	rig_stands(&rig, IOMMUNEST_CAUSE_FETCH, 0, -EFAULT);
	rig_counts(&rig, (struct rig_counts){ 0 });
}

TEST_LOOP(a_status_write_has_the_waits_address_and_data, 2)
{
	const struct guest_event *event;

	rig_open(&rig, &(struct rig_setup){ .narrow = _i });
	rig_put(&rig, guest_wait(SW, 0xfffffffffffffffc, 0xffffffff));
	rig_put(&rig, guest_wait(SW, 0x123456789abcdef4, 0x89abcdef));
	ck_assert_int_eq(rig_kick(&rig), 0);
	event = guest_nth(&rig.guest, GUEST_STATUS, 0);
	ck_assert_uint_eq(event->addr, 0xfffffffffffffffc);
	ck_assert_uint_eq(event->data, 0xffffffff);
	event = guest_nth(&rig.guest, GUEST_STATUS, 1);
	ck_assert_uint_eq(event->addr, 0x123456789abcdef4);
	ck_assert_uint_eq(event->data, 0x89abcdef);
}

TEST(waits_complete_in_order_after_one_submission)
{
	rig_open(&rig, NULL);
	rig_wait(&rig);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_page_of(&rig, 11, 0x2000);
	rig_put(&rig, guest_wait(SW | IF, 0x4000, 1));
	rig_put(&rig, guest_wait(IF, 0, 0));
	rig_page(&rig, 0x3000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x2, call 11x1, status 0, status 2, status 4, "
			"interrupt 4, interrupt 5, status 7");
}

/* ---- Forwarding ---- */

TEST(a_piotlb_descriptor_becomes_its_entry)
{
	const uint64_t addr = 0xfedcba9876543000;

	rig_open(&rig, NULL);
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_put(&rig, guest_piotlb_pages(1, 0, addr, 0, false));
	rig_put(&rig, guest_piotlb_pages(1, 0, addr, 0, true));
	rig_put(&rig, guest_piotlb_pages(1, 0, addr, 9, true));
	rig_put(&rig, guest_piotlb_pages(1, 0, addr, 51, false));
	rig_put(&rig, guest_piotlb_pages(1, 0, addr, 52, true));
	rig_put(&rig, guest_piotlb_pages(1, 0, addr, 63, false));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x7");
	rig_entry_all(&rig, 0, 0);
	rig_entry(&rig, 0, 1, addr, 1, 0);
	rig_entry(&rig, 0, 2, addr, 1, IOMMUNEST_VTD_LEAF);
	rig_entry(&rig, 0, 3, 0xfedcba9876400000, 512, IOMMUNEST_VTD_LEAF);
	rig_entry(&rig, 0, 4, 1ull << 63, 1ull << 51, 0);
	rig_entry_all(&rig, 0, 5);
	rig_entry_all(&rig, 0, 6);
}

TEST_LOOP(a_block_of_each_size_is_forwarded, 64)
{
	unsigned int am = (unsigned int)_i;
	uint64_t addr = ~0ull << 12;

	rig_open(&rig, NULL);
	rig_put(&rig, guest_piotlb_pages(1, 0, addr, am, false));
	ck_assert_int_eq(rig_kick(&rig), 0);
	if (am < 52)
		rig_entry(&rig, 0, 0, addr << am, 1ull << am, 0);
	else
		rig_entry_all(&rig, 0, 0);
}

TEST(did_and_pasid_say_where_to)
{
	rig_open(&rig, NULL);
	rig_add(&rig, 0xffff, 0xfffff, 13);
	rig_add(&rig, 0, 0, 14);
	rig_add(&rig, 0xffff, 0, 15);
	rig_add(&rig, 0, 0xfffff, 16);
	rig_put(&rig, guest_piotlb_all(0, 0xfffff));
	rig_put(&rig, guest_piotlb_all(2, 0));
	rig_put(&rig, guest_piotlb_all(0xffff, 0xfffff));
	rig_put(&rig, guest_piotlb_all(1, 5));
	rig_put(&rig, guest_piotlb_all(0xffff, 0));
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_put(&rig, guest_piotlb_all(0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 16x1, call 12x1, call 13x1, call 11x1, "
			"call 15x1, call 10x1, call 14x1");
}

TEST(all_hwpts_of_a_scope_get_it)
{
	rig_open(&rig, NULL);
	rig_add(&rig, 1, 0, 13);
	rig_add(&rig, 1, 0, 12);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x2, call 13x2, call 12x2, status 2");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 3,
				 .forwarded = 2,
				 .waits = 1,
				 .entries = 6,
				 .calls = 3,
			 });
	rig_entry(&rig, 2, 0, 0x1000, 1, 0);
	rig_entry(&rig, 2, 1, 0x2000, 1, 0);
}

TEST(one_hwpt_of_several_scopes_gets_one_call)
{
	rig_open(&rig, NULL);
	rig_add(&rig, 1, 7, 10);
	rig_add(&rig, 3, 0, 10);
	rig_put(&rig, guest_piotlb_pages(3, 0, 0x3000, 0, false));
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x1000, 0, false));
	rig_put(&rig, guest_piotlb_pages(1, 7, 0x2000, 0, false));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x3");
	rig_entry(&rig, 0, 0, 0x3000, 1, 0);
	rig_entry(&rig, 0, 1, 0x1000, 1, 0);
	rig_entry(&rig, 0, 2, 0x2000, 1, 0);
}

/* Not by chance: the VMM sees ring indices, also after a wrap. */
static int check_cookies(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	if (event->kind == GUEST_CALL)
		ck_assert_uint_eq(event->cookie,
				  event->hwpt_id == 10 ? 127 : 0);
	return 0;
}

TEST(cookies_are_ring_indices)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 127);
	rig.guest.hook = check_cookies;
	rig_page_of(&rig, 10, 0x1000);
	rig_page_of(&rig, 11, 0x1000);
	rig_page_of(&rig, 10, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x2, call 11x1");
}

TEST(a_scope_without_an_hwpt_is_the_vmms)
{
	const struct guest_desc descs[] = {
		guest_piotlb_all(2, 5),
		guest_piotlb_pages(9, 0, 0x1000, 3, true),
		guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 9, 0, 0),
	};
	struct iommunest_vtd_desc want;
	const struct guest_event *event;
	size_t i;

	rig_open(&rig, NULL);
	for (i = 0; i < ARRAY_LEN(descs); i++)
		rig_put(&rig, descs[i]);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "vmm 0, vmm 1, vmm 2");
	rig_counts(&rig, (struct rig_counts){ .descriptors = 3, .vmm = 3 });
	for (i = 0; i < ARRAY_LEN(descs); i++) {
		iommunest_vtd_desc_decode(&want, descs[i].words, 256, true);
		event = guest_nth(&rig.guest, GUEST_DESCRIPTOR, (uint32_t)i);
		ck_assert_mem_eq(&event->desc, &want, sizeof(want));
	}
}

/* ---- IOTLB descriptors ---- */

TEST(a_global_iotlb_flush_goes_to_every_hwpt_and_the_vmm)
{
	rig_open(&rig, NULL);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, call 11x1, call 12x1, vmm 0");
	rig_entry_all(&rig, 0, 0);
	rig_entry_all(&rig, 1, 0);
	rig_entry_all(&rig, 2, 0);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 1,
				 .forwarded = 1,
				 .vmm = 1,
				 .entries = 3,
				 .calls = 3,
			 });
}

/* Its address is of the second stage: nothing in the first can be told. */
TEST_LOOP(an_iotlb_flush_of_a_domain_or_pages_goes_to_its_hwpts, 2)
{
	unsigned int granularity =
		_i ? IOMMUNEST_VTD_IOTLB_PAGES : IOMMUNEST_VTD_IOTLB_DOMAIN;

	rig_open(&rig, NULL);
	rig_put(&rig, guest_iotlb(granularity, 1, 0x7000, 2));
	rig_put(&rig, guest_iotlb(granularity, 2, 0x7000, 2));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, call 11x1, vmm 0, call 12x1, vmm 1");
	rig_entry_all(&rig, 0, 0);
	rig_entry_all(&rig, 1, 0);
	rig_entry_all(&rig, 2, 0);
	ck_assert_uint_eq(guest_nth(&rig.guest, GUEST_DESCRIPTOR, 1)->desc.did,
			  2);
}

TEST(an_iotlb_flush_reaches_an_hwpt_once)
{
	rig_open(&rig, NULL);
	rig_add(&rig, 1, 7, 10);
	rig_add(&rig, 2, 7, 10);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x2, call 11x1, call 12x1, vmm 1, "
			"call 10x1, call 11x1, vmm 2");
}

/* ---- Legacy mode ---- */

TEST_LOOP(legacy_mode_forwards_nothing, 2)
{
	rig_open(&rig, &(struct rig_setup){ .legacy = true, .narrow = _i });
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	rig_add_device(&rig, 0x5555, IOMMUNEST_VTD_NO_PASID, 10);
	rig_vmm(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "vmm 0, vmm 1, vmm 2, status 3");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 4, .waits = 1, .vmm = 3 });
}

TEST(a_new_base_may_change_the_mode)
{
	rig_open(&rig, &(struct rig_setup){ .legacy = true });
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_tells(&rig, "");
	ck_assert_int_eq(iommunest_vtd_iq_set_base(
				 rig.iq, guest_iqa(RIG_BASE, 0, true), true),
			 0);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1");
}

TEST(the_mode_may_come_after_the_base)
{
	rig_open(&rig, &(struct rig_setup){ .legacy = true });
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "vmm 0");
	ck_assert_int_eq(iommunest_vtd_iq_set_mode(rig.iq, true), 0);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, call 11x1, vmm 1, call 10x1");
	ck_assert_int_eq(iommunest_vtd_iq_set_mode(rig.iq, false), 0);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 4, -EBADMSG);
	ck_assert_uint_eq(rig.result.iqercd, IOMMUNEST_VTD_IQEI_TYPE);
	rig_tells(&rig, "vmm 3");
	/* Head, tail and fault stay, whatever the mode. */
	ck_assert_int_eq(iommunest_vtd_iq_set_mode(rig.iq, true), 0);
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 4, -EBADMSG);
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1");
}

/* ---- Order ---- */

TEST_LOOP(what_is_gathered_goes_before_a_descriptor_for_the_vmm, GUEST_VMMS + 2)
{
	struct guest_desc other = guest_vmms((unsigned int)_i % GUEST_VMMS);
	struct iommunest_vtd_desc want;

	if (_i == GUEST_VMMS)
		other = guest_dev_tlb(0x1234, 0x1122334455667000, 3);
	if (_i == GUEST_VMMS + 1)
		other = guest_pasid_dev_tlb(0x1234, 5, 0x1122334455667000, 3);
	rig_open(&rig, NULL);
	rig_page_of(&rig, 10, 0x1000);
	rig_wait(&rig);
	rig_page_of(&rig, 11, 0x1000);
	rig_put(&rig, other);
	rig_page_of(&rig, 10, 0x2000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, call 11x1, status 1, vmm 3, call 10x1, "
			"status 5");
	ck_assert_int_eq(
		iommunest_vtd_desc_decode(&want, other.words, 256, true), 0);
	ck_assert_mem_eq(&guest_nth(&rig.guest, GUEST_DESCRIPTOR, 0)->desc,
			 &want, sizeof(want));
}

TEST(what_is_gathered_goes_at_the_end_of_the_run)
{
	rig_open(&rig, NULL);
	rig_page_of(&rig, 12, 0x1000);
	rig_page_of(&rig, 10, 0x1000);
	rig_page_of(&rig, 12, 0x2000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 12x2, call 10x1");
}

TEST(what_is_gathered_goes_before_a_bad_descriptor)
{
	rig_open(&rig, NULL);
	rig_page_of(&rig, 10, 0x1000);
	rig_wait(&rig);
	rig_page_of(&rig, 11, 0x1000);
	rig_put(&rig, guest_typed(0));
	rig_page_of(&rig, 12, 0x1000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 3, -EBADMSG);
	rig_tells(&rig, "call 10x1, call 11x1, status 1");
}

/*
 * Scope (1, 0) gets four HWPTs, so that 127 descriptors ask for more than a
 * ring of 128 slots has descriptors; (2, 0) has one.
 */
static void open_crowded(void)
{
	rig_open(&rig, &(struct rig_setup){ .max_targets = 6 });
	rig_add(&rig, 1, 0, 13);
	rig_add(&rig, 1, 0, 14);
	rig_add(&rig, 1, 0, 15);
}

enum what { MANY_HWPTS, ONE_HWPT, A_WAIT };

/* What is put into slots 0 to 30, 31 to 83, and 84 to 126. */
static const enum what crowds[][3] = {
	{ MANY_HWPTS, MANY_HWPTS, MANY_HWPTS },
	{ MANY_HWPTS, ONE_HWPT, ONE_HWPT },
	{ MANY_HWPTS, A_WAIT, A_WAIT },
	{ MANY_HWPTS, ONE_HWPT, A_WAIT },
	{ MANY_HWPTS, A_WAIT, ONE_HWPT },
	{ ONE_HWPT, MANY_HWPTS, A_WAIT },
	{ A_WAIT, MANY_HWPTS, ONE_HWPT },
	{ A_WAIT, ONE_HWPT, MANY_HWPTS },
	{ ONE_HWPT, A_WAIT, MANY_HWPTS },
};

static enum what crowd_of(int row, uint32_t slot)
{
	if (slot < 31)
		return crowds[row][0];
	return crowds[row][slot < 84 ? 1 : 2];
}

static void put_crowd(int row)
{
	uint32_t slot;

	for (slot = 0; slot < 127; slot++) {
		if (crowd_of(row, slot) == A_WAIT)
			rig_wait(&rig);
		else
			rig_page_of(&rig,
				    crowd_of(row, slot) == ONE_HWPT ? 12 : 10,
				    (uint64_t)slot << 12);
	}
}

static bool has_crowd(int row, enum what what)
{
	return crowds[row][0] == what || crowds[row][1] == what ||
	       crowds[row][2] == what;
}

/* Each of its pages in order, and nothing else, in one call. */
static void check_crowd_of(int row, uint32_t hwpt_id)
{
	enum what what = hwpt_id == 12 ? ONE_HWPT : MANY_HWPTS;
	uint32_t slot = 0;
	uint32_t call, i;

	ck_assert_uint_eq(host_calls_to(&rig.host, hwpt_id),
			  has_crowd(row, what));

	for (call = 0; call < rig.host.n_calls; call++) {
		if (rig.host.calls[call].hwpt_id != hwpt_id)
			continue;
		for (i = 0; i < rig.host.calls[call].count; i++, slot++) {
			while (crowd_of(row, slot) != what)
				slot++;
			rig_entry(&rig, call, i, (uint64_t)slot << 12, 1, 0);
		}
	}
	for (; slot < 127; slot++)
		ck_assert_int_ne(crowd_of(row, slot), what);
}

TEST_LOOP(a_scope_of_many_hwpts_crowds_nothing_out, ARRAY_LEN(crowds))
{
	uint32_t slot, waits = 0;

	open_crowded();
	put_crowd(_i);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	check_crowd_of(_i, 10);
	check_crowd_of(_i, 12);
	check_crowd_of(_i, 13);
	check_crowd_of(_i, 14);
	check_crowd_of(_i, 15);
	for (slot = 0; slot < 127; slot++) {
		if (crowd_of(_i, slot) != A_WAIT)
			continue;
		ck_assert_uint_eq(
			guest_nth(&rig.guest, GUEST_STATUS, waits)->index,
			slot);
		waits++;
	}
	ck_assert_uint_eq(rig.result.waits, waits);
	ck_assert_uint_eq(rig.result.forwarded, 127 - waits);
}

/* The ring is full, and the last descriptor goes to everyone once more. */
TEST(a_global_flush_at_the_end_of_a_full_ring_fits_too)
{
	uint32_t slot;

	open_crowded();
	for (slot = 0; slot < 126; slot++)
		rig_page(&rig, (uint64_t)slot << 12);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x127, call 13x127, call 14x127, call 15x127, "
			"call 11x1, call 12x1, vmm 126");
	ck_assert_uint_eq(rig.result.forwarded, 127);
}

/* HWPTs that share a scope only since there was a ring. */
TEST(room_grows_with_each_hwpt_that_shares_a_scope)
{
	uint32_t hwpts, slot;

	rig_open(&rig, &(struct rig_setup){ .max_targets = 64 });
	for (hwpts = 1; hwpts < 60; hwpts++) {
		for (slot = 0; slot < 127; slot++)
			rig_page(&rig, (uint64_t)slot << 12);
		ck_assert_int_eq(rig_kick(&rig), 0);
		rig_is_done(&rig);
		ck_assert_uint_eq(rig.result.calls, hwpts);
		ck_assert_uint_eq(rig.result.entries, 127 * hwpts);
		rig_add(&rig, 1, 0, 100 + hwpts);
	}
}

/* ---- Budget ---- */

TEST(a_budget_ends_the_run_and_the_next_goes_on)
{
	rig_open(&rig, &(struct rig_setup){ .budget = 3 });
	rig_advance(&rig, 3);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_page(&rig, 0x2000);
	rig_page(&rig, 0x3000);
	rig_page_of(&rig, 11, 0x1000);
	rig_vmm(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 1);
	ck_assert_uint_eq(rig.result.iqh, 6 << 5);
	ck_assert_uint_eq(rig.result.descriptors, 3);
	ck_assert_uint_eq(rig.result.cause, IOMMUNEST_CAUSE_NONE);
	rig_tells(&rig, "call 10x2, status 4");
	ck_assert_int_eq(rig_kick(&rig), 1);
	ck_assert_uint_eq(rig.result.iqh, 9 << 5);
	ck_assert_uint_eq(rig.result.descriptors, 3);
	rig_tells(&rig, "call 10x1, call 11x1, vmm 8");
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.descriptors, 1);
	rig_tells(&rig, "status 9");
}

TEST_RANGE(a_budget_that_suffices_is_not_noticed, 4, 6)
{
	uint32_t i;

	rig_open(&rig, &(struct rig_setup){ .budget = (uint32_t)_i });
	for (i = 0; i < 4; i++)
		rig_page(&rig, (uint64_t)i << 12);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x4");
}

TEST(a_budget_goes_around_the_ring)
{
	int ret = 1;
	int runs = 0;

	rig_open(&rig, NULL);
	rig_close(&rig);
	rig_open(&rig, &(struct rig_setup){ .budget = 50 });
	rig_advance(&rig, 50);
	rig_advance(&rig, 50);
	fill_ring();
	for (; ret == 1; runs++)
		ret = rig_kick(&rig);
	ck_assert_int_eq(ret, 0);
	ck_assert_int_eq(runs, 3);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.descriptors, 27);
}

/* ---- Scopes ---- */

TEST(a_scope_may_be_added_once)
{
	rig_open(&rig, NULL);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 1, 5, 11), -EEXIST);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 1, 5, 12), 0);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 1, 6, 11), 0);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 5, 5, 11), 0);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 5, 5, 11), -EEXIST);
	rig_put(&rig, guest_piotlb_all(1, 5));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 11x1, call 12x1");
}

TEST(a_pasid_has_20_bits)
{
	rig_open(&rig, NULL);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 1, 1u << 20, 13),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 1, UINT32_MAX, 13),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 1, 0xfffff, 13), 0);
}

static const uint32_t asked_for[] = { 0, 3, 4, 5 };

TEST_LOOP(there_is_room_for_as_many_scopes_as_asked_for, ARRAY_LEN(asked_for))
{
	const uint32_t asked = asked_for[_i];
	const uint32_t max = asked ? asked : IOMMUNEST_VTD_IQ_DEFAULT_TARGETS;
	uint32_t i;

	rig_open(&rig, &(struct rig_setup){ .max_targets = asked });
	for (i = 3; i < max; i++)
		rig_add(&rig, 7, i, 100);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 7, 99, 100),
			 -ENOSPC);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 7, 99, 101),
			 -ENOSPC);
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, 10), 0);
	rig_add(&rig, 7, 99, 101);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 7, 98, 101),
			 -ENOSPC);
	rig_put(&rig, guest_piotlb_all(7, 99));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 101x1");
}

TEST(a_removed_scope_leaves_the_others)
{
	rig_open(&rig, NULL);
	rig_add(&rig, 1, 0, 12);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 1, 0, 11),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 1, 1, 12),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 3, 0, 12),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 1, 1u << 20, 12),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(
				 rig.iq, 1, IOMMUNEST_VTD_NO_PASID, 12),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 1, 0, 12), 0);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 1, 0, 12),
			 -ENOENT);
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_put(&rig, guest_piotlb_all(2, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1, call 12x1");
	/* Its last one: now it is unknown. */
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 2, 0, 12), 0);
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, 12), -ENOENT);
	rig_put(&rig, guest_piotlb_all(2, 0));
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "vmm 2, call 10x1, call 11x1, vmm 3");
}

TEST(a_removed_hwpt_gets_nothing_any_more)
{
	rig_open(&rig, NULL);
	rig_add(&rig, 1, 7, 10);
	rig_add(&rig, 1, 7, 12);
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, 10), 0);
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, 10), -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, 99), -ENOENT);
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_put(&rig, guest_piotlb_all(1, 7));
	rig_put(&rig, guest_piotlb_all(1, 5));
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "vmm 0, call 12x2, call 11x2, vmm 3");
	/* And may come back. */
	rig_add(&rig, 1, 0, 10);
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_put(&rig, guest_piotlb_all(1, 7));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1, call 12x1");
}

#define MANY 1000u

/* Few domains, and few PASIDs, so that both matter; no two scopes alike. */
static struct guest_desc desc_of_many(uint32_t nth, bool wrong)
{
	return guest_piotlb_all((uint16_t)(nth % 32),
				nth / 32 * 512 + (wrong ? 1 : 0));
}

static void kick_many(const char *what)
{
	uint32_t i, call = 0;

	for (i = 0; i < MANY; i++)
		rig_put(&rig, desc_of_many(i, false));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	for (i = 0; i < MANY; i++) {
		if (*what == 'h' && i % 2)
			continue;
		ck_assert_uint_lt(call, rig.host.n_calls);
		ck_assert_uint_eq(rig.host.calls[call].hwpt_id, 5000 + i);
		ck_assert_uint_eq(rig.host.calls[call++].count, 1);
	}
	ck_assert_uint_eq(call, rig.host.n_calls);
	ck_assert_uint_eq(rig.result.vmm, MANY - call);
}

TEST(a_thousand_scopes_are_told_apart)
{
	uint32_t i;

	rig_open(&rig, &(struct rig_setup){ .qs = 4, .max_targets = MANY });
	for (i = 10; i < 13; i++)
		ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, i), 0);
	for (i = 0; i < MANY; i++)
		rig_add(&rig, (uint16_t)(i % 32), i / 32 * 512, 5000 + i);
	kick_many("all");
	for (i = 0; i < MANY; i++)
		rig_put(&rig, desc_of_many(i, true));
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(rig.result.vmm, MANY);
	ck_assert_uint_eq(rig.host.n_calls, 0);
	for (i = 1; i < MANY; i += 2)
		ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, 5000 + i), 0);
	kick_many("half");
}

/* ---- Changing scopes within a run ---- */

static int add_13(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	if (event->kind == GUEST_DESCRIPTOR)
		rig_add(&rig, 4, 4, 13);
	return 0;
}

TEST(the_vmm_may_add_an_hwpt_within_a_run)
{
	rig_open(&rig, NULL);
	rig.guest.hook = add_13;
	rig_page(&rig, 0x1000);
	rig_vmm(&rig);
	rig_put(&rig, guest_piotlb_all(4, 4));
	rig_page(&rig, 0x2000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, vmm 1, call 13x1, call 10x1");
}

static int remove_10(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	if (event->kind == GUEST_DESCRIPTOR && event->index == 1)
		ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, 10), 0);
	return 0;
}

TEST_LOOP(the_vmm_may_remove_an_hwpt_within_a_run, 2)
{
	rig_open(&rig, NULL);
	rig.guest.hook = remove_10;
	rig_page(&rig, 0x1000);
	if (_i)
		rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	else
		rig_vmm(&rig);
	rig_page(&rig, 0x2000);
	rig_page_of(&rig, 11, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, _i ? "call 10x2, call 11x1, vmm 1, vmm 2, call 11x1"
			   : "call 10x1, vmm 1, vmm 2, call 11x1");
}

/* ---- Blocks and limits ---- */

static const struct iommunest_vtd_limits mamv_3 = {
	.size = sizeof(mamv_3),
	.flags = IOMMUNEST_VTD_LIMIT_MAMV,
	.mamv = 3,
};

TEST(a_block_beyond_mamv_goes_in_pieces)
{
	uint32_t i;

	rig_open(&rig, &(struct rig_setup){ .limits = mamv_3 });
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x123456000, 3, true));
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x123456000, 5, true));
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x123456000, 8, true));
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x123456000, 9, true));
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x38, status 4");
	rig_entry(&rig, 0, 0, 0x123450000, 8, IOMMUNEST_VTD_LEAF);
	for (i = 0; i < 4; i++)
		rig_entry(&rig, 0, 1 + i, 0x123440000 + i * 0x8000, 8,
			  IOMMUNEST_VTD_LEAF);
	for (i = 0; i < 32; i++)
		rig_entry(&rig, 0, 5 + i, 0x123400000 + i * 0x8000, 8,
			  IOMMUNEST_VTD_LEAF);
	/* 64 pieces would be too many. */
	rig_entry_all(&rig, 0, 37);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 5,
				 .forwarded = 4,
				 .waits = 1,
				 .entries = 38,
				 .calls = 1,
			 });
}

TEST(the_number_of_pieces_can_be_chosen)
{
	struct iommunest_vtd_limits limits = mamv_3;

	limits.max_blocks = 2;
	rig_open(&rig, &(struct rig_setup){ .limits = limits });
	rig_put(&rig, guest_piotlb_pages(1, 0, 0, 4, false));
	rig_put(&rig, guest_piotlb_pages(1, 0, 0, 5, false));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x3");
	rig_entry(&rig, 0, 1, 0x8000, 8, 0);
	rig_entry_all(&rig, 0, 2);
}

TEST(more_pieces_than_the_ring_has_slots_become_all)
{
	uint32_t i;

	rig_open(&rig, &(struct rig_setup){ .limits = mamv_3 });
	for (i = 0; i < 65; i++)
		rig_put(&rig, guest_piotlb_pages(1, 0, i << 20, 4, false));
	rig_page_of(&rig, 11, 0x1000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 67,
				 .forwarded = 66,
				 .waits = 1,
				 .entries = 2,
				 .calls = 2,
			 });
	rig_entry_all(&rig, 0, 0);
	/* The first one gives its name to it. */
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_COVERED), 64);
	for (i = 0; i < 64; i++)
		ck_assert_uint_eq(
			guest_nth(&rig.guest, GUEST_COVERED, i)->index, i + 1);
}

TEST(as_many_pieces_as_the_ring_has_slots_go)
{
	uint32_t i;

	rig_open(&rig, &(struct rig_setup){ .limits = mamv_3 });
	for (i = 0; i < 64; i++)
		rig_put(&rig, guest_piotlb_pages(1, 0, i << 20, 4, false));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x128");
}

/* ---- Merging ---- */

static const struct iommunest_vtd_limits coalesce = {
	.size = sizeof(coalesce),
	.flags = IOMMUNEST_VTD_COALESCE,
};

static void open_coalescing(void)
{
	rig_open(&rig, &(struct rig_setup){ .limits = coalesce });
}

TEST(neighbours_go_as_one_and_are_told_so)
{
	uint32_t i;

	open_coalescing();
	for (i = 0; i < 4; i++)
		rig_page(&rig, 0x4000 + i * 0x1000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, covered 1@10, covered 2@10, "
			"covered 3@10, status 4");
	rig_entry(&rig, 0, 0, 0x4000, 4, 0);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 5,
				 .forwarded = 4,
				 .waits = 1,
				 .entries = 1,
				 .calls = 1,
			 });
}

TEST(what_cannot_be_one_entry_stays_apart)
{
	open_coalescing();
	/* Neighbours, but no aligned block. */
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	/* The same pages, but not the same caches. */
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x3000, 0, true));
	rig_page_of(&rig, 11, 0x1000);
	rig_page(&rig, 0x9000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x4, call 11x1");
}

TEST(all_covers_what_is_around_it)
{
	open_coalescing();
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x9000, 1, true));
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_page(&rig, 0x2000);
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, covered 1@10, covered 2@10, "
			"covered 3@10, covered 4@10, status 5");
	rig_entry_all(&rig, 0, 0);
}

TEST(merging_goes_across_waits_and_not_across_the_vmm)
{
	open_coalescing();
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	rig_page(&rig, 0x3000);
	rig_vmm(&rig);
	rig_page(&rig, 0x2000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1, status 1, covered 2@10, vmm 3, call 10x1");
	rig_entry(&rig, 0, 0, 0x2000, 2, 0);
	rig_entry(&rig, 1, 0, 0x2000, 1, 0);
}

TEST(covered_is_told_for_each_hwpt)
{
	open_coalescing();
	rig_add(&rig, 1, 0, 13);
	rig_page(&rig, 0x2000);
	rig_page(&rig, 0x2000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1, call 13x1, covered 1@10, covered 1@13");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 2,
				 .forwarded = 2,
				 .entries = 2,
				 .calls = 2,
			 });
}

TEST(covered_and_trace_may_be_missing)
{
	struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.limits = &coalesce,
	};
	struct iommunest_vtd_iq_ops ops = guest_ops;

	ops.covered = NULL;
	ops.trace = NULL;
	rig_open(&rig, NULL);
	iommunest_vtd_iq_free(rig.iq);
	ck_assert_int_eq(iommunest_vtd_iq_new(&rig.iq, rig.ctx, &ops,
					      &rig.guest, &options),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(
				 rig.iq, guest_iqa(RIG_BASE, 0, true), true),
			 0);
	rig_add(&rig, 1, 0, 10);
	rig_page(&rig, 0x2000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "status 2");
	ck_assert_uint_eq(rig.host.n_calls, 1);
}

TEST(merging_stays_within_mamv)
{
	struct iommunest_vtd_limits limits = mamv_3;
	uint32_t i;

	limits.flags |= IOMMUNEST_VTD_COALESCE;
	rig_open(&rig, &(struct rig_setup){ .limits = limits });
	for (i = 0; i < 32; i++)
		rig_page(&rig, i << 12);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(rig.host.n_calls, 1);
	ck_assert_uint_eq(rig.host.calls[0].count, 4);
	for (i = 0; i < 4; i++)
		rig_entry(&rig, 0, i, i << 15, 8, 0);
}
