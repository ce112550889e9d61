/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A small guest at the smallest possible emulated DRHD (regs.h), on a
 * simulated host: what it writes to which register, and what happens then.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <libiommunest-sim.h>

#include "regs.h"

/* Guest physical addresses. */
#define ROOT_TABLE 0x1000u
#define CONTEXT_TABLE 0x2000u
#define PASID_DIRECTORY 0x3000u
#define PASID_TABLE 0x4000u
#define PAGE_TABLE 0x5000u
#define RING 0x8000u
#define STATUS 0x9000u
#define MEMORY_SIZE 0xa000u

/* The ring: 128 descriptors of 256 bits. */
#define SLOTS 128u
#define SLOT_BYTES 32u

#define DOMAIN 7u

struct machine {
	/* The host. */
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	struct viommu_device device;
	/* The VMM; its main loop has work. */
	struct viommu viommu;
	bool has_work;
	/* The guest: its memory, and its own idea of the tail. */
	_Alignas(4096) unsigned char memory[MEMORY_SIZE];
	uint32_t tail;
};

/* ---- What a guest can do ---- */

static uint64_t guest_read(const struct machine *m, uint32_t offset,
			   unsigned int size)
{
	return viommu_read(&m->viommu, offset, size);
}

static int guest_write(struct machine *m, const char *name, uint32_t offset,
		       uint64_t value, unsigned int size)
{
	printf("  guest: %s = 0x%" PRIx64 "\n", name, value);
	return viommu_write(&m->viommu, offset, value, size);
}

static void poke(struct machine *m, uint64_t gpa, uint64_t word)
{
	memcpy(m->memory + gpa, &word, sizeof(word));
}

static void put_desc(struct machine *m, uint32_t slot,
		     const struct iommunest_vtd_desc *desc)
{
	char text[128];

	iommunest_vtd_desc_print(desc, text, sizeof(text));
	printf("  guest: slot %u: %s\n", slot, text);
	memcpy(m->memory + RING + slot * SLOT_BYTES, desc->raw, SLOT_BYTES);
}

static void queue(struct machine *m, const struct iommunest_vtd_desc *desc)
{
	put_desc(m, m->tail, desc);
	m->tail = (m->tail + 1) % SLOTS;
}

static void queue_flush(struct machine *m, uint64_t addr, unsigned int am)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	iommunest_vtd_desc_piotlb(&desc, IOMMUNEST_VTD_PIOTLB_PAGES, DOMAIN, 0,
				  addr, am, IOMMUNEST_VTD_DESC_IH);
	queue(m, &desc);
}

/* Its status word is at STATUS + 4 * @word. */
static void queue_wait(struct machine *m, unsigned int word)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	iommunest_vtd_desc_wait(&desc, IOMMUNEST_VTD_DESC_SW, STATUS + 4 * word,
				1);
	queue(m, &desc);
}

/* The doorbell. */
static int kick(struct machine *m)
{
	return guest_write(m, "IQT", REG_IQT, m->tail * SLOT_BYTES, 4);
}

static void show_queue(const struct machine *m)
{
	const uint64_t fsts = guest_read(m, REG_FSTS, 4);

	printf("  guest reads: IQH 0x%" PRIx64 ", FSTS 0x%" PRIx64,
	       guest_read(m, REG_IQH, 8), fsts);
	if (fsts)
		printf(", IQERCD 0x%" PRIx64, guest_read(m, REG_IQERCD, 8));
	putchar('\n');
}

static void show_status(const struct machine *m, unsigned int word)
{
	uint32_t status;

	memcpy(&status, m->memory + STATUS + 4 * word, sizeof(status));
	printf("  guest reads: wait %u is %s\n", word,
	       status ? "done" : "not done");
}

/* ---- What it does ---- */

static int look_around(struct machine *m)
{
	printf("  guest reads: VER 0x%" PRIx64 ", CAP 0x%" PRIx64
	       ", ECAP 0x%" PRIx64 "\n",
	       guest_read(m, REG_VER, 4), guest_read(m, REG_CAP, 8),
	       guest_read(m, REG_ECAP, 8));
	return 0;
}

