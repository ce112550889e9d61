/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A simulator's options, file descriptors, objects and devices. */
#include "tests/harness/sim-rig.h"
#include "tests/harness/support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define BIT(n) (1ull << (n))
#define ECAP_NEST BIT(26)
#define ECAP_SMTS BIT(43)
#define ECAP_SLTS BIT(46)
#define ECAP_FLTS BIT(47)

static const struct iommunest_sys *sys(void)
{
	return iommunest_sim_sys();
}

static int open_dev(struct iommunest_sim *sim)
{
	return sys()->open(sim, "/dev/iommu", O_RDWR);
}

/* ---- Options ---- */

TEST(a_null_result_pointer_is_einval)
{
	ck_assert_int_eq(iommunest_sim_new(NULL, NULL), -EINVAL);
}

TEST(no_options_are_the_newest_kernel)
{
	struct rig rig;

	rig_open_with(&rig, NULL, 0);
	rig_flush(&rig, 0, ALL, 0);
	ck_assert_uint_eq(rig.descs[0].kind, IOMMUNEST_SIM_PIOTLB_ALL);
	rig_close(&rig);
}

static int new_with(const struct iommunest_sim_options *options)
{
	struct iommunest_sim *sim = (void *)1;
	int ret = iommunest_sim_new(&sim, options);

	if (ret)
		ck_assert_ptr_null(sim);
	iommunest_sim_free(sim);
	return ret;
}

TEST(bad_options_are_einval)
{
	struct iommunest_sim_options small = {
		.size = SIZE_TO(struct iommunest_sim_options, ecap) - 1,
	};
	struct iommunest_sim_options none = { .size = 0 };
	struct iommunest_sim_options profile = {
		.size = sizeof(profile),
		.profile = IOMMUNEST_SIM_SMMUV3_7_3_PATCHED + 1,
	};
	struct iommunest_sim_options flags = { .size = sizeof(flags),
					       .flags = 2 };
	struct iommunest_sim_options errata = {
		.size = sizeof(errata),
		.errata = IOMMUNEST_SMMUV3_ERRATA_REPEAT << 1,
	};
	struct iommunest_sim_options reserved = { .size = sizeof(reserved),
						  .reserved = 1 };

	ck_assert_int_eq(new_with(&small), -EINVAL);
	ck_assert_int_eq(new_with(&none), -EINVAL);
	ck_assert_int_eq(new_with(&profile), -EINVAL);
	ck_assert_int_eq(new_with(&flags), -EINVAL);
	ck_assert_int_eq(new_with(&errata), -EINVAL);
	ck_assert_int_eq(new_with(&reserved), -EINVAL);
}

TEST(older_options_are_accepted)
{
	struct iommunest_sim_options older = {
		.size = SIZE_TO(struct iommunest_sim_options, ecap),
		/* Not looked at. */
		.reserved = 1,
	};

	ck_assert_int_eq(new_with(&older), 0);
}

TEST(newer_options_are_accepted_if_the_unknown_part_is_zero)
{
	struct {
		struct iommunest_sim_options options;
		uint64_t tail[2];
	} newer = { .options = { .size = sizeof(newer) } };

	ck_assert_int_eq(new_with(&newer.options), 0);
	newer.tail[1] = BIT(63);
	ck_assert_int_eq(new_with(&newer.options), -E2BIG);
}

TEST(options_larger_than_a_page_are_e2big)
{
	union {
		struct iommunest_sim_options options;
		char page[8192];
	} large = { .options = { .size = 4096 } };

	ck_assert_int_eq(new_with(&large.options), 0);
	large.options.size = 4097;
	ck_assert_int_eq(new_with(&large.options), -E2BIG);
}

TEST(freeing_nothing_is_allowed)
{
	iommunest_sim_free(NULL);
}

/* ---- Hardware ---- */

static struct iommu_hw_info_vtd hw_info(const struct rig *rig,
					struct iommu_hw_info *cmd)
{
	struct iommu_hw_info_vtd vtd = { 0 };

	memset(cmd, 0, sizeof(*cmd));
	cmd->size = sizeof(*cmd);
	cmd->dev_id = rig->dev;
	cmd->data_len = sizeof(vtd);
	cmd->data_uptr = (uintptr_t)&vtd;
	ck_assert_int_eq(rig_ioctl(rig, IOMMU_GET_HW_INFO, cmd), 0);
	return vtd;
}

