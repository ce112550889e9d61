/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The example vsmmu as a guest sees it in registers and queues, and where its
 * device is.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/replay/vsmmu-rig.h"

FIXTURE(set_up, tear_down);

static bool is_error_active(uint32_t error)
{
	return (read4(REG_GERROR) ^ read4(REG_GERRORN)) & error;
}

static uint32_t event_prod(void)
{
	return read4(REG_PAGE1 + REG_EVENTQ_PROD);
}

/* The type of an event, from 0 on; 0: it is not there. */
static uint8_t event_type(uint32_t nth)
{
	return (uint8_t)peek(EVENTS + nth * IOMMUNEST_SMMUV3_EVENT_LEN);
}

/* ---- Registers ---- */

TEST(what_is_shown_is_the_hosts_and_the_vmms)
{
	/* S1P, TTF, COHACC, ATS, ASID16, MSI, no stalls, two levels. */
	ck_assert_uint_eq(read4(REG_IDR0) & 0x0b00f41f, 0x0900341a);
	ck_assert_uint_eq(read4(REG_IDR1) & 0x3f, VSMMU_SID_BITS);
	ck_assert_uint_eq(read4(REG_IDR3) >> 10 & 1, 1);
	write4(REG_IDR0, 0);
	ck_assert_uint_ne(read4(REG_IDR0), 0);
}

TEST(what_there_is_not_reads_as_0_and_is_not_written)
{
	uint32_t offset;

	for (offset = 0; offset < 2 * REG_PAGE1; offset += 4) {
		if (offset < REG_END || offset == REG_PAGE1 + REG_EVENTQ_PROD ||
		    offset == REG_PAGE1 + REG_EVENTQ_CONS)
			continue;
		write4(offset, UINT32_MAX);
		ck_assert_uint_eq(read4(offset), 0);
	}
	/* Its place in the first page, odd accesses, two registers at once. */
	write4(REG_EVENTQ_PROD, 1);
	ck_assert_uint_eq(event_prod(), 0);
	write8(REG_CMDQ_PROD, 1);
	ck_assert_int_eq(vsmmu_write(&vsmmu, REG_CR1 + 2, 1, 2), 0);
	ck_assert_uint_eq(vsmmu_read(&vsmmu, REG_IDR0 + 1, 4), 0);
	ck_assert_uint_eq(vsmmu_read(&vsmmu, REG_IDR0, 2), 0);
	ck_assert_uint_eq(read4(REG_CMDQ_PROD), 0);
	ck_assert_uint_eq(read4(REG_CR1), 0);
	write4(REG_CR0, 1u << 1);
	ck_assert_uint_eq(read4(REG_CR0), 0);
}

TEST(what_is_in_use_is_not_written)
{
	start_guest();
	write8(REG_STRTAB_BASE, 0);
	write4(REG_STRTAB_BASE_CFG, 0);
	write8(REG_CMDQ_BASE, 0);
	write4(REG_CMDQ_CONS, 3);
	write8(REG_EVENTQ_BASE, 0);
	write4(REG_PAGE1 + REG_EVENTQ_PROD, 3);
	ck_assert_uint_eq(vsmmu_read(&vsmmu, REG_STRTAB_BASE, 8), L1_TABLE);
	ck_assert_uint_eq(vsmmu_read(&vsmmu, REG_CMDQ_BASE, 8),
			  RING | RING_BITS);
	ck_assert_uint_eq(read4(REG_CMDQ_CONS), 0);
	ck_assert_uint_eq(event_prod(), 0);
	ck_assert_uint_eq(read4(REG_CR0ACK), read4(REG_CR0));
	ck_assert_uint_eq(read4(REG_IRQ_CTRLACK), read4(REG_IRQ_CTRL));
}

/* A base counts in one piece or in halves. */
TEST(a_base_may_come_in_halves)
{
	start_guest();
	write4(REG_CR0, CR0_EVENTQEN | CR0_SMMUEN);
	write4(REG_CMDQ_BASE, 0);
	write4(REG_CMDQ_BASE + 4, 0);
	write4(REG_CMDQ_BASE, RING | RING_BITS);
	write4(REG_CR0, CR0_CMDQEN | CR0_EVENTQEN | CR0_SMMUEN);
	invalidate_ste();
}

