/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A vIOMMU of an SMMUv3, and commands for it, checked by what the host can. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/inval/inval.h"

#define TEXT_MAX 256

/* ---- The simulated host ---- */

static void print_command(void *user,
			  const struct iommunest_sim_command *command)
{
	const struct iommunest_smmuv3_entry entry = {
		{ htole64(command->word[0]), htole64(command->word[1]) },
	};
	struct iommunest_smmuv3_cmd cmd = { .size = sizeof(cmd) };
	char text[TEXT_MAX] = "";

	(void)user;
	iommunest_smmuv3_cmd_decode(&cmd, &entry);
	iommunest_smmuv3_cmd_print(&cmd, text, sizeof(text));
	printf("hardware: %s\n",
	       cmd.opcode == IOMMUNEST_SMMUV3_SYNC ? "SYNC" : text);
}

static int read_caps(struct inval *inval, uint32_t dev_id)
{
	struct iommunest_hw_info info = { .size = sizeof(info) };
	int ret = iommunest_hw_info(inval->ctx, dev_id, &info);

	if (ret)
		return ret;
	inval->caps.size = sizeof(inval->caps);
	return iommunest_smmuv3_caps_decode(&inval->caps, &info);
}

static int nest(struct inval *inval, uint32_t dev_id, uint32_t parent_id)
{
	const uint32_t sid = inval->options->sid;
	uint32_t vdevice_id;
	int ret = read_caps(inval, dev_id);

	if (ret)
		return ret;
	ret = iommunest_smmuv3_viommu_alloc(inval->ctx, dev_id, parent_id,
					    &inval->target_id);
	if (ret)
		return ret;
	iommunest_sim_on_command(inval->sim, print_command, NULL);
	inval->stream.sid = sid;
	inval->stream.flags = inval->caps.ats ? IOMMUNEST_SMMUV3_STREAM_ATS : 0;
	inval->streams.streams = &inval->stream;
	inval->streams.count = 1;
	return iommunest_smmuv3_vdevice_alloc(inval->ctx, inval->target_id,
					      dev_id, sid, 32, &vdevice_id);
}

static int make_batch(struct inval *inval)
{
	struct iommunest_inv_type type = { .size = sizeof(type) };
	int ret = iommunest_smmuv3_type(&type, &inval->caps, &inval->streams);

	if (ret)
		return ret;
	inval->room = inval->options->count;
	inval->reasons = calloc(inval->room, sizeof(*inval->reasons));
	if (!inval->reasons)
		return -ENOMEM;
	return iommunest_batch_new(&inval->batch, &type, inval->room);
}

/* ---- Commands ---- */

static bool has_stream(uint8_t opcode)
{
	return opcode == IOMMUNEST_SMMUV3_CFGI_CD ||
	       opcode == IOMMUNEST_SMMUV3_CFGI_CD_ALL ||
	       opcode == IOMMUNEST_SMMUV3_ATC_INV;
}

/* Why the kernel will not take it; NULL: it will. */
static const char *check(const struct inval *inval,
			 const struct iommunest_smmuv3_entry *entry)
{
	struct iommunest_smmuv3_cmd cmd = { .size = sizeof(cmd) };
	uint32_t reason;

	/* An unknown one is for the check to name. */
	iommunest_smmuv3_cmd_decode(&cmd, entry);
	iommunest_smmuv3_cmd_check(&cmd, &inval->caps, &reason);
	if (reason)
		return iommunest_smmuv3_cmd_reason_text(reason);
	if (has_stream(cmd.opcode) && cmd.sid != inval->stream.sid)
		return "no such stream";
	return NULL;
}

/* What is refused is sent all the same, to see what the kernel says. */
static int add(struct inval *inval, uint32_t index)
{
	const char *text = inval->options->texts[index];
	struct iommunest_smmuv3_entry entry;
	const char *wrong = inval_parse_command(text, &entry);

	if (wrong)
		return tool_usage("\"%s\" is not a command: %s", text, wrong);
	inval->reasons[index] = check(inval, &entry);
	/* There is room for all. */
	iommunest_batch_add(inval->batch, &entry, index + 1);
	return -1;
}

static const char *reason(const struct inval *inval, uint32_t index)
{
	return inval->reasons[index];
}

const struct inval_iommu inval_smmuv3 = {
	.device_flags = IOMMUNEST_SIM_ATS,
	.nest = nest,
	.make_batch = make_batch,
	.add = add,
	.reason = reason,
};
