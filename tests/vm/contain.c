/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "contain.h"

#include "inject.h"
#include "vfio-uapi.h"

#include "tests/harness/support.h"

#include "lib/uapi/invalidate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TRANSLATION "/sys/kernel/debug/iommu/intel/dmar_translation_struct"
#define TRACEFS "/sys/kernel/tracing/"
/* Of the knobs, one that goes with part C of the series. */
#define BLOCKED "/sys/kernel/debug/iommu/intel/inject/blocked"
#define DEVICES "/sys/bus/pci/devices/"

/* Where a guest's tables are; nobody walks them. */
#define ROOT_AT(nth) (CONTAIN_IOVA + (nth)*CONTAIN_PAGE)
#define MAX_ENTRIES 64u

static const char *const addresses[CONTAIN_DEVICES] = {
	"0000:01:00.0",
	"0000:02:00.0",
	"0000:03:00.0",
};

const char *contain_address(unsigned int device)
{
	return addresses[device];
}

/* "DOMAIN:BUS:DEVICE.FUNCTION" */
uint16_t contain_sid(const char *address)
{
	unsigned int bus, device, function;

	ck_assert_int_eq(
		sscanf(address, "%*x:%x:%x.%x", &bus, &device, &function), 3);
	return (uint16_t)(bus << 8 | device << 3 | function);
}

bool contain_blocks(void)
{
	return access(BLOCKED, F_OK) == 0;
}

bool contain_can_race(void)
{
	unsigned int i;

	if (!inject_is_there())
		return false;
	for (i = 0; i < CONTAIN_DEVICES; i++) {
		if (!sysfs_device_is_there(addresses[i])) {
			printf("no device %s: another machine\n", addresses[i]);
			return false;
		}
		if (sysfs_give_to_vfio(addresses[i])) {
			printf("%s cannot be given to VFIO\n", addresses[i]);
			return false;
		}
	}
	return true;
}

bool contain_can_be_tested(void)
{
	if (contain_blocks())
		return contain_can_race();
	printf("the kernel cannot be made to see a silent device\n");
	return false;
}

/* ---- Knobs ---- */

/* Who answers nothing now. */
static struct {
	unsigned int count;
	uint16_t sid[4];
} silent;

void contain_clear(void)
{
	silent.count = 0;
	inject_clear();
}

/* ---- Users ---- */

struct user user_a, user_b, user_c;

void contain_begin(void)
{
	contain_clear();
	inject_log_lines("");
}

void contain_end(void)
{
	unsigned int warnings;

	contain_clear();
	user_end(&user_c);
	user_end(&user_b);
	user_end(&user_a);
	warnings = inject_log_lines("WARNING:");
	ck_assert_uint_eq(warnings, 0);
}

int user_open_device(struct user *user)
{
	return iommunest_vfio_open_pci(user->ctx, user->address, &user->fd,
				       &user->dev, NULL);
}

static uint64_t iova_of(unsigned int page)
{
	return CONTAIN_IOVA + (uint64_t)page * CONTAIN_PAGE;
}

int user_map(struct user *user, unsigned int page)
{
	uint64_t iova = iova_of(page);

	return iommunest_ioas_map(
		user->ctx, user->ioas, user->memory + page * CONTAIN_PAGE,
		CONTAIN_PAGE,
		IOMMUNEST_MAP_FIXED | IOMMUNEST_MAP_READ | IOMMUNEST_MAP_WRITE,
		&iova);
}

int user_unmap(struct user *user, unsigned int page)
{
	return iommunest_ioas_unmap(user->ctx, user->ioas, iova_of(page),
				    CONTAIN_PAGE, NULL);
}

static void get_memory(struct user *user)
{
	unsigned int i;

	user->memory =
		mmap(NULL, CONTAIN_PAGES * CONTAIN_PAGE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ck_assert_ptr_ne(user->memory, MAP_FAILED);
	ck_assert_int_eq(iommunest_ioas_alloc(user->ctx, &user->ioas), 0);
	for (i = 0; i < CONTAIN_PAGES; i++)
		ck_assert_int_eq(user_map(user, i), 0);
}

static void get_stage(struct user *user, unsigned int nth, uint32_t *id)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.pgtbl_addr = ROOT_AT(nth),
		.addr_width = 48,
	};

	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(user->ctx, user->dev,
						  user->parent, &s1, id),
			 0);
}

void user_begin_plain(struct user *user, const char *address)
{
	*user = (struct user){
		.address = address,
		.sid = contain_sid(address),
		.fd = -1,
	};
	ck_assert_int_eq(iommunest_open(&user->ctx, NULL), 0);
	ck_assert_int_eq(user_open_device(user), 0);
	get_memory(user);
	ck_assert_int_eq(user_attach(user, user->ioas), 0);
}

