/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <errno.h>
#include <string.h>

#include "lib/uapi/vfio.h"
#include "tests/harness/support.h"
#include "tests/replay/viommu-rig.h"

struct iommunest_sim *sim;
struct iommunest_ctx *ctx;
struct viommu_device device;
struct viommu viommu;
unsigned char memory[MEMORY] __attribute__((aligned(4096)));
unsigned int interrupts, scheduled;
uint64_t msi_addr;
uint32_t msi_data;
struct at_msi at_msi;
struct ioctl_failure ioctl_failure;
uint32_t attached_to;
static uint32_t ioas_id;
unsigned int detaches;

/* ---- The host ---- */

static bool fails(unsigned int number)
{
	struct ioctl_failure *failure = &ioctl_failure;

	if (!failure->nth)
		return false;
	if (failure->number == ANY_BUT_INVALIDATE ? number == INVALIDATE
						  : number != failure->number)
		return false;
	failure->count++;
	return failure->count >= failure->nth &&
	       (!failure->times ||
		failure->count < failure->nth + failure->times);
}

static int failing_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	unsigned int number = request & 0xff;
	int ret;

	if (fails(number))
		return ioctl_failure.error;
	ret = iommunest_sim_sys()->ioctl(data, fd, request, arg);
	if (!ret && number == DEVICE_ATTACH)
		attached_to =
			((struct vfio_device_attach_iommufd_pt *)arg)->pt_id;
	if (!ret && number == DEVICE_DETACH) {
		attached_to = 0;
		detaches++;
	}
	return ret;
}

static void schedule(void *user)
{
	(void)user;
	scheduled++;
}

void fail_ioctl(unsigned int number, unsigned int nth, unsigned int times,
		int error)
{
	ioctl_failure = (struct ioctl_failure){
		.number = number,
		.nth = nth,
		.times = times,
		.error = error,
	};
}

void repair(void)
{
	ioctl_failure = (struct ioctl_failure){ 0 };
}

static void msi(void *user, uint64_t addr, uint32_t data)
{
	(void)user;
	interrupts++;
	msi_addr = addr;
	msi_data = data;
	at_msi = (struct at_msi){
		.fsts = read4(REG_FSTS),
		.iqh = read8(REG_IQH),
		.iqercd = read8(REG_IQERCD),
		.status = status(0),
	};
}

void open_device(void)
{
	device = (struct viommu_device){ .info.size = sizeof(device.info) };
	ck_assert_int_eq(iommunest_vfio_open(ctx, "/dev/vfio/devices/vfio0",
					     &device.fd, &device.dev_id),
			 0);
	ck_assert_int_eq(iommunest_hw_info(ctx, device.dev_id, &device.info),
			 0);
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

static void open_host(void)
{
	static struct iommunest_sys sys;
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &sys,
	};

	sys = *iommunest_sim_sys();
	sys.ioctl = failing_ioctl;
	repair();
	attached_to = 0;
	detaches = 0;
	ck_assert_int_eq(iommunest_sim_new(&sim, NULL), 0);
	options.sys_data = sim;
	ck_assert_int_eq(iommunest_open(&ctx, &options), 0);
	open_device();
}

void set_up(void)
{
	struct viommu_config config = {
		.memory = memory,
		.memory_size = sizeof(memory),
		.msi = msi,
		.schedule = schedule,
	};

	interrupts = 0;
	scheduled = 0;
	memset(memory, 0, sizeof(memory));
	open_host();
	config.ctx = ctx;
	config.info = device.info;
	ck_assert_int_eq(viommu_init(&viommu, &config), 0);
	ck_assert_int_eq(viommu_plug(&viommu, &device), 0);
}

void tear_down(void)
{
	repair();
	viommu_fini(&viommu);
	close_device();
	iommunest_close(ctx);
	ck_assert_uint_eq(iommunest_sim_open_fds(sim), 0);
	iommunest_sim_free(sim);
}

uint64_t calls(void)
{
	struct iommunest_sim_stats stats = { .size = sizeof(stats) };

	iommunest_sim_stats(sim, &stats);
	return stats.calls;
}

void fail_entry(uint64_t nth, int error)
{
	const struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = IOMMUNEST_SIM_FAIL_ENTRY,
		.error = error,
		.nth = nth,
	};

	ck_assert_int_eq(iommunest_sim_inject(sim, &fault), 0);
}

/* ---- The guest ---- */

uint32_t read4(uint32_t offset)
{
	uint64_t value = viommu_read(&viommu, offset, 4);

	ck_assert_uint_le(value, UINT32_MAX);
	return (uint32_t)value;
}

uint64_t read8(uint32_t offset)
{
	return viommu_read(&viommu, offset, 8);
}

void write4(uint32_t offset, uint32_t value)
{
	ck_assert_int_eq(viommu_write(&viommu, offset, value, 4), 0);
}

void write8(uint32_t offset, uint64_t value)
{
	ck_assert_int_eq(viommu_write(&viommu, offset, value, 8), 0);
}

void poke(uint64_t gpa, uint64_t word)
{
	memcpy(memory + gpa, &word, sizeof(word));
}

uint32_t status(unsigned int word)
{
	uint32_t value;

	memcpy(&value, memory + STATUS + 4 * word, sizeof(value));
	return value;
}

void put(uint32_t slot, const struct iommunest_vtd_desc *desc)
{
	memcpy(memory + RING + slot * 32, desc->raw, 32);
}

void put_piotlb(uint32_t slot, uint64_t addr)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	iommunest_vtd_desc_piotlb(&desc, IOMMUNEST_VTD_PIOTLB_PAGES, DID, 0,
				  addr, 0, 0);
	put(slot, &desc);
}

void put_wait(uint32_t slot, uint32_t flags)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	iommunest_vtd_desc_wait(&desc, flags, STATUS + 4 * slot, 1);
	put(slot, &desc);
}

void put_bad(uint32_t slot)
{
	const struct iommunest_vtd_desc desc = { .raw = { 0xf } };

	put(slot, &desc);
}

void put_pasid_cache(uint32_t slot)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	iommunest_vtd_desc_pasid_cache(&desc, IOMMUNEST_VTD_PASID_CACHE_PASID,
				       DID, 0);
	put(slot, &desc);
}

void kick(uint32_t tail)
{
	write4(REG_IQT, tail * 32);
}

void enable_queue(void)
{
	write4(REG_IQT, 0);
	write8(REG_IQA, RING | IOMMUNEST_VTD_IQA_DW);
	write4(REG_GCMD, GCMD_QIE);
}

void set_pasid_entry(uint64_t root)
{
	poke(PASID_TABLE + 16, root);
	poke(PASID_TABLE + 8, DID);
	poke(PASID_TABLE, IOMMUNEST_VTD_PGTT_FIRST_STAGE << 6 | 1);
}

void start_guest(void)
{
	enable_queue();
	poke(ROOT_TABLE, CONTEXT_TABLE | 1);
	poke(CONTEXT_TABLE + VIOMMU_SID * 32, PASID_DIRECTORY | 1);
	poke(PASID_DIRECTORY, PASID_TABLE | 1);
	set_pasid_entry(0x5000);
	write8(REG_RTADDR, ROOT_TABLE | RTADDR_TTM_SCALABLE);
	write4(REG_GCMD, GCMD_QIE | GCMD_SRTP);
	write4(REG_GCMD, GCMD_QIE | GCMD_TE);
	ck_assert_uint_ne(viommu.nest.hwpt_id, 0);
}
