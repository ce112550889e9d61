/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What is in a capture: descriptors by type, scopes and devices. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/replay/replay.h"

/* What one pass over a capture remembers beside what it finds. */
struct pass {
	struct replay_scan *scan;
	const struct capture_ring *ring;
	/* The last flush, if only device TLBs have followed it. */
	bool flushed;
	uint16_t did;
	uint32_t pasid;
};

/* ---- One of each, and in the order of their first appearance ---- */

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_scopes(const void *a, const void *b)
{
	const struct replay_scope *x = a, *y = b;

	if (x->did != y->did)
		return compare(x->did, y->did);
	if (x->pasid != y->pasid)
		return compare(x->pasid, y->pasid);
	return compare(x->seq, y->seq);
}

static int compare_scope_seqs(const void *a, const void *b)
{
	const struct replay_scope *x = a, *y = b;

	return compare(x->seq, y->seq);
}

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
	qsort(scopes, kept, sizeof(*scopes), compare_scope_seqs);
}

static int compare_devices(const void *a, const void *b)
{
	const struct replay_device *x = a, *y = b;

	if (x->sid != y->sid)
		return compare(x->sid, y->sid);
	if (x->pasid != y->pasid)
		return compare(x->pasid, y->pasid);
	return compare(x->seq, y->seq);
}

static int compare_device_seqs(const void *a, const void *b)
{
	const struct replay_device *x = a, *y = b;

	return compare(x->seq, y->seq);
}

static void unique_devices(struct replay_scan *scan)
{
	struct replay_device *devices = scan->devices;
	size_t i, kept = 0;

	qsort(devices, scan->device_count, sizeof(*devices), compare_devices);
	for (i = 0; i < scan->device_count; i++) {
		if (kept && devices[kept - 1].sid == devices[i].sid &&
		    devices[kept - 1].pasid == devices[i].pasid)
			continue;
		devices[kept++] = devices[i];
	}
	scan->device_count = kept;
	qsort(devices, kept, sizeof(*devices), compare_device_seqs);
}

/* There is one: a flush of it was seen. */
static size_t find_scope(const struct replay_scan *scan, uint16_t did,
			 uint32_t pasid)
{
	size_t i = 0;

	while (scan->scopes[i].did != did || scan->scopes[i].pasid != pasid)
		i++;
	return i;
}

static void find_scopes_of_devices(struct replay_scan *scan)
{
	size_t i;

	for (i = 0; i < scan->device_count; i++) {
		struct replay_device *device = &scan->devices[i];

		device->scope =
			find_scope(scan, device->did, device->scope_pasid);
	}
}

/* ---- A pass over the capture ---- */

static void note_flush(struct pass *pass, const struct iommunest_vtd_desc *desc,
		       size_t seq)
{
	struct replay_scan *scan = pass->scan;

	scan->scopes[scan->scope_count++] = (struct replay_scope){
		.did = desc->did,
		.pasid = desc->pasid,
		.seq = seq,
	};
	pass->flushed = true;
	pass->did = desc->did;
	pass->pasid = desc->pasid;
}

static void note_dev_tlb(struct pass *pass,
			 const struct iommunest_vtd_desc *desc, size_t seq)
{
	struct replay_scan *scan = pass->scan;
	bool has_pasid = desc->type == IOMMUNEST_VTD_DESC_PASID_DEV_TLB;

	/* One for all PASIDs of a device does not say which it has. */
	if (!pass->flushed || desc->granularity == IOMMUNEST_VTD_DEV_TLB_GLOBAL)
		return;
	scan->devices[scan->device_count++] = (struct replay_device){
		.sid = desc->sid,
		.pasid = has_pasid ? desc->pasid : IOMMUNEST_VTD_NO_PASID,
		.seq = seq,
		.did = pass->did,
		.scope_pasid = pass->pasid,
	};
}

static void scan_desc(struct pass *pass, const struct capture_desc *words,
		      size_t seq)
{
	struct replay_scan *scan = pass->scan;
	unsigned int width = pass->ring->width;
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	if (iommunest_vtd_desc_decode(&desc, words->words, width,
				      width == 256) ||
	    desc.type >= REPLAY_KINDS) {
		scan->kinds[0]++;
		pass->flushed = false;
		return;
	}
	scan->kinds[desc.type]++;
	switch (desc.type) {
	case IOMMUNEST_VTD_DESC_PIOTLB:
		note_flush(pass, &desc, seq);
		break;
	case IOMMUNEST_VTD_DESC_DEV_TLB:
	case IOMMUNEST_VTD_DESC_PASID_DEV_TLB:
		note_dev_tlb(pass, &desc, seq);
		break;
	default:
		pass->flushed = false;
		break;
	}
}

static void scan_kick(struct pass *pass, const struct capture *capture,
		      const struct capture_kick *kick)
{
	size_t i;

	/* What was not recorded comes first. */
	if (kick->unseen)
		pass->flushed = false;
	for (i = kick->first; i < kick->first + kick->count; i++)
		scan_desc(pass, &capture->descs[i], i);
}

static void scan_ring(struct replay_scan *scan, const struct capture *capture,
		      const struct capture_ring *ring)
{
	struct pass pass = { .scan = scan, .ring = ring };
	size_t i;

	for (i = 0; i < ring->kick_count; i++)
		scan_kick(&pass, capture,
			  &capture->kicks[ring->first_kick + i]);
}

int replay_scan(struct replay_scan *scan, const struct capture *capture)
{
	size_t room = capture->desc_count + 1;
	size_t i;

	memset(scan, 0, sizeof(*scan));
	scan->scopes = calloc(room, sizeof(*scan->scopes));
	scan->devices = calloc(room, sizeof(*scan->devices));
	if (!scan->scopes || !scan->devices) {
		replay_scan_free(scan);
		return -ENOMEM;
	}
	for (i = 0; i < capture->ring_count; i++)
		scan_ring(scan, capture, &capture->rings[i]);
	unique_scopes(scan);
	unique_devices(scan);
	find_scopes_of_devices(scan);
	return 0;
}

void replay_scan_free(struct replay_scan *scan)
{
	free(scan->devices);
	free(scan->scopes);
}
