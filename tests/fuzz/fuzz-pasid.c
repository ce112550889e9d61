/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * PASID-table entries and capability registers.  What becomes a stage 1 is
 * what the entry says, and a host with these registers takes it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest-sim.h>

#include "fuzz.h"

#include "tests/harness/vtd-info.h"

/* The reasons of the host are the bits below this one. */
#define FIRST_OF_GUEST IOMMUNEST_VTD_GUEST_REASON_5_LEVEL
#define OF_LACK                                   \
	(IOMMUNEST_VTD_GUEST_REASON_NO_SCALABLE | \
	 IOMMUNEST_VTD_GUEST_REASON_NO_FIRST_STAGE)
#define OF_KERNEL                                       \
	(IOMMUNEST_VTD_GUEST_REASON_KERNEL_NO_NESTING | \
	 IOMMUNEST_VTD_GUEST_REASON_KERNEL_FAULT)
#define REASONS 38u

/* Mostly a bit away from one that nests. */
#define GOOD_CAP UINT64_C(0x19ed008c40780c66)
#define GOOD_ECAP UINT64_C(0x3ee9e86f050df)

static struct iommunest_hw_info take_info(struct fuzz_input *in)
{
	struct iommunest_hw_info info = { .size = sizeof(info) };
	uint8_t type = fuzz_u8(in);

	info.type = type < 0xf0 ? IOMMUNEST_HW_INTEL_VTD : type & 3;
	info.data[VTD_FLAGS] = VTD_FLAGS_WORD(fuzz_u8(in));
	info.data[VTD_CAP] = GOOD_CAP ^ fuzz_shaped(in);
	info.data[VTD_ECAP] = GOOD_ECAP ^ fuzz_shaped(in);
	info.max_pasid_log2 = fuzz_u8(in);
	return info;
}

/* ---- PASID-table entries ---- */

/*
 * The real order of things: what the library takes, a host with the same
 * registers must neither refuse nor take for something else.
 */
static void check_host_takes(const struct iommunest_vtd_s1 *s1,
			     const struct iommunest_hw_info *info)
{
	const struct iommunest_sim_options sim_options = {
		.size = sizeof(sim_options),
		.cap = info->data[VTD_CAP],
		.ecap = info->data[VTD_ECAP],
	};
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};
	uint32_t dev, ioas, parent, hwpt;
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	int fd;

	fuzz_check(!iommunest_sim_new(&sim, &sim_options));
	options.sys_data = sim;
	fuzz_check(!iommunest_open(&ctx, &options));
	fd = iommunest_fd(ctx);
	fuzz_check(!iommunest_sim_bind(sim, fd, 0, &dev));
	fuzz_check(!iommunest_ioas_alloc(ctx, &ioas));
	/* It may be a host that cannot nest at all. */
	if (!iommunest_hwpt_alloc_parent(ctx, dev, ioas, &parent)) {
		fuzz_check(
			!iommunest_vtd_hwpt_alloc(ctx, dev, parent, s1, &hwpt));
		fuzz_check(!iommunest_sim_attach(sim, fd, dev, hwpt));
	}
	iommunest_close(ctx);
	iommunest_sim_free(sim);
}

static int errno_of(uint32_t reason)
{
	switch (reason) {
	case IOMMUNEST_VTD_PASID_REASON_NONE:
		return 0;
	case IOMMUNEST_VTD_PASID_REASON_NOT_PRESENT:
		return -ENOENT;
	case IOMMUNEST_VTD_PASID_REASON_RESERVED:
	case IOMMUNEST_VTD_PASID_REASON_ADDRESS:
		return -EINVAL;
	default:
		return -EOPNOTSUPP;
	}
}

static bool has_bit(uint64_t reg, unsigned int bit)
{
	return reg >> bit & 1;
}

