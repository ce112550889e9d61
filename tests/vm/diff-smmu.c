/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "diff-smmu.h"

#include "diff-gen.h"
#include "tests/conformance/smmu.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>

#define FAULT_ID ((uint32_t)IOMMU_HWPT_FAULT_ID_VALID)
/* Above it, stock 7.3 warns: that is for smmu-large. */
#define COUNT_MAX 1000u
#define COUNT_REFUSED ((1u << 19) + 1)

static uint32_t any_of(struct diff_gen *gen, enum diff_made_kind kind,
		       uint32_t otherwise)
{
	const unsigned int first =
		gen->made_count ? below(gen, gen->made_count) : 0;
	unsigned int i;

	if (rarely(gen, 3))
		return otherwise;
	for (i = 0; i < gen->made_count; i++) {
		const struct diff_made *made =
			&gen->made[(first + i) % gen->made_count];

		if (made->kind == kind)
			return made->id;
	}
	return otherwise;
}

static uint32_t any_viommu(struct diff_gen *gen)
{
	return any_of(gen, DIFF_MADE_VIOMMU, gen->viommu);
}

/* ---- Commands ---- */

/* That of the device which is behind the vIOMMU, mostly. */
static uint64_t any_sid(struct diff_gen *gen)
{
	if (rarely(gen, 400))
		return any32(gen);
	return rarely(gen, 100) ? SMMU_OTHER_VSID : SMMU_VSID;
}

static void add_range(struct diff_gen *gen, uint64_t word[2])
{
	const uint32_t tg = 1 + below(gen, 3);
	uint32_t ttl = below(gen, 4);

	/* What is reserved is for what is corrupted. */
	if (tg == 2 && ttl == 1)
		ttl = 2;
	word[0] |= SMMU_NUM(below(gen, 32)) | SMMU_SCALE(below(gen, 32));
	if (!(word[0] & (SMMU_NUM(31) | SMMU_SCALE(31))) && !ttl)
		ttl = 3;
	word[1] |= SMMU_TG(tg) | SMMU_TTL(ttl);
}

/* Only the vIOMMU that there always is has a stream for sure. */
static void right_command(struct diff_gen *gen, uint64_t word[2], bool streams)
{
	static const uint8_t ops[] = { SMMU_NH_VA,	SMMU_NH_VA,
				       SMMU_NH_VA,	SMMU_NH_VAA,
				       SMMU_NH_ASID,	SMMU_NH_ALL,
				       SMMU_NSNH_ALL,	SMMU_CFGI_CD,
				       SMMU_CFGI_CD_ALL };
	const uint64_t op = ops[below(gen, sizeof(ops) - (streams ? 0 : 2))];

	word[0] = op;
	word[1] = 0;
	if (op == SMMU_CFGI_CD || op == SMMU_CFGI_CD_ALL)
		word[0] |= SMMU_SID(any_sid(gen));
	if (op == SMMU_CFGI_CD)
		word[1] |= below(gen, 2);
	if (op == SMMU_NH_VA || op == SMMU_NH_ASID)
		word[0] |= SMMU_ASID(any(gen) & 0xffff);
	if (op >= SMMU_NH_ALL && op <= SMMU_NH_VAA)
		word[0] |= SMMU_VMID(any(gen) & 0xffff);
	if (op != SMMU_NH_VA && op != SMMU_NH_VAA)
		return;
	word[1] |= (any(gen) & ~0xfffull) | below(gen, 2);
	if (rarely(gen, 2))
		add_range(gen, word);
}

/* Of a field, of the opcode, or of all. */
static void corrupt_command(struct diff_gen *gen, uint64_t word[2])
{
	static const uint8_t ops[] = { SMMU_SYNC, SMMU_CFGI_STE, SMMU_ATC_INV,
				       0x04,	  0x12,		 0x20,
				       0x28,	  0x44 };

	switch (below(gen, 8)) {
	case 0:
		word[0] = (word[0] & ~SMMU_OP) | ops[below(gen, sizeof(ops))];
		break;
	case 1:
		word[0] = (word[0] & ~SMMU_OP) | below(gen, 256);
		break;
	case 2:
		word[0] = any(gen);
		word[1] = any(gen);
		break;
	case 3:
		word[0] |=
			SMMU_NUM(below(gen, 32)) | SMMU_SCALE(below(gen, 64));
		word[1] |= SMMU_TG(below(gen, 4)) | SMMU_TTL(below(gen, 4));
		break;
	case 4:
		word[0] |= SMMU_SSID(any(gen) & 0xfffff) | SMMU_SSV;
		break;
	default:
		word[below(gen, 2)] ^= 1ull << below(gen, 64);
		break;
	}
}

