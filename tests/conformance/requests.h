/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Page requests as a VMM sees them: tests that hold on the simulator and on
 * iommufd's mock, whose groups have one request each.  A program has these
 * tests if it links requests.c, and says where they run with requests_open().
 */
#ifndef CONFORMANCE_REQUESTS_H
#define CONFORMANCE_REQUESTS_H

#include <libiommunest.h>

#define REQUESTS_DEVICES 2u

struct requests {
	/* Filled by requests_open(): */
	const struct iommunest_sys *sys;
	void *sys_data;
	struct iommunest_ctx *ctx;
	/* The devices' ids. */
	uint32_t dev[REQUESTS_DEVICES];
	/* Objects of whoever opens it. */
	uint32_t own[REQUESTS_DEVICES * 3];

	/* Made by the test, before it attaches. */
	uint32_t fault_id;
	int queue;
	uint32_t hwpt[REQUESTS_DEVICES];
};

/* In how many places the tests run, each of them a kernel. */
unsigned int requests_variants(void);
/* A context, and the devices.  Asserts. */
void requests_open(struct requests *r, unsigned int variant);
/* The context too. */
void requests_close(struct requests *r);

/* A nested HWPT for the device, with the fault queue. */
uint32_t requests_hwpt(struct requests *r, unsigned int device);
/* Attaches a device to an HWPT with the queue, or to one without: 0. */
void requests_attach(struct requests *r, unsigned int device, uint32_t hwpt);
/* The device makes a request, which is a group. */
void requests_raise(struct requests *r, unsigned int device, uint32_t prgi,
		    uint64_t addr, uint32_t perm);

#endif /* CONFORMANCE_REQUESTS_H */