TEST(what_the_budget_leaves_is_the_main_loops)
{
	uint32_t sync, i;

	start_guest();
	write4(REG_CR0, CR0_SMMUEN);
	/* A larger ring, as 64 are handled at once. */
	write8(REG_CMDQ_BASE, RING | 7);
	write4(REG_CR0, CR0_CMDQEN | CR0_SMMUEN);
	for (i = 0; i < 70; i++) {
		struct iommunest_smmuv3_entry entry;

		iommunest_smmuv3_tlbi_nh_va(&entry, 1, i << 12, true);
		memcpy(memory + RING + i * 16, &entry, 16);
	}
	write4(REG_CMDQ_PROD, 70);
	sync = read4(REG_CMDQ_CONS);
	ck_assert_uint_eq(sync, VSMMU_BUDGET);
	ck_assert_uint_eq(scheduled, 1);
	ck_assert_int_eq(vsmmu_work(&vsmmu), 0);
	ck_assert_uint_eq(read4(REG_CMDQ_CONS), 70);
	ck_assert_uint_eq(scheduled, 1);
	/* It may come late. */
	ck_assert_int_eq(vsmmu_work(&vsmmu), 0);
}

TEST(an_illegal_command_is_an_error_with_an_interrupt)
{
	const struct iommunest_smmuv3_entry wrong = { .cmd = {
							      htole64(0x44) } };
	uint32_t before, after;

	start_guest();
	before = put_sync();
	/* RESUME, and nothing stalls. */
	put(&wrong);
	after = put_sync();
	ck_assert_int_eq(kick(), 0);
	ck_assert(is_synced(before));
	ck_assert(!is_synced(after));
	ck_assert(is_error_active(IOMMUNEST_SMMUV3_GERROR_CMDQ));
	ck_assert_uint_eq(read4(REG_CMDQ_CONS), 1 << 24 | 1);
	ck_assert_uint_eq(last_interrupt, 2);
	memset(memory + RING + 16, 0, 16);
	memory[RING + 16] = IOMMUNEST_SMMUV3_SYNC;
	write4(REG_GERRORN, read4(REG_GERROR));
	ck_assert(is_synced(after));
	ck_assert_uint_eq(interrupts, 1);
}

/* ---- Where the device is ---- */

static const struct ste_row {
	uint64_t words[2];
	enum vsmmu_dma dma;
	uint8_t event;
} stes[] = {
	{ { 0 }, VSMMU_BLOCKED, 0 },
	{ { STE(0) }, VSMMU_BLOCKED, 0 },
	{ { STE(4) }, VSMMU_PARENT, 0 },
	{ { STE_S1(0x4000) }, VSMMU_NESTED, 0 },
	{ { STE_S1(0x4000), 1 << 28 }, VSMMU_NESTED, 0 },
	/* Split ATS; a second stage, alone and with the first; reserved. */
	{ { STE_S1(0x4000), 2 << 28 }, VSMMU_BLOCKED, 0x04 },
	{ { STE(6) }, VSMMU_BLOCKED, 0x04 },
	{ { 0x4000 | STE(7) }, VSMMU_BLOCKED, 0x04 },
	{ { 0x4000 | STE(1) }, VSMMU_BLOCKED, 0x04 },
	/* Descriptors that no guest memory has room for. */
	{ { STE_S1(UINT64_C(1) << 45) }, VSMMU_BLOCKED, 0x04 },
};

TEST_LOOP(the_device_is_where_its_entry_says, ARRAY_LEN(stes))
{
	const struct ste_row *row = &stes[_i];

	start_guest();
	set_ste(row->words[0], row->words[1]);
	/* Until the guest says so. */
	put_page(0x1000);
	ck_assert_int_eq(kick(), 0);
	expect_dma(VSMMU_NESTED);
	invalidate_ste();
	expect_dma(row->dma);
	ck_assert_uint_eq(event_type(0), row->event);
	ck_assert_uint_eq(event_prod(), row->event != 0);
	/* From there back. */
	set_ste(STE_S1(0x3000), 0);
	invalidate_ste();
	expect_dma(VSMMU_NESTED);
}

TEST_LOOP(an_smmu_that_is_off_does_as_gbpa_says, 2)
{
	start_guest();
	write4(REG_GBPA, GBPA_UPDATE | (_i ? GBPA_ABORT : 0));
	expect_dma(VSMMU_NESTED);
	write4(REG_CR0, CR0_CMDQEN);
	expect_dma(_i ? VSMMU_BLOCKED : VSMMU_PARENT);
	/* Without UPDATE it is not written. */
	write4(REG_GBPA, _i ? 0 : GBPA_ABORT);
	expect_dma(_i ? VSMMU_BLOCKED : VSMMU_PARENT);
	write4(REG_GBPA, GBPA_UPDATE | (_i ? 0 : GBPA_ABORT));
	expect_dma(_i ? VSMMU_PARENT : VSMMU_BLOCKED);
}

