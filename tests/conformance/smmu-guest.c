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

/* What is in a frame beside its number: QEMU reads 0 where nothing gets
 * through, and in words of 4 bytes.
 */
#define FRAME_TAG 0xf0000000u
#define WORD 4u

struct guest guest;

struct conf_env *guest_env(struct guest *of)
{
	return of->env;
}

uint32_t guest_vsid(unsigned int device)
{
	return device ? SMMU_OTHER_VSID : SMMU_VSID;
}

/* ---- Memory ---- */

static void *ram_at(const struct guest *of, uint64_t gpa)
{
	return of->ram + (gpa - RAM_AT);
}

static uint64_t take_pages(struct guest *of, size_t count)
{
	const uint64_t at = RAM_AT + of->used;

	of->used += count * PAGE;
	return of->used <= RAM_SIZE ? at : 0;
}

/* Shared: a test is a process of its own. */
static int make_ram(struct guest *of)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = guest_env(of)->ioas,
		.length = RAM_SIZE,
		.iova = RAM_AT,
	};
	uint64_t i;

	of->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (of->ram == MAP_FAILED)
		return -errno;
	cmd.user_va = (uintptr_t)of->ram;
	if (!conf_ioctl_is(guest_env(of), IOMMU_IOAS_MAP, &cmd, 0))
		return -EIO;
	of->frames = take_pages(of, GUEST_FRAMES);
	for (i = 0; i < GUEST_FRAMES; i++)
		*(uint32_t *)ram_at(of, of->frames + i * PAGE) =
			FRAME_TAG | (uint32_t)i;
	of->mailbox = ram_at(of, take_pages(of, 1));
	return 0;
}

/* ---- Stage 1 ---- */

struct guest_stage1 guest_new_stage1(struct guest *of, uint16_t asid)
{
	const uint64_t root = take_pages(of, 3);
	const uint64_t mailbox =
		RAM_AT + (uint64_t)((char *)of->mailbox - of->ram);
	uint64_t *level1 = ram_at(of, root);
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
	stage1.leaf[INDEX(GUEST_MAILBOX(0), 3)] = mailbox | PTE_PAGE;
	return stage1;
}

void guest_set_stage1(struct guest *of, unsigned int device,
		      const struct guest_stage1 *stage1)
{
	uint64_t *cd = of->cd[device];

	cd[1] = stage1->root;
	cd[3] = CD_MAIR;
	cd[0] = CD_TCR | CD_V | CD_IPS | CD_AA64 | CD_RA | CD_ASET |
		(uint64_t)stage1->asid << 48;
}

void guest_map(const struct guest *of, const struct guest_stage1 *stage1,
	       unsigned int page, unsigned int frame)
{
	volatile uint64_t *entry = &stage1->leaf[INDEX(GUEST_IOVA, 3) + page];

	*entry = frame == GUEST_FRAMES
			 ? 0
			 : (of->frames + (uint64_t)frame * PAGE) | PTE_PAGE;
}

/* ---- Devices ---- */

static int make_device(struct guest *of, unsigned int device)
{
	const uint64_t cd = take_pages(of, 1);
	const uint64_t ste[2] = { STE_V | STE_S1 | cd, STE_S1_CACHEABLE };
	struct conf_env *env = guest_env(of);

	of->cd[device] = ram_at(of, cd);
	if (device && !smmu_alloc_vdevice(env, env->viommu, env->other_dev,
					  guest_vsid(device)))
		return -EIO;
	of->hwpt[device] = smmu_alloc_nested(env, ste);
	return of->hwpt[device] ? 0 : -EIO;
}

int guest_make(struct guest *of, struct conf_env *env)
{
	unsigned int i;
	int ret;

	memset(of, 0, sizeof(*of));
	of->env = env;
	ret = make_ram(of);
	for (i = 0; i < GUEST_DEVICES && !ret; i++)
		ret = make_device(of, i);
	return ret;
}

void guest_destroy(struct guest *of)
{
	munmap(of->ram, RAM_SIZE);
}

static uint64_t iova_of(unsigned int page)
{
	return GUEST_IOVA + (uint64_t)page * PAGE;
}

static void read_devices(struct guest *of, unsigned int first,
			 unsigned int count, const unsigned int *page,
			 uint32_t *frame)
{
	uint64_t iova[GUEST_DEVICES];
	unsigned int i;

	for (i = 0; i < count; i++)
		iova[i] = iova_of(page[i]);
	of->read(of, first, count, iova, frame);
	for (i = 0; i < count; i++)
		frame[i] = frame[i] ? frame[i] & ~FRAME_TAG : GUEST_NOTHING;
}

uint32_t guest_read(struct guest *of, unsigned int device, unsigned int page)
{
	uint32_t frame;

	read_devices(of, device, 1, &page, &frame);
	return frame;
}

void guest_read_both(struct guest *of, const unsigned int page[2],
		     uint32_t frame[2])
{
	read_devices(of, 0, GUEST_DEVICES, page, frame);
}

/* ---- Invalidation ---- */

int guest_invalidate_all(struct guest *of, const struct conf_command *commands,
			 uint32_t *count)
{
	struct conf_env *env = guest_env(of);
	struct iommu_hwpt_invalidate cmd = smmu_call(env, commands, *count);
	int ret = conf_ioctl(env, IOMMU_HWPT_INVALIDATE, &cmd);

	*count = cmd.entry_num;
	return ret;
}

int guest_invalidate(struct guest *of, uint64_t w0, uint64_t w1)
{
	struct conf_command command = smmu_command(w0, w1);
	uint32_t count = 1;

	return guest_invalidate_all(of, &command, &count);
}

struct conf_command guest_nh_va(uint16_t asid, unsigned int page)
{
	return smmu_command(SMMU_NH_VA | SMMU_ASID(asid),
			    iova_of(page) | SMMU_LEAF);
}
