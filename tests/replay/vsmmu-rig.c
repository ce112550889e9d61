/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "lib/uapi/vfio.h"
#include "tests/harness/support.h"
#include "tests/replay/vsmmu-rig.h"

struct iommunest_sim *sim;
struct iommunest_ctx *ctx;
struct vsmmu_device device;
struct vsmmu vsmmu;
unsigned char memory[MEMORY] __attribute__((aligned(4096)));
struct caches caches;
unsigned int interrupts, scheduled;
uint32_t last_interrupt;
struct vsmmu_failure failure;
uint32_t attached_to;
unsigned char event_bytes[256];
size_t event_len;
static uint32_t ioas_id, prod;

/* ---- The host ---- */

static bool fails(unsigned int number)
{
	if (!failure.nth)
		return false;
	if (failure.number == ANY_BUT_INVALIDATE ? number == INVALIDATE
						 : number != failure.number)
		return false;
	failure.count++;
	return failure.count >= failure.nth &&
	       (!failure.times || failure.count < failure.nth + failure.times);
}

/* A change of the entry drops its descriptors, and no translation. */
static void note_attached(uint32_t pt_id)
{
	attached_to = pt_id;
	caches_cut(&caches, 0);
	caches.target[0].cut = pt_id == 0 || pt_id == device.parent_id;
}

static int failing_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	const unsigned int number = request & 0xff;
	int ret;

	if (fails(number))
		return failure.error;
	ret = iommunest_sim_sys()->ioctl(data, fd, request, arg);
	if (!ret && number == DEVICE_ATTACH)
		note_attached(
			((struct vfio_device_attach_iommufd_pt *)arg)->pt_id);
	if (!ret && number == DEVICE_DETACH)
		note_attached(0);
	return ret;
}

static ssize_t read_events(void *data, int fd, void *buf, size_t len)
{
	const size_t n = event_len < len ? event_len : len;

	if (fd != vsmmu.host.event_fd)
		return iommunest_sim_sys()->read(data, fd, buf, len);
	memcpy(buf, event_bytes, n);
	event_len = 0;
	return (ssize_t)n;
}

/* A group has been executed at its CMD_SYNC; streams are the host's there. */
static void note_command(void *user,
			 const struct iommunest_sim_command *command)
{
	static struct iommunest_smmuv3_entry group[64];
	static uint32_t count;
	const uint8_t opcode = (uint8_t)command->word[0];
	uint64_t word = command->word[0];

	(void)user;
	if (opcode == IOMMUNEST_SMMUV3_SYNC) {
		caches_execute(&caches, 0, group, count);
		count = 0;
		return;
	}
	if (opcode < IOMMUNEST_SMMUV3_TLBI_NH_ALL ||
	    opcode == IOMMUNEST_SMMUV3_ATC_INV)
		word = (uint32_t)word | (uint64_t)caches_sid(0) << 32;
	ck_assert_uint_lt(count, 64);
	group[count++] = (struct iommunest_smmuv3_entry){
		.cmd = { htole64(word), htole64(command->word[1]) },
	};
}

void fail_ioctl(unsigned int number, unsigned int nth, unsigned int times,
		int error)
{
	failure = (struct vsmmu_failure){
		.number = number,
		.nth = nth,
		.times = times,
		.error = error,
	};
}

static void inject(uint32_t kind, uint64_t nth, int error, uint64_t times)
{
	const struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = kind,
		.error = error,
		.nth = nth,
		.repeat = times,
	};

	ck_assert_int_eq(iommunest_sim_inject(sim, &fault), 0);
}

void fail_calls(int error, uint64_t times)
{
	inject(error == -ENOMEM ? IOMMUNEST_SIM_FAIL_CALL_UNTOUCHED
				: IOMMUNEST_SIM_FAIL_CALL,
	       1, error, times);
}

void fail_entries(uint64_t nth, int error, uint64_t times)
{
	inject(IOMMUNEST_SIM_FAIL_ENTRY, nth, error, times);
}

void repair(void)
{
	failure = (struct vsmmu_failure){ 0 };
	iommunest_sim_clear_faults(sim);
}