static const struct table_row {
	uint32_t cfg;
	uint64_t base;
	uint64_t l1;
	bool found;
} tables[] = {
	/* Linear: its own size, too small by one bit, aligned down. */
	{ 5, L2_TABLE, 0, true },
	{ 4, L2_TABLE, 0, false },
	{ 5, L2_TABLE | 0x400, 0, true },
	/* Two levels: spans that reach it and not, of nothing, too large. */
	{ 1u << 16 | 6 << 6 | 12, L1_TABLE, L2_TABLE | 7, true },
	{ 1u << 16 | 8 << 6 | 16, L1_TABLE, L2_TABLE | 6, true },
	{ 1u << 16 | 8 << 6 | 16, L1_TABLE, L2_TABLE | 5, false },
	{ 1u << 16 | 8 << 6 | 16, L1_TABLE, L2_TABLE, false },
	{ 1u << 16 | 6 << 6 | 16, L1_TABLE, L2_TABLE | 8, false },
	/* A split that is none, a format that is none. */
	{ 1u << 16 | 7 << 6 | 16, L1_TABLE, L2_TABLE | 7, false },
	{ 2u << 16 | 5, L2_TABLE, L2_TABLE | 7, false },
	/* A table that is not in memory. */
	{ 1u << 16 | 6 << 6 | 12, 0x100000, 0, false },
};

TEST_LOOP(the_entry_is_found_as_hardware_finds_it, 2 * ARRAY_LEN(tables))
{
	const struct table_row *row = &tables[_i / 2];

	set_up_guest();
	set_ste(STE_S1(0x3000), 0);
	poke(L1_TABLE, row->l1);
	write8(REG_STRTAB_BASE, row->base);
	write4(REG_STRTAB_BASE_CFG, row->cfg);
	write4(REG_CR2, _i & 1 ? CR2_RECINVSID : 0);
	write4(REG_CR0, CR0_EVENTQEN | CR0_SMMUEN);
	expect_dma(row->found ? VSMMU_NESTED : VSMMU_BLOCKED);
	ck_assert_uint_eq(event_type(0),
			  !row->found && _i & 1
				  ? IOMMUNEST_SMMUV3_EVENT_BAD_STREAMID
				  : 0);
}

TEST(an_entry_that_cannot_be_read_is_told)
{
	set_up_guest();
	poke(L1_TABLE, 0x100000 | 7);
	write4(REG_CR0, CR0_EVENTQEN | CR0_SMMUEN);
	expect_dma(VSMMU_BLOCKED);
	ck_assert_uint_eq(event_type(0), IOMMUNEST_SMMUV3_EVENT_STE_FETCH);
}

/* The guest was shown none: its descriptors must not ask for them. */
TEST_LOOP(nothing_stalls, 2)
{
	struct vsmmu_device other = device;

	start_guest();
	ck_assert_int_eq(vsmmu_unplug(&vsmmu), 0);
	/* Its SMMU stalls or terminates, as a descriptor says; never stalls. */
	other.caps.stall_model = (uint8_t)_i;
	ck_assert_int_eq(vsmmu_plug(&vsmmu, &other), 0);
	expect_dma(VSMMU_NESTED);
	ck_assert_int_eq(!(le64toh(vsmmu.nest.s1.ste[1]) & 1 << 27), _i);
}

static const struct range_row {
	uint32_t sid;
	uint8_t log2;
	bool names;
} ranges[] = {
	{ 0, 31, true },    { 0x18, 0, true }, { 0x19, 0, true },
	{ 0x1a, 0, false }, { 0x10, 3, true }, { 0x20, 3, false },
	{ 0x20, 4, false }, { 0x20, 5, true },
};

TEST_LOOP(a_range_of_entries_names_it_or_not, ARRAY_LEN(ranges))
{
	const struct iommunest_smmuv3_cmd cmd = {
		.size = sizeof(cmd),
		.opcode = IOMMUNEST_SMMUV3_CFGI_STE_RANGE,
		.sid = ranges[_i].sid,
		.log2 = ranges[_i].log2,
	};
	struct iommunest_smmuv3_entry entry;

	start_guest();
	set_ste(STE(4), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmd_encode(&cmd, &entry), 0);
	put(&entry);
	ck_assert_int_eq(kick(), 0);
	expect_dma(ranges[_i].names ? VSMMU_PARENT : VSMMU_NESTED);
}

