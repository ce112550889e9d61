/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Rings that descriptors are decoded for. */
#ifndef TESTS_VTD_DECODE_RIG_H
#define TESTS_VTD_DECODE_RIG_H

#include "tests/harness/guest.h"

struct ring {
	unsigned int width;
	enum iommunest_vtd_ttm ttm;
};

/* The last one takes nothing. */
#define RINGS 8
/* The first of them, which take something. */
#define GOOD_RINGS 4
extern const struct ring rings[RINGS];
/* It takes nothing: 128 bits, scalable. */
#define TOO_NARROW (&rings[GOOD_RINGS])
/* A full one, for those tests that are about something else. */
extern const struct ring wide;

bool takes(const struct ring *ring, unsigned int type);
int decode(struct iommunest_vtd_desc *desc, const struct guest_desc *from,
	   const struct ring *ring);
/* With that reason, and the words are kept. */
void check_refused(const struct guest_desc *from, const struct ring *ring,
		   unsigned int iqei, const char *what);
bool is_same(const struct iommunest_vtd_desc *a,
	     const struct iommunest_vtd_desc *b);

#endif /* TESTS_VTD_DECODE_RIG_H */
