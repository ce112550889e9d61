/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef IOMMUNEST_VTD_DESC_H
#define IOMMUNEST_VTD_DESC_H

#include <libiommunest.h>

/* iommunest_vtd_desc_decode() for arguments that are known to be good. */
int iommunest_vtd_decode(struct iommunest_vtd_desc *desc, const uint64_t *words,
			 unsigned int width);

#endif /* IOMMUNEST_VTD_DESC_H */