/* The kernel sees no change, and so the VMM sends it. */
TEST(an_entry_that_is_what_it_was_still_drops_its_descriptors)
{
	struct iommunest_smmuv3_entry entry;
	uint32_t hwpt, need;

	start_guest();
	hwpt = vsmmu.nest.hwpt_id;
	need = caches_issue(&caches, CACHES_CD, 0, &entry);
	ck_assert(!caches_are_done(&caches, CACHES_CD, 0, need));
	invalidate_ste();
	ck_assert(caches_are_done(&caches, CACHES_CD, 0, need));
	ck_assert_uint_eq(vsmmu.nest.hwpt_id, hwpt);
}

/* ---- The host fails ---- */

TEST(a_host_that_keeps_failing_costs_the_device)
{
	uint64_t before;
	uint32_t sync, need;

	start_guest();
	fail_calls(-ETIMEDOUT, 1000);
	put_page(0x1000);
	sync = put_sync();
	ck_assert_int_eq(kick(), 0);
	ck_assert(is_synced(sync));
	expect_dma(VSMMU_BLOCKED);
	ck_assert_uint_eq(event_type(0), IOMMUNEST_SMMUV3_EVENT_STE_FETCH);
	ck_assert_uint_eq(read4(REG_GERROR), 0);
	/* It is not asked any more. */
	repair();
	before = calls();
	put_page(0x2000);
	need = caches.page[2];
	ck_assert_int_eq(kick(), 0);
	ck_assert_uint_eq(calls(), before);
	/* What it was not asked for is done before the device is back. */
	invalidate_ste();
	expect_dma(VSMMU_NESTED);
	ck_assert_uint_gt(calls(), before);
	ck_assert(caches_are_done(&caches, CACHES_PAGE, 0x2000, need));
	put_page(0x3000);
	ck_assert_int_eq(kick(), 0);
	ck_assert(
		caches_are_done(&caches, CACHES_PAGE, 0x3000, caches.page[3]));
}

/* While that fails, it does not come back. */
TEST(a_device_does_not_come_back_before_all_is_flushed)
{
	start_guest();
	fail_calls(-ETIMEDOUT, 1000);
	put_page(0x1000);
	ck_assert_int_eq(kick(), 0);
	invalidate_ste();
	expect_dma(VSMMU_BLOCKED);
	repair();
	invalidate_ste();
	expect_dma(VSMMU_NESTED);
}

static const int passing[] = { -ENOMEM, -EBUSY, -EINTR };

TEST_LOOP(what_may_pass_is_tried_again, ARRAY_LEN(passing))
{
	start_guest();
	fail_ioctl(DEVICE_ATTACH, 1, 1, passing[_i]);
	set_ste(STE_S1(0x4000), 0);
	invalidate_ste();
	expect_dma(VSMMU_NESTED);
	ck_assert_uint_eq(event_prod(), 0);
}

static const struct {
	unsigned int number;
	int error;
} lasting[] = {
	{ DEVICE_ATTACH, -EBUSY },
	{ DEVICE_ATTACH, -EINVAL },
	{ HWPT_ALLOC, -ENOMEM },
};

TEST_LOOP(what_the_host_cannot_do_blocks_the_device, ARRAY_LEN(lasting))
{
	start_guest();
	fail_ioctl(lasting[_i].number, 1, 0, lasting[_i].error);
	set_ste(STE_S1(0x4000), 0);
	invalidate_ste();
	expect_dma(VSMMU_BLOCKED);
	ck_assert_uint_eq(event_type(0), IOMMUNEST_SMMUV3_EVENT_STE_FETCH);
	repair();
	invalidate_ste();
	expect_dma(VSMMU_NESTED);
}

/* It is on what the guest took away, and nothing is shown: the guest stops. */
TEST(a_device_that_cannot_be_detached_is_an_error)
{
	uint32_t sync;

	start_guest();
	fail_calls(-ETIMEDOUT, 1000);
	fail_ioctl(DEVICE_DETACH, 1, 0, -EIO);
	put_page(0x1000);
	sync = put_sync();
	ck_assert_int_eq(kick(), -ETIMEDOUT);
	ck_assert(!is_synced(sync));
	ck_assert_uint_eq(read4(REG_GERROR), 0);
}

