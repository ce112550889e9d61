/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A vIOMMU on a simulated SMMUv3, and a log of the commands that reached the
 * hardware and were waited for, as the guest would write them.
 */
#ifndef TESTS_SMMUV3_VIOMMU_RIG_H
#define TESTS_SMMUV3_VIOMMU_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <libiommunest-sim.h>

#define RIG_GROUP 63u
#define RIG_STREAMS 128u

struct rig_stream {
	uint32_t sid;
	/* What the hardware knows it as. */
	uint32_t host;
};

struct viommu_rig {
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	struct iommunest_smmuv3_caps caps;
	uint32_t parent_id;
	uint32_t viommu_id;
	struct rig_stream streams[RIG_STREAMS];
	uint32_t stream_count;
	/* More in one call: -ENOMEM, and the count stays. */
	uint32_t memory;

	/* Words of commands, in order. */
	uint64_t (*log)[2];
	uint32_t room;
	uint32_t issued;
	uint32_t syncs;
	uint32_t calls;
	/* Where the group begins that is being issued, and the last one. */
	uint32_t group;
	uint32_t last_group;
};

/* Linux 7.3, the reworked one and the patched one: what a count means. */
#define RIG_KERNELS 3
extern const uint32_t rig_kernels[RIG_KERNELS];

/* Registers of hardware that has all: the opposite of the simulator's own. */
struct iommunest_sim_options rig_full_smmu(uint32_t profile);

/* A failure in any of these ends the test.  There is one rig at a time. */
void rig_open(struct viommu_rig *rig,
	      const struct iommunest_sim_options *options);
void rig_close(struct viommu_rig *rig);
/* A device with ATS. */
void rig_add_stream(struct viommu_rig *rig, uint32_t sid);

/* From its entry @nth on, counted from now, the hardware does not answer. */
void rig_die(const struct viommu_rig *rig, uint64_t nth);
void rig_revive(const struct viommu_rig *rig);

/* How often a command was issued and waited for. */
unsigned int rig_times(const struct viommu_rig *rig, uint64_t word0,
		       uint64_t word1);

#endif /* TESTS_SMMUV3_VIOMMU_RIG_H */
