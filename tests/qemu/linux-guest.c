/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The only process of a guest: it has VFIO's device, and does what is asked for
 * on the serial port, a line each.
 *
 *	round SEED COUNT  maps and unmaps COUNT times, at random, in an IOAS of
 *			  its own
 *	reset		  resets the device
 *	end		  turns the machine off
 *
 * Started as "linux-guest dma COUNT", it has an emulated "edu" as its device,
 * lets it copy that many pages, each mapped where the last one was, and turns
 * the machine off.
 *
 * It answers with lines that begin with "@@": "@@ unmapped" after each unmap,
 * so that it is known to be alive; "@@ flush" for what the guest's VT-d driver
 * put into its queue, from the guest's own kernel; "@@ done UNMAPS FAILED"; and
 * "@@ reset".
 */
#include <config.h>

#include "edu.h"

#include "tests/harness/support.h"
#include "tests/vm/trace.h"
#include "tests/vm/vfio-uapi.h"

#include <libiommunest.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define DEVICE "0000:00:04.0"
#define SYSFS_DEVICE "/sys/bus/pci/devices/" DEVICE

#define PAGE UINT64_C(4096)
#define BUFFER (UINT64_C(2) << 20)
/* Mappings that one unmap takes away, at most. */
#define AREAS 4u
/* Their distance. */
#define AREA (UINT64_C(4) << 20)

/* What edu copies. */
#define EDU_FROM (EDU_LIMIT / 2)
#define EDU_TO (EDU_FROM + AREA)

/* The IOMMU_IOAS_MAP and _UNMAP of <linux/iommufd.h>. */
struct ioas_map {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	uint32_t reserved;
	uint64_t user_va;
	uint64_t length;
	uint64_t iova;
};
#define IOAS_MAP _IO(';', 0x85)
#define MAP_FIXED_READ_WRITE 7u

struct ioas_unmap {
	uint32_t size;
	uint32_t ioas_id;
	uint64_t iova;
	uint64_t length;
};
#define IOAS_UNMAP _IO(';', 0x86)

static struct iommunest_ctx *ctx;
static struct trace *trace;
static unsigned char *buffer;
static int device;
static unsigned int unmaps, failed;

/* ---- The machine ---- */

/* There is nobody to return to. */
static __attribute__((noreturn)) void end(void)
{
	fflush(stdout);
	tcdrain(1);
	reboot(RB_POWER_OFF);
	_exit(EXIT_FAILURE);
}

static void need(bool good, const char *what)
{
	if (good)
		return;
	printf("@@ failed %s: %s\n", what, strerror(errno));
	end();
}

static void mount_one(const char *type, const char *to)
{
	mkdir(to, 0755);
	need(!mount(type, to, type, 0, NULL), to);
}

static void open_console(void)
{
	struct termios mode;
	int fd = open("/dev/ttyS0", O_RDWR);

	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	need(!tcgetattr(0, &mode), "tcgetattr");
	cfmakeraw(&mode);
	need(!tcsetattr(0, TCSANOW, &mode), "tcsetattr");
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	need(fd >= 0 && write(fd, text, strlen(text)) > 0, path);
	close(fd);
}

static void open_device(void)
{
	uint32_t dev_id;
	int ret;

	write_file(SYSFS_DEVICE "/driver_override", "vfio-pci");
	write_file("/sys/bus/pci/drivers_probe", DEVICE);
	ret = iommunest_open(&ctx, NULL);
	errno = -ret;
	need(!ret, "iommunest_open");
	ret = iommunest_vfio_open(ctx, "/dev/vfio/devices/vfio0", &device,
				  &dev_id);
	errno = -ret;
	need(!ret, "iommunest_vfio_open");
}

static void start(void)
{
	mount_one("devtmpfs", "/dev");
	open_console();
	mount_one("proc", "/proc");
	mount_one("sysfs", "/sys");
	mount_one("tracefs", "/sys/kernel/tracing");
	buffer = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	need(buffer != MAP_FAILED, "mmap");
	open_device();
	trace = trace_open(1024);
	need(trace, "trace_open");
}

/* ---- A round ---- */

static void map(uint32_t ioas, uint64_t iova, const unsigned char *memory,
		uint64_t length)
{
	struct ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = MAP_FIXED_READ_WRITE,
		.ioas_id = ioas,
		.user_va = (uintptr_t)memory,
		.length = length,
		.iova = iova,
	};

	failed += ioctl(iommunest_fd(ctx), IOAS_MAP, &cmd) != 0;
}