void user_begin(struct user *user, const char *address)
{
	user_begin_plain(user, address);
	ck_assert_int_eq(iommunest_hwpt_alloc_parent(user->ctx, user->dev,
						     user->ioas, &user->parent),
			 0);
	get_stage(user, 0, &user->nested);
	get_stage(user, 1, &user->other);
	ck_assert_int_eq(user_attach(user, user->nested), 0);
}

void user_join(struct user *user, const struct user *with, const char *address)
{
	*user = *with;
	user->address = address;
	user->sid = contain_sid(address);
	user->fd = -1;
	user->is_guest = true;
	ck_assert_int_eq(user_open_device(user), 0);
	ck_assert_int_eq(user_attach(user, user->nested), 0);
}

void user_close_device(struct user *user)
{
	if (user->fd >= 0)
		iommunest_vfio_close(user->ctx, user->fd);
	user->fd = -1;
}

void user_end(struct user *user)
{
	if (!user->ctx)
		return;
	user_close_device(user);
	if (!user->is_guest) {
		iommunest_close(user->ctx);
		munmap(user->memory, CONTAIN_PAGES * CONTAIN_PAGE);
	}
	user->ctx = NULL;
}

int user_attach(struct user *user, uint32_t id)
{
	return iommunest_vfio_attach(user->ctx, user->fd, &id);
}

int user_detach(struct user *user)
{
	return iommunest_vfio_detach(user->ctx, user->fd);
}

int user_reset(struct user *user)
{
	return ioctl(user->fd, VM_VFIO_RESET) ? -errno : 0;
}

static struct answer ask(struct user *user, uint32_t count, uint32_t flags)
{
	static __thread struct iommu_hwpt_vtd_s1_invalidate
		entries[MAX_ENTRIES];
	struct iommunest_uapi_invalidate cmd = {
		.size = flags ? (uint32_t)sizeof(cmd)
			      : (uint32_t)IOMMUNEST_UAPI_INVALIDATE_SIZE,
		.hwpt_id = user->nested,
		.data_uptr = (uintptr_t)entries,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = sizeof(*entries),
		.entry_num = count,
		.flags = flags,
	};
	struct answer answer;
	uint32_t i;

	for (i = 0; i < count && i < MAX_ENTRIES; i++)
		entries[i] = (struct iommu_hwpt_vtd_s1_invalidate){
			.addr = (uint64_t)(i + 1) << 13,
			.npages = 1,
		};
	answer.ret = iommunest_ioctl(user->ctx, IOMMU_HWPT_INVALIDATE, &cmd);
	answer.done = cmd.entry_num;
	answer.code = cmd.out_driver_error_code;
	answer.last = cmd.out_last_index;
	return answer;
}

struct answer user_invalidate(struct user *user, uint32_t count)
{
	return ask(user, count, 0);
}

struct answer user_invalidate_reporting(struct user *user, uint32_t count)
{
	return ask(user, count, IOMMUNEST_INVALIDATE_REPORT_ERROR);
}

bool user_can_invalidate(struct user *user, uint32_t count)
{
	struct answer answer = user_invalidate(user, count);

	if (!answer.ret && answer.done == count)
		return true;
	printf("invalidation of %" PRIu32 ": %s, %" PRIu32 " done\n", count,
	       strerror(-answer.ret), answer.done);
	return false;
}

/* ---- What becomes of the device ---- */

static void tell_silent(void)
{
	inject_list("silent_sid", silent.sid, silent.count);
}

static void forget_silent(uint16_t sid)
{
	unsigned int i, kept = 0;

	for (i = 0; i < silent.count; i++) {
		if (silent.sid[i] != sid)
			silent.sid[kept++] = silent.sid[i];
	}
	silent.count = kept;
}

void device_falls_silent(const struct user *user)
{
	forget_silent(user->sid);
	ck_assert_uint_lt(silent.count, ARRAY_LEN(silent.sid));
	silent.sid[silent.count++] = user->sid;
	tell_silent();
}

void device_answers(const struct user *user)
{
	forget_silent(user->sid);
	tell_silent();
}

void all_devices_answer(void)
{
	silent.count = 0;
	tell_silent();
}

/* A line for each PASID-table entry below a context entry that is present. */
bool device_is_let_in(const struct user *user)
{
	FILE *file = fopen(TRANSLATION, "r");
	unsigned int bus, device, function;
	bool found = false;
	char line[256];

	ck_assert_ptr_nonnull(file);
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%x:%x.%x", &bus, &device, &function) ==
				3 &&
			(bus << 8 | device << 3 | function) == user->sid;
	fclose(file);
	return found;
}

