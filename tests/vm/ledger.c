/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Slabs are counted where the kernel has flushed what each CPU keeps of them:
 * /proc/slabinfo takes those for objects in use.
 */
#include <config.h>

#include "ledger.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLABS "/sys/kernel/slab"
#define TUNABLES "GLIBC_TUNABLES"
#define KMEMLEAK "/sys/kernel/debug/kmemleak"

static void die(const char *path)
{
	perror(path);
	abort();
}

static FILE *open_file(const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file)
		die(path);
	return file;
}

static bool write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* The number after @name, the first word of a line. */
static long number_in(const char *path, const char *name)
{
	FILE *file = open_file(path);
	char line[256];
	long number = 0;
	size_t len = strlen(name);

	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, len) &&
		    strchr(" :\t", line[len]) != NULL) {
			number = strtol(line + len + 1, NULL, 10);
			break;
		}
	}
	fclose(file);
	return number;
}

static long first_number_in(const char *path)
{
	FILE *file = open_file(path);
	char line[64] = "";

	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	return strtol(line, NULL, 10);
}

static long count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	long count = 0;

	if (!dir)
		die("/proc/self/fd");
	while (readdir(dir))
		count++;
	closedir(dir);
	/* ".", "..", and the folder's own. */
	return count - 3;
}

static long count_domains(void)
{
	glob_t units;
	long count = 0;
	size_t i;

	if (glob("/sys/class/iommu/dmar*/intel-iommu/domains_used", 0, NULL,
		 &units))
		return 0;
	for (i = 0; i < units.gl_pathc; i++)
		count += first_number_in(units.gl_pathv[i]);
	globfree(&units);
	return count;
}

/* ---- Slabs ---- */

/*
 * To open a file allocates, and a CPU takes some dozens of objects to have one:
 * all are opened first.
 */
static unsigned int open_slabs(int *fds)
{
	DIR *dir = opendir(SLABS);
	struct dirent *entry;
	unsigned int count = 0;
	char path[512];

	if (!dir)
		die(SLABS);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (count == LEDGER_CACHES)
			die(SLABS);
		snprintf(path, sizeof(path), SLABS "/%s/shrink", entry->d_name);
		fds[count] = open(path, O_WRONLY | O_CLOEXEC);
		if (fds[count] < 0)
			die(path);
		count++;
	}
	closedir(dir);
	return count;
}

static void flush_slabs(const int *fds, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (write(fds[i], "1", 1) != 1)
			die(SLABS);
	}
}

/*
 * What unmapped parts of the kernel's own address space leave, such as those of
 * a device's registers, is freed when there is much of it.
 */
static bool is_freed_late(const char *cache)
{
	return !strcmp(cache, "vmap_area");
}

static void read_slabs(struct ledger *ledger, char *text)
{
	struct ledger_cache *cache;
	char *line;

	ledger->n_caches = 0;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (ledger->n_caches == LEDGER_CACHES)
			die("/proc/slabinfo");
		cache = &ledger->caches[ledger->n_caches];
		if (line[0] != '#' &&
		    sscanf(line, "%31s %ld", cache->name, &cache->objects) ==
			    2 &&
		    !is_freed_late(cache->name))
			ledger->n_caches++;
	}
}

