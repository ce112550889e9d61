/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * QEMU's device "edu", whose DMA a program can start: it has a buffer of 4096
 * bytes, and copies from memory into it or back.  A copy takes 100 ms.
 */
#ifndef VM_SMMU_EDU_H
#define VM_SMMU_EDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EDU_BUFFER 4096u

struct edu {
	volatile char *registers;
	size_t size;
};

/* Of an open VFIO device that is bound; returns 0 or a negated errno. */
int edu_open(struct edu *edu, int device);
/* Otherwise VFIO's device stays open, whoever closes it. */
void edu_close(struct edu *edu);

/* From memory into the buffer, or back.  What does not get through is lost. */
void edu_start_read(const struct edu *edu, uint64_t iova, size_t len);
void edu_start_write(const struct edu *edu, uint64_t iova, size_t len);
void edu_wait(const struct edu *edu);

#endif /* VM_SMMU_EDU_H */