TEST(the_default_is_a_nesting_vtd_with_a_mamv_of_18)
{
	struct iommu_hw_info_vtd vtd;
	struct iommu_hw_info cmd;
	struct rig rig;

	rig_open(&rig, IOMMUNEST_SIM_NEWEST, 0, 0);
	vtd = hw_info(&rig, &cmd);
	ck_assert_uint_eq(vtd.cap_reg >> 48 & 0x3f, 18);
	ck_assert(vtd.ecap_reg & ECAP_NEST);
	ck_assert(vtd.ecap_reg & ECAP_SMTS);
	ck_assert_uint_eq(cmd.out_max_pasid_log2, 20);
	rig_close(&rig);
}

TEST(registers_come_from_the_options)
{
	const struct iommunest_sim_options options = {
		.size = sizeof(options),
		.cap = 0x123456789abcdef0,
		.ecap = ECAP_NEST | ECAP_SMTS | ECAP_SLTS | 0x55,
	};
	struct iommu_hw_info_vtd vtd;
	struct iommu_hw_info cmd;
	struct rig rig;

	rig_open_with(&rig, &options, 0);
	vtd = hw_info(&rig, &cmd);
	ck_assert_uint_eq(vtd.cap_reg, options.cap);
	ck_assert_uint_eq(vtd.ecap_reg, options.ecap);
	ck_assert_uint_eq(cmd.out_max_pasid_log2, 0);
	rig_close(&rig);
}

TEST(hw_info_reports_missing_ats_in_7_3)
{
	const uint64_t not_supported = BIT(3);
	struct iommu_hw_info cmd;
	struct rig rig;

	rig_open(&rig, IOMMUNEST_SIM_LINUX_7_3, 0, 0);
	hw_info(&rig, &cmd);
	ck_assert(cmd.out_capabilities & not_supported);
	rig_close(&rig);
	rig_open(&rig, IOMMUNEST_SIM_LINUX_7_3, 0, IOMMUNEST_SIM_ATS);
	hw_info(&rig, &cmd);
	ck_assert(!(cmd.out_capabilities & not_supported));
	rig_close(&rig);
	rig_open(&rig, IOMMUNEST_SIM_LINUX_6_12, 0, 0);
	hw_info(&rig, &cmd);
	ck_assert(!(cmd.out_capabilities & not_supported));
	rig_close(&rig);
}

/* Allocates a paging HWPT with @flags, on hardware with @ecap. */
static int paging_with(uint32_t profile, uint64_t ecap, uint32_t flags)
{
	const struct iommunest_sim_options options = {
		.size = sizeof(options),
		.profile = profile,
		.ecap = ecap,
	};
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iommu_hwpt_alloc cmd = { .size = sizeof(cmd), .flags = flags };
	struct rig rig;
	int ret;

	ck_assert_int_eq(iommunest_sim_new(&rig.sim, &options), 0);
	rig.fd = open_dev(rig.sim);
	ck_assert_int_eq(rig_ioctl(&rig, IOMMU_IOAS_ALLOC, &ioas), 0);
	cmd.pt_id = ioas.out_ioas_id;
	cmd.dev_id = rig_bind(&rig, 0);
	ret = rig_ioctl(&rig, IOMMU_HWPT_ALLOC, &cmd);
	rig_close(&rig);
	return ret;
}

TEST(a_parent_needs_hardware_that_nests)
{
	const uint32_t old = IOMMUNEST_SIM_LINUX_6_12;
	const uint32_t new = IOMMUNEST_SIM_LINUX_7_3;
	const uint32_t parent = IOMMU_HWPT_ALLOC_NEST_PARENT;
	const uint64_t without_nest = ECAP_SMTS | ECAP_SLTS;
	const uint64_t without_smts = ECAP_NEST | ECAP_SLTS;
	const uint64_t without_slts = ECAP_NEST | ECAP_SMTS;

	ck_assert_int_eq(paging_with(old, without_nest, parent), -EOPNOTSUPP);
	ck_assert_int_eq(paging_with(new, without_nest, parent), -EOPNOTSUPP);
	ck_assert_int_eq(paging_with(old, without_smts, parent), -EOPNOTSUPP);
	ck_assert_int_eq(paging_with(new, without_smts, parent), -EOPNOTSUPP);
	ck_assert_int_eq(paging_with(old, without_slts, parent), 0);
	ck_assert_int_eq(paging_with(new, without_slts, parent), -EOPNOTSUPP);
}

