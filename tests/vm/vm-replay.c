/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The main job on the real driver: iommunest-replay runs each captured guest
 * on the kernel's iommufd, and what it says that it submitted is held against
 * what the driver put into the hardware's queue.
 */
#include "real.h"

#include "tests/harness/support.h"

#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPTURES "/tests/*.iq"
#define REPLAY "/tests/iommunest-replay"
#define DESCS_MAX 16384u
/* Attaching and detaching flush all of a PASID, a few times. */
#define EXTRA_MAX 32u

struct list {
	struct conf_desc descs[DESCS_MAX];
	size_t count;
};

static struct trace *trace;
/* Sends something else for "all", see "KERNELS" in the manual. */
static bool is_stock_6_12;
static glob_t captures;
static struct list wanted, seen;
/* The HWPTs that the devices are attached to. */
static uint32_t attached[REAL_DEVICES];
static size_t attached_count;

/* ---- What the replay says ---- */

static uint64_t number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	ck_assert_msg(at, "no %s in %s", key, text);
	at += strlen(key);
	return strtoull(at + (*at == '"'), NULL, 0);
}

/* Pages as the driver flushes them, by kernel; see kernel/README.md. */
static struct conf_desc as_sent(uint64_t addr, uint64_t npages, bool leaf)
{
	struct conf_desc desc = { .kind = CONF_PIOTLB_PAGES };

	if (npages == UINT64_MAX && !is_stock_6_12) {
		desc.kind = CONF_PIOTLB_ALL;
		return desc;
	}
	desc.addr = addr;
	desc.ih = leaf;
	desc.am = npages == UINT64_MAX ? 52
				       : (unsigned int)__builtin_ctzll(npages);
	return desc;
}

static bool is_attached(uint32_t hwpt)
{
	size_t i;

	for (i = 0; i < attached_count; i++) {
		if (attached[i] == hwpt)
			return true;
	}
	return false;
}

/* An event is one line, and an entry of it ends with its leaf flag. */
static void take_submit(const char *line)
{
	const char *entry = line;

	ck_assert_uint_eq(number_after(line, "\"errno\":"), 0);
	if (!is_attached((uint32_t)number_after(line, "\"hwpt\":")))
		return;
	while ((entry = strstr(entry, "\"addr\":"))) {
		bool leaf = !strncmp(strstr(entry, "\"leaf\":") + 7, "true", 4);

		ck_assert_uint_lt(wanted.count, DESCS_MAX);
		wanted.descs[wanted.count++] =
			as_sent(number_after(entry, "\"addr\":"),
				number_after(entry, "\"npages\":"), leaf);
		entry++;
	}
}

static void take_line(const char *line)
{
	if (strstr(line, "\"event\":\"hwpt\"") && attached_count < REAL_DEVICES)
		attached[attached_count++] =
			(uint32_t)number_after(line, "\"hwpt\":");
	else if (strstr(line, "\"event\":\"submit\""))
		take_submit(line);
	ck_assert_msg(!strstr(line, "\"event\":\"failure\""), "%s", line);
}

static void replay(const char *capture, const char *options)
{
	char *line = NULL;
	size_t room = 0;
	char command[512];
	FILE *out;

	snprintf(command, sizeof(command),
		 REPLAY " --backend vfio --device \"$VM_DEVICE\" --device "
			"\"$VM_DEVICE_BEHIND_PORT\" --json %s %s",
		 options, capture);
	out = popen(command, "r");
	ck_assert_ptr_nonnull(out);
	while (getline(&line, &room, out) > 0)
		take_line(line);
	free(line);
	ck_assert_int_eq(pclose(out), 0);
}

/* ---- What the driver did ---- */

static void read_trace(void)
{
	struct trace_event event;
	struct conf_desc desc;

	while (trace_next(trace, &event)) {
		if (!real_decode(&event, &desc) ||
		    (desc.kind != CONF_PIOTLB_ALL &&
		     desc.kind != CONF_PIOTLB_PAGES))
			continue;
		ck_assert_uint_lt(seen.count, DESCS_MAX);
		seen.descs[seen.count++] = desc;
	}
}

static bool is_same(const struct conf_desc *a, const struct conf_desc *b)
{
	return a->kind == b->kind && a->am == b->am && a->addr == b->addr &&
	       a->ih == b->ih;
}

/* How many are as wanted when @skip come first. */
static size_t matches_after(size_t skip)
{
	size_t i;

	for (i = 0; i < wanted.count; i++) {
		if (!is_same(&seen.descs[skip + i], &wanted.descs[i]))
			break;
	}
	return i;
}

static void check_arrived(const char *capture)
{
	size_t best = 0;
	size_t extra, skip;

	ck_assert_msg(seen.count >= wanted.count,
		      "%s: %zu descriptors for %zu entries", capture,
		      seen.count, wanted.count);
	extra = seen.count - wanted.count;
	ck_assert_uint_le(extra, EXTRA_MAX);
	for (skip = 0; skip <= extra; skip++) {
		size_t matches = matches_after(skip);

		if (matches == wanted.count)
			return;
		if (matches > best)
			best = matches;
	}
	ck_abort_msg("%s: entry %zu of %zu is not in the queue", capture, best,
		     wanted.count);
}

static const char *const variants[] = {
	"",
	"--batch-kicks 64",
	"--per-descriptor",
};

static size_t find_captures(void)
{
	return glob(CAPTURES, 0, NULL, &captures) ? 0 : captures.gl_pathc;
}

TEST_LOOP(each_forwarded_descriptor_arrives_once_and_in_order,
	  find_captures() * ARRAY_LEN(variants))
{
	const char *capture =
		captures.gl_pathv[(size_t)_i / ARRAY_LEN(variants)];
	const size_t variant = (size_t)_i % ARRAY_LEN(variants);
	size_t few;

	attached_count = 0;
	wanted.count = 0;
	seen.count = 0;
	trace_discard(trace);
	replay(capture, variants[variant]);
	read_trace();
	check_arrived(capture);
	/*
	 * A legacy guest has nothing to forward; all the others have.  A lazy
	 * one's flushes are of all, and those of a batch are one entry.
	 */
	few = strstr(capture, "lazy") && strstr(variants[variant], "batch")
		      ? 0
		      : 100;
	ck_assert_msg(wanted.count > few || strstr(capture, "legacy"),
		      "%s: %zu entries", capture, wanted.count);
}

int main(int argc, char **argv)
{
	int ret;

	trace = trace_open(8192);
	if (!trace) {
		printf("no trace events of a VT-d: %s\n", strerror(errno));
		return 77;
	}
	is_stock_6_12 = real_kernel() == CONF_LINUX_6_12 && !real_is_fixed();
	if (captures.gl_pathc < 6) {
		printf("the captures are not here\n");
		return EXIT_FAILURE;
	}
	ret = support_run(argc, argv);
	globfree(&captures);
	trace_close(trace);
	return ret;
}
