/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the example's guest is told by interrupts. */
#include <errno.h>

#include "tests/harness/support.h"
#include "tests/replay/viommu-rig.h"

FIXTURE(set_up, tear_down);

/* ---- Waits ---- */

static void wait_with_interrupt(uint32_t slot)
{
	put_wait(slot, IOMMUNEST_VTD_DESC_IF);
	kick(slot + 1);
}

TEST(an_interrupt_goes_where_the_guest_said)
{
	enable_queue();
	write4(REG_IEDATA, 0x41);
	write4(REG_IEADDR, 0xfee01000);
	write4(REG_IEUADDR, 0x2);
	write4(REG_IECTL, 0);
	wait_with_interrupt(0);
	ck_assert_uint_eq(interrupts, 1);
	ck_assert_uint_eq(msi_addr, UINT64_C(0x2fee01000));
	ck_assert_uint_eq(msi_data, 0x41);
	ck_assert_uint_eq(read4(REG_ICS), ICS_IWC);
	ck_assert_uint_eq(read4(REG_IECTL), 0);
	/* Nothing new, until the guest has seen it. */
	wait_with_interrupt(1);
	ck_assert_uint_eq(interrupts, 1);
	write4(REG_ICS, 0);
	ck_assert_uint_eq(read4(REG_ICS), ICS_IWC);
	write4(REG_ICS, ICS_IWC);
	ck_assert_uint_eq(read4(REG_ICS), 0);
	wait_with_interrupt(2);
	ck_assert_uint_eq(interrupts, 2);
}

TEST(a_masked_interrupt_is_pending)
{
	enable_queue();
	ck_assert_uint_eq(read4(REG_IECTL), ECTL_IM);
	wait_with_interrupt(0);
	ck_assert_uint_eq(interrupts, 0);
	ck_assert_uint_eq(read4(REG_IECTL), ECTL_IM | ECTL_IP);
	write4(REG_IECTL, ECTL_IM);
	ck_assert_uint_eq(interrupts, 0);
	write4(REG_IECTL, 0);
	ck_assert_uint_eq(interrupts, 1);
	ck_assert_uint_eq(read4(REG_IECTL), 0);
	write4(REG_IECTL, 0);
	ck_assert_uint_eq(interrupts, 1);
}

TEST(a_pending_interrupt_is_not_sent_for_what_was_seen)
{
	enable_queue();
	wait_with_interrupt(0);
	/* The upper half of 8 bytes. */
	write8(REG_ICS - 4, (uint64_t)ICS_IWC << 32);
	ck_assert_uint_eq(read4(REG_ICS), 0);
	ck_assert_uint_eq(read4(REG_IECTL), ECTL_IM);
	write4(REG_IECTL, 0);
	ck_assert_uint_eq(interrupts, 0);
}

TEST(a_status_is_not_an_interrupt)
{
	enable_queue();
	write4(REG_IECTL, 0);
	put_wait(0, IOMMUNEST_VTD_DESC_SW);
	kick(1);
	ck_assert_uint_eq(status(0), 1);
	ck_assert_uint_eq(interrupts, 0);
	ck_assert_uint_eq(read4(REG_ICS), 0);
}

/* ---- Errors of the queue ---- */

static void unmask_fault_event(void)
{
	write4(REG_FEDATA, 0x51);
	write8(REG_FEADDR, UINT64_C(0x3fee02000));
	write4(REG_FECTL, 0);
}

static void make_a_mistake(void)
{
	enable_queue();
	put_wait(0, IOMMUNEST_VTD_DESC_SW);
	put_bad(1);
	kick(2);
}

TEST(an_error_of_the_queue_is_a_fault_event)
{
	unmask_fault_event();
	make_a_mistake();
	ck_assert_uint_eq(interrupts, 1);
	ck_assert_uint_eq(msi_addr, UINT64_C(0x3fee02000));
	ck_assert_uint_eq(msi_data, 0x51);
	ck_assert_uint_eq(read4(REG_FECTL), 0);
	/* It is still the same one. */
	kick(3);
	ck_assert_uint_eq(interrupts, 1);
	/* The guest has not fixed it: a new one. */
	write4(REG_FSTS, IQE);
	ck_assert_uint_eq(interrupts, 2);
}

/* The handler reads the registers at once, and perhaps on another CPU. */
TEST(registers_and_statuses_are_there_when_the_event_is_sent)
{
	unmask_fault_event();
	make_a_mistake();
	ck_assert_uint_eq(interrupts, 1);
	ck_assert_uint_eq(at_msi.fsts, IQE);
	ck_assert_uint_eq(at_msi.iqh, 32);
	ck_assert_uint_eq(at_msi.iqercd, IOMMUNEST_VTD_IQEI_TYPE);
	ck_assert_uint_eq(at_msi.status, 1);
}

