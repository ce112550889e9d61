/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A guest's memory with a stage 1 in it, and devices that read through it.  The
 * memory is in the parent's IOAS; a context descriptor and tables of three
 * levels (39 bits, pages of 4 KiB) are in it, as a guest would have written
 * them.  Each frame holds its number, which tells which one a device has read.
 */
#ifndef CONFORMANCE_SMMU_GUEST_H
#define CONFORMANCE_SMMU_GUEST_H

/* First: config.h in it decides what the system's headers declare. */
#include "smmu.h"

#define GUEST_DEVICES 2u
/* What tests map, as numbers of pages, at GUEST_IOVA + page * 4096. */
#define GUEST_PAGES 128u
#define GUEST_IOVA 0x12340000ull
/* Guest-physical pages that can be mapped there. */
#define GUEST_FRAMES 256u
/* What a read finds where nothing gets through. */
#define GUEST_NOTHING UINT32_MAX

/* A stage 1: tables, and the ASID that they are used with. */
struct guest_stage1 {
	uint64_t root;
	uint64_t *leaf;
	uint16_t asid;
};

struct guest {
	struct conf_env *env;
	/*
	 * The environment's devices.  Each of those from @first on reads the
	 * word at an address, all at the same time; the words that they got, or
	 * 0.  And all of their faults have been reported.
	 */
	void (*read)(struct guest *of, unsigned int first, unsigned int count,
		     const uint64_t *iova, uint32_t *word);
	void (*settle)(struct guest *of);
	uint32_t hwpt[GUEST_DEVICES];
	/* Guest RAM, and how much of it is used. */
	char *ram;
	size_t used;
	/* Each device has a context descriptor of its own. */
	uint64_t *cd[GUEST_DEVICES];
	uint64_t frames;
	/* Where devices write what they have read, as they may. */
	uint32_t *mailbox;
};

#define GUEST_MAILBOX(device) \
	(GUEST_IOVA + GUEST_PAGES * 0x1000ull + 4 * (device))

/* The program's; its main() opens it. */
extern struct guest guest;

/*
 * For an environment that has what smmu_populate() makes, and devices that are
 * to be attached to of->hwpt[].  Returns 0 or -EIO; env->why says more.
 */
int guest_make(struct guest *of, struct conf_env *env);
void guest_destroy(struct guest *of);
struct conf_env *guest_env(struct guest *of);
uint32_t guest_vsid(unsigned int device);

struct guest_stage1 guest_new_stage1(struct guest *of, uint16_t asid);
/* Writes the context descriptor; nothing is invalidated. */
void guest_set_stage1(struct guest *of, unsigned int device,
		      const struct guest_stage1 *stage1);
/* Writes an entry; frame GUEST_FRAMES: none. */
void guest_map(const struct guest *of, const struct guest_stage1 *stage1,
	       unsigned int page, unsigned int frame);

/* The frame that a device reads there, or GUEST_NOTHING. */
uint32_t guest_read(struct guest *of, unsigned int device, unsigned int page);
/* All devices, each a page, at the same time. */
void guest_read_both(struct guest *of, const unsigned int page[2],
		     uint32_t frame[2]);

/* One command, or an array of them; raw.  Returns 0 or a negated errno. */
int guest_invalidate(struct guest *of, uint64_t w0, uint64_t w1);
int guest_invalidate_all(struct guest *of, const struct conf_command *commands,
			 uint32_t *count);
/* NH_VA of a page. */
struct conf_command guest_nh_va(uint16_t asid, unsigned int page);

#endif /* CONFORMANCE_SMMU_GUEST_H */