TEST(a_plain_hwpt_needs_a_stage_in_7_3)
{
	const uint32_t old = IOMMUNEST_SIM_LINUX_6_12;
	const uint32_t new = IOMMUNEST_SIM_LINUX_7_3;

	ck_assert_int_eq(paging_with(new, ECAP_SMTS, 0), -EOPNOTSUPP);
	ck_assert_int_eq(paging_with(old, ECAP_SMTS, 0), 0);
	ck_assert_int_eq(paging_with(new, ECAP_SMTS | ECAP_FLTS, 0), 0);
	ck_assert_int_eq(paging_with(new, ECAP_SMTS | ECAP_SLTS, 0), 0);
	/* Legacy mode is a second stage. */
	ck_assert_int_eq(paging_with(new, 1, 0), 0);
}

TEST(tracking_dirty_pages_needs_the_hardware)
{
	const uint32_t dirty = IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	const uint64_t all = ECAP_SMTS | ECAP_SLTS | BIT(45) | BIT(48);
	uint32_t profile;

	for (profile = 1; profile <= 2; profile++) {
		ck_assert_int_eq(paging_with(profile, all, dirty), 0);
		ck_assert_int_eq(paging_with(profile, all & ~BIT(45), dirty),
				 -EOPNOTSUPP);
		ck_assert_int_eq(paging_with(profile, all & ~BIT(48), dirty),
				 -EOPNOTSUPP);
		ck_assert_int_eq(paging_with(profile, all & ~ECAP_SMTS, dirty),
				 -EOPNOTSUPP);
	}
}

/* ---- File descriptors ---- */

TEST(only_dev_iommu_can_be_opened)
{
	char name[100] = "/dev/iommu";
	struct rig rig;

	rig_open(&rig, 0, 0, 0);
	ck_assert_int_eq(sys()->open(rig.sim, "/dev/iomm", O_RDWR), -ENOENT);
	ck_assert_int_eq(sys()->open(rig.sim, "/dev/iommu0", O_RDWR), -ENOENT);
	ck_assert_int_eq(sys()->open(rig.sim, "", O_RDWR), -ENOENT);
	memset(name + strlen(name), 'u', sizeof(name) - 1 - strlen(name));
	ck_assert_int_eq(sys()->open(rig.sim, name, O_RDWR), -ENOENT);
	ck_assert_int_eq(sys()->open(rig.sim, NULL, O_RDWR), -EFAULT);
	ck_assert_int_eq(sys()->open(rig.sim, (void *)8, O_RDWR), -EFAULT);
	ck_assert_uint_eq(iommunest_sim_open_fds(rig.sim), 1);
	rig_close(&rig);
}

TEST(file_descriptors_are_invalid_in_the_process)
{
	struct rig rig;

	rig_open(&rig, 0, 0, 0);
	ck_assert_int_eq(fcntl(rig.fd, F_GETFD), -1);
	ck_assert_int_eq(errno, EBADF);
	rig_close(&rig);
}

TEST(a_hundred_files_can_be_open_at_once)
{
	struct iommunest_sim *sim;
	int fds[100];
	int i;

	ck_assert_int_eq(iommunest_sim_new(&sim, NULL), 0);
	for (i = 0; i < 100; i++) {
		fds[i] = open_dev(sim);
		ck_assert_int_ge(fds[i], 0);
		ck_assert(i == 0 || fds[i] == fds[i - 1] + 1);
		ck_assert_uint_eq(iommunest_sim_open_fds(sim),
				  (unsigned int)i + 1);
	}
	ck_assert_int_eq(sys()->close(sim, fds[7]), 0);
	ck_assert_int_eq(open_dev(sim), fds[7]);
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(sys()->close(sim, fds[i]), 0);
	ck_assert_uint_eq(iommunest_sim_open_fds(sim), 0);
	iommunest_sim_free(sim);
}