static void take_slabs(struct ledger *ledger)
{
	static char text[1 << 16];
	int info = open("/proc/slabinfo", O_RDONLY | O_CLOEXEC);
	int fds[LEDGER_CACHES];
	unsigned int i, count = open_slabs(fds);
	size_t len = 0;
	ssize_t more;

	flush_slabs(fds, count);
	while ((more = read(info, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)more;
	if (info < 0 || more < 0)
		die("/proc/slabinfo");
	text[len] = 0;
	read_slabs(ledger, text);
	for (i = 0; i < count; i++)
		close(fds[i]);
	close(info);
}

static long objects_before(const struct ledger *before, const char *name)
{
	unsigned int i;

	for (i = 0; i < before->n_caches; i++) {
		if (!strcmp(before->caches[i].name, name))
			return before->caches[i].objects;
	}
	return 0;
}

/* ---- All of it ---- */

static void take(struct ledger *ledger)
{
	/* Else each CPU has a part of the sums. */
	if (!write_to("/proc/sys/vm/stat_refresh", "1"))
		die("/proc/sys/vm/stat_refresh");
	take_slabs(ledger);
	ledger->fds = count_fds();
	ledger->heap = (long)mallinfo2().uordblks;
	ledger->pinned = number_in("/proc/self/status", "VmPin") / 4;
	ledger->rss = number_in("/proc/self/status", "VmRSS") / 4;
	ledger->domains = count_domains();
	ledger->iommu_pages = number_in("/proc/vmstat", "nr_iommu_pages");
	ledger->pins = number_in("/proc/vmstat", "nr_foll_pin_acquired") -
		       number_in("/proc/vmstat", "nr_foll_pin_released");
	ledger->used = number_in("/proc/meminfo", "MemTotal") / 4 -
		       number_in("/proc/vmstat", "nr_free_pages");
}

static bool same(const char *what, long before, long after, long slack,
		 bool tell)
{
	if (after <= before + slack)
		return true;
	if (tell)
		printf("# %s: %ld, and %ld before\n", what, after, before);
	return false;
}

static bool compare(const struct ledger *before, const struct ledger *after,
		    const struct ledger_slack *slack, bool tell)
{
	bool ok = true;
	unsigned int i;

	ok &= same("descriptors", before->fds, after->fds, 0, tell);
	ok &= same("heap", before->heap, after->heap, slack->heap, tell);
	ok &= same("pages pinned by this process", before->pinned,
		   after->pinned, 0, tell);
	ok &= same("resident pages", before->rss, after->rss, slack->rss, tell);
	ok &= same("domain ids", before->domains, after->domains, 0, tell);
	ok &= same("pages of IOMMU tables", before->iommu_pages,
		   after->iommu_pages, 0, tell);
	ok &= same("pinned pages", before->pins, after->pins, 0, tell);
	ok &= same("pages in use", before->used, after->used, slack->memory,
		   tell);
	for (i = 0; i < after->n_caches; i++)
		ok &= same(after->caches[i].name,
			   objects_before(before, after->caches[i].name),
			   after->caches[i].objects, slack->objects, tell);
	return ok;
}

/* What it takes to take it is there after the first time. */
void ledger_take(struct ledger *ledger)
{
	static struct ledger first;

	take(&first);
	compare(&first, &first, &(struct ledger_slack){ 0 }, true);
	take(ledger);
}

void ledger_start(char **argv)
{
	if (getenv(TUNABLES))
		return;
	setenv(TUNABLES, "glibc.malloc.tcache_count=0", 1);
	execv("/proc/self/exe", argv);
	die("/proc/self/exe");
}

bool ledger_holds(const struct ledger *before, const struct ledger_slack *slack)
{
	static struct ledger after;
	unsigned int tries;

	for (tries = 0; tries < 20; tries++) {
		take(&after);
		if (compare(before, &after, slack, false))
			return true;
		usleep(250000);
	}
	return compare(before, &after, slack, true);
}

/* ---- Memory that is lost ---- */

/* A block begins with "unreferenced object". */
long ledger_lost_blocks(void)
{
	char line[256];
	long count = 0;
	FILE *file;

	/* Twice: what was changed during the first is not looked at. */
	if (!write_to(KMEMLEAK, "scan") || !write_to(KMEMLEAK, "scan"))
		return -1;
	file = open_file(KMEMLEAK);
	while (fgets(line, sizeof(line), file)) {
		count += !strncmp(line, "unreferenced", 12);
		printf("# %s", line);
	}
	fclose(file);
	write_to(KMEMLEAK, "clear");
	return count;
}
