/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The kernel fails where this thread is told to: at the Nth of its allocations
 * and copies from and to user space (the kernel's Documentation/
 * fault-injection).
 */
#ifndef VM_FAIL_NTH_H
#define VM_FAIL_NTH_H

#include <stdbool.h>

/*
 * Sets the kernel's knobs: all allocations and copies count, and none is
 * reported in the log.  False: this kernel cannot do it, and errno says why.
 */
bool fail_nth_open(void);
void fail_nth_close(void);

/* From here on: the @n-th, from 1, fails. */
void fail_nth_arm(unsigned int n);
/* No more.  True: it has failed. */
bool fail_nth_disarm(void);

#endif /* VM_FAIL_NTH_H */