static uint32_t any_count(struct diff_gen *gen)
{
	static const uint16_t counts[] = {
		62, 63, 64, 125, 126, 127, 189, 200
	};

	switch (below(gen, 16)) {
	case 0:
	case 1:
		return counts[below(gen, 8)];
	case 2:
		return below(gen, 201);
	default:
		return below(gen, rarely(gen, 2) ? 4 : 12);
	}
}

static uint32_t any_entry_len(struct diff_gen *gen)
{
	if (!rarely(gen, 12))
		return 16;
	return rarely(gen, 2) ? 1 + below(gen, 16) : 16 + below(gen, 33);
}

/* What the kernel's own struct has no room for is mostly zero. */
static void put_command(struct diff_gen *gen, char *at, uint32_t len,
			size_t room, bool streams, bool corrupted)
{
	unsigned char entry[64] = { 0 };
	uint64_t word[2];

	right_command(gen, word, streams);
	if (corrupted)
		corrupt_command(gen, word);
	word[0] = htole64(word[0]);
	word[1] = htole64(word[1]);
	memcpy(entry, word, sizeof(word));
	if (len > 16 && rarely(gen, 200))
		entry[16 + below(gen, len - 16)] = 1;
	memcpy(at, entry, len < room ? len : room);
}

static uint32_t put_commands(struct diff_gen *gen, uint32_t count, uint32_t len,
			     bool streams)
{
	const struct diff_region *data = &gen->memory->data;
	const uint32_t size = (uint32_t)data->size, bytes = count * len;
	const uint32_t wrong =
		rarely(gen, 3) && count ? below(gen, count) : count;
	uint32_t at, i;

	switch (below(gen, 20)) {
	case 0:
		at = size - bytes;
		break;
	case 1:
		at = size - below(gen, bytes + 1);
		break;
	default:
		at = below(gen, size - bytes);
		break;
	}
	for (i = 0; i < count && at + i * len < size; i++)
		put_command(gen, data->alias + at + i * len, len,
			    size - at - i * len, streams, i == wrong);
	return at;
}

static void corrupt_call(struct diff_gen *gen,
			 struct iommu_hwpt_invalidate *cmd)
{
	switch (below(gen, 8)) {
	case 0:
		cmd->hwpt_id = diff_any_id(gen);
		break;
	case 1:
		cmd->hwpt_id = gen->nested;
		break;
	case 2:
		cmd->data_type = any32(gen);
		break;
	case 3:
		cmd->entry_len = rarely(gen, 2) ? any32(gen) : 0;
		break;
	case 4:
		cmd->entry_num = below(gen, COUNT_MAX);
		break;
	case 5:
		cmd->entry_num = COUNT_REFUSED + below(gen, 4);
		break;
	case 6:
		cmd->__reserved = any32(gen);
		break;
	default:
		cmd->data_uptr = diff_bad_addr(gen);
		break;
	}
}

static void invalidate(struct diff_gen *gen, struct diff_request *request)
{
	const uint32_t count = any_count(gen), len = any_entry_len(gen);
	const uint32_t viommu = any_viommu(gen);
	/* Elsewhere only now and then. */
	const bool streams = viommu == gen->viommu || rarely(gen, 8);
	const uint32_t at = put_commands(gen, count, len, streams);
	struct iommu_hwpt_invalidate cmd = {
		.hwpt_id = viommu,
		.data_uptr = (uintptr_t)gen->memory->data.view + at,
		.data_type = SMMU_TYPE_INVALIDATE,
		.entry_len = len,
		.entry_num = count,
	};

	while (rarely(gen, 10))
		corrupt_call(gen, &cmd);
	diff_finish(gen, request, IOMMU_HWPT_INVALIDATE, &cmd, sizeof(cmd));
}

