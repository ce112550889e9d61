/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "tests/smmuv3/vsmmu.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/script.h"
#include "tests/smmuv3/cmd-rows.h"

/* ---- Which commands it takes ---- */

uint64_t vsmmu_bits(unsigned int high, unsigned int low)
{
	return (UINT64_MAX >> (63 - high)) & (UINT64_MAX << low);
}

/* What arm_vsmmu_validate_user_cmd() lets through; false: refused whole. */
static bool allow_range(const struct iommunest_smmuv3_caps *caps,
			const uint64_t word[2], uint64_t allowed[2])
{
	const unsigned int tg = word[1] >> 10 & 3, ttl = word[1] >> 8 & 3;
	const bool range = word[0] & (vsmmu_bits(16, 12) | vsmmu_bits(25, 20));

	if (!caps->ril)
		return true;
	if (!tg && (range || ttl))
		return false;
	if (tg == 2 && ttl == 1 && !caps->ds)
		return false;
	if (tg && !range && !ttl)
		return false;
	allowed[0] |= vsmmu_bits(16, 12) | vsmmu_bits(caps->ds ? 25 : 24, 20);
	allowed[1] |= vsmmu_bits(11, 8);
	return true;
}

static bool allow(const struct iommunest_smmuv3_caps *caps,
		  const uint64_t word[2], uint64_t allowed[2])
{
	const uint64_t vmid = vsmmu_bits(47, 32), sid = vsmmu_bits(63, 32);
	const uint64_t asid = vsmmu_bits(47 + caps->asid_bits, 48);

	switch (word[0] & 0xff) {
	case 0x30:
		return true;
	case 0x10:
		allowed[0] |= vmid;
		return true;
	case 0x11:
		allowed[0] |= vmid | asid;
		return true;
	case 0x12:
	case 0x13:
		allowed[0] |= vmid | ((word[0] & 0xff) == 0x12 ? asid : 0);
		allowed[1] |= 1 | vsmmu_bits(63, 12);
		return allow_range(caps, word, allowed);
	case 0x05:
		allowed[0] |= sid | (caps->ssid_bits ? vsmmu_bits(31, 12) : 0);
		allowed[1] |= 1;
		return true;
	case 0x06:
		allowed[0] |= sid;
		return true;
	case 0x40:
		allowed[0] |= sid;
		if (caps->ssid_bits)
			allowed[0] |= vsmmu_bits(31, 11) | 1 << 9;
		allowed[1] |= vsmmu_bits(63, 12) | vsmmu_bits(5, 0);
		return caps->ats && (word[1] & 0x3f) <= 52;
	default:
		return false;
	}
}

bool vsmmu_takes(const struct iommunest_smmuv3_caps *caps,
		 const uint64_t word[2])
{
	uint64_t allowed[2] = { 0xff, 0 };

	return allow(caps, word, allowed) && !(word[0] & ~allowed[0]) &&
	       !(word[1] & ~allowed[1]);
}

/* ---- Calls ---- */

/* Of an entry, byte by byte. */
static void words_of(const unsigned char *entry, uint64_t words[2])
{
	unsigned int i;

	words[0] = words[1] = 0;
	for (i = 0; i < 16; i++)
		words[i / 8] |= (uint64_t)entry[i] << i % 8 * 8;
}

static bool knows(const struct vsmmu *vsmmu, const uint64_t words[2])
{
	const unsigned int opcode = words[0] & 0xff;
	uint32_t i;

	if (opcode != 0x05 && opcode != 0x06 && opcode != 0x40)
		return true;
	for (i = 0; i < vsmmu->sid_count; i++) {
		if (vsmmu->sids[i] == words[0] >> 32)
			return true;
	}
	return false;
}

static void issue(struct vsmmu *vsmmu, const unsigned char *first,
		  uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		ck_assert_uint_lt(vsmmu->issued, VSMMU_LOG);
		words_of(first + (size_t)i * 16, vsmmu->log[vsmmu->issued++]);
	}
	vsmmu->syncs++;
}

/* The first that it does not take; @count where it takes all. */
static uint32_t find_bad(const struct vsmmu *vsmmu, const unsigned char *first,
			 uint32_t count)
{
	uint64_t words[2];
	uint32_t i;

	for (i = 0; i < count; i++) {
		words_of(first + (size_t)i * 16, words);
		if (!vsmmu_takes(&vsmmu->caps, words) || !knows(vsmmu, words))
			break;
	}
	return i;
}

