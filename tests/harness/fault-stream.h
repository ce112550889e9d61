/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A fault queue whose bytes are the test's: what each read returns, what each
 * write answers, and what was read and written.
 */
#ifndef TESTS_HARNESS_FAULT_STREAM_H
#define TESTS_HARNESS_FAULT_STREAM_H

#include <libiommunest.h>

#define STREAM_FD 77
#define STREAM_BYTES 8192u
#define STREAM_STEPS 64u

/* The kernel's struct iommu_hwpt_page_response. */
struct stream_answer {
	uint32_t cookie;
	uint32_t code;
};

struct stream {
	/* What there is to read, and how much of it was. */
	unsigned char bytes[STREAM_BYTES];
	size_t len;
	size_t read;
	/*
	 * Each read returns so many bytes, or that error, if its step is not 0;
	 * and all there is room for after the last step.
	 */
	long reads[STREAM_STEPS];
	unsigned int n_reads;
	/* The length of the last one. */
	size_t asked;

	/* The same for each write, with all that is written. */
	long writes[STREAM_STEPS];
	unsigned int n_writes;
	struct stream_answer answers[STREAM_BYTES / 8];
	unsigned int n_answers;

	struct iommunest_ctx *ctx;
	struct iommunest_fault_reader *reader;
};

/* One for each test; @options as for iommunest_fault_reader_new(). */
void stream_open(struct stream *stream,
		 const struct iommunest_fault_reader_options *options);
void stream_close(struct stream *stream);

/* Adds a request of device 5 at the end. */
void stream_add(struct stream *stream, uint32_t cookie, uint32_t prgi,
		uint64_t addr, uint32_t flags);
/* Adds a group of @count requests, at @addr and the pages after it. */
void stream_add_group(struct stream *stream, uint32_t cookie, uint32_t prgi,
		      uint64_t addr, uint32_t count);

/* The next group, which has to be there. */
struct iommunest_fault_group stream_next(struct stream *stream);
int stream_respond(struct stream *stream, uint64_t id, uint32_t code);

#endif /* TESTS_HARNESS_FAULT_STREAM_H */
