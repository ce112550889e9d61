/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a capture has: descriptors by type, and the scopes it names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay.h"

static int compare_scopes(const void *a, const void *b)
{
	const struct replay_scope *x = a, *y = b;

	if (x->did != y->did)
		return x->did < y->did ? -1 : 1;
	if (x->pasid != y->pasid)
		return x->pasid < y->pasid ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int compare_seqs(const void *a, const void *b)
{
	const struct replay_scope *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Keeps each scope's first appearance, and these in the capture's order. */
static void unique_scopes(struct replay_scan *scan)
{
	struct replay_scope *scopes = scan->scopes;
	size_t i, kept = 0;

	qsort(scopes, scan->scope_count, sizeof(*scopes), compare_scopes);
	for (i = 0; i < scan->scope_count; i++) {
		if (kept && scopes[kept - 1].did == scopes[i].did &&
		    scopes[kept - 1].pasid == scopes[i].pasid)
			continue;
		scopes[kept++] = scopes[i];
	}
	scan->scope_count = kept;
	qsort(scopes, kept, sizeof(*scopes), compare_seqs);
}

static void scan_desc(struct replay_scan *scan, const struct capture_ring *ring,
		      const struct capture_desc *words, size_t seq)
{
	struct iommunest_vtd_desc desc;

	if (iommunest_vtd_desc_decode(&desc, words->words, ring->width) ||
	    desc.type >= REPLAY_KINDS) {
		scan->kinds[0]++;
		return;
	}
	scan->kinds[desc.type]++;
	if (desc.type == IOMMUNEST_VTD_DESC_PIOTLB)
		scan->scopes[scan->scope_count++] = (struct replay_scope){
			.did = desc.did,
			.pasid = desc.pasid,
			.seq = seq,
		};
}

static void scan_kick(struct replay_scan *scan, const struct capture *capture,
		      const struct capture_ring *ring,
		      const struct capture_kick *kick)
{
	size_t i;

	for (i = kick->first; i < kick->first + kick->count; i++)
		scan_desc(scan, ring, &capture->descs[i], i);
}

int replay_scan(struct replay_scan *scan, const struct capture *capture)
{
	size_t i, k;

	memset(scan, 0, sizeof(*scan));
	scan->scopes = calloc(capture->desc_count + 1, sizeof(*scan->scopes));
	if (!scan->scopes)
		return -ENOMEM;
	for (i = 0; i < capture->ring_count; i++) {
		const struct capture_ring *ring = &capture->rings[i];

		for (k = 0; k < ring->kick_count; k++)
			scan_kick(scan, capture, ring,
				  &capture->kicks[ring->first_kick + k]);
	}
	unique_scopes(scan);
	return 0;
}

void replay_scan_free(struct replay_scan *scan)
{
	free(scan->scopes);
}