/* ... and before that, nothing of the step is. */
TEST(an_interrupt_of_a_wait_shows_nothing_of_what_follows)
{
	enable_queue();
	write4(REG_IECTL, 0);
	put_wait(0, IOMMUNEST_VTD_DESC_SW);
	put_wait(1, IOMMUNEST_VTD_DESC_IF);
	put_bad(2);
	kick(3);
	ck_assert_uint_eq(interrupts, 1);
	ck_assert_uint_eq(at_msi.status, 1);
	ck_assert_uint_eq(at_msi.fsts, 0);
	ck_assert_uint_eq(at_msi.iqh, 0);
	ck_assert_uint_eq(at_msi.iqercd, 0);
	ck_assert_uint_eq(read4(REG_FSTS), IQE);
}

TEST(a_masked_fault_event_is_pending_until_it_is_dealt_with)
{
	ck_assert_uint_eq(read4(REG_FECTL), ECTL_IM);
	make_a_mistake();
	ck_assert_uint_eq(interrupts, 0);
	ck_assert_uint_eq(read4(REG_FECTL), ECTL_IM | ECTL_IP);
	put_wait(1, IOMMUNEST_VTD_DESC_SW);
	write4(REG_FSTS, IQE);
	ck_assert_uint_eq(read4(REG_FECTL), ECTL_IM);
	unmask_fault_event();
	ck_assert_uint_eq(interrupts, 0);
}

TEST(a_pending_fault_event_is_sent_when_it_is_unmasked)
{
	make_a_mistake();
	unmask_fault_event();
	ck_assert_uint_eq(interrupts, 1);
	unmask_fault_event();
	ck_assert_uint_eq(interrupts, 1);
}

/* ---- Faults ---- */

TEST(a_fault_is_recorded_and_told)
{
	unmask_fault_event();
	viommu_record_fault(&viommu, FAULT_ENTRY_INVALID);
	ck_assert_uint_eq(interrupts, 1);
	ck_assert_uint_eq(at_msi.fsts, FSTS_PPF);
	ck_assert_uint_eq(read4(REG_FSTS), FSTS_PPF);
	ck_assert_uint_eq(read8(REG_FRCD), 0);
	ck_assert_uint_eq(read8(REG_FRCD + 8),
			  (uint64_t)(FRCD_F | FAULT_ENTRY_INVALID) << 32 |
				  VIOMMU_SID);
}

TEST(faults_are_one_until_the_guest_has_dealt_with_it)
{
	unmask_fault_event();
	viommu_record_fault(&viommu, FAULT_ENTRY_INVALID);
	viommu_record_fault(&viommu, FAULT_ENTRY_RESERVED);
	ck_assert_uint_eq(interrupts, 1);
	ck_assert_uint_eq(read4(REG_FRCD + 12), FRCD_F | FAULT_ENTRY_INVALID);
	/* PPF says whether one is recorded, and is not written. */
	write4(REG_FSTS, FSTS_PPF);
	write4(REG_FRCD + 12, ~FRCD_F);
	ck_assert_uint_eq(read4(REG_FSTS), FSTS_PPF);
	write4(REG_FRCD + 12, FRCD_F);
	ck_assert_uint_eq(read4(REG_FSTS), 0);
	ck_assert_uint_eq(read4(REG_FRCD + 12) & FRCD_F, 0);
	viommu_record_fault(&viommu, FAULT_ENTRY_RESERVED);
	ck_assert_uint_eq(interrupts, 2);
	ck_assert_uint_eq(read4(REG_FRCD + 12), FRCD_F | FAULT_ENTRY_RESERVED);
}

/* The event is pending as long as there is something to tell. */
TEST_LOOP(a_fault_and_an_error_are_one_event, 2)
{
	make_a_mistake();
	viommu_record_fault(&viommu, FAULT_ENTRY_ACCESS);
	put_wait(1, IOMMUNEST_VTD_DESC_SW);
	if (_i)
		write4(REG_FSTS, IQE);
	else
		write4(REG_FRCD + 12, FRCD_F);
	ck_assert_uint_eq(read4(REG_FECTL), ECTL_IM | ECTL_IP);
	if (_i)
		write4(REG_FRCD + 12, FRCD_F);
	else
		write4(REG_FSTS, IQE);
	ck_assert_uint_eq(read4(REG_FECTL), ECTL_IM);
	ck_assert_uint_eq(status(1), 1);
}
