/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Errors of the hardware on demand: the knobs of kernel/test's patches, and
 * what the driver says of its queue.
 */
#ifndef VM_INJECT_H
#define VM_INJECT_H

#include <stdbool.h>
#include <stdint.h>

/* The kernel has the knobs. */
bool inject_is_there(void);

/* A knob by its name, see the patch. */
void inject_set(const char *knob, uint64_t value);
uint64_t inject_get(const char *knob);

/* No fault waits, and the device with ATS is not in quarantine. */
void inject_clear(void);

/* Slots of the VT-d's queue that were used since boot, modulo its 256. */
unsigned int inject_tail(void);
#define INJECT_SLOTS 256u

/* Lines of the kernel's log with a text, since the last call. */
unsigned int inject_log_lines(const char *text);

/* The source id of the machine's device with ATS, behind a port. */
#define INJECT_SID 0x0100u

#endif /* VM_INJECT_H */
