/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <errno.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/vtd/decode-rig.h"
#include "tests/vtd/desc-rows.h"

const struct ring rings[RINGS] = {
	{ 128, IOMMUNEST_VTD_TTM_LEGACY },
	{ 256, IOMMUNEST_VTD_TTM_LEGACY },
	{ 256, IOMMUNEST_VTD_TTM_SCALABLE },
	{ 256, IOMMUNEST_VTD_TTM_ABORT },
	{ 128, IOMMUNEST_VTD_TTM_SCALABLE },
	{ 128, IOMMUNEST_VTD_TTM_ABORT },
	{ 128, IOMMUNEST_VTD_TTM_RESERVED },
	{ 256, IOMMUNEST_VTD_TTM_RESERVED },
};

const struct ring wide = { 256, IOMMUNEST_VTD_TTM_SCALABLE };

bool takes(const struct ring *ring, unsigned int type)
{
	return ring->ttm != IOMMUNEST_VTD_TTM_LEGACY || !desc_is_scalable(type);
}

int decode(struct iommunest_vtd_desc *desc, const struct guest_desc *from,
	   const struct ring *ring)
{
	memset(desc, 0xa5, sizeof(*desc));
	desc->size = sizeof(*desc);
	return iommunest_vtd_desc_decode(desc, from->words, ring->width,
					 ring->ttm);
}

void check_refused(const struct guest_desc *from, const struct ring *ring,
		   unsigned int iqei, const char *what)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	int ret = decode(&desc, from, ring);

	ck_assert_msg(ret == -EBADMSG && desc.iqei == iqei,
		      "%s, %u bits: %d, IQEI %u", what, ring->width, ret,
		      desc.iqei);
	ck_assert_mem_eq(desc.raw, from->words, ring->width / 8);
}

bool is_same(const struct iommunest_vtd_desc *a,
	     const struct iommunest_vtd_desc *b)
{
	return !memcmp(a, b, SIZE_TO(struct iommunest_vtd_desc, reserved));
}
