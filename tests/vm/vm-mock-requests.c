/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Where the tests of tests/conformance/requests.c run: on iommufd's mock. */
#include "mock-uapi.h"
#include "real.h"

#include "tests/conformance/requests.h"
#include "tests/harness/support.h"

#include <sys/ioctl.h>

unsigned int requests_variants(void)
{
	return 1;
}

static int mock(const struct requests *r, struct vm_mock_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return ioctl(iommunest_fd(r->ctx), VM_MOCK_CMD, cmd) ? -errno : 0;
}

/* Each device has an IOAS and a nest parent of its own. */
void requests_open(struct requests *r, unsigned int variant)
{
	unsigned int i;

	(void)variant;
	r->sys = real_sys();
	ck_assert_int_eq(iommunest_open(&r->ctx, NULL), 0);
	for (i = 0; i < REQUESTS_DEVICES; i++) {
		struct vm_mock_cmd cmd = { .op = VM_MOCK_DEVICE };
		uint32_t *own = &r->own[i * 3];

		ck_assert_int_eq(iommunest_ioas_alloc(r->ctx, &own[0]), 0);
		cmd.id = own[0];
		ck_assert_int_eq(mock(r, &cmd), 0);
		r->dev[i] = cmd.device.out_dev_id;
		own[1] = cmd.device.out_device;
		ck_assert_int_eq(iommunest_hwpt_alloc_parent(r->ctx, r->dev[i],
							     own[0], &own[2]),
				 0);
	}
}

void requests_close(struct requests *r)
{
	iommunest_close(r->ctx);
}

uint32_t requests_hwpt(struct requests *r, unsigned int device)
{
	const struct vm_mock_hwpt data = { 0 };
	const struct iommunest_nested_hwpt nested = {
		.size = sizeof(nested),
		.data_type = VM_MOCK_HWPT_TYPE,
		.data_len = sizeof(data),
		.data = &data,
		.flags = IOMMUNEST_HWPT_FAULT_ID,
		.fault_id = r->fault_id,
	};
	uint32_t id;

	ck_assert_int_eq(iommunest_hwpt_alloc_nested(r->ctx, r->dev[device],
						     r->own[device * 3 + 2],
						     &nested, &id),
			 0);
	return id;
}

/* The mock replaces; without a queue, it is the IOAS that it began with. */
void requests_attach(struct requests *r, unsigned int device, uint32_t hwpt)
{
	struct vm_mock_cmd cmd = {
		.op = VM_MOCK_REPLACE,
		.id = r->own[device * 3 + 1],
		.replace = { hwpt ? hwpt : r->own[device * 3] },
	};

	ck_assert_int_eq(mock(r, &cmd), 0);
}

void requests_raise(struct requests *r, unsigned int device, uint32_t prgi,
		    uint64_t addr, uint32_t perm)
{
	struct vm_mock_cmd cmd = {
		.op = VM_MOCK_REQUEST,
		.request = {
			.dev_id = r->dev[device],
			.grpid = prgi,
			.perm = perm,
			.addr = addr,
		},
	};

	ck_assert_int_eq(mock(r, &cmd), 0);
}