static unsigned int sent_to(struct user *user, bool *ok)
{
	history_begin();
	*ok = user_can_invalidate(user, 4);
	return history_devtlb(user->sid);
}

bool device_works(struct user *user)
{
	unsigned int sent;
	bool let_in = device_is_let_in(user), ok;

	sent = sent_to(user, &ok);
	if (ok && sent >= 4 && let_in)
		return true;
	printf("%s does not work: %u were sent, %slet in\n", user->address,
	       sent, let_in ? "" : "not ");
	return false;
}

bool device_is_cut_off(struct user *user)
{
	unsigned int sent;
	bool let_in = device_is_let_in(user), ok;

	sent = sent_to(user, &ok);
	if (ok && !sent && !let_in)
		return true;
	printf("%s is not cut off: %u were sent, %slet in\n", user->address,
	       sent, let_in ? "" : "not ");
	return false;
}

void contain(struct user *user)
{
	const uint64_t blocked = inject_get("blocked");

	device_falls_silent(user);
	ck_assert(user_can_invalidate(user, 4));
	ck_assert_uint_eq(inject_get("blocked"), blocked + 1);
	device_answers(user);
	ck_assert(device_is_cut_off(user));
}

/* ---- sysfs ---- */

int sysfs_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int sysfs_device(const char *address, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), DEVICES "%s/%s", address, file);
	return sysfs_write(path, text);
}

bool sysfs_device_is_there(const char *address)
{
	char path[128];

	snprintf(path, sizeof(path), DEVICES "%s", address);
	return access(path, F_OK) == 0;
}

int sysfs_give_to_vfio(const char *address)
{
	int ret = sysfs_device(address, "driver_override", "vfio-pci");
	char path[128];

	snprintf(path, sizeof(path), DEVICES "%s/driver", address);
	if (ret || access(path, F_OK) == 0)
		return ret;
	return sysfs_write("/sys/bus/pci/drivers_probe", address);
}

void sysfs_rescan(void)
{
	ck_assert_int_eq(sysfs_write("/sys/bus/pci/rescan", "1"), 0);
}

/* ---- Time ---- */

void sleep_ms(unsigned int ms)
{
	struct timespec left = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- What was submitted ---- */

/*
 * Read as text, because that is in the order of time over all CPUs.  The clock
 * has to be one for all of them.
 */
static struct event events[HISTORY_MAX];
static unsigned int event_count;

static void tracing(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), TRACEFS "%s", file);
	if (sysfs_write(path, text))
		ck_abort_msg("%s: %s", path, strerror(errno));
}

void history_begin(void)
{
	static bool is_set_up;

	if (!is_set_up) {
		tracing("buffer_size_kb", "4096");
		tracing("trace_clock", "mono");
		tracing("events/intel_iommu/qi_submit/enable", "1");
		is_set_up = true;
	}
	tracing("tracing_on", "0");
	tracing("trace", "0");
	tracing("tracing_on", "1");
}

void history_mark(int mark)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", mark);
	tracing("trace_marker", text);
}

static bool parse_event(const char *line, struct event *event)
{
	const char *at = strstr(line, "tracing_mark_write: ");

	*event = (struct event){ 0 };
	if (at) {
		event->is_mark = true;
		event->mark = atoi(at + strlen("tracing_mark_write: "));
		return true;
	}
	at = strstr(line, "qi_submit: ");
	if (!at)
		return false;
	return sscanf(at, "qi_submit: %*s %*s %" SCNx64 " %" SCNx64,
		      &event->qw0, &event->qw1) == 2;
}

unsigned int history_end(const struct event **all)
{
	char line[512];
	FILE *file;

	tracing("tracing_on", "0");
	event_count = 0;
	file = fopen(TRACEFS "trace", "r");
	ck_assert_ptr_nonnull(file);
	while (event_count < HISTORY_MAX && fgets(line, sizeof(line), file)) {
		/* What was lost could be just what matters. */
		ck_assert_ptr_null(strstr(line, "LOST"));
		event_count += parse_event(line, &events[event_count]);
	}
	ck_assert(feof(file));
	fclose(file);
	*all = events;
	return event_count;
}

unsigned int event_type(const struct event *event)
{
	return event->is_mark ? 0 : (unsigned int)(event->qw0 & 0xf);
}

int event_devtlb_sid(const struct event *event)
{
	switch (event_type(event)) {
	case 3:
		return (int)(event->qw0 >> 32 & 0xffff);
	case 8:
		return (int)(event->qw0 >> 16 & 0xffff);
	default:
		return -1;
	}
}

unsigned int history_devtlb(uint16_t sid)
{
	const struct event *all;
	unsigned int count = history_end(&all), found = 0, i;

	for (i = 0; i < count; i++)
		found += event_devtlb_sid(&all[i]) == sid;
	return found;
}