/* ---- Objects ---- */

static uint64_t put_ste(struct diff_gen *gen)
{
	static const uint64_t configs[] = { 0, 4, 5, 5, 5 };
	const struct diff_region *data = &gen->memory->data;
	uint64_t ste[2] = {
		STE_V | STE_CONFIG(configs[below(gen, 5)]) |
			(any(gen) & 0xfffffffffffc0),
		any(gen) & 0x100000ff,
	};
	const uint32_t at = diff_place(gen, data, sizeof(ste));
	size_t len = sizeof(ste);

	if (rarely(gen, 4))
		ste[below(gen, 2)] ^= 1ull << below(gen, 64);
	if (rarely(gen, 12))
		ste[0] = any(gen);
	ste[0] = htole64(ste[0]);
	ste[1] = htole64(ste[1]);
	if (len > data->size - at)
		len = data->size - at;
	memcpy(data->alias + at, ste, len);
	return (uintptr_t)data->view + at;
}

static void corrupt_alloc(struct diff_gen *gen, struct iommu_hwpt_alloc *cmd)
{
	switch (below(gen, 8)) {
	case 0:
		cmd->pt_id = diff_any_id(gen);
		break;
	case 1:
		cmd->dev_id = diff_any_id(gen);
		break;
	case 2:
		cmd->flags = rarely(gen, 2) ? any32(gen) : below(gen, 16);
		break;
	case 3:
		cmd->data_len = below(gen, 30);
		break;
	case 4:
		cmd->data_type = below(gen, 8);
		break;
	case 5:
		cmd->__reserved = any32(gen);
		break;
	case 6:
		cmd->fault_id = diff_any_id(gen);
		break;
	default:
		cmd->data_uptr = diff_bad_addr(gen);
		break;
	}
}

static void hwpt_alloc(struct diff_gen *gen, struct diff_request *request)
{
	struct iommu_hwpt_alloc cmd = {
		.dev_id = gen->dev[below(gen, 2)],
		.pt_id = any_viommu(gen),
		.data_type = SMMU_TYPE_HWPT,
		.data_len = 16,
		.data_uptr = put_ste(gen),
	};

	if (rarely(gen, 3)) {
		cmd.data_type = IOMMU_HWPT_DATA_NONE;
		cmd.data_len = 0;
		cmd.pt_id = diff_any_ioas(gen);
		cmd.flags = below(gen, 2);
	}
	while (rarely(gen, 4))
		corrupt_alloc(gen, &cmd);
	diff_finish(gen, request, IOMMU_HWPT_ALLOC, &cmd, sizeof(cmd));
}

static void viommu_alloc(struct diff_gen *gen, struct diff_request *request)
{
	struct viommu_alloc cmd = {
		.type = SMMU_TYPE_VIOMMU,
		.dev_id = gen->dev[below(gen, 2)],
		.hwpt_id = any_of(gen, DIFF_MADE_PAGING, gen->parent),
	};

	if (rarely(gen, 16))
		cmd.flags = any32(gen);
	if (rarely(gen, 16))
		cmd.type = below(gen, 4);
	if (rarely(gen, 16))
		cmd.dev_id = diff_any_id(gen);
	if (rarely(gen, 16))
		cmd.hwpt_id = diff_any_id(gen);
	if (rarely(gen, 16))
		cmd.reserved = any32(gen);
	diff_finish(gen, request, VIOMMU_ALLOC, &cmd, sizeof(cmd));
}

static void vdevice_alloc(struct diff_gen *gen, struct diff_request *request)
{
	struct vdevice_alloc cmd = {
		.viommu_id = any_viommu(gen),
		.dev_id = gen->dev[1],
		.virt_id = SMMU_OTHER_VSID,
	};

	if (rarely(gen, 4))
		cmd.virt_id = any(gen);
	if (rarely(gen, 4))
		cmd.virt_id = SMMU_VSID;
	if (rarely(gen, 12))
		cmd.viommu_id = diff_any_id(gen);
	if (rarely(gen, 12))
		cmd.dev_id = diff_any_id(gen);
	diff_finish(gen, request, VDEVICE_ALLOC, &cmd, sizeof(cmd));
}

