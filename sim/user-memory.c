/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Accesses user memory as the kernel does: a bad address is EFAULT, and does
 * not kill the process.  process_vm_readv(2) copies within this process.  If
 * the kernel does not have it, or a sandbox forbids it, a pipe does the same
 * with more system calls.  Under valgrind, which takes what
 * process_vm_writev(2) writes for never written, the pipe writes it once more.
 */
#include "user-memory.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* One system call copies at most this much. */
#define SPAN_PAGES 8u
#define SPAN (SPAN_PAGES * SIM_PAGE_SIZE)

/* Linux 5.14. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

/* As in access_ok(): addresses from here on are the kernel's. */
#ifdef __x86_64__
#define USER_END ((1ull << 47) - SIM_PAGE_SIZE)
#else
#define USER_END ((uint64_t)UINTPTR_MAX)
#endif

static bool in_user_space(uint64_t addr, uint64_t len)
{
	return addr + len >= addr && addr + len <= USER_END;
}

static void *user_ptr(uint64_t addr)
{
	return (void *)(uintptr_t)addr;
}

/* The rest of @addr's page, but at most @len. */
static size_t page_rest(uint64_t addr, uint64_t len)
{
	uint64_t rest = SIM_PAGE_SIZE - (addr & (SIM_PAGE_SIZE - 1));

	return (size_t)(rest < len ? rest : len);
}

/*
 * One element for each page: process_vm_readv(2) stops between elements, so a
 * partial transfer ends exactly at the first page that is not there.
 */
static unsigned int split(struct iovec *pages, uint64_t addr, size_t len)
{
	unsigned int count = 0;

	while (len > 0) {
		size_t part = page_rest(addr, len);

		pages[count].iov_base = user_ptr(addr);
		pages[count].iov_len = part;
		count++;
		addr += part;
		len -= part;
	}
	return count;
}

/* Empties the pipe, so that the next transfer does not read what is left. */
static void drain(const struct iommunest_sim *sim, size_t len)
{
	char waste[SIM_PAGE_SIZE];
	ssize_t got = 1;

	while (len > 0 && got > 0) {
		got = read(sim->pipe[0], waste, len);
		if (got > 0)
			len -= (size_t)got;
	}
}

/* Stays within a page, so it copies all or nothing. */
static bool through_pipe(const struct iommunest_sim *sim, void *to,
			 const void *from, size_t len)
{
	ssize_t in = write(sim->pipe[1], from, len);

	if (in == (ssize_t)len && read(sim->pipe[0], to, len) == in)
		return true;
	if (in > 0)
		drain(sim, (size_t)in);
	return false;
}

static size_t transfer_by_pipe(const struct iommunest_sim *sim, char *ours,
			       uint64_t theirs, size_t len, bool out)
{
	size_t done = 0;

	while (done < len) {
		size_t part = page_rest(theirs, len - done);
		void *there = user_ptr(theirs);

		if (!through_pipe(sim, out ? there : ours + done,
				  out ? ours + done : there, part))
			break;
		done += part;
		theirs += part;
	}
	return done;
}

/* @len is at most SPAN.  Returns how much was copied. */
static size_t transfer(const struct iommunest_sim *sim, void *ours,
		       uint64_t theirs, size_t len, bool out)
{
	struct iovec pages[SPAN_PAGES + 1];
	struct iovec local = { .iov_base = ours, .iov_len = len };
	unsigned int count;
	ssize_t ret;

	if (sim->pipe[0] >= 0 && !sim->pipe_shows)
		return transfer_by_pipe(sim, ours, theirs, len, out);
	count = split(pages, theirs, len);
	ret = out ? process_vm_writev(getpid(), &local, 1, pages, count, 0)
		  : process_vm_readv(getpid(), &local, 1, pages, count, 0);
	if (ret > 0 && out && sim->pipe_shows)
		transfer_by_pipe(sim, ours, theirs, (size_t)ret, true);
	return ret < 0 ? 0 : (size_t)ret;
}

static bool is_under_valgrind(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return preloaded && strstr(preloaded, "vgpreload_");
}

static bool can_copy(void)
{
	char from = 1, to = 0;
	struct iovec local = { .iov_base = &to, .iov_len = 1 };
	struct iovec remote = { .iov_base = &from, .iov_len = 1 };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1;
}

int iommunest__sim_user_open(struct iommunest_sim *sim)
{
	sim->pipe[0] = -1;
	sim->pipe[1] = -1;
	sim->pipe_shows = can_copy();
	if (sim->pipe_shows && !is_under_valgrind())
		return 0;
	return pipe2(sim->pipe, O_CLOEXEC) ? -errno : 0;
}

void iommunest__sim_user_close(struct iommunest_sim *sim)
{
	if (sim->pipe[0] < 0)
		return;
	close(sim->pipe[0]);
	close(sim->pipe[1]);
}

