/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A guest, a VMM and a simulated host, as an input has them, and the model. */
#ifndef TESTS_FUZZ_IQ_VMM_H
#define TESTS_FUZZ_IQ_VMM_H

#include <libiommunest-sim.h>

#include "iq-input.h"
#include "iq-model.h"

struct vmm {
	struct fuzz_input in;
	struct model model;
	uint8_t flags;
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	struct iommunest_vtd_iq *iq;
	struct iommunest_vtd_iq_ops ops;
	struct iommunest_vtd_iq_options options;
	struct iommunest_vtd_limits limits;
	uint32_t devices[MODEL_HWPTS];

	/* What the ring holds, from a slot on. */
	uint64_t descs[IQ_DESCS_MAX][4];
	uint32_t n_descs;
	uint32_t first_slot;

	/* Every nth slot cannot be read. */
	uint32_t bad_every;
	uint32_t bad_first;
	int read_error;
	/* The nth call from now on fails; 0: none does. */
	uint32_t bad_status;
	int status_error;
	uint32_t bad_vmm;
	int vmm_error;
};

/* An errno that a callback, or a host, may return. */
int vmm_errno(struct fuzz_input *in);

extern const struct iommunest_vtd_iq_ops vmm_ops;

/* Opens the host, with the HWPTs that there are. */
void vmm_open_host(struct vmm *vmm);
void vmm_close_host(struct vmm *vmm);

/* Scopes, in the engine and in the model. */
struct model_scope vmm_take_scope(struct vmm *vmm, bool device);
void vmm_add(struct vmm *vmm, struct model_scope scope);
void vmm_remove(struct vmm *vmm, struct model_scope scope);
void vmm_remove_hwpt(struct vmm *vmm, unsigned int hwpt);

/* A descriptor of the guest's. */
void vmm_take_desc(struct vmm *vmm, uint64_t *words);

#endif /* TESTS_FUZZ_IQ_VMM_H */
