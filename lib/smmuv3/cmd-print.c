/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Formats commands as human-readable text. */
#include <config.h>

#include <inttypes.h>

#include "lib/abi.h"
#include "lib/print.h"
#include "lib/smmuv3/cmd-fields.h"

/* What nearly always is 0 is left out where it is. */
static bool is_silent(unsigned int id, uint64_t value)
{
	return !value && (id == F_SSID || id == F_VMID || id == F_NUM ||
			  id == F_SCALE || id == F_TG || id == F_TTL);
}

static void put_field(struct out *out, const struct iommunest_smmuv3_cmd *cmd,
		      unsigned int id)
{
	const struct smmu_field *field = &iommunest__smmuv3_fields[id];
	const uint64_t value = iommunest__smmuv3_member(cmd, field);

	if (field->flag && value)
		put(out, " %s", field->name);
	else if (field->flag || is_silent(id, value))
		return;
	else if (field->in_hex)
		put(out, " %s 0x%" PRIx64, field->name, value);
	else
		put(out, " %s %" PRIu64, field->name, value);
}

static void put_known(struct out *out, const struct iommunest_smmuv3_cmd *cmd,
		      const struct smmu_cmd_type *type)
{
	unsigned int id;

	put(out, "%s", type->name);
	for (id = 0; id < F_COUNT; id++) {
		if (type->has & HAS(id))
			put_field(out, cmd, id);
	}
	if (cmd->flags & IOMMUNEST_SMMUV3_CMD_RESERVED)
		put(out, " reserved");
}

EXPORT int iommunest_smmuv3_cmd_print(const struct iommunest_smmuv3_cmd *cmd,
				      char *buf, size_t len)
{
	struct out out = { .buf = buf, .len = len };
	const struct smmu_cmd_type *type;
	struct iommunest_smmuv3_cmd in;
	int ret;

	if (!buf && len)
		return -EINVAL;
	ret = iommunest__smmuv3_copy_cmd(&in, cmd);
	if (ret)
		return ret;
	type = iommunest__smmuv3_cmd_type(in.opcode);
	if (type)
		put_known(&out, &in, type);
	else
		put(&out, "unknown 0x%02x raw 0x%" PRIx64 " 0x%" PRIx64,
		    in.opcode, in.raw[0], in.raw[1]);
	return (int)out.used;
}
