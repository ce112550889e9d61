/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A queue engine in each of the states that it can be saved in. */
#ifndef TESTS_QUEUE_STATE_RIG_H
#define TESTS_QUEUE_STATE_RIG_H

#include "tests/harness/iq-rig.h"

#define HAS_BASE IOMMUNEST_VTD_IQ_HAS_BASE
#define ENABLED IOMMUNEST_VTD_IQ_ENABLED
#define ABORT IOMMUNEST_VTD_IQ_ABORT

/* Bytes of a slot. */
#define SLOT UINT64_C(32)

typedef struct iommunest_vtd_iq_state state_t;

extern struct rig rig;

/* Another engine for the rig's guest, that knows none of its HWPTs. */
struct iommunest_vtd_iq *another(uint32_t budget);
/* In place of the rig's, which ends. */
void take(struct iommunest_vtd_iq *iq);
/* A rig whose engine has seen nothing yet. */
void open_new(void);
void disable(void);
state_t saved_of(const struct iommunest_vtd_iq *iq);
state_t saved(void);
void nothing_happened(void);
/* Of an open rig: halted by a bad descriptor in slot 2. */
void stand_at_slot_2(void);

/* Opens the rig, and brings it into a state. */
void be_new_and_kicked(void);
void be_idle(void);
void be_at_a_bad_descriptor(void);

/* All such functions; each leads to another state. */
#define WAYS 17u
extern void (*const ways[WAYS])(void);

#endif /* TESTS_QUEUE_STATE_RIG_H */