/* ---- Events ---- */

static void host_event(uint8_t type, uint32_t sequence)
{
	uint32_t header[2] = { 0, sequence };
	uint64_t words[4] = { htole64((uint64_t)VSMMU_SID << 32 | type),
			      htole64(1), htole64(0x1234000), 0 };

	memcpy(event_bytes + event_len, header, sizeof(header));
	memcpy(event_bytes + event_len + 8, words, sizeof(words));
	event_len += 40;
}

TEST(the_hosts_events_are_the_guests)
{
	start_guest();
	host_event(IOMMUNEST_SMMUV3_EVENT_TRANSLATION, 0);
	host_event(IOMMUNEST_SMMUV3_EVENT_PERMISSION, 1);
	ck_assert_int_eq(vsmmu_read_events(&vsmmu), 0);
	ck_assert_uint_eq(event_prod(), 2);
	ck_assert_uint_eq(event_type(0), IOMMUNEST_SMMUV3_EVENT_TRANSLATION);
	ck_assert_uint_eq(event_type(1), IOMMUNEST_SMMUV3_EVENT_PERMISSION);
	ck_assert_uint_eq(peek(EVENTS) >> 32, VSMMU_SID);
	ck_assert_uint_eq(peek(EVENTS + 16), 0x1234000);
	/* The queue was empty once. */
	ck_assert_uint_eq(interrupts, 1);
	ck_assert_uint_eq(last_interrupt, 1);
	/* There is nothing more. */
	ck_assert_int_eq(vsmmu_read_events(&vsmmu), 0);
	ck_assert_uint_eq(event_prod(), 2);
}

TEST(what_does_not_fit_is_an_overflow)
{
	const uint32_t overflow = EVENTQ_OVERFLOW;
	uint32_t i;

	start_guest();
	for (i = 0; i < 6; i++)
		host_event(IOMMUNEST_SMMUV3_EVENT_TRANSLATION, i);
	ck_assert_int_eq(vsmmu_read_events(&vsmmu), 0);
	ck_assert_uint_eq(event_prod(), overflow | 4);
	/* Not acknowledged: it stays one. */
	write4(REG_PAGE1 + REG_EVENTQ_CONS, 4);
	host_event(IOMMUNEST_SMMUV3_EVENT_TRANSLATION, 6);
	ck_assert_int_eq(vsmmu_read_events(&vsmmu), 0);
	ck_assert_uint_eq(event_prod(), overflow | 5);
	/* Acknowledged; and now the kernel has lost some. */
	write4(REG_PAGE1 + REG_EVENTQ_CONS, overflow | 5);
	host_event(IOMMUNEST_SMMUV3_EVENT_TRANSLATION, 9);
	ck_assert_int_eq(vsmmu_read_events(&vsmmu), 0);
	ck_assert_uint_eq(event_prod(), 6);
}

TEST(a_queue_that_is_off_or_not_in_memory_gets_none)
{
	start_guest();
	write4(REG_CR0, CR0_CMDQEN | CR0_SMMUEN);
	host_event(IOMMUNEST_SMMUV3_EVENT_TRANSLATION, 0);
	ck_assert_int_eq(vsmmu_read_events(&vsmmu), 0);
	ck_assert_uint_eq(event_prod(), 0);
	ck_assert_uint_eq(read4(REG_GERROR), 0);
	write8(REG_EVENTQ_BASE, 0x100000 | EVENT_BITS);
	write4(REG_CR0, CR0_CMDQEN | CR0_EVENTQEN | CR0_SMMUEN);
	host_event(IOMMUNEST_SMMUV3_EVENT_TRANSLATION, 1);
	ck_assert_int_eq(vsmmu_read_events(&vsmmu), 0);
	ck_assert_uint_eq(event_prod(), 0);
	ck_assert(is_error_active(GERROR_EVENTQ_ABT));
	ck_assert_uint_eq(last_interrupt, 2);
	write4(REG_GERRORN, read4(REG_GERROR));
	ck_assert(!is_error_active(GERROR_EVENTQ_ABT));
}