/* SRS, EAFS and FS5LP. */
static void check_host_has(const struct iommunest_vtd_s1 *s1,
			   const struct iommunest_hw_info *info)
{
	if (s1->flags & IOMMUNEST_VTD_S1_SRE)
		fuzz_check(has_bit(info->data[VTD_ECAP], 31));
	if (s1->flags & IOMMUNEST_VTD_S1_EAFE)
		fuzz_check(has_bit(info->data[VTD_ECAP], 34));
	if (s1->addr_width == 57)
		fuzz_check(has_bit(info->data[VTD_CAP], 60));
}

static void check_s1(const struct iommunest_vtd_s1 *s1, const uint64_t *words,
		     unsigned int addr_bits)
{
	fuzz_check(words[0] & 1 && (words[0] >> 6 & 7) == 1);
	fuzz_check(s1->pgtbl_addr == (words[2] & ~UINT64_C(0xfff)));
	fuzz_check(addr_bits == 64 || !(s1->pgtbl_addr >> addr_bits));
	fuzz_check((words[2] >> 2 & 3) == (s1->addr_width == 57));
	fuzz_check(s1->addr_width == 48 || s1->addr_width == 57);
	fuzz_check(!(s1->flags & IOMMUNEST_VTD_S1_SRE) == !(words[2] & 1));
	fuzz_check(!(s1->flags & IOMMUNEST_VTD_S1_EAFE) ==
		   !(words[2] & 1u << 7));
	fuzz_check(!(s1->flags & IOMMUNEST_VTD_S1_WPE) ==
		   !(words[2] & 1u << 4));
	fuzz_check(!(s1->flags >> 3));
	/* Execute requests, cache disable and memory types. */
	fuzz_check(!(words[2] & 2) && !(words[1] >> 25 & 3));
	fuzz_check(!words[3] && !words[4] && !words[5] && !words[6] &&
		   !words[7]);
}

/* Mostly a bit away from one that can be nested. */
static void take_entry(struct fuzz_input *in, uint64_t *words)
{
	static const uint64_t good[8] = { 0x41, 5, 0x7fff000 };
	unsigned int i;

	for (i = 0; i < 8; i++)
		words[i] = good[i] ^ fuzz_shaped(in);
}

static void check_entry(struct fuzz_input *in,
			const struct iommunest_hw_info *info)
{
	unsigned int addr_bits = fuzz_below(in, 70);
	struct iommunest_vtd_s1 s1 = { .size = sizeof(s1) };
	struct iommunest_vtd_s1 other = { .size = sizeof(other) };
	struct iommunest_vtd_pasid_entry entry =
		IOMMUNEST_INIT(struct iommunest_vtd_pasid_entry);
	bool valid = addr_bits >= 32 && addr_bits <= 64;
	uint32_t reason = 99;
	uint64_t words[8];
	int ret;

	take_entry(in, words);
	fuzz_check(!iommunest_vtd_pasid_decode(&entry, words));
	fuzz_check(!memcmp(entry.raw, words, sizeof(words)));
	ret = iommunest_vtd_pasid_to_s1(&entry, info, addr_bits, &s1, &reason);
	fuzz_check(iommunest_vtd_pasid_to_s1(&entry, info, addr_bits, &other,
					     NULL) == ret);
	if (!valid || info->type != IOMMUNEST_HW_INTEL_VTD) {
		fuzz_check(ret == (valid ? -EOPNOTSUPP : -EINVAL));
		return;
	}
	fuzz_check(reason <= IOMMUNEST_VTD_PASID_REASON_MEMORY_TYPE &&
		   !(reason & (reason - 1)));
	fuzz_check(ret == errno_of(reason));
	fuzz_check(iommunest_vtd_pasid_reason_text(reason));
	if (ret) {
		fuzz_check(!s1.pgtbl_addr && !s1.addr_width && !s1.flags);
		return;
	}
	check_s1(&s1, words, addr_bits);
	check_host_has(&s1, info);
	if (info->data[VTD_CAP] && info->data[VTD_ECAP])
		check_host_takes(&s1, info);
}

/* ---- Capabilities ---- */

static unsigned int field(uint64_t reg, unsigned int low, unsigned int bits)
{
	return (unsigned int)(reg >> low & ((1u << bits) - 1));
}

