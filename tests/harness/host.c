/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "lib/uapi/uapi.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/host.h"
#include "tests/harness/hold.h"

#define HOST_FD 7

/* ---- Rules ---- */

static bool is_call_fault(enum host_fault fault)
{
	return fault == HOST_FAIL_CALL || fault == HOST_FAIL_UNTOUCHED ||
	       fault == HOST_OVERSTATE;
}

static bool rule_fits(const struct host_rule *rule, uint32_t hwpt_id)
{
	return !rule->spent &&
	       (rule->hwpt_id == HOST_ANY_HWPT || rule->hwpt_id == hwpt_id);
}

static const struct host_rule *apply(struct host_rule *rule)
{
	if (rule->times && --rule->times == 0)
		rule->spent = true;
	return rule;
}

static const struct host_rule *call_rule(struct host *host, uint32_t hwpt_id)
{
	unsigned int i;

	for (i = 0; i < host->n_rules; i++) {
		struct host_rule *rule = &host->rules[i];

		if (is_call_fault(rule->fault) && rule_fits(rule, hwpt_id))
			return apply(rule);
	}
	return NULL;
}

static bool fits_entry(const struct host_rule *rule,
		       const struct iommunest_vtd_entry *entry)
{
	return (rule->addr == HOST_ANY_ADDR || rule->addr == entry->addr) &&
	       (rule->npages == 0 || rule->npages == entry->npages);
}

static const struct host_rule *
entry_rule(struct host *host, uint32_t hwpt_id,
	   const struct iommunest_vtd_entry *entry)
{
	unsigned int i;

	for (i = 0; i < host->n_rules; i++) {
		struct host_rule *rule = &host->rules[i];

		if (!is_call_fault(rule->fault) && rule_fits(rule, hwpt_id) &&
		    fits_entry(rule, entry))
			return apply(rule);
	}
	return NULL;
}

/* ---- The call ---- */

/* All that the engine sends is "all", or an aligned power of two. */
static bool is_sound(const struct iommunest_vtd_entry *entry)
{
	uint64_t npages = entry->npages;

	if (entry->flags & ~IOMMUNEST_VTD_LEAF || entry->reserved)
		return false;
	if (npages == UINT64_MAX)
		return entry->addr == 0 && entry->flags == 0;
	return npages && !(npages & (npages - 1)) && npages < 1ull << 52 &&
	       !(entry->addr & ((npages << 12) - 1));
}

static void *grown(void *array, size_t count, size_t size)
{
	void *new = realloc(array, count * size);

	hold(new);
	return new;
}

static struct host_call *record(struct host *host,
				const struct iommu_hwpt_invalidate *cmd)
{
	const struct iommunest_vtd_entry *from =
		(const void *)(uintptr_t)cmd->data_uptr;
	struct host_call *call;
	uint32_t i;

	host->calls =
		grown(host->calls, host->n_calls + 1, sizeof(*host->calls));
	host->entries =
		grown(host->entries, host->n_entries + cmd->entry_num + 1,
		      sizeof(*host->entries));
	call = &host->calls[host->n_calls++];
	*call = (struct host_call){
		.hwpt_id = cmd->hwpt_id,
		.count = cmd->entry_num,
		.first = host->n_entries,
	};
	for (i = 0; i < cmd->entry_num; i++) {
		host->entries[host->n_entries++] = from[i];
		host->bad_entries += !is_sound(&from[i]);
	}
	return call;
}

/* Goes through a call's entries; returns how many are done. */
static uint32_t walk(struct host *host, struct host_call *call)
{
	uint32_t i;

	for (i = 0; i < call->count; i++) {
		const struct host_rule *rule = entry_rule(
			host, call->hwpt_id, &host->entries[call->first + i]);

		if (!rule)
			continue;
		if (rule->fault == HOST_FAIL_ENTRY)
			call->error = rule->error;
		break;
	}
	return i;
}

static int invalidate(struct host *host, struct iommu_hwpt_invalidate *cmd)
{
	const struct host_rule *rule;
	struct host_call *call;

	hold(cmd->size == sizeof(*cmd));
	hold(cmd->entry_len == sizeof(struct iommunest_vtd_entry));
	hold(cmd->data_type == IOMMU_HWPT_INVALIDATE_DATA_VTD_S1);
	hold(cmd->__reserved == 0);
	call = record(host, cmd);
	rule = call_rule(host, cmd->hwpt_id);
	if (!rule) {
		call->handled = walk(host, call);
	} else if (rule->fault == HOST_OVERSTATE) {
		call->handled = call->count + 1;
	} else {
		call->error = rule->error;
		if (rule->fault == HOST_FAIL_UNTOUCHED)
			call->handled = call->count;
	}
	cmd->entry_num = call->handled;
	return call->error;
}

/* ---- The table ---- */

static int host_sys_open(void *data, const char *path, int flags)
{
	(void)data;
	(void)path;
	(void)flags;
	return HOST_FD;
}

static int host_sys_close(void *data, int fd)
{
	(void)data;
	hold(fd == HOST_FD);
	return 0;
}

static int host_sys_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	const struct iommu_hwpt_invalidate *cmd = arg;

	hold(fd == HOST_FD);
	hold(request == IOMMU_HWPT_INVALIDATE);
	/* The library asks what the kernel can: this one has no extension. */
	if (cmd->size > 32)
		return cmd->__reserved ? -EOPNOTSUPP : 0;
	return invalidate(data, arg);
}

static ssize_t host_sys_read(void *data, int fd, void *buf, size_t len)
{
	(void)data;
	(void)fd;
	(void)buf;
	(void)len;
	return -ENOSYS;
}

static ssize_t host_sys_write(void *data, int fd, const void *buf, size_t len)
{
	(void)data;
	(void)fd;
	(void)buf;
	(void)len;
	return -ENOSYS;
}

const struct iommunest_sys host_sys = {
	.size = sizeof(host_sys),
	.open = host_sys_open,
	.close = host_sys_close,
	.ioctl = host_sys_ioctl,
	.read = host_sys_read,
	.write = host_sys_write,
};

/* ---- For tests ---- */

void host_init(struct host *host)
{
	memset(host, 0, sizeof(*host));
}

void host_free(struct host *host)
{
	ck_assert_uint_eq(host->bad_entries, 0);
	free(host->calls);
	free(host->entries);
}

struct iommunest_ctx *host_open(struct host *host)
{
	const struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &host_sys,
		.sys_data = host,
	};
	struct iommunest_ctx *ctx;

	ck_assert_int_eq(iommunest_open(&ctx, &options), 0);
	return ctx;
}

void host_forget(struct host *host)
{
	host->n_calls = 0;
	host->n_entries = 0;
}

void host_fail(struct host *host, struct host_rule rule)
{
	ck_assert_uint_lt(host->n_rules, HOST_RULES);
	host->rules[host->n_rules++] = rule;
}

void host_heal(struct host *host)
{
	host->n_rules = 0;
}

unsigned int host_calls_to(const struct host *host, uint32_t hwpt_id)
{
	unsigned int n = 0;
	uint32_t i;

	for (i = 0; i < host->n_calls; i++)
		n += host->calls[i].hwpt_id == hwpt_id && host->calls[i].count;
	return n;
}

const struct iommunest_vtd_entry *host_entries(const struct host *host,
					       uint32_t call)
{
	ck_assert_uint_lt(call, host->n_calls);
	return &host->entries[host->calls[call].first];
}