static void all_is_ebadf(struct rig *rig, int fd)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	char byte = 0;
	uint32_t dev;

	ck_assert_int_eq(sys()->ioctl(rig->sim, fd, IOMMU_IOAS_ALLOC, &cmd),
			 -EBADF);
	ck_assert_int_eq(sys()->ioctl(rig->sim, fd, IOMMU_HWPT_INVALIDATE,
				      NULL),
			 -EBADF);
	ck_assert_int_eq(sys()->read(rig->sim, fd, &byte, 1), -EBADF);
	ck_assert_int_eq(sys()->write(rig->sim, fd, &byte, 1), -EBADF);
	ck_assert_int_eq(sys()->close(rig->sim, fd), -EBADF);
	ck_assert_int_eq(iommunest_sim_bind(rig->sim, fd, 0, &dev), -EBADF);
	ck_assert_int_eq(iommunest_sim_attach(rig->sim, fd, 1, 0), -EBADF);
	ck_assert_int_eq(iommunest_sim_translate(rig->sim, fd, 1, 0, 0),
			 -EBADF);
	ck_assert_uint_eq(iommunest_sim_cached(rig->sim, fd, 1, 0), 0);
	ck_assert_uint_eq(iommunest_sim_cached_count(rig->sim, fd, 1), 0);
}

TEST(a_closed_or_unknown_descriptor_is_ebadf)
{
	struct rig rig;
	int closed;

	rig_open(&rig, 0, 0, 0);
	closed = open_dev(rig.sim);
	ck_assert_int_eq(sys()->close(rig.sim, closed), 0);
	all_is_ebadf(&rig, closed);
	all_is_ebadf(&rig, -1);
	all_is_ebadf(&rig, 0);
	all_is_ebadf(&rig, rig.fd - 1);
	all_is_ebadf(&rig, rig.fd + 1000);
	all_is_ebadf(&rig, INT32_MAX);
	all_is_ebadf(&rig, INT32_MIN);
	ck_assert_uint_eq(rig_stats(&rig).calls, 0);
	rig_close(&rig);
}

TEST(reading_and_writing_are_einval)
{
	struct iommunest_sim *sim;
	char byte = 0;
	int both, in, out;

	ck_assert_int_eq(iommunest_sim_new(&sim, NULL), 0);
	both = sys()->open(sim, "/dev/iommu", O_RDWR | O_CLOEXEC);
	in = sys()->open(sim, "/dev/iommu", O_RDONLY);
	out = sys()->open(sim, "/dev/iommu", O_WRONLY);
	ck_assert_int_eq(sys()->read(sim, both, &byte, 1), -EINVAL);
	ck_assert_int_eq(sys()->write(sim, both, &byte, 1), -EINVAL);
	ck_assert_int_eq(sys()->read(sim, in, &byte, 1), -EINVAL);
	ck_assert_int_eq(sys()->write(sim, in, &byte, 1), -EBADF);
	ck_assert_int_eq(sys()->read(sim, out, &byte, 1), -EBADF);
	ck_assert_int_eq(sys()->write(sim, out, &byte, 1), -EINVAL);
	/* Open files are freed with the simulator. */
	ck_assert_uint_eq(iommunest_sim_open_fds(sim), 3);
	iommunest_sim_free(sim);
}

/* Neither has a poll function, and the kernel then takes it for ready. */
TEST(an_iommufd_and_a_device_are_always_ready)
{
	struct pollfd fds[5] = { { .events = POLLIN | POLLOUT },
				 { .events = POLLIN | POLLPRI },
				 { .fd = -1, .events = POLLIN },
				 { .fd = 3, .events = POLLIN },
				 { .events = 0 } };
	struct rig rig;

	rig_open(&rig, 0, 0, 0);
	fds[0].fd = rig.fd;
	fds[1].fd = sys()->open(rig.sim, "/dev/vfio/devices/vfio0", O_RDWR);
	fds[4].fd = rig.fd;
	ck_assert_int_eq(sys()->poll(rig.sim, fds, 5, -1), 3);
	ck_assert_int_eq(fds[0].revents, POLLIN | POLLOUT);
	ck_assert_int_eq(fds[1].revents, POLLIN);
	ck_assert_int_eq(fds[2].revents, 0);
	ck_assert_int_eq(fds[3].revents, POLLNVAL);
	ck_assert_int_eq(fds[4].revents, 0);
	ck_assert_int_eq(sys()->close(rig.sim, fds[1].fd), 0);
	rig_close(&rig);
}

