/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The data type of commands to a vIOMMU, what "all" is there, and ranges.
 *
 * The kernel issues commands in groups of 63 and waits after each.  Before
 * that it checks the whole call, so that its count may name commands of the
 * last group that were never issued.  A call of one group is done as a whole or
 * not at all.
 */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/batch.h"
#include "lib/smmuv3/caps.h"
#include "lib/smmuv3/cmd-fields.h"
#include "lib/smmuv3/entry.h"

#define GROUP 63u

/* In this order, as a device fills its TLB from what is above. */
enum all_class {
	ALL_CONFIG,
	ALL_TLB,
	ALL_DEVICE_TLB,
	ALL_CLASSES,
};

/* ---- All ---- */

static const struct iommunest_smmuv3_stream *
find_stream(const struct iommunest_smmuv3_streams *streams, uint32_t sid)
{
	uint32_t i;

	for (i = 0; streams && i < streams->count; i++) {
		if (streams->streams[i].sid == sid)
			return &streams->streams[i];
	}
	return NULL;
}

/* "All" does what this command does. */
static bool is_covered(const struct iommunest_smmuv3_streams *streams,
		       const struct iommunest_smmuv3_entry *entry)
{
	const uint64_t word = smmu_le64(entry->cmd[0]);
	const struct smmu_cmd_type *type = iommunest__smmuv3_cmd_type(
		(unsigned int)bits_get(word, CMD0_OPCODE));
	const struct iommunest_smmuv3_stream *stream;

	/* What the kernel does not take asks for nothing. */
	if (!type || !type->is_entry || !(type->has & HAS(F_SID)))
		return true;
	stream = find_stream(streams, (uint32_t)bits_get(word, CMD0_SID));
	if (!stream)
		return false;
	return !(type->has & HAS(F_ATC_SIZE)) ||
	       stream->flags & IOMMUNEST_SMMUV3_STREAM_ATS;
}

static bool covers_all(const struct iommunest_all *all)
{
	const struct iommunest_smmuv3_entry *entries = all->entries;
	uint32_t i;

	for (i = 0; i < all->count; i++) {
		if (!is_covered(all->user, &entries[i]))
			return false;
	}
	return true;
}

/* Whether a stream has a command of the class. */
static bool is_in_class(const struct iommunest_smmuv3_stream *stream,
			uint32_t all_class)
{
	return all_class == ALL_CONFIG ||
	       stream->flags & IOMMUNEST_SMMUV3_STREAM_ATS;
}

static void make_one(struct iommunest_smmuv3_entry *entry, uint32_t sid,
		     uint32_t all_class)
{
	if (all_class == ALL_CONFIG)
		iommunest_smmuv3_cfgi_cd_all(entry, sid);
	else
		iommunest_smmuv3_atc_inv(entry, sid, IOMMUNEST_SMMUV3_NO_SSID,
					 0, IOMMUNEST_SMMUV3_ATC_ALL);
}

static int make_streams(const struct iommunest_all *all,
			struct iommunest_smmuv3_entry *entries)
{
	const struct iommunest_smmuv3_streams *streams = all->user;
	const struct iommunest_smmuv3_stream *stream;
	uint32_t number = 0, made = 0;
	uint32_t i;

	for (i = 0; streams && i < streams->count && made < all->max; i++) {
		stream = &streams->streams[i];
		if (!is_in_class(stream, all->all_class) ||
		    number++ < all->first)
			continue;
		make_one(&entries[made++], stream->sid, all->all_class);
	}
	return (int)made;
}

static int make_all_list(const struct iommunest_all *all, void *entries)
{
	/* Before anything is sent. */
	if (all->all_class == ALL_CONFIG && all->first == 0 && !covers_all(all))
		return -EOPNOTSUPP;
	if (all->all_class != ALL_TLB)
		return make_streams(all, entries);
	if (all->first)
		return 0;
	iommunest_smmuv3_tlbi_nsnh_all(entries);
	return 1;
}

