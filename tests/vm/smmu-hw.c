/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "smmu-hw.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of QEMU's machine "virt". */
#define BASE 0x09050000
#define REGISTERS 0x20000u

#define CR0 0x20
#define CR0_CMDQEN (1u << 3)
#define CMDQ_BASE 0x90
#define CMDQ_PROD 0x98
#define CMDQ_CONS 0x9c
#define EVENTQ_PROD 0x100a8
#define EVENTQ_CONS 0x100ac
/* Beside them CONS has the reason of an error. */
#define INDEX_BITS 0xfffffu

struct smmu_hw {
	int fd;
	volatile char *registers;
	struct conf_command *ring;
	uint32_t slots;
};

static volatile uint32_t *at(const struct smmu_hw *hw, unsigned int offset)
{
	return (volatile uint32_t *)(volatile void *)(hw->registers + offset);
}

static void *map(int fd, uint64_t phys, size_t len)
{
	void *to = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			(off_t)phys);

	return to == MAP_FAILED ? NULL : to;
}

static bool map_ring(struct smmu_hw *hw)
{
	const uint64_t base =
		*at(hw, CMDQ_BASE) | (uint64_t)*at(hw, CMDQ_BASE + 4) << 32;

	hw->slots = 1u << (base & 0x1f);
	hw->ring = map(hw->fd, base & 0xfffffffffffe0,
		       hw->slots * sizeof(*hw->ring));
	return hw->ring;
}

struct smmu_hw *smmu_hw_open(void)
{
	struct smmu_hw *hw = calloc(1, sizeof(*hw));

	if (!hw)
		return NULL;
	hw->fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	if (hw->fd >= 0) {
		hw->registers = map(hw->fd, BASE, REGISTERS);
		if (hw->registers && map_ring(hw))
			return hw;
	}
	smmu_hw_close(hw);
	return NULL;
}

void smmu_hw_close(struct smmu_hw *hw)
{
	const int error = errno;

	if (hw->ring)
		munmap(hw->ring, hw->slots * sizeof(*hw->ring));
	if (hw->registers)
		munmap((void *)hw->registers, REGISTERS);
	if (hw->fd >= 0)
		close(hw->fd);
	free(hw);
	errno = error;
}

uint32_t smmu_hw_prod(const struct smmu_hw *hw)
{
	return *at(hw, CMDQ_PROD) & INDEX_BITS;
}

size_t smmu_hw_since(const struct smmu_hw *hw, uint32_t prod,
		     struct conf_command *commands, size_t max)
{
	const uint32_t count = (smmu_hw_prod(hw) - prod) & (2 * hw->slots - 1);
	uint32_t i;

	for (i = 0; i < count && i < max; i++)
		commands[i] = hw->ring[(prod + i) & (hw->slots - 1)];
	return count;
}

void smmu_hw_enable_queue(struct smmu_hw *hw, bool enable)
{
	if (enable)
		*at(hw, CR0) |= CR0_CMDQEN;
	else
		*at(hw, CR0) &= ~CR0_CMDQEN;
}

bool smmu_hw_is_idle(const struct smmu_hw *hw)
{
	return (*at(hw, CMDQ_CONS) & INDEX_BITS) == smmu_hw_prod(hw);
}

bool smmu_hw_events_are_taken(const struct smmu_hw *hw)
{
	return (*at(hw, EVENTQ_CONS) & INDEX_BITS) ==
	       (*at(hw, EVENTQ_PROD) & INDEX_BITS);
}

void smmu_hw_overwrite(struct smmu_hw *hw, uint32_t at_prod,
		       struct conf_command command)
{
	hw->ring[at_prod & (hw->slots - 1)] = command;
}