TEST(each_file_has_its_own_objects)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iommu_destroy destroy = { .size = sizeof(destroy) };
	struct rig rig, other;

	rig_open(&rig, 0, 0, 0);
	other = rig;
	other.fd = open_dev(rig.sim);
	ck_assert_int_ne(other.fd, rig.fd);
	destroy.id = rig.nested;
	ck_assert_int_eq(rig_ioctl(&other, IOMMU_DESTROY, &destroy), -ENOENT);
	ck_assert_int_eq(rig_ioctl(&other, IOMMU_IOAS_ALLOC, &ioas), 0);
	ck_assert_uint_eq(ioas.out_ioas_id, 1);
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, other.fd, rig.dev,
					      rig.nested),
			 -ENOENT);
	rig_translate(&rig, rig.nested, 0, 0);
	ck_assert_uint_eq(
		iommunest_sim_cached(rig.sim, other.fd, rig.nested, 0), 0);
	ck_assert_int_eq(sys()->close(rig.sim, other.fd), 0);
	ck_assert_uint_eq(rig_cached(&rig, 0), IN_IOTLB);
	rig_close(&rig);
}

/* Both files have objects with the same ids. */
TEST(a_flush_affects_only_its_own_file)
{
	struct rig rig, twin;

	rig_open(&rig, 0, 0, 0);
	twin = rig;
	twin.fd = open_dev(rig.sim);
	rig_populate(&twin);
	ck_assert_uint_eq(twin.nested, rig.nested);
	rig_translate(&rig, rig.nested, 0, 0);
	rig_translate(&twin, twin.nested, 0, 0);
	rig_flush(&rig, 0, ALL, 0);
	ck_assert_uint_eq(rig_cached(&rig, 0), 0);
	ck_assert_uint_eq(rig_cached(&twin, 0), IN_IOTLB);
	ck_assert_int_eq(sys()->close(rig.sim, twin.fd), 0);
	rig_close(&rig);
}

/* A program may set iommunest_open_options::sys and forget sys_data. */
TEST_LOOP(a_table_without_its_simulator_is_einval, 6)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	struct pollfd fd = { .fd = -1 };
	char byte = 0;
	struct rig rig;

	rig_open(&rig, 0, 0, 0);
	switch (_i) {
	case 0:
		ck_assert_int_eq(sys()->open(NULL, "/dev/iommu", O_RDWR),
				 -EINVAL);
		break;
	case 1:
		ck_assert_int_eq(sys()->close(NULL, rig.fd), -EINVAL);
		break;
	case 2:
		ck_assert_int_eq(sys()->ioctl(NULL, rig.fd, IOMMU_IOAS_ALLOC,
					      &cmd),
				 -EINVAL);
		break;
	case 3:
		ck_assert_int_eq(sys()->read(NULL, rig.fd, &byte, 1), -EINVAL);
		break;
	case 4:
		ck_assert_int_eq(sys()->write(NULL, rig.fd, &byte, 1), -EINVAL);
		break;
	case 5:
		ck_assert_int_eq(sys()->poll(NULL, &fd, 1, 0), -EINVAL);
		break;
	}
	rig_close(&rig);
}

/* ---- Sizes of structs ---- */

struct ioctl_row {
	uint32_t nr;
	uint32_t size;
	/* The size that it first had. */
	uint32_t min;
	/* With nothing but a size. */
	int ret;
};

/*
 * Those that are not simulated are EOPNOTSUPP.  0x8e, which opens a file, is in
 * tests/conformance/cases-fault-queue.c.
 */
