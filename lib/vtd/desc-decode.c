/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Decoding of a guest's invalidation descriptors, and what hardware refuses
 * (VT-d specification, chapter 6, "Queued Invalidation Interface").
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/vtd/desc-layout.h"
#include "lib/vtd/desc-types.h"
#include "lib/vtd/desc.h"

static uint8_t get_type(uint64_t word)
{
	return (uint8_t)(bits_get(word, FIELD_TYPE_HIGH) << TYPE_HIGH_SHIFT |
			 bits_get(word, FIELD_TYPE_LOW));
}

/* Why hardware refuses what is decoded; @type is NULL for an unknown one. */
static enum iommunest_vtd_iqei check(const struct iommunest_vtd_desc *desc,
				     const struct vtd_desc_type *type,
				     unsigned int width,
				     enum iommunest_vtd_ttm ttm)
{
	const uint64_t *raw = desc->raw;

	if (ttm == IOMMUNEST_VTD_TTM_RESERVED)
		return IOMMUNEST_VTD_IQEI_TTM;
	if (ttm != IOMMUNEST_VTD_TTM_LEGACY && width == 128)
		return IOMMUNEST_VTD_IQEI_WIDTH;
	if (!type || (type->scalable && ttm == IOMMUNEST_VTD_TTM_LEGACY))
		return IOMMUNEST_VTD_IQEI_TYPE;
	if (raw[0] & type->reserved[0] || raw[1] & type->reserved[1] ||
	    raw[2] || raw[3])
		return IOMMUNEST_VTD_IQEI_RESERVED;
	if (!type->granularities[desc->granularity].name)
		return IOMMUNEST_VTD_IQEI_RESERVED;
	return IOMMUNEST_VTD_IQEI_NONE;
}

int iommunest__vtd_desc_decode(struct iommunest_vtd_desc *desc,
			       const uint64_t *words, unsigned int width,
			       enum iommunest_vtd_ttm ttm)
{
	const struct vtd_desc_type *type;

	*desc = (struct iommunest_vtd_desc)IOMMUNEST_INIT(
		struct iommunest_vtd_desc);
	memcpy(desc->raw, words, width / 8);
	desc->type = get_type(desc->raw[0]);
	type = iommunest__vtd_desc_type(desc->type);
	if (type)
		type->decode(desc);
	desc->iqei = (uint8_t)check(desc, type, width, ttm);
	return desc->iqei ? -EBADMSG : 0;
}

EXPORT int iommunest_vtd_desc_decode(struct iommunest_vtd_desc *desc,
				     const uint64_t *words, unsigned int width,
				     enum iommunest_vtd_ttm ttm)
{
	struct iommunest_vtd_desc out;
	int ret;

	if (!desc || !words || (width != 128 && width != 256) ||
	    !vtd_is_ttm(ttm))
		return -EINVAL;
	ret = vtd_check_desc(desc);
	if (ret)
		return ret;
	ret = iommunest__vtd_desc_decode(&out, words, width, ttm);
	iommunest_copy_out(desc, &out, sizeof(out));
	return ret;
}
