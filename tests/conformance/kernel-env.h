/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A real /dev/iommu, and a VFIO device behind a VT-d, for the cases. */
#ifndef CONFORMANCE_KERNEL_ENV_H
#define CONFORMANCE_KERNEL_ENV_H

#include "conformance.h"

struct kernel_env {
	struct conf_env env;
	int device;
	/* tracefs's, or NULL. */
	const char *tracing;
};

/*
 * @vfio: the device's node in /dev/vfio/devices; @tracing: where tracefs is
 * mounted, or NULL.  Returns 0 or a negated errno.
 */
int kernel_env_open(struct kernel_env *env, const char *vfio,
		    const char *tracing, enum conf_kernel kernel, bool ats);
void kernel_env_close(struct kernel_env *env);

#endif /* CONFORMANCE_KERNEL_ENV_H */