static const struct ioctl_row ioctl_rows[] = {
	{ 0x82, 24, 24, -ENOENT },
	{ 0x83, 40, 40, -EINVAL },
	{ 0x84, 32, 32, -ENOENT },
	{ 0x85, 40, 40, -EINVAL },
	{ 0x86, 24, 24, -ENOENT },
	{ 0x87, 24, 24, -EBUSY },
	{ 0x88, 12, 12, -ENODEV },
	{ 0x8b, 16, 16, -ENOENT },
	{ 0x8c, 48, 48, -ENOENT },
	{ 0x8f, 40, 40, -EINVAL },
	{ 0x90, 40, 24, -EOPNOTSUPP },
	{ 0x91, 24, 24, -ENOENT },
	{ 0x92, 8, 8, 0 },
	{ 0x93, 32, 28, -EOPNOTSUPP },
	{ 0x94, 40, 40, -EOPNOTSUPP },
	{ 0x95, 40, 40, -EOPNOTSUPP },
};

TEST_LOOP(each_ioctl_knows_its_size, 3)
{
	const uint32_t profile = (uint32_t)_i;
	struct rig rig;
	size_t i;

	rig_open(&rig, profile, 0, 0);
	for (i = 0; i < sizeof(ioctl_rows) / sizeof(*ioctl_rows); i++) {
		const struct ioctl_row *row = &ioctl_rows[i];
		const unsigned long request = _IO(';', row->nr);
		const bool has =
			row->nr <= 0x8e || profile != IOMMUNEST_SIM_LINUX_6_12;
		uint32_t arg[32] = { row->size };

		ck_assert_int_eq(rig_ioctl(&rig, request, arg),
				 has ? row->ret : -ENOTTY);
		arg[0] = row->min;
		ck_assert_int_eq(rig_ioctl(&rig, request, arg),
				 has ? row->ret : -ENOTTY);
		arg[0] = row->min - 1;
		ck_assert_int_eq(rig_ioctl(&rig, request, arg),
				 has ? -EINVAL : -ENOTTY);
		arg[0] = row->size + 4;
		arg[row->size / 4] = 1;
		ck_assert_int_eq(rig_ioctl(&rig, request, arg),
				 has ? -E2BIG : -ENOTTY);
		ck_assert_int_eq(rig_ioctl(&rig, request, NULL),
				 has ? -EFAULT : -ENOTTY);
	}
	rig_close(&rig);
}

/* VT-d has no vIOMMU. */
TEST(nothing_of_a_viommu_succeeds)
{
	uint32_t viommu[10] = { 40, 0, 1 };
	uint32_t queue[8] = { 32, 0, 0, 1 };
	uint32_t hw_queue[10] = { 40, 0, 0, 1 };
	struct rig rig;

	rig_open(&rig, 0, 0, 0);
	viommu[3] = 99;
	ck_assert_int_eq(rig_ioctl(&rig, _IO(';', 0x90), viommu), -ENOENT);
	viommu[3] = rig.dev;
	ck_assert_int_eq(rig_ioctl(&rig, _IO(';', 0x90), viommu), -EOPNOTSUPP);
	ck_assert_int_eq(rig_ioctl(&rig, _IO(';', 0x93), queue), -EINVAL);
	queue[4] = 1;
	ck_assert_int_eq(rig_ioctl(&rig, _IO(';', 0x93), queue), -ENOENT);
	ck_assert_int_eq(rig_ioctl(&rig, _IO(';', 0x94), hw_queue), -EINVAL);
	hw_queue[8] = 1;
	ck_assert_int_eq(rig_ioctl(&rig, _IO(';', 0x94), hw_queue), -ENOENT);
	memset(&hw_queue[6], 0xff, 8);
	hw_queue[8] = 2;
	ck_assert_int_eq(rig_ioctl(&rig, _IO(';', 0x94), hw_queue), -EOVERFLOW);
	rig_close(&rig);
}

/* ---- Devices ---- */

TEST(binding_checks_its_arguments)
{
	struct rig rig;
	uint32_t dev;

	rig_open(&rig, 0, 0, 0);
	ck_assert_int_eq(iommunest_sim_bind(rig.sim, rig.fd, 0, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_sim_bind(rig.sim, rig.fd, IOMMUNEST_SIM_PRI,
					    &dev),
			 -EINVAL);
	ck_assert_int_eq(iommunest_sim_bind(rig.sim, rig.fd, 8, &dev), -EINVAL);
	rig_close(&rig);
}

TEST(attaching_checks_its_arguments)
{
	struct rig rig;

	rig_open(&rig, 0, 0, 0);
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, rig.fd, 99, rig.nested),
			 -ENOENT);
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, rig.fd, rig.ioas,
					      rig.nested),
			 -ENOENT);
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, rig.fd, rig.dev, 99),
			 -ENOENT);
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, rig.fd, rig.dev,
					      rig.dev),
			 -EINVAL);
	rig_close(&rig);
}

