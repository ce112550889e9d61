/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The memory that a call maps.  That of the process is accessed where the
 * process has it; a file is mapped into the process for it, so that both are
 * the same from then on.
 */
#include "pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "user-memory.h"

#define TMPFS_MAGIC 0x01021994
#define HUGETLBFS_MAGIC 0x958458f6

static uint64_t page_down(uint64_t addr)
{
	return addr & ~(uint64_t)(SIM_PAGE_SIZE - 1);
}

static bool overflows(uint64_t a, uint64_t b)
{
	return a + b < a;
}

/* @start is the first byte in the first page. */
static int new_pages(uint64_t start, uint64_t length, bool writable,
		     struct sim_pages **pages)
{
	if (length == 0 || length > UINT64_MAX - SIM_PAGE_SIZE)
		return -EINVAL;
	*pages = calloc(1, sizeof(**pages));
	if (!*pages)
		return -ENOMEM;
	(*pages)->users = 1;
	(*pages)->writable = writable;
	(*pages)->count = (length + start - 1) / SIM_PAGE_SIZE + 1;
	return 0;
}

/* 6.12 looks at the length alone first. */
int iommunest__sim_pages_of_process(const struct iommunest_sim *sim,
				    uint64_t addr, uint64_t length,
				    bool writable, struct sim_pages **pages)
{
	int ret;

	if (sim->profile->checks_overflow_first && overflows(addr, length))
		return -EOVERFLOW;
	ret = new_pages(addr - page_down(addr), length, writable, pages);
	if (ret)
		return ret;
	if (overflows(addr, length)) {
		iommunest__sim_pages_put(*pages);
		return -EOVERFLOW;
	}
	(*pages)->base = page_down(addr);
	(*pages)->hint = page_down(addr);
	return 0;
}

static bool is_memfd(int fd)
{
	struct statfs fs;

	/* Its type is as wide as a long, and signed. */
	return fstatfs(fd, &fs) == 0 &&
	       ((uint32_t)fs.f_type == TMPFS_MAGIC ||
		(uint32_t)fs.f_type == HUGETLBFS_MAGIC);
}

/* The kernel does not ask whether the file was opened for writing. */
static void *map_file(int fd, uint64_t offset, size_t len)
{
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			(off_t)offset);

	if (at == MAP_FAILED)
		at = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, (off_t)offset);
	return at;
}

/*
 * A file that cannot be pinned is taken nevertheless, and found out only when
 * a domain needs the pages.
 */
static int take_file(int fd, uint64_t first, struct sim_pages *pages)
{
	const uint64_t len = pages->count * SIM_PAGE_SIZE;
	struct stat st;
	void *at;

	pages->file = true;
	pages->hint = first;
	if (!is_memfd(fd) || fstat(fd, &st) || overflows(first, len) ||
	    first + len > (uint64_t)st.st_size)
		return 0;
	if (len > SIZE_MAX)
		return -ENOMEM;
	at = map_file(fd, first, (size_t)len);
	if (at == MAP_FAILED)
		return errno == ENOMEM ? -ENOMEM : 0;
	pages->base = (uintptr_t)at;
	return 0;
}

int iommunest__sim_pages_of_file(int fd, uint64_t start, uint64_t length,
				 bool writable, struct sim_pages **pages)
{
	int ret;

	if (length == 0)
		return -EINVAL;
	if (overflows(start, length - 1))
		return -EOVERFLOW;
	if (fcntl(fd, F_GETFL) < 0 || fcntl(fd, F_GETFL) & O_PATH)
		return -EBADF;
	ret = new_pages(start - page_down(start), length, writable, pages);
	if (ret)
		return ret;
	ret = take_file(fd, page_down(start), *pages);
	if (ret)
		iommunest__sim_pages_put(*pages);
	return ret;
}

void iommunest__sim_pages_get(struct sim_pages *pages)
{
	pages->users++;
}

void iommunest__sim_pages_put(struct sim_pages *pages)
{
	if (--pages->users > 0)
		return;
	if (pages->file && pages->base)
		munmap((void *)(uintptr_t)pages->base,
		       (size_t)(pages->count * SIM_PAGE_SIZE));
	free(pages);
}

int iommunest__sim_pages_pin(const struct iommunest_sim *sim,
			     const struct sim_pages *pages, uint64_t start,
			     uint64_t length)
{
	const uint64_t first = page_down(start);

	if (pages->file)
		return pages->base ? 0 : -EINVAL;
	length = page_down(start + length - 1) + SIM_PAGE_SIZE - first;
	return iommunest__sim_user_populate(sim, pages->base + first, length,
					    pages->writable);
}