/* As Linux does it. */
static int set_up_queue(struct machine *m)
{
	int ret;

	ret = guest_write(m, "IQT", REG_IQT, 0, 4);
	if (!ret)
		ret = guest_write(m, "IQA", REG_IQA,
				  RING | IOMMUNEST_VTD_IQA_DW, 8);
	if (!ret)
		ret = guest_write(m, "GCMD", REG_GCMD, GCMD_QIE, 4);
	printf("  guest reads: GSTS 0x%" PRIx64 "\n",
	       guest_read(m, REG_GSTS, 4));
	return ret;
}

/* Caches are flushed after SRTP; there is no PASID-table entry yet. */
static int set_root_table(struct machine *m)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	int ret;

	poke(m, ROOT_TABLE, CONTEXT_TABLE | 1);
	poke(m, CONTEXT_TABLE + VIOMMU_SID * 32, PASID_DIRECTORY | 1);
	poke(m, PASID_DIRECTORY, PASID_TABLE | 1);
	ret = guest_write(m, "RTADDR", REG_RTADDR,
			  ROOT_TABLE | RTADDR_TTM_SCALABLE, 8);
	if (!ret)
		ret = guest_write(m, "GCMD", REG_GCMD, GCMD_QIE | GCMD_SRTP, 4);
	if (ret)
		return ret;
	iommunest_vtd_desc_context_cache(&desc, IOMMUNEST_VTD_CONTEXT_GLOBAL, 0,
					 0, 0);
	queue(m, &desc);
	iommunest_vtd_desc_pasid_cache(&desc, IOMMUNEST_VTD_PASID_CACHE_GLOBAL,
				       0, 0);
	queue(m, &desc);
	iommunest_vtd_desc_iotlb(&desc, IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0, 0);
	queue(m, &desc);
	queue_wait(m, 0);
	ret = kick(m);
	show_status(m, 0);
	if (!ret)
		ret = guest_write(m, "GCMD", REG_GCMD, GCMD_QIE | GCMD_TE, 4);
	printf("  guest reads: GSTS 0x%" PRIx64 "\n",
	       guest_read(m, REG_GSTS, 4));
	return ret;
}

/* Four levels, present, first stage only. */
static int attach_device(struct machine *m)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	int ret;

	poke(m, PASID_TABLE + 16, PAGE_TABLE);
	poke(m, PASID_TABLE + 8, DOMAIN);
	poke(m, PASID_TABLE, IOMMUNEST_VTD_PGTT_FIRST_STAGE << 6 | 1);
	iommunest_vtd_desc_pasid_cache(&desc, IOMMUNEST_VTD_PASID_CACHE_PASID,
				       DOMAIN, 0);
	queue(m, &desc);
	queue_wait(m, 1);
	ret = kick(m);
	show_status(m, 1);
	return ret;
}

/* Two blocks of pages, and the device TLB of each: one ioctl. */
static int flush(struct machine *m)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	int ret;

	queue_flush(m, 0x200000, 0);
	iommunest_vtd_desc_dev_tlb(&desc, VIOMMU_SID, 0, 0, 0x200000, 0);
	queue(m, &desc);
	queue_flush(m, 0x40000000, 9);
	queue_wait(m, 2);
	ret = kick(m);
	show_status(m, 2);
	show_queue(m);
	return ret;
}

/* The wait before the mistake completes, the one after it does not. */
static int make_a_mistake(struct machine *m)
{
	const uint64_t words[4] = { 0xf, 0, 0, 0 };
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	uint32_t bad;
	int ret;

	queue_flush(m, 0x201000, 0);
	queue_wait(m, 3);
	bad = m->tail;
	iommunest_vtd_desc_decode(&desc, words, 256,
				  IOMMUNEST_VTD_TTM_SCALABLE);
	queue(m, &desc);
	queue_wait(m, 4);
	ret = kick(m);
	show_queue(m);
	show_status(m, 3);
	show_status(m, 4);
	if (ret)
		return ret;
	iommunest_vtd_desc_piotlb(&desc, IOMMUNEST_VTD_PIOTLB_ALL, DOMAIN, 0, 0,
				  0, 0);
	put_desc(m, bad, &desc);
	ret = guest_write(m, "FSTS", REG_FSTS, IOMMUNEST_VTD_FSTS_IQE, 4);
	show_queue(m);
	show_status(m, 4);
	return ret;
}