static uint32_t refuse(struct vsmmu *vsmmu, const unsigned char *group,
		       uint32_t start, uint32_t bad)
{
	if (vsmmu->meaning == VSMMU_COUNTS_GROUPS)
		return start;
	if (vsmmu->meaning == VSMMU_COUNTS_DONE && bad)
		issue(vsmmu, group, bad);
	return start + bad;
}

/* So many groups are answered, and then no more. */
static bool is_dead(struct vsmmu *vsmmu)
{
	if (!vsmmu->dies)
		return false;
	return vsmmu->syncs >= vsmmu->dies_after;
}

static uint32_t time_out(const struct vsmmu *vsmmu, uint32_t start,
			 uint32_t len)
{
	if (vsmmu->meaning == VSMMU_COUNTS_CHECKED)
		return start + len - 1;
	return start;
}

static int take_groups(struct vsmmu *vsmmu, struct script_invalidate *cmd)
{
	const unsigned char *first = (const void *)(uintptr_t)cmd->data_uptr;
	const uint32_t count = cmd->entry_num;
	const unsigned char *group;
	uint32_t start, len, bad;

	for (start = 0; start < count; start += len) {
		group = first + (size_t)start * 16;
		len = count - start < VSMMU_GROUP ? count - start : VSMMU_GROUP;
		bad = find_bad(vsmmu, group, len);
		if (bad < len) {
			cmd->entry_num = refuse(vsmmu, group, start, bad);
			return -EIO;
		}
		if (is_dead(vsmmu)) {
			cmd->entry_num = time_out(vsmmu, start, len);
			return -ETIMEDOUT;
		}
		issue(vsmmu, group, len);
	}
	return 0;
}

static int vsmmu_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct script_invalidate *cmd = arg;
	struct vsmmu *vsmmu = data;

	ck_assert_int_eq(fd, SCRIPT_FD);
	ck_assert_uint_eq(request, SCRIPT_HWPT_INVALIDATE);
	ck_assert_uint_eq(cmd->size, sizeof(*cmd));
	ck_assert_uint_eq(cmd->hwpt_id, VSMMU_ID);
	ck_assert_uint_eq(cmd->data_type, 1);
	ck_assert_uint_eq(cmd->entry_len, 16);
	ck_assert_uint_eq(cmd->flags, 0);
	/* Says nothing, so nobody asks. */
	ck_assert_uint_gt(cmd->entry_num, 0);
	vsmmu->calls++;
	if (cmd->entry_num > vsmmu->memory) {
		/* Linux leaves the count; the patched one does not. */
		if (vsmmu->meaning == VSMMU_COUNTS_DONE)
			cmd->entry_num = 0;
		return -ENOMEM;
	}
	return take_groups(vsmmu, cmd);
}

void vsmmu_start(struct vsmmu *vsmmu, enum vsmmu_meaning meaning)
{
	static struct iommunest_sys sys;
	struct iommunest_open_options options = { .size = sizeof(options),
						  .sys = &sys,
						  .sys_data = vsmmu };

	sys = script_sys;
	sys.ioctl = vsmmu_ioctl;
	memset(vsmmu, 0, sizeof(*vsmmu));
	vsmmu->meaning = meaning;
	vsmmu->caps = cmd_full_caps();
	vsmmu->memory = 1u << 18;
	vsmmu->log = calloc(VSMMU_LOG, sizeof(*vsmmu->log));
	ck_assert_ptr_nonnull(vsmmu->log);
	ck_assert_int_eq(iommunest_open_fd(&vsmmu->ctx, SCRIPT_FD, &options),
			 0);
}

void vsmmu_finish(struct vsmmu *vsmmu)
{
	iommunest_close(vsmmu->ctx);
	free(vsmmu->log);
}

unsigned int vsmmu_times(const struct vsmmu *vsmmu, uint64_t word0,
			 uint64_t word1)
{
	unsigned int times = 0;
	uint32_t i;

	for (i = 0; i < vsmmu->issued; i++)
		times += vsmmu->log[i][0] == word0 && vsmmu->log[i][1] == word1;
	return times;
}
