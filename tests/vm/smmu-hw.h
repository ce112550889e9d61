/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The emulated SMMU's own registers and command queue, by /dev/mem: what the
 * driver put into the queue, and hardware that fails when it is told to.
 */
#ifndef VM_SMMU_HW_H
#define VM_SMMU_HW_H

#include "tests/conformance/conformance.h"

struct smmu_hw;

/* NULL: errno says why. */
struct smmu_hw *smmu_hw_open(void);
void smmu_hw_close(struct smmu_hw *hw);

/* Where the driver writes next, with the wrap bit. */
uint32_t smmu_hw_prod(const struct smmu_hw *hw);
/*
 * How many commands came after @prod, and at most @max of them.  The ring holds
 * more than any test sends.
 */
size_t smmu_hw_since(const struct smmu_hw *hw, uint32_t prod,
		     struct conf_command *commands, size_t max);

/* Without it nothing is taken from the queue. */
void smmu_hw_enable_queue(struct smmu_hw *hw, bool enable);
/* True: hardware has taken all that there is. */
bool smmu_hw_is_idle(const struct smmu_hw *hw);
/* A slot of the ring, at a value that smmu_hw_prod() returned. */
void smmu_hw_overwrite(struct smmu_hw *hw, uint32_t at,
		       struct conf_command command);

/* True: the driver has taken all events; the last may be on its way still. */
bool smmu_hw_events_are_taken(const struct smmu_hw *hw);

#endif /* VM_SMMU_HW_H */
