/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What every guest's ring of commands has in common: slots of one size, a power
 * of two of them, in guest memory that may be missing.  Inline, because a
 * descriptor costs little more than this.
 */
#ifndef IOMMUNEST_RING_H
#define IOMMUNEST_RING_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>

/* Slots are read in runs of so many bytes. */
#define RING_CHUNK 1024u

#define RING_INLINE static inline __attribute__((always_inline))

struct ring {
	int (*read)(void *vmm, uint64_t gpa, void *buf, size_t len);
	void *vmm;
	/*
	 * Guest physical address.  The ring is aligned to its size, or to a
	 * page where it is larger, so that no chunk goes past a page.
	 */
	uint64_t base;
	uint32_t slots;
	/* log2 of a slot's bytes. */
	uint32_t shift;
};

/* How many slots there are from one to another. */
static inline uint32_t ring_distance(uint32_t slots, uint32_t from, uint32_t to)
{
	return (to - from) & (slots - 1);
}

/* The slot @count after another. */
static inline uint32_t ring_after(uint32_t slots, uint32_t index,
				  uint32_t count)
{
	return (index + count) & (slots - 1);
}

/* How many of @left slots a run handles, of which it may handle @budget. */
static inline uint32_t ring_within(uint32_t left, uint32_t budget)
{
	return left < budget ? left : budget;
}

/*
 * How many of @count slots can be read in one piece at @index: up to the next
 * multiple of a chunk, or the ring's end.
 */
RING_INLINE uint32_t ring_chunk(const struct ring *ring, uint32_t index,
				uint32_t count)
{
	const uint32_t slots = RING_CHUNK >> ring->shift;
	const uint32_t most = slots - (index & (slots - 1));

	return count < most ? count : most;
}

/* Guest memory is little-endian, as almost each CPU is. */
RING_INLINE void ring_to_cpu(uint64_t *words, size_t count)
{
	size_t i;

	if (le64toh(1) == 1)
		return;
	for (i = 0; i < count; i++)
		words[i] = le64toh(words[i]);
}

RING_INLINE int ring_read(const struct ring *ring, uint32_t index,
			  uint32_t count, uint64_t *words)
{
	const uint64_t gpa = ring->base + ((uint64_t)index << ring->shift);
	const size_t len = (size_t)count << ring->shift;
	const int ret = ring->read(ring->vmm, gpa, words, len);

	if (ret >= 0)
		ring_to_cpu(words, len / sizeof(*words));
	return ret;
}

/*
 * Reads up to *@count slots, which do not go past the ring's end; one alone,
 * where a run fails.  A negative return is the VMM's.
 */
RING_INLINE int ring_fetch(const struct ring *ring, uint32_t index,
			   uint32_t *count, uint64_t *words)
{
	*count = ring_chunk(ring, index, *count);
	if (ring_read(ring, index, *count, words) >= 0)
		return 0;
	*count = 1;
	return ring_read(ring, index, 1, words);
}

#endif /* IOMMUNEST_RING_H */