static void unmap(uint32_t ioas, uint64_t iova, uint64_t length)
{
	struct ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = length,
	};

	unmaps++;
	failed += ioctl(iommunest_fd(ctx), IOAS_UNMAP, &cmd) != 0;
}

/* One page most of the time. */
static uint64_t length_at_random(struct support_rng *rng)
{
	if (support_rng_below(rng, 3))
		return PAGE;
	return PAGE * (1 + support_rng_below(rng, BUFFER / PAGE));
}

static void map_and_unmap(uint32_t ioas, struct support_rng *rng)
{
	uint64_t iova =
		(support_rng_next(rng) & UINT64_C(0x3fffffff000)) + AREA;
	uint32_t areas = 1 + support_rng_below(rng, AREAS), i;

	for (i = 0; i < areas; i++)
		map(ioas, iova + i * AREA, buffer, length_at_random(rng));
	unmap(ioas, iova, (areas - 1) * AREA + BUFFER);
}

/* The type has its upper bits elsewhere. */
static bool is_flush(uint64_t qw0)
{
	return (qw0 & 0xe0f) == 6;
}

static void show_flushes(void)
{
	struct trace_event event;

	while (trace_next(trace, &event)) {
		if (event.kind == TRACE_DESC && is_flush(event.qw0))
			printf("@@ flush %" PRIx64 " %" PRIx64 "\n", event.qw0,
			       event.qw1);
	}
}

static uint32_t attach_ioas(void)
{
	uint32_t ioas, attached;

	unmaps = 0;
	failed = 0;
	need(!iommunest_ioas_alloc(ctx, &ioas), "iommunest_ioas_alloc");
	attached = ioas;
	failed += iommunest_vfio_attach(ctx, device, &attached) != 0;
	return ioas;
}

static void detach_ioas(uint32_t ioas)
{
	failed += iommunest_vfio_detach(ctx, device) != 0;
	failed += iommunest_object_destroy(ctx, ioas) != 0;
	show_flushes();
	printf("@@ done %u %u\n", unmaps, failed);
}

static void run_round(uint64_t seed, unsigned int count)
{
	struct support_rng rng = { .state = seed };
	uint32_t ioas = attach_ioas();

	while (count--) {
		map_and_unmap(ioas, &rng);
		printf("@@ unmapped\n");
		fflush(stdout);
	}
	detach_ioas(ioas);
}

static void reset_device(void)
{
	need(!ioctl(device, VM_VFIO_RESET), "reset");
	trace_discard(trace);
	printf("@@ reset\n");
}

/* ---- DMA of an emulated device ---- */

/*
 * With a translation that edu should have lost, it copies from or to the pages
 * of an earlier copy.
 */
static void copy_page(const struct edu *edu, uint32_t ioas, unsigned int n)
{
	unsigned char *from = buffer + 2 * PAGE * (n % (BUFFER / PAGE / 2));
	unsigned char *to = from + PAGE;

	memset(from, (int)(1 + n % 255), EDU_BYTES);
	memset(to, 0, EDU_BYTES);
	map(ioas, EDU_FROM, from, PAGE);
	map(ioas, EDU_TO, to, PAGE);
	need(edu_load(edu, EDU_FROM) && edu_store(edu, EDU_TO), "edu");
	if (memcmp(from, to, EDU_BYTES)) {
		printf("@@ failed copy %u\n", n);
		failed++;
	}
	unmap(ioas, EDU_FROM, PAGE);
	unmap(ioas, EDU_TO, PAGE);
}

static void run_dma(unsigned int count)
{
	uint32_t ioas = attach_ioas();
	struct edu edu;
	unsigned int n;

	need(edu_start(&edu, device), "edu_start");
	for (n = 0; n < count; n++)
		copy_page(&edu, ioas, n);
	detach_ioas(ioas);
}

/* ---- What is asked for ---- */

static bool obey(const char *line)
{
	unsigned int count;
	uint64_t seed;

	if (sscanf(line, "round %" SCNu64 " %u", &seed, &count) == 2)
		run_round(seed, count);
	else if (!strncmp(line, "reset", 5))
		reset_device();
	else if (!strncmp(line, "end", 3))
		return false;
	else
		printf("@@ failed to understand %s", line);
	return true;
}

static void obey_all(void)
{
	char line[128];

	printf("@@ ready\n");
	do {
		fflush(stdout);
	} while (fgets(line, sizeof(line), stdin) && obey(line));
}

int main(int argc, char **argv)
{
	start();
	if (argc == 3 && !strcmp(argv[1], "dma"))
		run_dma((unsigned int)atoi(argv[2]));
	else
		obey_all();
	printf("@@ end\n");
	end();
}