/* The second entry from now on fails once: the guest need not know. */
static int survive_host_failure(struct machine *m)
{
	const struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = IOMMUNEST_SIM_FAIL_ENTRY,
		.error = -EIO,
		.nth = 2,
	};
	int ret;

	ret = iommunest_sim_inject(m->sim, &fault);
	if (ret)
		return ret;
	queue_flush(m, 0x300000, 0);
	queue_wait(m, 5);
	queue_flush(m, 0x301000, 0);
	queue_wait(m, 6);
	ret = kick(m);
	show_queue(m);
	show_status(m, 5);
	show_status(m, 6);
	return ret;
}

/* It is pending while it is masked. */
static int wait_for_an_interrupt(struct machine *m)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	int ret;

	ret = guest_write(m, "IEADDR", REG_IEADDR, 0xfee00000, 8);
	if (!ret)
		ret = guest_write(m, "IEDATA", REG_IEDATA, 0x31, 4);
	if (ret)
		return ret;
	queue_flush(m, 0x400000, 0);
	iommunest_vtd_desc_wait(&desc, IOMMUNEST_VTD_DESC_IF, 0, 0);
	queue(m, &desc);
	ret = kick(m);
	printf("  guest reads: ICS 0x%" PRIx64 ", IECTL 0x%" PRIx64 "\n",
	       guest_read(m, REG_ICS, 4), guest_read(m, REG_IECTL, 4));
	if (!ret)
		ret = guest_write(m, "IECTL", REG_IECTL, 0, 4);
	if (!ret)
		ret = guest_write(m, "ICS", REG_ICS, ICS_IWC, 4);
	return ret;
}

/* As Windows does it: the tail is there before the queue is enabled. */
static int restart_queue(struct machine *m)
{
	int ret;

	ret = guest_write(m, "GCMD", REG_GCMD, GCMD_TE, 4);
	m->tail = 0;
	queue_flush(m, 0x500000, 0);
	queue_wait(m, 7);
	if (!ret)
		ret = kick(m);
	show_status(m, 7);
	if (!ret)
		ret = guest_write(m, "GCMD", REG_GCMD, GCMD_TE | GCMD_QIE, 4);
	show_queue(m);
	show_status(m, 7);
	return ret;
}

static int detach_device(struct machine *m)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	int ret;

	poke(m, PASID_TABLE, 0);
	iommunest_vtd_desc_pasid_cache(&desc, IOMMUNEST_VTD_PASID_CACHE_PASID,
				       DOMAIN, 0);
	queue(m, &desc);
	queue_wait(m, 8);
	ret = kick(m);
	show_status(m, 8);
	return ret;
}

static const struct step {
	const char *title;
	int (*run)(struct machine *m);
} steps[] = {
	{ "The guest looks at what it has", look_around },
	{ "It sets up its queue", set_up_queue },
	{ "It sets its root table, and turns translation on", set_root_table },
	{ "It gives its device a page table", attach_device },
	{ "It invalidates, and waits", flush },
	{ "It makes a mistake, and fixes it", make_a_mistake },
	{ "The host fails, and the guest notices nothing",
	  survive_host_failure },
	{ "It waits for an interrupt", wait_for_an_interrupt },
	{ "It starts its queue anew, with the tail first", restart_queue },
	{ "It takes the page table away again", detach_device },
};

/* ---- The machine ---- */

static void note(void *user, const char *text)
{
	(void)user;
	printf("  vmm: %s\n", text);
}

