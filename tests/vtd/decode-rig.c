/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <errno.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/vtd/decode-rig.h"
#include "tests/vtd/desc-rows.h"

const struct ring rings[RINGS] = {
	{ 128, false },
	{ 256, false },
	{ 256, true },
	{ 128, true },
};

const struct ring wide = { 256, true };

bool takes(const struct ring *ring, unsigned int type)
{
	return ring->scalable || !desc_is_scalable(type);
}

int decode(struct iommunest_vtd_desc *desc, const struct guest_desc *from,
	   const struct ring *ring)
{
	memset(desc, 0xa5, sizeof(*desc));
	desc->size = sizeof(*desc);
	return iommunest_vtd_desc_decode(desc, from->words, ring->width,
					 ring->scalable);
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