EXPORT int iommunest_smmuv3_type(struct iommunest_inv_type *type,
				 const struct iommunest_smmuv3_caps *caps,
				 const struct iommunest_smmuv3_streams *streams)
{
	struct iommunest_inv_type out = {
		.name = "smmuv3",
		.data_type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
		.entry_len = sizeof(struct iommunest_smmuv3_entry),
		.recovery = IOMMUNEST_RECOVERY_GROUP,
		.call_max = GROUP,
		.refused = -EIO,
		.flags = IOMMUNEST_INV_NO_PROBE,
		.all_classes = ALL_CLASSES,
		.make_all_list = make_all_list,
	};
	struct iommunest_smmuv3_caps host;
	int ret;

	if (!type)
		return -EINVAL;
	ret = iommunest_check_size(type,
				   END_OF(struct iommunest_inv_type, user));
	if (!ret)
		ret = iommunest__smmuv3_copy_caps(&host, caps);
	if (ret)
		return ret;
	if (host.flags & IOMMUNEST_SMMUV3_ERRATA_REPEAT)
		out.flags |= IOMMUNEST_INV_REPEAT;
	/* Only read; the member is not const for the sake of others. */
	memcpy(&out.user, &streams, sizeof(out.user));
	iommunest_copy_out(type, &out, sizeof(out));
	return 0;
}

/* ---- Ranges ---- */

#define NUM_MAX 31u
#define SCALE_MAX 31u
#define SCALE_MAX_DS 39u

#define RANGE_FLAGS \
	(IOMMUNEST_SMMUV3_RANGE_ANY_ASID | IOMMUNEST_SMMUV3_RANGE_LEAF)

/* What one command covers: (num + 1) * 2^scale granules. */
struct piece {
	unsigned int num;
	unsigned int scale;
};

/* TG; 0: no such granule, or the host does not have it. */
static uint64_t granule_code(const struct iommunest_smmuv3_caps *caps,
			     uint32_t granule)
{
	switch (granule) {
	case 12:
		return caps->gran4k ? 1 : 0;
	case 14:
		return caps->gran16k ? 2 : 0;
	case 16:
		return caps->gran64k ? 3 : 0;
	default:
		return 0;
	}
}

/*
 * The next piece of what is left: its lowest five bits from the first that is
 * set.  No other choice of pieces needs fewer.
 */
static struct piece next_piece(const struct iommunest_smmuv3_caps *caps,
			       uint64_t left)
{
	const unsigned int max = caps->ds ? SCALE_MAX_DS : SCALE_MAX;
	struct piece piece = { 0, 0 };
	uint64_t count;

	if (!caps->ril)
		return piece;
	piece.scale = (unsigned int)__builtin_ctzll(left);
	if (piece.scale < max) {
		piece.num = (unsigned int)(left >> piece.scale & NUM_MAX) - 1;
		return piece;
	}
	piece.scale = max;
	count = left >> max;
	piece.num = count > NUM_MAX ? NUM_MAX : (unsigned int)count - 1;
	return piece;
}

static uint64_t size_of(struct piece piece)
{
	return (uint64_t)(piece.num + 1) << piece.scale;
}

/* How many commands it takes, up to one more than @max. */
static uint32_t count_pieces(const struct iommunest_smmuv3_caps *caps,
			     uint64_t left, uint32_t max)
{
	uint32_t count = 0;

	if (!caps->ril)
		return left > max ? max + 1 : (uint32_t)left;
	for (; left && count <= max; count++)
		left -= size_of(next_piece(caps, left));
	return count;
}

static struct iommunest_smmuv3_entry
entry_of(const struct iommunest_smmuv3_range *range, uint64_t addr,
	 struct piece piece, uint64_t tg)
{
	const bool leaf = range->flags & IOMMUNEST_SMMUV3_RANGE_LEAF;
	struct iommunest_smmuv3_entry entry;

	if (range->flags & IOMMUNEST_SMMUV3_RANGE_ANY_ASID)
		iommunest_smmuv3_tlbi_nh_vaa(&entry, addr, leaf);
	else
		iommunest_smmuv3_tlbi_nh_va(&entry, range->asid, addr, leaf);
	/* One granule is no range: with a TG and nothing else it is refused. */
	if (!piece.num && !piece.scale)
		return entry;
	entry.cmd[0] |= smmu_le64(bits_put(piece.num, CMD0_NUM) |
				  bits_put(piece.scale, CMD0_SCALE));
	entry.cmd[1] |= smmu_le64(bits_put(tg, CMD1_TG));
	return entry;
}

