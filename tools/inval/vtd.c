/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A nested HWPT behind a VT-d, and entries for it: all, ranges, blocks. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/inval/inval.h"

/* Entries that one argument may become. */
#define BLOCKS_MAX IOMMUNEST_VTD_DEFAULT_BLOCKS
#define ENTRY_TEXT_MAX 80

/* ---- Entries ---- */

/* Cuts a suffix off; returns whether it was there. */
static bool cut_suffix(char *text, const char *suffix)
{
	size_t length = strlen(text), cut = strlen(suffix);

	if (length < cut || strcmp(text + length - cut, suffix))
		return false;
	text[length - cut] = '\0';
	return true;
}

/* The batch keeps the error, too; here it is reported at once. */
static int add_parsed(struct iommunest_batch *batch, char *text, char *mark,
		      uint32_t flags, uint64_t cookie)
{
	bool is_block = *mark == '/';
	uint64_t addr, size;

	*mark = '\0';
	if (!arg_number(text, 0, UINT64_MAX, &addr) ||
	    !arg_number(mark + 1, 0, is_block ? 63 : UINT64_MAX, &size))
		return -EINVAL;
	if (is_block)
		return iommunest_vtd_batch_add_block(
			batch, addr, (unsigned int)size, flags, cookie);
	return iommunest_vtd_batch_add_range(batch, addr, size, flags, cookie);
}

static int add_entry(struct iommunest_batch *batch, const char *argument,
		     uint64_t cookie)
{
	char text[ENTRY_TEXT_MAX];
	uint32_t flags = 0;
	char *mark;

	if (strlen(argument) >= sizeof(text))
		return -EINVAL;
	strcpy(text, argument);
	if (!strcmp(text, "all"))
		return iommunest_vtd_batch_add_all(batch, cookie);
	if (cut_suffix(text, ":leaf"))
		flags = IOMMUNEST_VTD_LEAF;
	mark = strpbrk(text, "+/");
	return mark ? add_parsed(batch, text, mark, flags, cookie) : -EINVAL;
}

/* Cookies are the arguments' numbers, from 1. */
static int add(struct inval *inval, uint32_t index)
{
	const char *text = inval->options->texts[index];

	if (!add_entry(inval->batch, text, index + 1))
		return -1;
	return tool_usage("\"%s\" is not an entry: all, ADDR+NPAGES "
			  "(4 KiB aligned, not empty, within 64 "
			  "bits) or ADDR/AM (0 to 63), with or "
			  "without :leaf",
			  text);
}

/* ---- The simulated host ---- */

static void print_desc(void *user, const struct iommunest_sim_desc *desc)
{
	(void)user;
	printf("hardware: ");
	switch (desc->kind) {
	case IOMMUNEST_SIM_PIOTLB_ALL:
		printf("all of the PASID");
		break;
	case IOMMUNEST_SIM_PIOTLB_PAGES:
		printf("2^%u pages at 0x%" PRIx64 "%s", desc->am, desc->addr,
		       desc->ih ? ", leaf" : "");
		break;
	case IOMMUNEST_SIM_IOTLB:
		printf("plain IOTLB, 2^%u pages at 0x%" PRIx64 "%s", desc->am,
		       desc->addr, desc->ih ? ", leaf" : "");
		break;
	default:
		printf("device TLB, 2^%u pages at 0x%" PRIx64, desc->am,
		       desc->addr);
		break;
	}
	printf("%s\n", desc->refused
			       ? ": refused, and the kernel does not say so"
			       : "");
}

static int nest(struct inval *inval, uint32_t dev_id, uint32_t parent_id)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.pgtbl_addr = 0x1000,
		.addr_width = 48,
	};
	int ret = iommunest_vtd_hwpt_alloc(inval->ctx, dev_id, parent_id, &s1,
					   &inval->target_id);

	if (ret)
		return ret;
	iommunest_sim_on_desc(inval->sim, print_desc, NULL);
	return iommunest_sim_attach(inval->sim, iommunest_fd(inval->ctx),
				    dev_id, inval->target_id);
}

static int make_batch(struct inval *inval)
{
	int ret;

	inval->room = inval->options->count * BLOCKS_MAX;
	ret = iommunest_batch_new(&inval->batch, iommunest_vtd_s1_type(),
				  inval->room);
	if (ret)
		return ret;
	return iommunest_vtd_batch_set_limits(inval->batch,
					      &inval->options->limits);
}

/* The kernel alone knows. */
static const char *reason(const struct inval *inval, uint32_t index)
{
	(void)inval;
	(void)index;
	return NULL;
}

const struct inval_iommu inval_vtd = {
	.nest = nest,
	.make_batch = make_batch,
	.add = add,
	.reason = reason,
};
