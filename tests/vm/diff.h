/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Random requests to an iommufd: right ones, borderline ones and broken ones.
 * A request holds all that it needs, so that it can be made twice, of two
 * sides that have the same objects.
 */
#ifndef VM_DIFF_H
#define VM_DIFF_H

#include "tests/conformance/conformance.h"

#define DIFF_ENTRIES 300u
#define DIFF_ARG 96u
#define DIFF_DATA 128u
#define DIFF_IDS 64u
#define DIFF_DEVICES 2u

enum diff_kind {
	DIFF_INVALIDATE,
	DIFF_IOAS_ALLOC,
	DIFF_HWPT_ALLOC,
	DIFF_DESTROY,
	DIFF_HW_INFO,
	DIFF_OTHER,
	/* What an IOAS maps, dirty tracking, options. */
	DIFF_IOAS,
	DIFF_ATTACH,
	/* Behind an SMMUv3. */
	DIFF_VIOMMU_ALLOC,
	DIFF_VDEVICE_ALLOC,
	DIFF_VEVENTQ_ALLOC,
	DIFF_HW_QUEUE_ALLOC,
	/* Of an event queue. */
	DIFF_READ,
	DIFF_CLOSE,
	/* A device's access. */
	DIFF_DMA,
};

/*
 * Pages that can be written, one that can be read, and one that is none.  All
 * of it can be written through the alias.
 */
struct diff_region {
	char *view;
	char *alias;
	size_t size;
};

struct diff_memory {
	struct diff_region args;
	struct diff_region data;
	/* A memfd of four pages. */
	int file;
};

struct diff_memory diff_memory_new(void);
/* The DIFF_DATA bytes that requests may write, and no others. */
char *diff_memory_written(const struct diff_memory *memory);

struct diff_request {
	enum diff_kind kind;
	unsigned long number;
	/* Where the struct is, if it is in memory.args; else NULL. */
	char *alias;
	void *arg;
	/* What is put there: so much of it as the region holds. */
	unsigned char image[DIFF_ARG];
	uint32_t len;
	/* Of an attach; or the id of an event queue. */
	uint32_t device;
	uint32_t hwpt_id;
	/* Of what is no ioctl. */
	size_t read_len;
	uint64_t iova;
};

enum diff_made_kind {
	DIFF_MADE_IOAS,
	/* Something to attach to. */
	DIFF_MADE_PAGING,
	DIFF_MADE_NESTED,
	DIFF_MADE_VIOMMU,
	DIFF_MADE_VDEVICE,
	DIFF_MADE_VEVENTQ,
};

/* What the requests made. */
struct diff_made {
	uint32_t id;
	enum diff_made_kind kind;
};

struct diff_gen {
	uint64_t state;
	const struct diff_memory *memory;
	enum conf_kernel kernel;
	/* What there is at the start of each seed. */
	uint32_t dev[DIFF_DEVICES];
	uint32_t ioas;
	uint32_t parent;
	uint32_t nested;
	uint32_t unattached;
	uint32_t viommu;
	uint32_t vdevice;
	/* Not for the requests. */
	uint32_t kept[2];
	struct diff_made made[DIFF_IDS];
	unsigned int made_count;
};

void diff_gen_start(struct diff_gen *gen, uint64_t seed);
void diff_gen_next(struct diff_gen *gen, struct diff_request *request);
/* It succeeded, and @arg came back. */
void diff_gen_learn(struct diff_gen *gen, const struct diff_request *request,
		    const unsigned char *arg);

const char *diff_name(enum diff_kind kind);

#endif /* VM_DIFF_H */
