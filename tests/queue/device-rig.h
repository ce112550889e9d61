/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A queue engine that knows devices. */
#ifndef TESTS_QUEUE_DEVICE_RIG_H
#define TESTS_QUEUE_DEVICE_RIG_H

#include "tests/harness/iq-rig.h"

#define NO_PASID IOMMUNEST_VTD_NO_PASID
#define LEAF IOMMUNEST_VTD_LEAF
#define MERGE IOMMUNEST_VTD_COALESCE

/* A device without PASIDs, of HWPT 10; one with three, and none without. */
#define PLAIN 0x0100
#define MANY 0x0208
#define FOREIGN 0xabcd

extern struct rig rig;

void open_setup(const struct rig_setup *setup);
void open_usual(void);
/* With MERGE, or without limits. */
void open_with(enum iommunest_policy policy, uint32_t limits);

/* Of the plain device, and so of HWPT 10. */
uint32_t put_dev(uint64_t addr, unsigned int am);
/* Of DID 1, and so of HWPT 10. */
uint32_t put_block(uint64_t addr, unsigned int am);

/* Kicks: all succeeds, with these events. */
void kick(const char *story);
void fail_entry(uint32_t hwpt_id, uint64_t addr, int error);
/* The same, after the fault is cleared on both sides. */
void goes_on(const char *story);

#endif /* TESTS_QUEUE_DEVICE_RIG_H */