static void push_pieces(struct iommunest_batch *batch,
			const struct iommunest_smmuv3_caps *caps,
			const struct iommunest_smmuv3_range *range,
			uint64_t cookie)
{
	const uint64_t tg = granule_code(caps, range->granule);
	struct iommunest_smmuv3_entry entry;
	uint64_t left = range->count;
	uint64_t addr = range->addr;
	struct piece piece;

	for (; left; left -= size_of(piece)) {
		piece = next_piece(caps, left);
		entry = entry_of(range, addr, piece, tg);
		iommunest_batch_push(batch, &entry, cookie);
		addr += size_of(piece) << range->granule;
	}
}

static void push_all(struct iommunest_batch *batch,
		     const struct iommunest_smmuv3_range *range,
		     uint64_t cookie)
{
	struct iommunest_smmuv3_entry entry;

	if (range->flags & IOMMUNEST_SMMUV3_RANGE_ANY_ASID)
		iommunest_smmuv3_tlbi_nh_all(&entry);
	else
		iommunest_smmuv3_tlbi_nh_asid(&entry, range->asid);
	iommunest_batch_push(batch, &entry, cookie);
}

static int check_range(const struct iommunest_smmuv3_caps *caps,
		       const struct iommunest_smmuv3_range *range)
{
	uint64_t end;

	if (range->flags & ~RANGE_FLAGS)
		return -EOPNOTSUPP;
	if (range->reserved || !range->count ||
	    !granule_code(caps, range->granule))
		return -EINVAL;
	if (range->addr & ((UINT64_C(1) << range->granule) - 1))
		return -EINVAL;
	/* In granules, where it cannot overflow. */
	end = (UINT64_MAX >> range->granule) + 1;
	if (range->count > end - (range->addr >> range->granule))
		return -EINVAL;
	if (!(range->flags & IOMMUNEST_SMMUV3_RANGE_ANY_ASID) &&
	    range->asid >> caps->asid_bits)
		return -EINVAL;
	return 0;
}

static bool is_smmuv3(const struct iommunest_batch *batch)
{
	return batch->type.data_type ==
		       IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3 &&
	       batch->type.recovery == IOMMUNEST_RECOVERY_GROUP &&
	       batch->type.entry_len == sizeof(struct iommunest_smmuv3_entry);
}

static int copy_range(struct iommunest_smmuv3_range *to,
		      const struct iommunest_smmuv3_range *from)
{
	int ret;

	if (!from)
		return -EINVAL;
	ret = iommunest_copy_in(to, sizeof(*to), from,
				END_OF(struct iommunest_smmuv3_range,
				       max_commands));
	if (!ret && !to->max_commands)
		to->max_commands = IOMMUNEST_SMMUV3_DEFAULT_COMMANDS;
	return ret;
}

static int add_range(struct iommunest_batch *batch,
		     const struct iommunest_smmuv3_caps *caps,
		     const struct iommunest_smmuv3_range *range,
		     uint64_t cookie)
{
	const uint32_t max = range->max_commands;
	uint32_t count;

	/* One more has to fit. */
	if (max == UINT32_MAX)
		return -EINVAL;
	count = count_pieces(caps, range->count, max);
	if ((count > max ? 1 : count) > iommunest_batch_free_slots(batch))
		return -ENOSPC;
	if (count > max)
		push_all(batch, range, cookie);
	else
		push_pieces(batch, caps, range, cookie);
	return 0;
}

EXPORT int iommunest_smmuv3_batch_add_range(
	struct iommunest_batch *batch, const struct iommunest_smmuv3_caps *caps,
	const struct iommunest_smmuv3_range *range, uint64_t cookie)
{
	struct iommunest_smmuv3_range in;
	struct iommunest_smmuv3_caps host;
	int ret;

	if (!batch)
		return -EINVAL;
	if (batch->error)
		return batch->error;
	ret = is_smmuv3(batch) ? copy_range(&in, range) : -EINVAL;
	if (!ret)
		ret = iommunest__smmuv3_copy_caps(&host, caps);
	if (!ret)
		ret = check_range(&host, &in);
	if (!ret)
		ret = add_range(batch, &host, &in, cookie);
	return ret ? iommunest__batch_fail(batch, ret, cookie) : 0;
}
