/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The kernel's system calls, one of which fails: instead of being made, or
 * within the kernel.
 */
#ifndef VM_FAULTY_H
#define VM_FAULTY_H

#include <libiommunest.h>

struct faulty {
	/* In: which call fails, from 1, of those counted; 0: none. */
	unsigned int at;
	/* How: a negated errno in place of the call; or, with 0, ... */
	int error;
	/* ... at the nth allocation or copy of the kernel's. */
	unsigned int nth;
	/* Out: calls so far; the fault has come; and in an ioctl of this
	 * number. */
	unsigned int calls;
	bool failed;
	unsigned long request;
};

/* Its data is a struct faulty. */
const struct iommunest_sys *faulty_sys(void);

#endif /* VM_FAULTY_H */
