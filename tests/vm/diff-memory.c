/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <config.h>

#include "diff.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 4u

static struct diff_region new_region(void)
{
	struct diff_region region = { .size = PAGES * CONF_PAGE };
	int fd = memfd_create("requests", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, PAGES * CONF_PAGE))
		abort();
	region.alias = mmap(NULL, region.size, PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0);
	/* First with its neighbour, which stays without access. */
	region.view = mmap(NULL, region.size + CONF_PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region.alias == MAP_FAILED || region.view == MAP_FAILED)
		abort();
	if (mmap(region.view, region.size, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
	    mprotect(region.view + region.size - CONF_PAGE, CONF_PAGE,
		     PROT_READ))
		abort();
	close(fd);
	return region;
}

struct diff_memory diff_memory_new(void)
{
	struct diff_memory memory = {
		.args = new_region(),
		.data = new_region(),
		.file = memfd_create("mapped", MFD_CLOEXEC),
	};

	if (memory.file < 0 || ftruncate(memory.file, PAGES * CONF_PAGE))
		abort();

	return memory;
}

/* On both sides of the border to what is read-only. */
char *diff_memory_written(const struct diff_memory *memory)
{
	return memory->data.alias + memory->data.size - CONF_PAGE -
	       DIFF_DATA / 2;
}
