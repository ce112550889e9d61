/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A guest's invalidation queue, and the VMM around it: a ring in memory,
 * makers of descriptors, and callbacks that record what the engine asks and
 * fail where they are told to.
 *
 * The callbacks hold the engine to its rules by themselves: reads stay within
 * the ring and one page, and no slot is copied twice in a run.
 */
#ifndef TEST_GUEST_H
#define TEST_GUEST_H

#include <libiommunest.h>

/* ---- Descriptors ---- */

struct guest_desc {
	uint64_t words[4];
};

struct guest_desc guest_piotlb_all(uint16_t did, uint32_t pasid);
struct guest_desc guest_piotlb_pages(uint16_t did, uint32_t pasid,
				     uint64_t addr, unsigned int am, bool ih);
struct guest_desc guest_iotlb(unsigned int granularity, uint16_t did,
			      uint64_t addr, unsigned int am);
/* @flags: IOMMUNEST_VTD_DESC_SW, IF, FN, PD. */
struct guest_desc guest_wait(uint32_t flags, uint64_t addr, uint32_t data);
/* @am: 0 to 52, and 52 is all. */
struct guest_desc guest_dev_tlb(uint16_t sid, uint64_t addr, unsigned int am);
struct guest_desc guest_pasid_dev_tlb(uint16_t sid, uint32_t pasid,
				      uint64_t addr, unsigned int am);
/* The same, of all the device's PASIDs. */
struct guest_desc guest_pasids_dev_tlb(uint16_t sid, uint64_t addr,
				       unsigned int am);
/* The @nth one, from 0 to 5, of the types that are the VMM's in any case. */
#define GUEST_VMMS 6u
struct guest_desc guest_vmms(unsigned int nth);
/* Any type, and nothing else in it. */
struct guest_desc guest_typed(unsigned int type);

/* ---- What the engine asked, in order ---- */

enum guest_event_kind {
	GUEST_STATUS = 1,
	GUEST_INTERRUPT,
	GUEST_DESCRIPTOR,
	GUEST_FORWARDED,
	GUEST_COVERED,
	GUEST_SKIPPED,
	GUEST_CALL,
};

struct guest_event {
	enum guest_event_kind kind;
	uint32_t index;
	/* Of COVERED, SKIPPED and CALL. */
	uint32_t hwpt_id;
	/* Of SKIPPED and CALL. */
	int error;
	/* Of STATUS. */
	uint64_t addr;
	uint32_t data;
	/* Of CALL: entries, and the first of the cookies. */
	uint32_t count;
	uint64_t cookie;
	bool flush_all;
	/* Of DESCRIPTOR and FORWARDED. */
	struct iommunest_vtd_desc desc;
};

/* ---- The guest ---- */

struct guest {
	uint64_t base;
	bool wide;
	uint32_t slots;
	unsigned int shift;
	unsigned char *ring;
	uint32_t tail;
	/* How often each slot was copied in this run. */
	uint16_t *reads;

	struct guest_event *events;
	uint32_t n_events;
	uint32_t room;

	/* Slots that cannot be read, nor anything in one piece with them. */
	uint32_t bad_first;
	uint32_t bad_count;
	int read_error;
	/* A status address that cannot be written. */
	uint64_t bad_status;
	int write_error;
	/* Sees each event; what it returns is the callback's answer. */
	int (*hook)(struct guest *guest, const struct guest_event *event);
	void *user;

	char *story;
};

/* IQA_REG for a base, a size and a width. */
uint64_t guest_iqa(uint64_t base, unsigned int qs, bool wide);

/* A guest that wrote IQA_REG. */
void guest_init(struct guest *guest, uint64_t iqa);
void guest_free(struct guest *guest);

/* The callbacks of a VMM without caches of its own; the VMM is the guest. */
extern const struct iommunest_vtd_iq_ops guest_ops;
/* The same with `forwarded`. */
extern const struct iommunest_vtd_iq_ops caching_guest_ops;

/*
 * The guest wrote IQA_REG again: the ring is empty, and its tail is 0.  The
 * events so far and the hook stay.
 */
void guest_set_base(struct guest *guest, uint64_t iqa);

/* Writes a descriptor; put() at the tail, which moves on.  Returns its slot. */
void guest_set(struct guest *guest, uint32_t slot, struct guest_desc desc);
uint32_t guest_put(struct guest *guest, struct guest_desc desc);

/* The four words of a slot, with zeros where it is narrow. */
struct guest_desc guest_get(const struct guest *guest, uint32_t slot);

/* The tail, as IQT_REG has it. */
uint64_t guest_iqt(const struct guest *guest);

/* The guest kicks.  Its own part of *@result is filled in here. */
int guest_kick(struct guest *guest, struct iommunest_vtd_iq *iq,
	       struct iommunest_vtd_iq_result *result);

/* The same, with any tail. */
int guest_kick_at(struct guest *guest, struct iommunest_vtd_iq *iq,
		  uint64_t iqt, struct iommunest_vtd_iq_result *result);

/* Enables a queue in which there is nothing yet. */
void enable_engine(struct iommunest_vtd_iq *iq);

/* The same, of a guest that enables its queue. */
int guest_enable(struct guest *guest, struct iommunest_vtd_iq *iq,
		 struct iommunest_vtd_iq_result *result);

/* Forgets the events so far. */
void guest_forget(struct guest *guest);

/* How many events of a kind there were. */
uint32_t guest_count(const struct guest *guest, enum guest_event_kind kind);

/* The @nth one, from 0, of a kind; the test fails where there is none. */
const struct guest_event *guest_nth(const struct guest *guest,
				    enum guest_event_kind kind, uint32_t nth);

/*
 * All events in order, as "call 10x3, status 5, interrupt 5, vmm 6": calls by
 * HWPT and count of entries (or "empty 10", "all 10"), what was skipped or
 * covered by slot and HWPT as "covered 3@10", all others by slot.
 */
const char *guest_story(struct guest *guest);

#endif /* TEST_GUEST_H */