static unsigned int at_most(unsigned int value, unsigned int most)
{
	return value < most ? value : most;
}

/* All the numbers; of the flags, those that matter to nesting. */
static void check_decoded(const struct iommunest_vtd_caps *caps, uint64_t cap,
			  uint64_t ecap)
{
	unsigned int pasid_bits =
		field(ecap, 40, 1) ? at_most(field(ecap, 35, 5) + 1, 20) : 0;

	fuzz_check(caps->domain_bits == at_most(4 + 2 * field(cap, 0, 3), 16));
	fuzz_check(caps->cm == field(cap, 7, 1));
	fuzz_check(caps->sagaw == field(cap, 8, 5));
	fuzz_check(caps->mgaw == field(cap, 16, 6) + 1);
	fuzz_check(caps->fro == 16 * field(cap, 24, 10));
	fuzz_check(caps->sslps == field(cap, 34, 4));
	fuzz_check(caps->nfr == field(cap, 40, 8) + 1);
	fuzz_check(caps->mamv == field(cap, 48, 6));
	fuzz_check(caps->fs1gp == field(cap, 56, 1));
	fuzz_check(caps->fs5lp == field(cap, 60, 1));
	fuzz_check(caps->qi == field(ecap, 1, 1));
	fuzz_check(caps->dt == field(ecap, 2, 1));
	fuzz_check(caps->iro == 16 * field(ecap, 8, 10));
	fuzz_check(caps->mhmv == field(ecap, 20, 4));
	fuzz_check(caps->nest == field(ecap, 26, 1));
	fuzz_check(caps->prs == field(ecap, 29, 1));
	fuzz_check(caps->srs == field(ecap, 31, 1));
	fuzz_check(caps->eafs == field(ecap, 34, 1));
	fuzz_check(caps->pasid_bits == pasid_bits);
	fuzz_check(caps->smts == field(ecap, 43, 1));
	fuzz_check(caps->ssts == field(ecap, 46, 1));
	fuzz_check(caps->fsts == field(ecap, 47, 1));
}

/* Into a struct of any size, as older and newer programs have it. */
static void check_caps(struct fuzz_input *in,
		       const struct iommunest_hw_info *info)
{
	bool vtd = info->type == IOMMUNEST_HW_INTEL_VTD;
	struct iommunest_vtd_caps caps = { .size = sizeof(caps) };
	size_t size = sizeof(size) + fuzz_u8(in);
	unsigned char *bytes = malloc(size);
	int ret;

	fuzz_check(bytes);
	memset(bytes, 0x5a, size);
	memcpy(bytes, &size, sizeof(size));
	/* The size is looked at before the rest. */
	ret = iommunest_vtd_caps_decode((void *)bytes, info);
	if (size < offsetof(struct iommunest_vtd_caps, rprivs) + 1)
		fuzz_check(ret == -EINVAL || !vtd);
	else
		fuzz_check(ret == (vtd ? 0 : -EOPNOTSUPP));
	ret = iommunest_vtd_caps_decode(&caps, info);
	fuzz_check(ret == (vtd ? 0 : -EOPNOTSUPP));
	if (vtd)
		check_decoded(&caps, info->data[VTD_CAP], info->data[VTD_ECAP]);
	if (vtd && size >= sizeof(caps))
		fuzz_check(!memcmp(bytes + sizeof(size),
				   (const char *)&caps + sizeof(size),
				   sizeof(caps) - sizeof(size)));
	free(bytes);
}

/* ---- Guests ---- */

static uint64_t reasons_of(const struct iommunest_hw_info *info,
			   const struct iommunest_vtd_guest *guest)
{
	uint64_t reasons = 0;
	int ret = iommunest_vtd_guest_check(info, guest, &reasons);
	unsigned int i;

	fuzz_check(ret >= 0 && ret == __builtin_popcountll(reasons));
	fuzz_check(!(reasons >> REASONS));
	for (i = 0; i < REASONS; i++)
		fuzz_check(iommunest_vtd_guest_reason_text(UINT64_C(1) << i));
	if (info->type != IOMMUNEST_HW_INTEL_VTD)
		fuzz_check(reasons == IOMMUNEST_VTD_GUEST_REASON_HOST_NOT_VTD);
	return reasons;
}

