/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A QEMU that boots Linux with linux-guest, and what is said to that one.
 *
 * The guest's clock counts its instructions, so that a machine that is slow is
 * no fault of the guest's, and "it hangs" is something that can be counted.
 */
#ifndef BOOT_H
#define BOOT_H

#include "stream.h"

/* What QEMU prints. */
#define BOOT_SAID "/tmp/qemu-said"

/* Flushes of one question. */
#define BOOT_FLUSHES 4096u

struct boot;

/*
 * Boots the kernel in that file, with VFIO's device @host, and waits until
 * linux-guest is there.  Anything that fails ends the test, and so does a
 * guest that hangs.  NULL: this machine is too slow, see boot_is_late().
 */
struct boot *boot_start(const char *kernel, const char *host,
			struct stream *stream);
/* The guest turns its machine off, and QEMU's exit status has to be 0. */
void boot_end(struct boot *boot);

/* What the guest says of a round. */
struct boot_round {
	unsigned int unmaps;
	unsigned int failed;
	/* What its driver put into the queue. */
	struct stream_flush flushes[BOOT_FLUSHES];
	size_t flush_count;
};

/* False: too slow. */
bool boot_round(struct boot *boot, uint64_t seed, unsigned int count,
		struct boot_round *round);
/* The guest resets its device, which nothing is attached to.  The same. */
bool boot_reset(struct boot *boot);

/*
 * The seconds that are given to all of it are over: $IOMMUNEST_SECONDS after
 * the program's start, 1200 if that is not set.
 */
bool boot_is_late(void);

#endif /* BOOT_H */
