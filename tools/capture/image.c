/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A file of guest memory: bytes alone, as QEMU's "pmemsave" writes them, or an
 * ELF core, as "dump-guest-memory" does.
 */
/* More than 2 GiB of memory, on a machine of 32 bits too. */
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* fseeko */
#endif

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "tools/capture/make.h"

/* The file ends before the last byte: -EFAULT. */
static int read_at(FILE *in, uint64_t offset, void *buf, size_t len)
{
	if (offset > INT64_MAX)
		return -EFAULT;
	errno = 0;
	if (fseeko(in, (off_t)offset, SEEK_SET))
		return errno ? -errno : -EIO;
	if (fread(buf, 1, len, in) == len)
		return 0;
	if (ferror(in))
		return errno ? -errno : -EIO;
	return -EFAULT;
}

static bool holds(const Elf64_Phdr *header, uint64_t gpa, size_t len)
{
	uint64_t from = gpa - header->p_paddr;

	return header->p_type == PT_LOAD && gpa >= header->p_paddr &&
	       from <= header->p_filesz && len <= header->p_filesz - from;
}

/* The file is not trusted: no offset may go round. */
static int find_segment(FILE *in, const Elf64_Ehdr *elf, uint64_t gpa,
			size_t len, uint64_t *offset)
{
	Elf64_Phdr header;
	uint64_t at = elf->e_phoff;
	unsigned int i;
	int ret;

	if (elf->e_phentsize != sizeof(header))
		return -EFAULT;
	for (i = 0; i < elf->e_phnum; i++, at += sizeof(header)) {
		ret = read_at(in, at, &header, sizeof(header));
		if (ret)
			return ret;
		if (!holds(&header, gpa, len))
			continue;
		if (__builtin_add_overflow(header.p_offset,
					   gpa - header.p_paddr, offset))
			return -EFAULT;
		return 0;
	}
	return -EFAULT;
}

static bool is_core(const Elf64_Ehdr *elf)
{
	return !memcmp(elf->e_ident, ELFMAG, SELFMAG) &&
	       elf->e_ident[EI_CLASS] == ELFCLASS64 &&
	       elf->e_ident[EI_DATA] == ELFDATA2LSB && elf->e_type == ET_CORE;
}

int image_read(FILE *in, uint64_t address, uint64_t gpa, void *buf, size_t len)
{
	Elf64_Ehdr elf;
	uint64_t offset;
	int ret;

	ret = read_at(in, 0, &elf, sizeof(elf));
	if (ret && ret != -EFAULT)
		return ret;
	if (!ret && is_core(&elf)) {
		ret = find_segment(in, &elf, gpa, len, &offset);
		return ret ? ret : read_at(in, offset, buf, len);
	}
	if (gpa < address)
		return -EFAULT;
	return read_at(in, gpa - address, buf, len);
}