size_t iommunest__sim_user_read_some(const struct iommunest_sim *sim, void *to,
				     uint64_t from, size_t len)
{
	size_t done = 0;

	if (!in_user_space(from, len))
		return 0;
	while (done < len) {
		size_t part = len - done < SPAN ? len - done : SPAN;
		size_t got = transfer(sim, (char *)to + done, from + done, part,
				      false);

		done += got;
		if (got < part)
			break;
	}
	return done;
}

int iommunest__sim_user_read(const struct iommunest_sim *sim, void *to,
			     uint64_t from, size_t len)
{
	return iommunest__sim_user_read_some(sim, to, from, len) == len
		       ? 0
		       : -EFAULT;
}

/* Byte by byte: the memory may end right after the string. */
int iommunest__sim_user_read_string(const struct iommunest_sim *sim, char *to,
				    uint64_t from, size_t room)
{
	size_t len;

	for (len = 0; len < room; len++) {
		if (iommunest__sim_user_read(sim, to + len, from + len, 1))
			return -EFAULT;
		if (to[len] == '\0')
			return 0;
	}
	return -ENAMETOOLONG;
}

int iommunest__sim_user_write(const struct iommunest_sim *sim, uint64_t to,
			      const void *from, size_t len)
{
	char copy[64];

	/* Writing nothing succeeds at any address. */
	if (len == 0)
		return 0;
	if (len > sizeof(copy) || !in_user_space(to, len))
		return -EFAULT;
	memcpy(copy, from, len);
	return transfer(sim, copy, to, len, true) == len ? 0 : -EFAULT;
}

int iommunest__sim_user_put(const struct iommunest_sim *sim, uint64_t to,
			    const void *from, size_t len)
{
	void *ours = user_ptr((uintptr_t)from);

	if (!in_user_space(to, len))
		return -EFAULT;
	return transfer(sim, ours, to, len, true) == len ? 0 : -EFAULT;
}

/*
 * futex(2) has the only operations on memory that are atomic and survive a bad
 * address.  It wakes nobody: no thread waits for @ours, and the other word is
 * not 0.
 */
int iommunest__sim_user_set_bits(const struct iommunest_sim *sim, uint64_t at,
				 uint32_t bits)
{
	const uint32_t operand = htole32(bits);
	uint32_t ours = 0, value;

	if (!in_user_space(at, sizeof(value)))
		return -EFAULT;
	if (operand < 1u << 11 &&
	    syscall(SYS_futex, &ours, FUTEX_WAKE_OP_PRIVATE, 0, NULL,
		    user_ptr(at),
		    FUTEX_OP(FUTEX_OP_OR, operand, FUTEX_OP_CMP_EQ, 0)) >= 0)
		return 0;
	if (iommunest__sim_user_read(sim, &value, at, sizeof(value)))
		return -EFAULT;
	value |= operand;
	return iommunest__sim_user_write(sim, at, &value, sizeof(value));
}

int iommunest__sim_user_clear(const struct iommunest_sim *sim, uint64_t to,
			      uint64_t len)
{
	char zeros[SIM_PAGE_SIZE] = { 0 };

	if (!in_user_space(to, len))
		return -EFAULT;
	while (len > 0) {
		size_t part = page_rest(to, len);

		if (transfer(sim, zeros, to, part, true) != part)
			return -EFAULT;
		to += part;
		len -= part;
	}
	return 0;
}

int iommunest__sim_user_zeroed(const struct iommunest_sim *sim, uint64_t from,
			       uint64_t len)
{
	char bytes[SIM_PAGE_SIZE];

	if (!in_user_space(from, len))
		return -EFAULT;
	while (len > 0) {
		size_t part = page_rest(from, len);
		size_t i;

		if (transfer(sim, bytes, from, part, false) != part)
			return -EFAULT;
		for (i = 0; i < part; i++) {
			if (bytes[i])
				return 0;
		}
		from += part;
		len -= part;
	}
	return 1;
}

/* A kernel that cannot populate: what cannot be written is found out later. */
static int touch(const struct iommunest_sim *sim, uint64_t addr, uint64_t len)
{
	uint64_t end = addr + len;
	char byte;

	for (; addr < end; addr += SIM_PAGE_SIZE) {
		if (iommunest__sim_user_read(sim, &byte, addr, 1))
			return -EFAULT;
	}
	return 0;
}

int iommunest__sim_user_populate(const struct iommunest_sim *sim, uint64_t addr,
				 uint64_t len, bool write)
{
	const int how = write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
	int ret;

	if (!in_user_space(addr, len))
		return -EFAULT;
	if (len > SIZE_MAX)
		return -EFAULT;
	/* No length: only an advice that is not known fails. */
	if (madvise(NULL, 0, how))
		return touch(sim, addr, len);
	do {
		ret = madvise(user_ptr(addr), (size_t)len, how);
	} while (ret && (errno == EINTR || errno == EAGAIN));
	return ret ? -EFAULT : 0;
}
