/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the programs that measure share. */
#ifndef VM_BENCH_H
#define VM_BENCH_H

#include "real.h"

/*
 * True: QEMU counts instructions (-icount shift=0), each of which is a
 * nanosecond, so that what was measured does not depend on the host.
 */
bool bench_counts(void);

/*
 * Instructions, read from the TSC, which QEMU derives from their count; or
 * nanoseconds of the clock.
 */
uint64_t bench_now(void);
/* What bench_now() is in: "instructions" or "ns". */
const char *bench_unit(void);

/* A page of this program's memory at address 0 of the IOAS; false: failed. */
bool bench_map(const struct real *real);
/* It is taken away, and mapped again; what the first took.  0: failed. */
uint64_t bench_unmap(const struct real *real);

#endif /* VM_BENCH_H */
