/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Errors of the hardware on demand: the knobs of kernel/test's patches, which
 * kernel/test/README.md describes, and what the driver says of its queue.
 */
#ifndef VM_INJECT_H
#define VM_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel has the knobs. */
bool inject_is_there(void);

void inject_set(const char *knob, uint64_t value);
uint64_t inject_get(const char *knob);
/* A knob that is a list of source ids. */
void inject_list(const char *knob, const uint16_t *sids, size_t count);
/* A list of one. */
void inject_sid(const char *knob, uint16_t sid);

/* Of reported_reason: what hardware says. */
#define INJECT_TRUE_REASON 16u

/* No fault waits.  Counters stay as they are. */
void inject_clear(void);

/* Slots of the VT-d's queue that were used since boot, modulo its 256. */
unsigned int inject_tail(void);
#define INJECT_SLOTS 256u

/* Lines of the kernel's log with a text, since the last call. */
unsigned int inject_log_lines(const char *text);

#endif /* VM_INJECT_H */
