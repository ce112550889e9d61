/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "smmu-guest.h"

#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u
#define RAM_PAGES 512u
#define RAM_SIZE ((size_t)RAM_PAGES * PAGE)
/* Where it is in the guest's physical address space. */
#define RAM_AT 0x40000000ull

/* Levels 1 to 3 of a table of 39 bits. */
#define VA_BITS 39u
#define INDEX(iova, level) ((iova) >> (39 - 9 * (level)) & 0x1ff)

#define PTE_TABLE 3ull
/* Valid, a page; for unprivileged reads and writes; inner shareable; accessed;
 * of one ASID.
 */
#define PTE_PAGE (3ull | 1ull << 6 | 3ull << 8 | 1ull << 10 | 1ull << 11)

/* T0SZ; cacheable, inner shareable; no TTBR1. */
#define CD_TCR \
	((64 - VA_BITS) | 1ull << 8 | 1ull << 10 | 3ull << 12 | 1ull << 30)
#define CD_V (1ull << 31)
/* Output addresses of 44 bits. */
#define CD_IPS (4ull << 32)
#define CD_AA64 (1ull << 41)
/* Record faults, and abort. */
#define CD_RA (3ull << 45)
#define CD_ASET (1ull << 47)
/* Attribute 0: normal memory, write-back. */
#define CD_MAIR 0xffull

/* Beyond what the tests map. */
#define MAILBOX_PAGE GUEST_PAGES

/* What is in a frame beside its number: QEMU reads 0 where nothing gets
 * through, and in words of 4 bytes.
 */
#define FRAME_TAG 0xf0000000u
#define WORD 4u

struct conf_env *guest_env(struct guest *guest)
{
	return &guest->smmu.real.env;
}

uint32_t guest_vsid(unsigned int device)
{
	return device ? SMMU_OTHER_VSID : SMMU_VSID;
}

/* ---- Memory ---- */

static void *ram_at(const struct guest *guest, uint64_t gpa)
{
	return guest->ram + (gpa - RAM_AT);
}

static uint64_t take_pages(struct guest *guest, size_t count)
{
	const uint64_t at = RAM_AT + guest->used;

	guest->used += count * PAGE;
	return guest->used <= RAM_SIZE ? at : 0;
}

/* Shared: a test is a process of its own. */
static int make_ram(struct guest *guest)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = guest_env(guest)->ioas,
		.length = RAM_SIZE,
		.iova = RAM_AT,
	};
	uint64_t i;

	guest->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guest->ram == MAP_FAILED)
		return -errno;
	cmd.user_va = (uintptr_t)guest->ram;
	if (!conf_ioctl_is(guest_env(guest), IOMMU_IOAS_MAP, &cmd, 0))
		return -EIO;
	guest->frames = take_pages(guest, GUEST_FRAMES);
	for (i = 0; i < GUEST_FRAMES; i++)
		*(uint32_t *)ram_at(guest, guest->frames + i * PAGE) =
			FRAME_TAG | (uint32_t)i;
	guest->mailbox = ram_at(guest, take_pages(guest, 1));
	return 0;
}

/* ---- Stage 1 ---- */

struct guest_stage1 guest_new_stage1(struct guest *guest, uint16_t asid)
{
	const uint64_t root = take_pages(guest, 3);
	const uint64_t mailbox =
		RAM_AT + (uint64_t)((char *)guest->mailbox - guest->ram);
	uint64_t *level1 = ram_at(guest, root);
	uint64_t *level2 = level1 + 512;
	struct guest_stage1 stage1 = {
		.root = root,
		.leaf = level2 + 512,
		.asid = asid,
	};

	/* An earlier test may have used them. */
	memset(level1, 0, 3 * PAGE);
	level1[INDEX(GUEST_IOVA, 1)] = (root + PAGE) | PTE_TABLE;
	level2[INDEX(GUEST_IOVA, 2)] = (root + 2 * PAGE) | PTE_TABLE;
	stage1.leaf[INDEX(GUEST_IOVA, 3) + MAILBOX_PAGE] = mailbox | PTE_PAGE;
	return stage1;
}