/* PASIDs, page requests and their draining. */
#define OF_NEW_KERNELS \
	(UINT64_C(1) << 40 | UINT64_C(1) << 29 | UINT64_C(1) << 42)

/* Who does not know the kernel is offered less. */
static void check_caps_of_unknown(const struct iommunest_hw_info *info,
				  const struct iommunest_vtd_guest *guest)
{
	uint64_t cap, ecap;

	fuzz_check(!iommunest_vtd_guest_caps(info, &cap, &ecap));
	fuzz_check(cap == guest->cap);
	fuzz_check(!(ecap & OF_NEW_KERNELS));
	fuzz_check(!(ecap & ~guest->ecap));
}

/* A guest that is shown what the library says is shown nothing too much. */
static void check_shown(struct fuzz_input *in,
			const struct iommunest_hw_info *info)
{
	struct iommunest_vtd_guest guest = { .size = sizeof(guest) };
	uint64_t reasons;
	int ret;

	guest.features = fuzz_shaped(in);
	guest.kernel_faults = fuzz_u8(in);
	ret = iommunest_vtd_guest_offer(info, &guest);
	if (info->type != IOMMUNEST_HW_INTEL_VTD) {
		fuzz_check(ret == -EOPNOTSUPP);
		fuzz_check(!guest.cap && !guest.ecap);
		return;
	}
	fuzz_check(!ret);
	if (has_bit(guest.ecap, 40)) {
		fuzz_check(field(guest.ecap, 35, 5) + 1 <=
			   info->max_pasid_log2);
		fuzz_check(guest.features & IOMMUNEST_FEATURE_PASID);
	}
	if (has_bit(guest.ecap, 29))
		fuzz_check(guest.features & IOMMUNEST_FEATURE_FAULT_QUEUE);
	check_caps_of_unknown(info, &guest);
	/* What it lacks, the host lacks. */
	reasons = reasons_of(info, &guest);
	fuzz_check(!(reasons & ~(FIRST_OF_GUEST - 1) & ~OF_LACK & ~OF_KERNEL));
	if (!(reasons & (FIRST_OF_GUEST - 1)))
		fuzz_check(!(reasons & ~OF_KERNEL));
}

/* Whatever else it is shown can only be another reason against it. */
static void check_guest(struct fuzz_input *in,
			const struct iommunest_hw_info *info)
{
	struct iommunest_vtd_guest guest = { .size = sizeof(guest) };
	const uint64_t of_host = FIRST_OF_GUEST - 1;
	uint32_t flags = fuzz_u8(in);
	uint64_t reasons, bare;

	guest.cap = fuzz_shaped(in);
	guest.ecap = fuzz_shaped(in);
	guest.flags = flags;
	guest.features = fuzz_shaped(in);
	guest.kernel_faults = fuzz_u8(in);
	guest.reserved = fuzz_u8(in) == 0xff;
	if (guest.reserved || flags & ~7u) {
		int ret = iommunest_vtd_guest_check(info, &guest, &reasons);

		fuzz_check(ret == (guest.reserved ? -EINVAL : -EOPNOTSUPP));
		return;
	}
	reasons = reasons_of(info, &guest);
	guest.cap = guest.ecap = 0;
	bare = reasons_of(info, &guest);
	fuzz_check((reasons & of_host) == (bare & of_host));
	guest.flags = 0;
	fuzz_check(!(reasons_of(info, &guest) & ~bare));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { .data = data, .left = size };
	struct iommunest_hw_info info = take_info(&in);

	check_caps(&in, &info);
	check_shown(&in, &info);
	check_guest(&in, &info);
	check_entry(&in, &info);
	return 0;
}
