/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * iommunest-inval: invalidations from the command line, submitted to the
 * simulated host; shows the calls, what reached the hardware, and the report.
 *
 *   options.c         the command line
 *   vtd.c             a nested HWPT behind a VT-d, ranges and blocks
 *   smmuv3.c          a vIOMMU of an SMMUv3, commands
 *   command.c         a command as text
 */
#ifndef INVAL_H
#define INVAL_H

#include <stdbool.h>
#include <stdint.h>

#include <libiommunest-sim.h>

#include "tools/tool.h"

struct inval;

/* What was asked for. */
struct inval_options {
	char **texts;
	uint32_t count;
	uint32_t policy;
	bool smmuv3;
	/* Of an SMMUv3: what the guest calls the device. */
	uint32_t sid;
	/* Of an SMMUv3: with all that commands may need. */
	bool full;
	struct iommunest_sim_options sim;
	struct iommunest_vtd_limits limits;
	struct tool_faults faults;
};

/* What differs by the IOMMU. */
struct inval_iommu {
	uint32_t device_flags;
	/* Makes what entries go to, inval->target_id, with a device. */
	int (*nest)(struct inval *inval, uint32_t dev_id, uint32_t parent_id);
	int (*make_batch)(struct inval *inval);
	/* Adds an argument.  Returns -1, or EXIT_USAGE after a message. */
	int (*add)(struct inval *inval, uint32_t index);
	/* Why an argument's entries fail, if that is known; or NULL. */
	const char *(*reason)(const struct inval *inval, uint32_t index);
};

/* What is needed to do it. */
struct inval {
	const struct inval_options *options;
	const struct inval_iommu *iommu;
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	uint32_t target_id;
	struct iommunest_batch *batch;
	struct iommunest_failure *skipped;
	/* Entries that there may be. */
	uint32_t room;
	uint32_t calls;

	/* An SMMUv3 only. */
	struct iommunest_smmuv3_caps caps;
	struct iommunest_smmuv3_stream stream;
	struct iommunest_smmuv3_streams streams;
	/* Of each argument; NULL: none. */
	const char **reasons;
};

extern const struct inval_iommu inval_vtd;
extern const struct inval_iommu inval_smmuv3;

/* Returns -1 to go on, or the exit status. */
int inval_parse_options(struct inval_options *options, int argc, char *argv[]);

/*
 * Reads a command as iommunest_smmuv3_cmd_print() writes it, its fields in any
 * order, or as its two words.  Returns NULL, or what is wrong with it.
 */
const char *inval_parse_command(const char *text,
				struct iommunest_smmuv3_entry *entry);

#endif /* INVAL_H */