static void veventq_alloc(struct diff_gen *gen, struct diff_request *request)
{
	struct veventq_alloc cmd = {
		.viommu_id = any_viommu(gen),
		.type = 1 + below(gen, 2),
		.depth = 1 + below(gen, 8),
	};

	if (rarely(gen, 16))
		cmd.flags = any32(gen);
	if (rarely(gen, 16))
		cmd.reserved = any32(gen);
	if (rarely(gen, 16))
		cmd.type = rarely(gen, 2) ? 0 : any32(gen);
	if (rarely(gen, 16))
		cmd.depth = rarely(gen, 2) ? (1u << 19) + below(gen, 2) : 0;
	if (rarely(gen, 12))
		cmd.viommu_id = diff_any_id(gen);
	diff_finish(gen, request, VEVENTQ_ALLOC, &cmd, sizeof(cmd));
}

static void hw_queue_alloc(struct diff_gen *gen, struct diff_request *request)
{
	struct hw_queue_alloc cmd = {
		.viommu_id = any_viommu(gen),
		.type = 1,
		.length = CONF_PAGE,
	};

	if (rarely(gen, 4))
		cmd.flags = any32(gen);
	if (rarely(gen, 4))
		cmd.type = below(gen, 3);
	if (rarely(gen, 4))
		cmd.length = any(gen);
	if (rarely(gen, 4))
		cmd.iova = any(gen);
	if (rarely(gen, 4))
		cmd.viommu_id = diff_any_id(gen);
	diff_finish(gen, request, HW_QUEUE_ALLOC, &cmd, sizeof(cmd));
}

/* The simulator's AIDR, which comes last, is 0, and QEMU's is not. */
static void hw_info(struct diff_gen *gen, struct diff_request *request)
{
	const size_t most = offsetof(struct smmu_hw_info, aidr);
	struct iommu_hw_info cmd;

	diff_hw_info(gen, request);
	memcpy(&cmd, request->image, sizeof(cmd));
	if (cmd.data_len > most)
		cmd.data_len = most;
	memcpy(request->image, &cmd, sizeof(cmd));
}

/* The other requests need these. */
static bool is_needed(const struct diff_gen *gen, uint32_t id)
{
	return id == gen->nested || id == gen->unattached ||
	       id == gen->vdevice || id == gen->kept[0] || id == gen->kept[1];
}

static void destroy(struct diff_gen *gen, struct diff_request *request)
{
	struct iommu_destroy cmd = { 0 };

	cmd.id = diff_any_id(gen);
	/* Mostly what can be. */
	if (gen->made_count && !rarely(gen, 4))
		cmd.id = gen->made[below(gen, gen->made_count)].id;
	if (is_needed(gen, cmd.id))
		cmd.id = gen->viommu;
	diff_finish(gen, request, IOMMU_DESTROY, &cmd, sizeof(cmd));
}

static void attach(struct diff_gen *gen, struct diff_request *request)
{
	const uint32_t ids[] = { 0, gen->nested, gen->unattached, gen->parent };

	request->device = below(gen, DIFF_DEVICES);
	request->hwpt_id = any_of(gen, DIFF_MADE_NESTED, ids[below(gen, 4)]);
	if (rarely(gen, 6))
		request->hwpt_id = any_of(gen, DIFF_MADE_PAGING, gen->parent);
}

/* Of an event queue that is open: no, a part, or all of a record, or many. */
static void read_events(struct diff_gen *gen, struct diff_request *request)
{
	static const uint16_t lens[] = { 0, 7, 8, 39, 40, 47, 48, 80, 88, 100 };

	request->hwpt_id = any_of(gen, DIFF_MADE_VEVENTQ, 0);
	request->read_len = lens[below(gen, 10)];
}

static void close_events(struct diff_gen *gen, struct diff_request *request)
{
	request->hwpt_id = any_of(gen, DIFF_MADE_VEVENTQ, 0);
}

/* Above that, QEMU 10.0 looks for a TTB1, which is not enabled. */
static void access_memory(struct diff_gen *gen, struct diff_request *request)
{
	read_events(gen, request);
	request->iova = any(gen) & 0x7ffffffffc;
}

/* ---- All of them ---- */

