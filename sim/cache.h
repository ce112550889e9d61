/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the IOTLB and the device TLBs hold. */
#ifndef IOMMUNEST_SIM_CACHE_H
#define IOMMUNEST_SIM_CACHE_H

#include "internal.h"

void iommunest__sim_tlb_drop(struct sim_tlb *tlb,
			     const struct sim_block *block);
void iommunest__sim_tlb_free(struct sim_tlb *tlb);
void iommunest__sim_iotlb_drop(struct sim_iotlb *iotlb,
			       const struct sim_block *block, bool leaves_only);
void iommunest__sim_iotlb_free(struct sim_iotlb *iotlb);

#endif /* IOMMUNEST_SIM_CACHE_H */
