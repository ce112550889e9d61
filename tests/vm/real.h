/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The kernel that runs, and the machine's devices behind its VT-d. */
#ifndef VM_REAL_H
#define VM_REAL_H

#include "tests/conformance/conformance.h"
#include "trace.h"

#define REAL_DEVICES 2u
/* With one that few programs have: see real_second_port(). */
#define REAL_SECOND_PORT 2u
#define REAL_ALL 3u

struct real {
	/* fd, kernel, sys, and what real_populate() makes. */
	struct conf_env env;
	/* VFIO's node and iommufd's id of each device. */
	int device[REAL_ALL];
	uint32_t dev[REAL_ALL];
	/* Which of them env->dev is. */
	unsigned int first;
	/* Borrowed; NULL: nothing is recorded. */
	struct trace *trace;
};

/* The system calls themselves. */
const struct iommunest_sys *real_sys(void);
/* 6.12, or what comes after it. */
enum conf_kernel real_kernel(void);
/* With those patches of kernel/ that report what hardware finds. */
bool real_reports(void);
/* With its fixes.  Binds and attaches the first device, which is then reset. */
bool real_is_fixed(void);

/*
 * Opens /dev/iommu and binds one of the machine's devices.  The second, behind
 * a port, has ATS; the first, in the root complex, has none.  Returns 0 or a
 * negated errno.
 */
int real_open(struct real *real, unsigned int device, struct trace *trace);
/* Binds the other one too. */
int real_bind(struct real *real, unsigned int device);
/*
 * Gives VFIO the device behind the second port, which has ATS, too; from then
 * on it can be bound, as REAL_SECOND_PORT.  0 or a negated errno.
 */
int real_second_port(void);
/* Takes it back, when it is closed. */
void real_second_port_end(void);
/* Resets a bound device.  0 or a negated errno. */
int real_reset(struct real *real, unsigned int device);
void real_close(struct real *real);

/*
 * The environment's objects, the device attached, and whether the kernel is
 * fixed.  0 or a negated errno.
 */
int real_populate(struct real *real);

/*
 * Attaches a device, in place of what it is attached to; 0 detaches.  Returns
 * 0 or a negated errno.
 */
int real_attach(struct real *real, unsigned int device, uint32_t hwpt_id);

/* False: a wait, or of no interest here. */
bool real_decode(const struct trace_event *event, struct conf_desc *desc);

#endif /* VM_REAL_H */