uint64_t calls(void)
{
	struct iommunest_sim_stats stats = { .size = sizeof(stats) };

	iommunest_sim_stats(sim, &stats);
	return stats.calls;
}

/* ---- The VMM ---- */

static int msi(void *user, uint64_t addr, uint32_t data)
{
	(void)user;
	if (addr != DOORBELL)
		return -EFAULT;
	interrupts++;
	last_interrupt = data;
	return 0;
}

static void schedule(void *user)
{
	(void)user;
	scheduled++;
}

void open_device(void)
{
	struct iommunest_hw_info info = { .size = sizeof(info) };

	device = (struct vsmmu_device){ .caps.size = sizeof(device.caps) };
	ck_assert_int_eq(iommunest_vfio_open(ctx, "/dev/vfio/devices/vfio0",
					     &device.fd, &device.dev_id),
			 0);
	ck_assert_int_eq(iommunest_hw_info(ctx, device.dev_id, &info), 0);
	ck_assert_int_eq(iommunest_smmuv3_caps_decode(&device.caps, &info), 0);
	ck_assert_int_eq(iommunest_ioas_alloc(ctx, &ioas_id), 0);
	ck_assert_int_eq(iommunest_hwpt_alloc_parent(ctx, device.dev_id,
						     ioas_id,
						     &device.parent_id),
			 0);
}

/* This is how it is seen that nothing of the example is left. */
void close_device(void)
{
	iommunest_vfio_close(ctx, device.fd);
	ck_assert_int_eq(iommunest_object_destroy(ctx, device.parent_id), 0);
	ck_assert_int_eq(iommunest_object_destroy(ctx, ioas_id), 0);
}

/* QEMU's SMMU, and ATS. */
static void open_host(void)
{
	static struct iommunest_sys sys;
	const struct iommunest_sim_options machine = {
		.size = sizeof(machine),
		.profile = IOMMUNEST_SIM_SMMUV3_7_3,
		.idr = { 0x0d44141b, 0x02730010, 0, 0x1514, 0, 0x74 },
	};
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &sys,
	};

	sys = *iommunest_sim_sys();
	sys.ioctl = failing_ioctl;
	sys.read = read_events;
	ck_assert_int_eq(iommunest_sim_new(&sim, &machine), 0);
	ck_assert_int_eq(
		iommunest_sim_set_vfio_flags(sim, 0, IOMMUNEST_SIM_ATS), 0);
	repair();
	iommunest_sim_on_command(sim, note_command, NULL);
	options.sys_data = sim;
	ck_assert_int_eq(iommunest_open(&ctx, &options), 0);
	open_device();
}

void set_up(void)
{
	struct vsmmu_config config = {
		.memory = memory,
		.memory_size = sizeof(memory),
		.msi = msi,
		.schedule = schedule,
	};

	interrupts = scheduled = 0;
	event_len = 0;
	attached_to = 0;
	caches = (struct caches){ .ats = true };
	caches.target[0].cut = caches.target[1].cut = true;
	memset(memory, 0, sizeof(memory));
	open_host();
	config.ctx = ctx;
	config.caps = device.caps;
	ck_assert_int_eq(vsmmu_init(&vsmmu, &config), 0);
	ck_assert_int_eq(vsmmu_plug(&vsmmu, &device), 0);
}

void tear_down(void)
{
	repair();
	vsmmu_fini(&vsmmu);
	close_device();
	iommunest_close(ctx);
	ck_assert_uint_eq(iommunest_sim_open_fds(sim), 0);
	iommunest_sim_free(sim);
}

/* ---- The guest ---- */

uint32_t read4(uint32_t offset)
{
	return (uint32_t)vsmmu_read(&vsmmu, offset, 4);
}

void write4(uint32_t offset, uint32_t value)
{
	ck_assert_int_eq(vsmmu_write(&vsmmu, offset, value, 4), 0);
}

void write8(uint32_t offset, uint64_t value)
{
	ck_assert_int_eq(vsmmu_write(&vsmmu, offset, value, 8), 0);
}

void poke(uint64_t gpa, uint64_t word)
{
	word = htole64(word);
	memcpy(memory + gpa, &word, sizeof(word));
}

