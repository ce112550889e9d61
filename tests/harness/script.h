/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A scripted kernel: a system call table that is fed by a table of rows, each
 * of them a call that has to come, and its answer.  A call that differs from
 * its row, one too many, and rows that are left over fail the test.
 */
#ifndef TESTS_UNIT_SCRIPT_H
#define TESTS_UNIT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libiommunest.h>

/* Numbers of the ABI, written out here a second time. */
#define SCRIPT_DESTROY 0x3b80ul
#define SCRIPT_IOAS_ALLOC 0x3b81ul
#define SCRIPT_IOAS_ALLOW_IOVAS 0x3b82ul
#define SCRIPT_IOAS_COPY 0x3b83ul
#define SCRIPT_IOAS_IOVA_RANGES 0x3b84ul
#define SCRIPT_IOAS_MAP 0x3b85ul
#define SCRIPT_IOAS_UNMAP 0x3b86ul
#define SCRIPT_OPTION 0x3b87ul
#define SCRIPT_HWPT_ALLOC 0x3b89ul
#define SCRIPT_GET_HW_INFO 0x3b8aul
#define SCRIPT_SET_DIRTY_TRACKING 0x3b8bul
#define SCRIPT_GET_DIRTY_BITMAP 0x3b8cul
#define SCRIPT_HWPT_INVALIDATE 0x3b8dul
#define SCRIPT_IOAS_MAP_FILE 0x3b8ful
#define SCRIPT_IOAS_CHANGE_PROCESS 0x3b92ul

/* The struct of SCRIPT_HWPT_INVALIDATE. */
struct script_invalidate {
	uint32_t size;
	uint32_t hwpt_id;
	uint64_t data_uptr;
	uint32_t data_type;
	uint32_t entry_len;
	uint32_t entry_num;
	uint32_t flags;
};

/* The struct of a kernel that reports what hardware finds. */
#define SCRIPT_LONG_INVALIDATE 40u

/*
 * Whether the library asks if the kernel has the extension: with the flag, and
 * if that is refused, the same without it.
 */
bool script_is_question(unsigned long request, const void *arg);
/* A kernel without it; that of a script is one, and needs no row for it. */
int script_no_extension(const void *arg);

/* The file descriptor of script_open(). */
#define SCRIPT_FD 42
/* The HWPT that entries go to. */
#define SCRIPT_HWPT 0x71u

/* A row's `handled`: the count that was sent stays as it is. */
#define SCRIPT_UNTOUCHED (-1)

enum script_function {
	SCRIPT_OPEN = 1,
	SCRIPT_CLOSE,
	/* An ioctl of any kind. */
	SCRIPT_COMMAND,
	/* IOMMU_HWPT_INVALIDATE. */
	SCRIPT_INVALIDATE,
};

#define SCRIPT_OUT_MAX 5

struct script_out {
	/* Index of a word of the command struct; 0: none. */
	uint32_t word;
	uint32_t value;
};

struct script_row {
	enum script_function function;
	/* What the function returns. */
	int ret;

	/* SCRIPT_OPEN */
	const char *path;
	int flags;

	/* The file descriptor that it is made on; 0: SCRIPT_FD. */
	int fd;

	/* SCRIPT_COMMAND: all of the command struct, which its size leads. */
	unsigned long request;
	const uint32_t *words;
	/*
	 * Index of the lower word of a pointer, 0: none.  It is not compared,
	 * but what it points at: @data_len bytes at @data.
	 */
	uint32_t pointer;
	const void *data;
	size_t data_len;
	/* What is written to the command struct, and to what it points at. */
	struct script_out out[SCRIPT_OUT_MAX];
	const void *out_data;

	/* SCRIPT_INVALIDATE: so many of the script's entries; 0: the probe. */
	uint32_t first;
	uint32_t count;
	/* In place of the script's. */
	const void *entries;
	/* The count to write back, or SCRIPT_UNTOUCHED. */
	int64_t handled;
};

#define SENDS(first_, count_) \
	.function = SCRIPT_INVALIDATE, .first = (first_), .count = (count_)
#define SENDS_INSTEAD(entry_) \
	.function = SCRIPT_INVALIDATE, .count = 1, .entries = (entry_)
#define PROBES .function = SCRIPT_INVALIDATE, .count = 0
#define ANSWERS(ret_, handled_) .ret = (ret_), .handled = (handled_)

struct script {
	const struct script_row *rows;
	size_t count;
	/* How many were called. */
	size_t next;
	/* The one descriptor there is: what SCRIPT_OPEN gave, or SCRIPT_FD. */
	int fd;
	/* What SCRIPT_INVALIDATE is held against, beside its row. */
	uint32_t data_type;
	uint32_t entry_len;
	/* All entries, as they have to be when they are sent. */
	unsigned char *entries;
};

/* The table; its data is a struct script. */
extern const struct iommunest_sys script_sys;

void script_start(struct script *script, const struct script_row *rows,
		  size_t count);
/* The same, and a context on SCRIPT_FD. */
struct iommunest_ctx *script_open(struct script *script,
				  const struct script_row *rows, size_t count);
/* All rows were called. */
void script_done(const struct script *script);

#endif /* TESTS_UNIT_SCRIPT_H */
