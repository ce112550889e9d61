/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * For how many instructions interrupts are off at a stretch, by the kernel's
 * tracer "irqsoff" with the TSC as its clock, while QEMU counts instructions:
 * for an array of entries, and for the longest submission that the kernel has
 * itself, that of an unmapping with many devices.  The tracer remembers the
 * longest stretch, whoever's it is: the least of some rounds is one in which
 * the tick did not come.
 */
#include "bench.h"
#include "vfio-uapi.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TRACEFS "/sys/kernel/tracing/"
#define NODES "/dev/vfio/devices/"
/* More of them do not fit between two ticks. */
#define ENTRIES 256u
#define ROUNDS 32u

static struct iommu_hwpt_vtd_s1_invalidate entries[ENTRIES];

/* ---- The tracer ---- */

static int set(const char *name, const char *value)
{
	char path[128];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), TRACEFS "%s", name);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -1;
	len = write(fd, value, strlen(value));
	close(fd);
	return len < 0 ? -1 : 0;
}

struct stretch {
	uint64_t length;
	char from[128];
	char to[128];
};

/* A line "# => started at: WHERE". */
static void note_place(const char *line, const char *what, char *to)
{
	const char *at = strstr(line, what);

	if (at)
		sscanf(at + strlen(what), "%127s", to);
}

/*
 * A line of the trace is "COMMAND-PID CPU-AND-FLAGS TIME: FUNCTION", with the
 * TSC as the time.
 */
static bool time_of(const char *line, uint64_t *time)
{
	unsigned long long value;
	const char *colon = strchr(line, ':');

	/* To write a stack takes longer than all else. */
	if (*line == '#' || !colon || strstr(line, "<stack trace>"))
		return false;
	while (colon > line && colon[-1] >= '0' && colon[-1] <= '9')
		colon--;
	if (sscanf(colon, "%llu:", &value) != 1)
		return false;
	*time = value;
	return true;
}

static bool read_stretch(struct stretch *stretch)
{
	FILE *file = fopen(TRACEFS "trace", "re");
	uint64_t time, first = 0, last = 0;
	char line[512];

	memset(stretch, 0, sizeof(*stretch));
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		note_place(line, "=> started at: ", stretch->from);
		note_place(line, "=> ended at: ", stretch->to);
		if (!time_of(line, &time))
			continue;
		if (!first)
			first = time;
		last = time;
	}
	fclose(file);
	stretch->length = last - first;
	return first != 0;
}

static int start_tracer(void)
{
	return set("tracing_on", "0") || set("trace_clock", "x86-tsc") ||
	       set("current_tracer", "irqsoff");
}

/* ---- What is looked at ---- */

typedef bool (*operation)(struct real *real, uint32_t arg);

static bool invalidate(struct real *real, uint32_t length)
{
	struct iommu_hwpt_invalidate cmd =
		conf_call(&real->env, entries, length);

	return !ioctl(real->env.fd, IOMMU_HWPT_INVALIDATE, &cmd);
}

static bool unmap(struct real *real, uint32_t unused)
{
	(void)unused;
	return bench_unmap(real);
}

static bool one_round(struct real *real, operation run, uint32_t arg,
		      struct stretch *seen)
{
	bool ok;

	if (set("tracing_max_latency", "0") || set("tracing_on", "1"))
		return false;
	ok = run(real, arg);
	return !set("tracing_on", "0") && ok && read_stretch(seen);
}

static bool show(struct real *real, const char *name, operation run,
		 uint32_t arg)
{
	struct stretch best = { .length = UINT64_MAX }, seen;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		if (!one_round(real, run, arg, &seen)) {
			perror(name);
			return false;
		}
		if (seen.length < best.length)
			best = seen;
	}
	printf("%s %u %llu instructions, %s to %s\n", name, arg,
	       (unsigned long long)best.length, best.from, best.to);
	return true;
}

/* ---- Many devices ---- */

/* VFIO's own file of each is left open, and the device attached. */
static bool attach_node(const struct real *real, const char *name)
{
	struct vm_vfio_bind bind = { .argsz = sizeof(bind),
				     .iommufd = real->env.fd };
	struct vm_vfio_attach to = { .argsz = sizeof(to),
				     .pt_id = real->env.ioas };
	char path[300];
	int fd;

	snprintf(path, sizeof(path), NODES "%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd >= 0 && !ioctl(fd, VM_VFIO_BIND, &bind) &&
	       !ioctl(fd, VM_VFIO_ATTACH, &to);
}

/* All that belong to VFIO, except for what is in use: how many. */
static unsigned int attach_others(const struct real *real)
{
	const char *used = strrchr(real->env.node, '/') + 1;
	DIR *dir = opendir(NODES);
	unsigned int count = 0;
	struct dirent *entry;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		if (*entry->d_name == '.' || !strcmp(entry->d_name, used))
			continue;
		if (attach_node(real, entry->d_name))
			count++;
	}
	closedir(dir);
	return count;
}

static bool show_all(struct real *real)
{
	unsigned int others;

	if (!show(real, "irqs-array", invalidate, 1) ||
	    !show(real, "irqs-array", invalidate, ENTRIES))
		return false;
	if (real_attach(real, real->first, real->env.ioas) || !bench_map(real))
		return false;
	if (!show(real, "irqs-unmap", unmap, 1))
		return false;
	others = attach_others(real);
	return show(real, "irqs-unmap", unmap, others + 1);
}

int main(void)
{
	struct real real;
	uint32_t i;
	bool ok;

	for (i = 0; i < ENTRIES; i++)
		entries[i] = (struct iommu_hwpt_vtd_s1_invalidate){
			.addr = (uint64_t)(i + 1) << 13,
			.npages = 1,
		};
	if (real_open(&real, 1, NULL) || real_populate(&real)) {
		printf("no device to measure with: %s\n", real.env.why);
		return 77;
	}
	if (start_tracer()) {
		puts("this kernel has no tracer \"irqsoff\"");
		return 77;
	}
	ok = show_all(&real);
	real_close(&real);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
