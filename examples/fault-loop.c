/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A VMM's loop for page requests: it waits, reads groups and answers them.
 * On the simulator, where a device makes two groups of requests.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <libiommunest-sim.h>

/* What the guest has memory for. */
#define MEMORY_END UINT64_C(0x100000)

static void check(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

/* A nested HWPT with a fault queue, and a device on it. */
static uint32_t set_up(struct iommunest_ctx *ctx,
		       struct iommunest_sim *sim, uint32_t fault_id)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.pgtbl_addr = 0x1000,
		.addr_width = 48,
		.hwpt_flags = IOMMUNEST_HWPT_FAULT_ID,
		.fault_id = fault_id,
	};
	const int fd = iommunest_fd(ctx);
	uint32_t dev, ioas, s2, hwpt;

	check(iommunest_sim_bind(sim, fd,
				 IOMMUNEST_SIM_ATS | IOMMUNEST_SIM_PRI,
				 &dev),
	      "bind");
	check(iommunest_ioas_alloc(ctx, &ioas), "IOAS");
	check(iommunest_hwpt_alloc_parent(ctx, dev, ioas, &s2), "stage 2");
	check(iommunest_vtd_hwpt_alloc(ctx, dev, s2, &s1, &hwpt), "HWPT");
	check(iommunest_sim_attach(sim, fd, dev, hwpt), "attach");
	return dev;
}

/* The device's part. */
static void request(struct iommunest_sim *sim, struct iommunest_ctx *ctx,
		    uint32_t dev, uint32_t prgi, uint64_t addr,
		    uint32_t flags)
{
	const struct iommunest_page_request request = {
		.flags = flags,
		.dev_id = dev,
		.prgi = prgi,
		.perm = IOMMUNEST_PAGE_REQUEST_READ,
		.addr = addr,
	};

	check(iommunest_sim_page_request(sim, iommunest_fd(ctx), &request),
	      "request");
}

static void on_response(void *user,
			const struct iommunest_sim_page_response *response)
{
	(void)user;
	printf("the device's group %" PRIu32 ": %s\n", response->prgi,
	       response->code == IOMMUNEST_FAULT_SUCCESS ? "success"
							 : "invalid");
}

/* Here a VMM asks its guest, and answers when the guest has. */
static uint32_t handle(const struct iommunest_fault_group *group)
{
	uint32_t code = IOMMUNEST_FAULT_SUCCESS;
	uint32_t i;

	printf("%" PRIu32 " requests:", group->count);
	for (i = 0; i < group->count; i++) {
		printf(" %#" PRIx64, group->requests[i].addr);
		if (group->requests[i].addr >= MEMORY_END)
			code = IOMMUNEST_FAULT_INVALID;
	}
	printf("\n");
	return code;
}

static void loop(struct iommunest_ctx *ctx, int queue,
		 struct iommunest_fault_reader *reader)
{
	struct iommunest_fault_group group = { .size = sizeof(group) };
	struct iommunest_fault_response response;

	while (iommunest_fault_queue_wait(ctx, queue, 0) == 1) {
		while (iommunest_fault_reader_next(reader, &group) == 1) {
			response.id = group.id;
			response.code = handle(&group);
			check(iommunest_fault_respond(reader, &response,
						      1),
			      "respond");
		}
	}
}

int main(void)
{
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};
	struct iommunest_fault_reader *reader;
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	uint32_t fault_id, dev;
	int queue;

	check(iommunest_sim_new(&sim, NULL), "simulator");
	iommunest_sim_on_page_response(sim, on_response, NULL);
	options.sys_data = sim;
	check(iommunest_open(&ctx, &options), "open");
	check(iommunest_fault_queue_alloc(ctx, &fault_id, &queue),
	      "fault queue");
	check(iommunest_fault_reader_new(&reader, ctx, queue, NULL),
	      "reader");
	dev = set_up(ctx, sim, fault_id);

	request(sim, ctx, dev, 7, 0x1000, 0);
	request(sim, ctx, dev, 7, 0x2000, IOMMUNEST_PAGE_REQUEST_LAST);
	request(sim, ctx, dev, 8, 0xdead000, IOMMUNEST_PAGE_REQUEST_LAST);
	loop(ctx, queue, reader);

	/* Nothing stays without an answer. */
	check(iommunest_fault_respond_all(reader, 0,
					  IOMMUNEST_FAULT_INVALID),
	      "respond");
	iommunest_fault_reader_free(reader);
	iommunest_fault_queue_close(ctx, queue);
	iommunest_close(ctx);
	iommunest_sim_free(sim);
	return 0;
}