static enum diff_kind any_kind(struct diff_gen *gen)
{
	static const struct {
		enum diff_kind kind;
		uint32_t weight;
	} kinds[] = {
		{ DIFF_INVALIDATE, 50 },   { DIFF_HWPT_ALLOC, 9 },
		{ DIFF_VIOMMU_ALLOC, 5 },  { DIFF_VDEVICE_ALLOC, 5 },
		{ DIFF_VEVENTQ_ALLOC, 4 }, { DIFF_HW_QUEUE_ALLOC, 1 },
		{ DIFF_DESTROY, 8 },	   { DIFF_READ, 5 },
		{ DIFF_CLOSE, 2 },	   { DIFF_HW_INFO, 3 },
		{ DIFF_IOAS_ALLOC, 4 },	   { DIFF_OTHER, 2 },
		{ DIFF_ATTACH, 2 },
	};
	uint32_t number = below(gen, 100);
	unsigned int i = 0;

	while (number >= kinds[i].weight)
		number -= kinds[i++].weight;
	return kinds[i].kind;
}

void diff_smmu_next(struct diff_gen *gen, struct diff_request *request)
{
	static void (*const make[])(struct diff_gen *,
				    struct diff_request *) = {
		[DIFF_INVALIDATE] = invalidate,
		[DIFF_HWPT_ALLOC] = hwpt_alloc,
		[DIFF_VIOMMU_ALLOC] = viommu_alloc,
		[DIFF_VDEVICE_ALLOC] = vdevice_alloc,
		[DIFF_VEVENTQ_ALLOC] = veventq_alloc,
		[DIFF_HW_QUEUE_ALLOC] = hw_queue_alloc,
		[DIFF_DESTROY] = destroy,
		[DIFF_READ] = read_events,
		[DIFF_CLOSE] = close_events,
		[DIFF_HW_INFO] = hw_info,
		[DIFF_IOAS_ALLOC] = diff_ioas_alloc,
		[DIFF_OTHER] = diff_other,
		[DIFF_ATTACH] = attach,
		[DIFF_DMA] = access_memory,
	};

	memset(request, 0, sizeof(*request));
	request->kind = any_kind(gen);
	/* Each takes QEMU's device 100 ms. */
	if (rarely(gen, 1000))
		request->kind = DIFF_DMA;
	if (gen->made_count == DIFF_IDS && request->kind != DIFF_INVALIDATE)
		request->kind = DIFF_DESTROY;
	make[request->kind](gen, request);
}

/* By its number: what a request is of may have been said twice. */
static enum diff_made_kind kind_of(const struct diff_gen *gen,
				   const unsigned char *arg)
{
	struct iommu_hwpt_alloc cmd;
	unsigned int i;

	memcpy(&cmd, arg, sizeof(cmd));
	if (cmd.pt_id == gen->viommu)
		return DIFF_MADE_NESTED;
	for (i = 0; i < gen->made_count; i++)
		if (gen->made[i].id == cmd.pt_id)
			return gen->made[i].kind == DIFF_MADE_VIOMMU
				       ? DIFF_MADE_NESTED
				       : DIFF_MADE_PAGING;
	return DIFF_MADE_PAGING;
}

void diff_smmu_learn(struct diff_gen *gen, const struct diff_request *request,
		     const unsigned char *arg)
{
	switch (request->kind) {
	case DIFF_HWPT_ALLOC:
		diff_remember(gen, arg,
			      offsetof(struct iommu_hwpt_alloc, out_hwpt_id),
			      kind_of(gen, arg));
		break;
	case DIFF_VIOMMU_ALLOC:
		diff_remember(gen, arg,
			      offsetof(struct viommu_alloc, out_viommu_id),
			      DIFF_MADE_VIOMMU);
		break;
	case DIFF_VDEVICE_ALLOC:
		diff_remember(gen, arg,
			      offsetof(struct vdevice_alloc, out_vdevice_id),
			      DIFF_MADE_VDEVICE);
		break;
	case DIFF_VEVENTQ_ALLOC:
		diff_remember(gen, arg,
			      offsetof(struct veventq_alloc, out_veventq_id),
			      DIFF_MADE_VEVENTQ);
		break;
	default:
		diff_gen_learn(gen, request, arg);
		break;
	}
}
