/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Commands, stream table entries, ranges and events of an SMMUv3, on hardware
 * of any ID registers.
 */
#include <errno.h>
#include <string.h>

#include <libiommunest.h>

#include "fuzz.h"

#define CAPACITY 64u

static struct iommunest_smmuv3_caps take_caps(struct fuzz_input *in)
{
	struct iommunest_smmuv3_caps caps =
		IOMMUNEST_INIT(struct iommunest_smmuv3_caps);
	struct iommunest_hw_info info = {
		.size = sizeof(info),
		.type = IOMMUNEST_HW_ARM_SMMUV3,
		.data_len = 40,
	};
	uint32_t words[10];
	unsigned int i;

	for (i = 0; i < 10; i++)
		words[i] = (uint32_t)fuzz_shaped(in);
	memcpy(info.data, words, sizeof(words));
	info.capabilities = fuzz_u8(in);
	fuzz_check(!iommunest_smmuv3_caps_decode(&caps, &info));
	fuzz_check(caps.asid_bits == 8 || caps.asid_bits == 16);
	return caps;
}

/* ---- Commands ---- */

static void check_print(const struct iommunest_smmuv3_cmd *cmd, size_t room)
{
	char text[256];
	int len;

	memset(text, 0x5a, sizeof(text));
	len = iommunest_smmuv3_cmd_print(cmd, text, room);
	fuzz_check(len > 0 && len < (int)sizeof(text));
	fuzz_check(text[room] == 0x5a);
	fuzz_check(!room || strlen(text) < room);
}

/* Nothing is lost between the two, except for what is reserved. */
static void check_cmd(struct fuzz_input *in,
		      const struct iommunest_smmuv3_caps *caps)
{
	struct iommunest_smmuv3_cmd cmd =
		IOMMUNEST_INIT(struct iommunest_smmuv3_cmd);
	struct iommunest_smmuv3_entry entry, again;
	uint32_t reason;
	int known, ret;

	fuzz_take(in, &entry, sizeof(entry));
	known = !iommunest_smmuv3_cmd_decode(&cmd, &entry);
	check_print(&cmd, fuzz_below(in, 64));
	ret = iommunest_smmuv3_cmd_encode(&cmd, &again);
	fuzz_check(ret == (known ? 0 : -EOPNOTSUPP));
	if (known)
		fuzz_check(!memcmp(&entry, &again, sizeof(entry)) ==
			   !(cmd.flags & IOMMUNEST_SMMUV3_CMD_RESERVED));
	ret = iommunest_smmuv3_cmd_check(&cmd, caps, &reason);
	fuzz_check(!ret == !reason);
	/* The kernel takes nothing of these. */
	if (!known || cmd.flags & (IOMMUNEST_SMMUV3_CMD_RESERVED |
				   IOMMUNEST_SMMUV3_CMD_SSEC))
		fuzz_check(ret);
	fuzz_check(strcmp(iommunest_smmuv3_cmd_reason_text(reason), "unknown"));
}

/* Any members: what is encoded is decoded again, with nothing reserved. */
static void check_members(struct fuzz_input *in)
{
	struct iommunest_smmuv3_cmd cmd, again;
	struct iommunest_smmuv3_entry entry;

	fuzz_take(in, &cmd, sizeof(cmd));
	cmd.size = sizeof(cmd);
	again.size = sizeof(again);
	if (iommunest_smmuv3_cmd_encode(&cmd, &entry))
		return;
	fuzz_check(!iommunest_smmuv3_cmd_decode(&again, &entry));
	fuzz_check(again.opcode == cmd.opcode);
	fuzz_check(!(again.flags & IOMMUNEST_SMMUV3_CMD_RESERVED));
	fuzz_check(!(again.flags & ~cmd.flags));
}

/* ---- Stream table entries ---- */