void guest_set_stage1(struct guest *guest, unsigned int device,
		      const struct guest_stage1 *stage1)
{
	uint64_t *cd = guest->cd[device];

	cd[1] = stage1->root;
	cd[3] = CD_MAIR;
	cd[0] = CD_TCR | CD_V | CD_IPS | CD_AA64 | CD_RA | CD_ASET |
		(uint64_t)stage1->asid << 48;
}

void guest_map(const struct guest *guest, const struct guest_stage1 *stage1,
	       unsigned int page, unsigned int frame)
{
	volatile uint64_t *entry = &stage1->leaf[INDEX(GUEST_IOVA, 3) + page];

	*entry = frame == GUEST_FRAMES
			 ? 0
			 : (guest->frames + (uint64_t)frame * PAGE) | PTE_PAGE;
}

/* ---- Devices ---- */

static int make_device(struct guest *guest, unsigned int device)
{
	const uint64_t cd = take_pages(guest, 1);
	const uint64_t ste[2] = { STE_V | STE_S1 | cd, STE_S1_CACHEABLE };
	struct conf_env *env = guest_env(guest);

	guest->cd[device] = ram_at(guest, cd);
	if (device && !smmu_alloc_vdevice(env, env->viommu, env->other_dev,
					  guest_vsid(device)))
		return -EIO;
	guest->hwpt[device] = smmu_alloc_nested(env, ste);
	if (!guest->hwpt[device])
		return -EIO;
	return edu_open(&guest->edu[device], guest->smmu.real.device[device]);
}

int guest_open(struct guest *guest)
{
	unsigned int i;
	int ret;

	memset(guest, 0, sizeof(*guest));
	ret = smmu_env_open(&guest->smmu);
	if (!ret)
		ret = make_ram(guest);
	for (i = 0; i < GUEST_DEVICES && !ret; i++) {
		ret = make_device(guest, i);
		if (!ret)
			ret = real_attach(&guest->smmu.real, i, guest->hwpt[i]);
	}
	return ret;
}

static uint64_t iova_of(unsigned int page)
{
	return GUEST_IOVA + (uint64_t)page * PAGE;
}

/* Two copies: into the device, and to where the CPU sees it. */
static void read_devices(struct guest *guest, unsigned int first,
			 unsigned int end, const unsigned int *page,
			 uint32_t *frame)
{
	volatile uint32_t *mailbox = guest->mailbox;
	unsigned int i;

	for (i = first; i < end; i++)
		edu_start_read(&guest->edu[i], iova_of(page[i - first]), WORD);
	for (i = first; i < end; i++) {
		edu_wait(&guest->edu[i]);
		mailbox[i] = UINT32_MAX;
		edu_start_write(&guest->edu[i],
				iova_of(MAILBOX_PAGE) + WORD * i, WORD);
	}
	for (i = first; i < end; i++) {
		edu_wait(&guest->edu[i]);
		frame[i - first] =
			mailbox[i] ? mailbox[i] & ~FRAME_TAG : GUEST_NOTHING;
	}
}

uint32_t guest_read(struct guest *guest, unsigned int device, unsigned int page)
{
	uint32_t frame;

	read_devices(guest, device, device + 1, &page, &frame);
	return frame;
}

void guest_read_both(struct guest *guest, const unsigned int page[2],
		     uint32_t frame[2])
{
	read_devices(guest, 0, GUEST_DEVICES, page, frame);
}

/* ---- Invalidation ---- */

int guest_invalidate_all(struct guest *guest,
			 const struct conf_command *commands, uint32_t *count)
{
	struct conf_env *env = guest_env(guest);
	struct iommu_hwpt_invalidate cmd = smmu_call(env, commands, *count);
	int ret = conf_ioctl(env, IOMMU_HWPT_INVALIDATE, &cmd);

	*count = cmd.entry_num;
	return ret;
}

int guest_invalidate(struct guest *guest, uint64_t w0, uint64_t w1)
{
	struct conf_command command = smmu_command(w0, w1);
	uint32_t count = 1;

	return guest_invalidate_all(guest, &command, &count);
}

struct conf_command guest_nh_va(uint16_t asid, unsigned int page)
{
	return smmu_command(SMMU_NH_VA | SMMU_ASID(asid),
			    iova_of(page) | SMMU_LEAF);
}
