/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Migration of a running guest: its memory is sent while a device writes
 * to it, then what the device wrote to meanwhile, round by round, until
 * little is left.  Then the device is stopped, and the last of it is sent.
 * The device is the simulator's.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <libiommunest-sim.h>

#define DEVICE "/dev/vfio/devices/vfio0"
#define RAM_SIZE 0x100000u
#define PAGE_SIZE 0x1000u
#define PAGES (RAM_SIZE / PAGE_SIZE)
/* So many pages may be sent while the guest stands still. */
#define FEW 8u

/* A bit for each page of the guest's memory. */
typedef unsigned char bitmap[PAGES / 8];

static struct iommunest_sim *sim;
static struct iommunest_ctx *ctx;

static void check(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

/* The guest's memory is at 0, for devices as for itself. */
static void map_ram(uint32_t ioas)
{
	void *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t gpa = 0;

	if (ram == MAP_FAILED)
		err(1, "memory");
	check(iommunest_ioas_map(ctx, ioas, ram, RAM_SIZE,
				 IOMMUNEST_MAP_FIXED | IOMMUNEST_MAP_READ |
					 IOMMUNEST_MAP_WRITE,
				 &gpa),
	      "map");
}

/* What goes through a guest's stage 1 is dirty in its parent, too. */
static uint32_t alloc_parent(uint32_t dev, uint32_t ioas)
{
	const struct iommunest_paging_hwpt paging = {
		.size = sizeof(paging),
		.flags = IOMMUNEST_HWPT_NEST_PARENT |
			 IOMMUNEST_HWPT_DIRTY_TRACKING,
	};
	uint32_t parent;

	check(iommunest_hwpt_alloc_paging(ctx, dev, ioas, &paging,
					  &parent),
	      "nest parent");
	return parent;
}

/* What was mapped by one call is read by one call. */
static void add_dirty(uint32_t parent, bitmap dirty)
{
	const struct iommunest_dirty request = {
		.size = sizeof(request),
		.iova = 0,
		.length = RAM_SIZE,
		.page_size = PAGE_SIZE,
		.bitmap = dirty,
		.bitmap_len = sizeof(bitmap),
	};

	check(iommunest_dirty_get(ctx, parent, &request), "dirty pages");
}

/* A VMM sends the pages here. */
static unsigned int send_and_clear(bitmap dirty)
{
	unsigned int page, count = 0;

	for (page = 0; page < PAGES; page++)
		count += dirty[page / 8] >> page % 8 & 1;
	memset(dirty, 0, sizeof(bitmap));
	return count;
}

static void device_writes(uint32_t dev, unsigned int pages)
{
	struct iommunest_sim_dma dma = { .size = sizeof(dma),
					 .dev_id = dev };

	while (pages-- > 0) {
		check(iommunest_sim_dma_write(sim, iommunest_fd(ctx), &dma,
					      "data", 4),
		      "DMA");
		dma.iova += PAGE_SIZE;
	}
}

int main(void)
{
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};
	unsigned int written = PAGES / 2, sent, round = 0;
	uint32_t dev, ioas, parent, at;
	bitmap dirty;
	int fd;

	check(iommunest_sim_new(&sim, NULL), "simulator");
	options.sys_data = sim;
	check(iommunest_open(&ctx, &options), "/dev/iommu");
	check(iommunest_ioas_alloc(ctx, &ioas), "IOAS");
	map_ram(ioas);
	check(iommunest_vfio_open(ctx, DEVICE, &fd, &dev), DEVICE);
	parent = at = alloc_parent(dev, ioas);
	check(iommunest_vfio_attach(ctx, fd, &at), "attach");

	/* At first all has to be sent. */
	memset(dirty, 0xff, sizeof(dirty));
	check(iommunest_dirty_set(ctx, parent, true), "track");
	do {
		sent = send_and_clear(dirty);
		printf("round %u: %u pages\n", ++round, sent);
		device_writes(dev, written);
		written /= 4;
		add_dirty(parent, dirty);
	} while (sent > FEW);

	check(iommunest_vfio_detach(ctx, fd), "detach");
	add_dirty(parent, dirty);
	printf("the rest: %u pages\n", send_and_clear(dirty));
	check(iommunest_dirty_set(ctx, parent, false), "end");

	iommunest_vfio_close(ctx, fd);
	iommunest_close(ctx);
	iommunest_sim_free(sim);
	return 0;
}