/* Of an event, and of the error that tells of that. */
TEST(an_msi_that_nothing_takes_is_an_error)
{
	start_guest();
	write8(REG_EVENTQ_IRQ_CFG0, 0x10000000);
	host_event(IOMMUNEST_SMMUV3_EVENT_TRANSLATION, 0);
	ck_assert_int_eq(vsmmu_read_events(&vsmmu), 0);
	ck_assert_uint_eq(event_prod(), 1);
	ck_assert(is_error_active(GERROR_MSI_EVENTQ_ABT));
	ck_assert_uint_eq(interrupts, 1);
	write4(REG_GERRORN, read4(REG_GERROR));
	write4(REG_PAGE1 + REG_EVENTQ_CONS, 1);
	write8(REG_GERROR_IRQ_CFG0, 0x10000000);
	host_event(IOMMUNEST_SMMUV3_EVENT_TRANSLATION, 1);
	ck_assert_int_eq(vsmmu_read_events(&vsmmu), 0);
	ck_assert(is_error_active(GERROR_MSI_EVENTQ_ABT));
	ck_assert(is_error_active(GERROR_MSI_GERROR_ABT));
}

/* ---- Plugging, reset ---- */

TEST(what_is_unplugged_has_nothing_in_use)
{
	uint32_t sync;

	start_guest();
	ck_assert_int_eq(vsmmu_unplug(&vsmmu), 0);
	ck_assert_uint_eq(attached_to, 0);
	/* The parent goes, and the IOAS. */
	close_device();
	put_page(0x1000);
	put_ste();
	sync = put_sync();
	ck_assert_int_eq(kick(), 0);
	ck_assert(is_synced(sync));
	ck_assert_int_eq(vsmmu_read_events(&vsmmu), 0);
	open_device();
	ck_assert_int_eq(vsmmu_plug(&vsmmu, &device), 0);
	expect_dma(VSMMU_NESTED);
	ck_assert_int_eq(vsmmu_plug(&vsmmu, &device), -EBUSY);
}

/* The parent stays, and so does what is cached under its VMID. */
TEST(what_was_asked_for_while_it_was_unplugged_is_done)
{
	uint32_t need;

	start_guest();
	put_page(0x2000);
	ck_assert_int_eq(kick(), 0);
	ck_assert_int_eq(vsmmu_unplug(&vsmmu), 0);
	put_page(0x1000);
	need = caches.page[1];
	ck_assert_int_eq(kick(), 0);
	ck_assert_int_eq(vsmmu_plug(&vsmmu, &device), 0);
	expect_dma(VSMMU_NESTED);
	ck_assert(caches_are_done(&caches, CACHES_PAGE, 0x1000, need));
}

TEST_LOOP(a_device_that_cannot_serve_the_guest_is_refused, 6)
{
	struct vsmmu_device other = device;

	ck_assert_int_eq(vsmmu_unplug(&vsmmu), 0);
	switch (_i) {
	case 0:
		other.caps.asid_bits = 8;
		break;
	case 1:
		other.caps.ril = false;
		break;
	case 2:
		other.caps.ats = false;
		break;
	case 3:
		other.caps.gran4k = false;
		break;
	case 4:
		other.caps.ttf = 0;
		break;
	default:
		other.caps.stall_model = 2;
	}
	ck_assert_int_eq(vsmmu_plug(&vsmmu, &other), -EOPNOTSUPP);
	ck_assert_uint_eq(attached_to, 0);
	ck_assert_int_eq(vsmmu_plug(&vsmmu, &device), 0);
}

TEST(a_reset_brings_the_device_back_to_all_of_memory)
{
	start_guest();
	write4(REG_GBPA, GBPA_UPDATE | GBPA_ABORT);
	ck_assert_int_eq(vsmmu_reset(&vsmmu), 0);
	expect_dma(VSMMU_PARENT);
	ck_assert_uint_eq(read4(REG_CR0), 0);
	ck_assert_uint_eq(read4(REG_CMDQ_PROD), 0);
	ck_assert_uint_eq(read4(REG_CMDQ_CONS), 0);
	start_guest();
	invalidate_ste();
}

/* Each ioctl of it fails once. */
TEST(plugging_fails_cleanly)
{
	unsigned int nth = 0, ioctls;

	do {
		ck_assert_int_eq(vsmmu_unplug(&vsmmu), 0);
		fail_ioctl(ANY_BUT_INVALIDATE, ++nth, 1, -EINVAL);
		vsmmu_plug(&vsmmu, &device);
		ioctls = failure.count;
		repair();
	} while (ioctls >= nth);
	ck_assert_uint_ge(nth, 4);
	ck_assert_int_eq(vsmmu_unplug(&vsmmu), 0);
	ck_assert_int_eq(vsmmu_plug(&vsmmu, &device), 0);
	expect_dma(VSMMU_PARENT);
}