static int destroy(const struct rig *rig, uint32_t id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return rig_ioctl(rig, IOMMU_DESTROY, &cmd);
}

TEST(an_hwpt_is_busy_while_a_device_is_attached)
{
	struct rig rig;
	uint32_t second;

	rig_open(&rig, 0, 0, 0);
	second = rig_bind(&rig, 0);
	rig_attach(&rig, second, rig.nested);
	rig_attach(&rig, second, rig.nested);
	rig_attach(&rig, rig.dev, rig.parent);
	ck_assert_int_eq(destroy(&rig, rig.nested), -EBUSY);
	rig_attach(&rig, second, 0);
	rig_attach(&rig, second, 0);
	ck_assert_int_eq(destroy(&rig, rig.nested), 0);
	ck_assert_int_eq(destroy(&rig, rig.parent), -EBUSY);
	rig_attach(&rig, rig.dev, 0);
	ck_assert_int_eq(destroy(&rig, rig.parent), 0);
	ck_assert_int_eq(destroy(&rig, rig.ioas), 0);
	rig_close(&rig);
}

/* In 6.12 the device goes on; in 7.3 it is blocked until it is attached anew.
 */
TEST_RANGE(a_refused_attach_keeps_the_old_hwpt, 1, 3)
{
	const bool old = _i == IOMMUNEST_SIM_LINUX_6_12;
	uint32_t wrong, other;
	struct rig rig;

	rig_open(&rig, (uint32_t)_i, 0, 0);
	wrong = rig_alloc_nested(&rig, 39);
	other = rig_alloc_nested(&rig, 48);
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, rig.fd, rig.dev, wrong),
			 -EINVAL);
	ck_assert_int_eq(destroy(&rig, wrong), 0);
	ck_assert_int_eq(destroy(&rig, rig.nested), -EBUSY);
	rig_attach(&rig, rig.dev, rig.nested);
	ck_assert_int_eq(iommunest_sim_translate(rig.sim, rig.fd, rig.nested, 0,
						 0),
			 old ? 0 : -EINVAL);
	rig_flush(&rig, 0, 1, 0);
	ck_assert_uint_eq(rig.desc_count, old ? 1 : 0);
	rig_attach(&rig, rig.dev, other);
	rig_attach(&rig, rig.dev, rig.nested);
	rig_translate(&rig, rig.nested, 0, 0);
	rig_close(&rig);
}

TEST(a_blocked_device_can_be_detached)
{
	struct rig rig;
	uint32_t wrong;

	rig_open(&rig, IOMMUNEST_SIM_LINUX_7_3, 0, 0);
	wrong = rig_alloc_nested(&rig, 39);
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, rig.fd, rig.dev, wrong),
			 -EINVAL);
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, rig.fd, rig.dev, wrong),
			 -EINVAL);
	rig_attach(&rig, rig.dev, 0);
	ck_assert_int_eq(destroy(&rig, rig.nested), 0);
	/* An attach that is refused leaves a detached device detached. */
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, rig.fd, rig.dev, wrong),
			 -EINVAL);
	rig.nested = rig_alloc_nested(&rig, 48);
	rig_attach(&rig, rig.dev, rig.nested);
	rig_translate(&rig, rig.nested, 0, 0);
	rig_close(&rig);
}

TEST(detaching_a_blocked_device_flushes_nothing)
{
	uint32_t other, wrong;
	struct rig rig;

	rig_open(&rig, IOMMUNEST_SIM_LINUX_7_3, 0, 0);
	other = rig_bind(&rig, 0);
	rig_attach(&rig, other, rig.nested);
	wrong = rig_alloc_nested(&rig, 39);
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, rig.fd, rig.dev, wrong),
			 -EINVAL);
	rig_translate(&rig, rig.nested, 0, 0);
	rig_attach(&rig, rig.dev, 0);
	ck_assert_uint_eq(rig_cached(&rig, 0), IN_IOTLB);
	rig_close(&rig);
}
