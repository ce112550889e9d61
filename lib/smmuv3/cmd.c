/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Commands of a guest's queue: decoding and encoding. */
#include <config.h>

#include "lib/abi.h"
#include "lib/smmuv3/cmd-fields.h"

#define CMD_END END_OF(struct iommunest_smmuv3_cmd, reserved)

/* A member of 1 to 8 bytes, whatever the byte order. */
static uint64_t load(const void *from, size_t width)
{
	uint64_t value64;
	uint32_t value32;
	uint16_t value16;

	switch (width) {
	case sizeof(value64):
		memcpy(&value64, from, sizeof(value64));
		return value64;
	case sizeof(value32):
		memcpy(&value32, from, sizeof(value32));
		return value32;
	case sizeof(value16):
		memcpy(&value16, from, sizeof(value16));
		return value16;
	default:
		return *(const uint8_t *)from;
	}
}

static void store(void *to, size_t width, uint64_t value)
{
	const uint32_t value32 = (uint32_t)value;
	const uint16_t value16 = (uint16_t)value;

	switch (width) {
	case sizeof(value):
		memcpy(to, &value, sizeof(value));
		break;
	case sizeof(value32):
		memcpy(to, &value32, sizeof(value32));
		break;
	case sizeof(value16):
		memcpy(to, &value16, sizeof(value16));
		break;
	default:
		*(uint8_t *)to = (uint8_t)value;
	}
}

uint64_t iommunest__smmuv3_member(const struct iommunest_smmuv3_cmd *cmd,
				  const struct smmu_field *field)
{
	if (field->flag)
		return cmd->flags & field->flag ? 1 : 0;
	return load((const char *)cmd + field->offset, field->width);
}

static void set_member(struct iommunest_smmuv3_cmd *cmd,
		       const struct smmu_field *field)
{
	const uint64_t word = cmd->raw[field->word];

	if (field->flag) {
		cmd->flags |= word & field->mask ? field->flag : 0;
		return;
	}
	store((char *)cmd + field->offset, field->width,
	      field->in_place ? word & field->mask
			      : bits_get(word, field->mask));
}

int iommunest__smmuv3_copy_cmd(struct iommunest_smmuv3_cmd *to,
			       const struct iommunest_smmuv3_cmd *from)
{
	if (!from)
		return -EINVAL;
	return iommunest_copy_in(to, sizeof(*to), from, CMD_END);
}

static void decode(struct iommunest_smmuv3_cmd *cmd,
		   const struct smmu_cmd_type *type)
{
	uint64_t known[2] = { CMD0_OPCODE, 0 };
	const struct smmu_field *field;
	unsigned int id;

	for (id = 0; id < F_COUNT; id++) {
		if (!(type->has & HAS(id)))
			continue;
		field = &iommunest__smmuv3_fields[id];
		known[field->word] |= field->mask;
		set_member(cmd, field);
	}
	if (cmd->raw[0] & ~known[0] || cmd->raw[1] & ~known[1])
		cmd->flags |= IOMMUNEST_SMMUV3_CMD_RESERVED;
}

EXPORT int
iommunest_smmuv3_cmd_decode(struct iommunest_smmuv3_cmd *cmd,
			    const struct iommunest_smmuv3_entry *entry)
{
	struct iommunest_smmuv3_cmd out = { 0 };
	const struct smmu_cmd_type *type;
	int ret;

	if (!cmd || !entry)
		return -EINVAL;
	ret = iommunest_check_size(cmd, CMD_END);
	if (ret)
		return ret;
	out.raw[0] = smmu_le64(entry->cmd[0]);
	out.raw[1] = smmu_le64(entry->cmd[1]);
	out.opcode = (uint8_t)bits_get(out.raw[0], CMD0_OPCODE);
	type = iommunest__smmuv3_cmd_type(out.opcode);
	if (type)
		decode(&out, type);
	iommunest_copy_out(cmd, &out, sizeof(out));
	return type ? 0 : -EOPNOTSUPP;
}

/* Bits of an address that are not in its field are not sent. */
static bool fits(uint64_t value, const struct smmu_field *field)
{
	if (field->in_place)
		return value <= (field->mask | (field->mask - 1));
	return bits_get(bits_put(value, field->mask), field->mask) == value;
}

EXPORT int iommunest_smmuv3_cmd_encode(const struct iommunest_smmuv3_cmd *cmd,
				       struct iommunest_smmuv3_entry *entry)
{
	const struct smmu_field *field;
	const struct smmu_cmd_type *type;
	struct iommunest_smmuv3_cmd in;
	uint64_t words[2];
	unsigned int id;
	uint64_t value;
	int ret;

	if (!entry)
		return -EINVAL;
	ret = iommunest__smmuv3_copy_cmd(&in, cmd);
	if (ret)
		return ret;
	type = iommunest__smmuv3_cmd_type(in.opcode);
	if (!type)
		return -EOPNOTSUPP;
	words[0] = in.opcode;
	words[1] = 0;
	for (id = 0; id < F_COUNT; id++) {
		if (!(type->has & HAS(id)))
			continue;
		field = &iommunest__smmuv3_fields[id];
		value = iommunest__smmuv3_member(&in, field);
		if (!fits(value, field))
			return -EINVAL;
		words[field->word] |= field->in_place
					      ? value & field->mask
					      : bits_put(value, field->mask);
	}
	entry->cmd[0] = smmu_le64(words[0]);
	entry->cmd[1] = smmu_le64(words[1]);
	return 0;
}
