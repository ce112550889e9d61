/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <stdlib.h>

#include "tests/harness/heap.h"
#include "tests/harness/support.h"

struct heap heap;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *pointer);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *pointer);

static bool fails(void)
{
	return heap.watched && ++heap.count == heap.fail;
}

/* Moves a pointer from one meaning to another; NULL is a free place. */
static bool replace(void *from, void *to)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(heap.live); i++) {
		if (heap.live[i] == from) {
			heap.live[i] = to;
			return true;
		}
	}
	return false;
}

static void *note(void *pointer)
{
	if (!heap.watched || !pointer)
		return pointer;
	heap.grown++;
	if (!replace(NULL, pointer))
		abort();
	return pointer;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : note(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : note(__real_calloc(count, size));
}

void __wrap_free(void *pointer)
{
	if (pointer) {
		heap.grown -= heap.watched;
		replace(pointer, NULL);
	}
	__real_free(pointer);
}

void heap_watch(unsigned int fail)
{
	heap.fail = fail;
	heap.count = 0;
	heap.grown = 0;
	heap.watched = true;
}

bool heap_failed(void)
{
	return heap.fail && heap.count >= heap.fail;
}

bool heap_unwatch(void)
{
	heap.watched = false;
	return heap_failed();
}

void heap_check_no_leak(void)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(heap.live); i++)
		ck_assert_ptr_null(heap.live[i]);
}