static void check_ste(struct fuzz_input *in,
		      const struct iommunest_smmuv3_caps *caps)
{
	struct iommunest_smmuv3_ste ste =
		IOMMUNEST_INIT(struct iommunest_smmuv3_ste);
	struct iommunest_smmuv3_ste again = ste;
	const unsigned int addr_bits = 32 + fuzz_below(in, 33);
	struct iommunest_smmuv3_s1 s1;
	uint64_t words[2];
	uint32_t reason;
	int ret;

	fuzz_take(in, words, sizeof(words));
	fuzz_check(!iommunest_smmuv3_ste_decode(&ste, words));
	ret = iommunest_smmuv3_ste_to_s1(&ste, caps, addr_bits, &s1, &reason);
	fuzz_check(!ret == !reason);
	fuzz_check(strcmp(iommunest_smmuv3_ste_reason_text(reason), "unknown"));
	if (ret)
		return;
	fuzz_check(!iommunest_smmuv3_ste_decode(&again, s1.ste));
	fuzz_check(again.valid == ste.valid);
	if (!ste.valid)
		return;
	fuzz_check(again.config == ste.config && again.eats == ste.eats);
	if (ste.config != IOMMUNEST_SMMUV3_CONFIG_S1)
		return;
	fuzz_check(again.s1contextptr == ste.s1contextptr);
	fuzz_check(again.s1cdmax == ste.s1cdmax && again.s1fmt == ste.s1fmt);
	fuzz_check(again.s1cdmax <= caps->ssid_bits);
}

/* ---- Ranges ---- */

static uint64_t covered_by(struct iommunest_batch *batch, uint32_t index,
			   const struct iommunest_smmuv3_caps *caps,
			   uint64_t addr)
{
	struct iommunest_smmuv3_cmd cmd =
		IOMMUNEST_INIT(struct iommunest_smmuv3_cmd);

	fuzz_check(!iommunest_smmuv3_cmd_decode(
		&cmd, iommunest_batch_entry(batch, index)));
	/* What the library makes, the kernel takes. */
	fuzz_check(!iommunest_smmuv3_cmd_check(&cmd, caps, NULL));
	if (cmd.opcode == IOMMUNEST_SMMUV3_TLBI_NH_ALL ||
	    cmd.opcode == IOMMUNEST_SMMUV3_TLBI_NH_ASID)
		return 0;
	fuzz_check(cmd.addr == addr);
	return (uint64_t)(cmd.num + 1) << cmd.scale;
}

static void check_range(struct fuzz_input *in,
			const struct iommunest_smmuv3_caps *caps)
{
	const struct iommunest_smmuv3_range range = {
		.size = sizeof(range),
		.addr = fuzz_shaped(in),
		.count = fuzz_shaped(in),
		.granule = 12 + 2 * fuzz_below(in, 4),
		.flags = fuzz_below(in, 5),
		.asid = fuzz_u16(in),
		.max_commands = fuzz_u8(in),
	};
	struct iommunest_inv_type type =
		IOMMUNEST_INIT(struct iommunest_inv_type);
	struct iommunest_batch *batch;
	uint64_t done = 0, size;
	uint32_t i;

	fuzz_check(!iommunest_smmuv3_type(&type, caps, NULL));
	fuzz_check(!iommunest_batch_new(&batch, &type, CAPACITY));
	if (iommunest_smmuv3_batch_add_range(batch, caps, &range, 0)) {
		fuzz_check(iommunest_batch_count(batch) == 0);
		iommunest_batch_free(batch);
		return;
	}
	for (i = 0; i < iommunest_batch_count(batch); i++) {
		size = covered_by(batch, i, caps,
				  range.addr + (done << range.granule));
		done += size;
	}
	/* 0: all of the ASID. */
	fuzz_check(done == range.count || (!done && i == 1));
	iommunest_batch_free(batch);
}

/* ---- Events ---- */

static void check_event(struct fuzz_input *in)
{
	struct iommunest_smmuv3_event event =
		IOMMUNEST_INIT(struct iommunest_smmuv3_event);
	uint8_t data[IOMMUNEST_SMMUV3_EVENT_LEN];

	fuzz_take(in, data, sizeof(data));
	fuzz_check(!iommunest_smmuv3_event_decode(&event, data));
	fuzz_check(event.type == data[0]);
	fuzz_check(event.ssid <= 0xfffff);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { .data = data, .left = size };
	const struct iommunest_smmuv3_caps caps = take_caps(&in);

	do {
		check_cmd(&in, &caps);
		check_members(&in);
		check_ste(&in, &caps);
		check_range(&in, &caps);
		check_event(&in);
	} while (fuzz_more(&in));
	return 0;
}