static void schedule(void *user)
{
	struct machine *m = user;

	m->has_work = true;
}

static int main_loop(struct machine *m)
{
	int ret = 0;

	while (!ret && m->has_work) {
		puts("  vmm: the main loop goes on with the queue");
		m->has_work = false;
		ret = viommu_work(&m->viommu);
	}
	return ret;
}

static void msi(void *user, uint64_t addr, uint32_t data)
{
	(void)user;
	printf("  vmm: interrupt, 0x%" PRIx32 " to 0x%" PRIx64 "\n", data,
	       addr);
}

/* What a VMM has before it makes its vIOMMU: a device, and stage 2. */
static int set_up_host(struct machine *m)
{
	struct viommu_device *device = &m->device;
	uint32_t ioas_id;
	int ret;

	device->info.size = sizeof(device->info);
	ret = iommunest_vfio_open(m->ctx, "/dev/vfio/devices/vfio0",
				  &device->fd, &device->dev_id);
	if (ret)
		return ret;
	ret = iommunest_hw_info(m->ctx, device->dev_id, &device->info);
	if (!ret)
		ret = iommunest_ioas_alloc(m->ctx, &ioas_id);
	if (!ret)
		ret = iommunest_hwpt_alloc_parent(m->ctx, device->dev_id,
						  ioas_id, &device->parent_id);
	return ret;
}

static int play(struct machine *m)
{
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < sizeof(steps) / sizeof(steps[0]); i++) {
		printf("%s%s\n", i ? "\n" : "", steps[i].title);
		ret = steps[i].run(m);
		if (!ret)
			ret = main_loop(m);
	}
	return ret;
}

static int set_up_and_play(struct machine *m)
{
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
		.sys_data = m->sim,
	};
	struct viommu_config config = {
		.memory = m->memory,
		.memory_size = sizeof(m->memory),
		.msi = msi,
		.schedule = schedule,
		.user = m,
		.note = note,
	};
	int ret;

	ret = iommunest_open(&m->ctx, &options);
	if (ret)
		return ret;
	ret = set_up_host(m);
	config.ctx = m->ctx;
	config.info = m->device.info;
	if (!ret)
		ret = viommu_init(&m->viommu, &config);
	if (!ret) {
		ret = viommu_plug(&m->viommu, &m->device);
		if (!ret)
			ret = play(m);
		viommu_fini(&m->viommu);
	}
	if (m->device.fd >= 0)
		iommunest_vfio_close(m->ctx, m->device.fd);
	iommunest_close(m->ctx);
	return ret;
}

static const char help[] =
	"Usage: viommu\n"
	"Plays a small guest at a small virtual VT-d IOMMU on a simulated "
	"host, and\n"
	"prints which register it writes and what happens then.\n"
	"  --help              this text\n"
	"\n"
	"Exit status: 0 success, 1 something failed, 2 wrong usage.\n";

/* Returns -1 to go on, or the exit status. */
static int parse(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	option = getopt_long(argc, argv, "h", options, NULL);
	if (option == 'h') {
		fputs(help, stdout);
		return 0;
	}
	if (option == -1 && optind == argc)
		return -1;
	/* getopt_long() has said what is wrong with an option. */
	if (option == -1)
		fprintf(stderr, "viommu: unexpected argument \"%s\"\n",
			argv[optind]);
	fputs("Try viommu --help.\n", stderr);
	return 2;
}

/* Output that was not written is a failure like any other. */
static int finish(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fputs("viommu: cannot write to standard output\n", stderr);
	return 1;
}

int main(int argc, char *argv[])
{
	static struct machine machine = { .device.fd = -1 };
	int status, ret;

	status = parse(argc, argv);
	if (status >= 0)
		return finish(status);
	ret = iommunest_sim_new(&machine.sim, NULL);
	if (!ret)
		ret = set_up_and_play(&machine);
	iommunest_sim_free(machine.sim);
	if (ret)
		fprintf(stderr, "viommu: %s\n", strerror(-ret));
	return finish(ret ? 1 : 0);
}
