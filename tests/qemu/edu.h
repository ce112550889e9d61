/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * QEMU's "edu", an emulated device that copies between memory and a buffer of
 * its own.  It is a VFIO device here, so that no driver is needed.
 */
#ifndef EDU_H
#define EDU_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes of one copy. */
#define EDU_BYTES 2048u
/* IOVAs are below that. */
#define EDU_LIMIT (UINT64_C(1) << 28)

struct edu {
	int device;
	/* Where its registers and its configuration are in that file. */
	int64_t registers;
	int64_t config;
};

/* Lets it do DMA.  False: errno says why. */
bool edu_start(struct edu *edu, int device);
/* From memory into its buffer. */
bool edu_load(const struct edu *edu, uint64_t iova);
/* From its buffer into memory. */
bool edu_store(const struct edu *edu, uint64_t iova);

#endif /* EDU_H */
