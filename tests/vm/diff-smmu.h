/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Random requests to an iommufd with devices behind an SMMUv3. */
#ifndef VM_DIFF_SMMU_H
#define VM_DIFF_SMMU_H

#include "diff.h"

/* As diff_gen_next(), of a gen that has a vIOMMU. */
void diff_smmu_next(struct diff_gen *gen, struct diff_request *request);
/* It succeeded, and @arg came back. */
void diff_smmu_learn(struct diff_gen *gen, const struct diff_request *request,
		     const unsigned char *arg);

#endif /* VM_DIFF_SMMU_H */
