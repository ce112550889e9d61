/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Users of devices that stop answering invalidations of their TLBs, each with
 * an iommufd of its own, and what can be seen of what becomes of them.
 */
#ifndef VM_CONTAIN_H
#define VM_CONTAIN_H

#include "lib/uapi/uapi.h"

#include <libiommunest.h>

#include <stdbool.h>
#include <stdint.h>

/* Behind a port each, with ATS. */
#define CONTAIN_DEVICES 3u

/* Of what the user's IOAS maps from CONTAIN_IOVA on, each by itself. */
#define CONTAIN_PAGES 64u
#define CONTAIN_PAGE 4096u
#define CONTAIN_IOVA 0x10000000u

struct user {
	/* As in sysfs. */
	const char *address;
	uint16_t sid;
	struct iommunest_ctx *ctx;
	/* -1: it is closed. */
	int fd;
	uint32_t dev;
	/* What the device is attached to is on `parent`, and that on `ioas`. */
	uint32_t ioas;
	uint32_t parent;
	uint32_t nested;
	uint32_t other;
	char *memory;
	/* All but the device is another's. */
	bool is_guest;
};

/* Of the tests, by one thread; closed at the end of each. */
extern struct user user_a, user_b, user_c;
/* What each test begins and ends with: no fault waits, and nothing is open. */
void contain_begin(void);
void contain_end(void);

/* The kernel blocks devices that do not answer: not 6.12. */
bool contain_blocks(void);
/* It does, and the machine has such devices; else says why not. */
bool contain_can_be_tested(void);
/* The same for a kernel that has knobs, and does not block. */
bool contain_can_race(void);

const char *contain_address(unsigned int device);
uint16_t contain_sid(const char *address);

/* ---- A user; what fails ends the test ---- */

/* Opens the device and attaches it to user->nested. */
void user_begin(struct user *user, const char *address);
/* The same without nesting, to user->ioas. */
void user_begin_plain(struct user *user, const char *address);
/*
 * With one more device in the iommufd of another user, attached to what that
 * one's is.  It ends before the other.
 */
void user_join(struct user *user, const struct user *with, const char *address);
/* Closes what is open. */
void user_end(struct user *user);
/* Only the device, and with it the attachment. */
void user_close_device(struct user *user);
/* The device only, into the iommufd that there is.  0 or a negated errno. */
int user_open_device(struct user *user);

/* 0 or a negated errno. */
int user_attach(struct user *user, uint32_t id);
int user_detach(struct user *user);
/* VFIO_DEVICE_RESET. */
int user_reset(struct user *user);
int user_map(struct user *user, unsigned int page);
int user_unmap(struct user *user, unsigned int page);

struct answer {
	int ret;
	/* What was done of the entries. */
	uint32_t done;
	/* With the flag only. */
	uint32_t code;
	uint32_t last;
};

/* @count pages, one entry each, of user->nested. */
struct answer user_invalidate(struct user *user, uint32_t count);
/* The same with the flag that asks for reports. */
struct answer user_invalidate_reporting(struct user *user, uint32_t count);
/* It answers 0, and has done all. */
bool user_can_invalidate(struct user *user, uint32_t count);

/* ---- What becomes of the device ---- */

/* What the device does not answer from now on. */
void device_falls_silent(const struct user *user);
void device_answers(const struct user *user);
void all_devices_answer(void);
/* All that was injected is taken back: all of them answer, as they do. */
void contain_clear(void);

/* The hardware's tables say that its requests are translated. */
bool device_is_let_in(const struct user *user);
/*
 * The user's invalidation succeeds, reaches the device, and it is let in: it
 * works as if nothing had been.
 */
bool device_works(struct user *user);
/* Nothing is let in, and an invalidation succeeds without the device. */
bool device_is_cut_off(struct user *user);
/* An invalidation, after which it is cut off and answers again. */
void contain(struct user *user);

/* ---- sysfs ---- */

/* 0 or a negated errno. */
int sysfs_write(const char *path, const char *text);
/* To a file of a device's folder. */
int sysfs_device(const char *address, const char *file, const char *text);
bool sysfs_device_is_there(const char *address);
/* After it came back: to VFIO.  0 or a negated errno. */
int sysfs_give_to_vfio(const char *address);
void sysfs_rescan(void);

/* ---- Time ---- */

void sleep_ms(unsigned int ms);
uint64_t now_ms(void);

/* ---- What was submitted, by whom ever, in the order of time ---- */

struct event {
	bool is_mark;
	int mark;
	uint64_t qw0;
	uint64_t qw1;
};

#define HISTORY_MAX 16384u

/* Forgets what there is, and records. */
void history_begin(void);
void history_mark(int mark);
/* Stops, and returns how many there are. */
unsigned int history_end(const struct event **events);
/* The source id of a device-TLB invalidation; -1: it is something else. */
int event_devtlb_sid(const struct event *event);
/*
 * The type of a descriptor, as VT-d numbers them: context cache 1, IOTLB 2,
 * PASID cache 7.
 */
unsigned int event_type(const struct event *event);
/* How many there are for a device's TLB. */
unsigned int history_devtlb(uint16_t sid);

#endif /* VM_CONTAIN_H */