uint64_t peek(uint64_t gpa)
{
	uint64_t word;

	memcpy(&word, memory + gpa, sizeof(word));
	return le64toh(word);
}

void set_ste(uint64_t word0, uint64_t word1)
{
	poke(L2_TABLE + VSMMU_SID * 64 + 8, word1);
	poke(L2_TABLE + VSMMU_SID * 64, word0);
}

static uint32_t slot_of(uint32_t position)
{
	return position & ((1u << RING_BITS) - 1);
}

void put(const struct iommunest_smmuv3_entry *entry)
{
	memcpy(memory + RING + slot_of(prod) * sizeof(*entry), entry,
	       sizeof(*entry));
	prod = (prod + 1) & ((2u << RING_BITS) - 1);
}

static void put_cmd(const struct iommunest_smmuv3_cmd *cmd)
{
	struct iommunest_smmuv3_entry entry;

	ck_assert_int_eq(iommunest_smmuv3_cmd_encode(cmd, &entry), 0);
	put(&entry);
}

void put_page(uint64_t addr)
{
	struct iommunest_smmuv3_entry entry;

	caches_issue(&caches, CACHES_PAGE, addr, &entry);
	put(&entry);
}

void put_ste(void)
{
	const struct iommunest_smmuv3_cmd cmd = {
		.size = sizeof(cmd),
		.opcode = IOMMUNEST_SMMUV3_CFGI_STE,
		.sid = VSMMU_SID,
	};

	put_cmd(&cmd);
}

uint32_t put_sync(void)
{
	const uint32_t slot = slot_of(prod);
	const struct iommunest_smmuv3_cmd cmd = {
		.size = sizeof(cmd),
		.opcode = IOMMUNEST_SMMUV3_SYNC,
		.signal = IOMMUNEST_SMMUV3_SIGNAL_IRQ,
		.addr = RING + (uint64_t)slot * 16,
	};

	put_cmd(&cmd);
	return slot;
}

bool is_synced(uint32_t slot)
{
	return (uint32_t)peek(RING + (uint64_t)slot * 16) == 0;
}

int kick(void)
{
	return vsmmu_write(&vsmmu, REG_CMDQ_PROD, prod, 4);
}

void invalidate_ste(void)
{
	uint32_t sync;

	put_ste();
	sync = put_sync();
	ck_assert_int_eq(kick(), 0);
	ck_assert(is_synced(sync));
	ck_assert_uint_eq(read4(REG_CMDQ_CONS), prod);
}

void set_up_guest(void)
{
	prod = 0;
	poke(L1_TABLE, L2_TABLE | 7);
	write8(REG_STRTAB_BASE, L1_TABLE);
	write4(REG_STRTAB_BASE_CFG, 1u << 16 | 6u << 6 | 12u);
	write8(REG_CMDQ_BASE, RING | RING_BITS);
	write8(REG_EVENTQ_BASE, EVENTS | EVENT_BITS);
	write8(REG_EVENTQ_IRQ_CFG0, DOORBELL);
	write4(REG_EVENTQ_IRQ_CFG1, 1);
	write8(REG_GERROR_IRQ_CFG0, DOORBELL);
	write4(REG_GERROR_IRQ_CFG1, 2);
	write4(REG_IRQ_CTRL, IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ);
	write4(REG_CR0, CR0_CMDQEN | CR0_EVENTQEN);
}

void start_guest(void)
{
	set_up_guest();
	set_ste(STE_S1(0x3000), 0);
	write4(REG_CR0, CR0_CMDQEN | CR0_EVENTQEN | CR0_SMMUEN);
	expect_dma(VSMMU_NESTED);
}

void expect_dma(enum vsmmu_dma dma)
{
	ck_assert_int_eq(vsmmu.nest.dma, dma);
	switch (dma) {
	case VSMMU_NESTED:
		ck_assert_uint_ne(attached_to, 0);
		ck_assert_uint_eq(attached_to, vsmmu.nest.hwpt_id);
		break;
	case VSMMU_PARENT:
		ck_assert_uint_eq(attached_to, device.parent_id);
		break;
	default:
		ck_assert_uint_eq(attached_to, 0);
	}
}
