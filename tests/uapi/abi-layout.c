/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The layout of what crosses a border, where longs have 64 bits, and where they
 * have 32 and 64-bit numbers stand at multiples of 4 (i386).  The kernel's
 * structs are the same for both; the public ones are not, as their size, their
 * pointers and their padding are not.  A row that fails is either a mistake or
 * a new interface.
 */
#include <stdio.h>

#include <libiommunest-sim.h>
#include <libiommunest.h>

#include "lib/uapi/invalidate.h"
#include "lib/uapi/vfio.h"
#include "tests/harness/support.h"

#define EXIT_SKIPPED 77

/* Of the struct's last member, or of one in its midst, and of the whole. */
struct layout {
	size_t offset;
	size_t size;
};

enum model {
	LP64,
	ILP32,
	MODELS,
};

struct row {
	const char *name;
	struct layout is;
	struct layout want[MODELS];
};

/* clang-format off */
#define ROW(tag, member, offset64, size64, offset32, size32) {		\
	"struct " #tag "." #member,					\
	{ offsetof(struct tag, member), sizeof(struct tag) },		\
	{ { offset64, size64 }, { offset32, size32 } },			\
}
/* clang-format on */
#define KERNEL(tag, member, offset, size) \
	ROW(tag, member, offset, size, offset, size)

static const struct row rows[] = {
	KERNEL(iommu_destroy, id, 4, 8),
	KERNEL(iommu_ioas_alloc, out_ioas_id, 8, 12),
	KERNEL(iommu_iova_range, last, 8, 16),
	KERNEL(iommu_ioas_iova_ranges, allowed_iovas, 16, 32),
	KERNEL(iommu_ioas_allow_iovas, allowed_iovas, 16, 24),
	KERNEL(iommu_ioas_map, user_va, 16, 40),
	KERNEL(iommu_ioas_map_file, start, 16, 40),
	KERNEL(iommu_ioas_copy, length, 16, 40),
	KERNEL(iommu_ioas_unmap, iova, 8, 24),
	KERNEL(iommu_ioas_change_process, __reserved, 4, 8),
	KERNEL(iommu_option, val64, 16, 24),
	KERNEL(iommu_hwpt_set_dirty_tracking, __reserved, 12, 16),
	KERNEL(iommu_hwpt_get_dirty_bitmap, iova, 16, 48),
	KERNEL(iommu_hwpt_alloc, data_uptr, 32, 48),
	KERNEL(iommu_hwpt_alloc, __reserved2, 44, 48),
	KERNEL(iommu_hwpt_vtd_s1, __reserved, 20, 24),
	KERNEL(iommu_hw_info, data_uptr, 16, 40),
	KERNEL(iommu_hw_info, out_capabilities, 32, 40),
	KERNEL(iommu_hw_info_vtd, ecap_reg, 16, 24),
	KERNEL(iommu_hwpt_invalidate, data_uptr, 8, 32),
	KERNEL(iommu_hwpt_vtd_s1_invalidate, __reserved, 20, 24),
	KERNEL(iommu_fault_alloc, out_fault_fd, 12, 16),
	KERNEL(iommu_hwpt_pgfault, cookie, 36, 40),
	KERNEL(iommu_hwpt_page_response, code, 4, 8),
	KERNEL(iommunest_uapi_invalidate, flags, 28, 40),
	KERNEL(iommunest_uapi_invalidate, out_driver_error_code, 32, 40),
	KERNEL(iommunest_uapi_invalidate, out_last_index, 36, 40),
	KERNEL(iommu_vdevice_alloc, virt_id, 16, 24),
	KERNEL(iommu_veventq_alloc, __reserved, 28, 32),
	KERNEL(iommufd_vevent_header, sequence, 4, 8),
	KERNEL(iommu_hwpt_arm_smmuv3, ste, 0, 16),
	KERNEL(iommu_hw_info_arm_smmuv3, aidr, 36, 40),
	KERNEL(iommu_viommu_arm_smmuv3_invalidate, cmd, 0, 16),
	KERNEL(iommu_vevent_arm_smmuv3, evt, 0, 32),
	KERNEL(vfio_device_bind_iommufd, out_devid, 12, 16),
	KERNEL(vfio_device_attach_iommufd_pt, pasid, 12, 16),
	KERNEL(vfio_device_detach_iommufd_pt, pasid, 8, 12),
	KERNEL(vfio_device_info, num_irqs, 12, 16),

	ROW(iommunest_sys, getdents64, 64, 72, 32, 36),
	ROW(iommunest_open_options, sys_data, 24, 32, 12, 16),
	ROW(iommunest_hw_info, data, 32, 160, 28, 156),
	ROW(iommunest_iova_range, last, 8, 16, 8, 16),
	ROW(iommunest_iova_ranges, reserved, 28, 32, 20, 24),
	ROW(iommunest_dirty, reserved, 52, 56, 44, 48),
	ROW(iommunest_paging_hwpt, fault_id, 12, 16, 8, 12),
	ROW(iommunest_nested_hwpt, fault_id, 28, 32, 20, 24),
	ROW(iommunest_page_request, addr, 24, 40, 24, 40),
	ROW(iommunest_page_request, cookie, 36, 40, 36, 40),
	ROW(iommunest_fault_group, dev_id, 28, 32, 20, 24),
	ROW(iommunest_fault_reader_options, groups, 12, 16, 8, 12),
	ROW(iommunest_fault_response, error, 12, 16, 12, 16),
	ROW(iommunest_all, reserved, 44, 48, 32, 36),
	ROW(iommunest_inv_type, user, 64, 72, 48, 52),
	ROW(iommunest_failure, reserved, 36, 40, 32, 36),
	ROW(iommunest_call, driver_error, 36, 40, 28, 32),
	ROW(iommunest_submit_options, user, 32, 40, 20, 24),
	ROW(iommunest_report, last_index, 76, 80, 68, 72),
	ROW(iommunest_vfio_device, other_driver, 192, 256, 188, 252),
	ROW(iommunest_vtd_caps, rprivs, 81, 88, 77, 80),
	ROW(iommunest_vtd_guest, kernel_faults, 40, 48, 36, 44),
	ROW(iommunest_vtd_s1, fault_id, 28, 32, 24, 28),
	ROW(iommunest_vtd_pasid_entry, reserved_set, 105, 112, 101, 104),
	ROW(iommunest_vtd_entry, reserved, 20, 24, 20, 24),
	ROW(iommunest_vtd_limits, max_blocks, 12, 16, 8, 12),
	ROW(iommunest_vtd_desc, reserved, 77, 80, 73, 76),
	ROW(iommunest_vtd_iq_ops, device, 88, 96, 44, 48),
	ROW(iommunest_vtd_iq_options, flags, 28, 32, 20, 24),
	ROW(iommunest_vtd_target, cookie, 24, 32, 16, 24),
	ROW(iommunest_vtd_iq_result, cookie, 72, 80, 68, 76),
	ROW(iommunest_vtd_iq_state, ttm, 68, 72, 64, 68),
	ROW(iommunest_vtd_iq_registers, reserved, 52, 56, 48, 52),
	ROW(iommunest_event, lost, 20, 24, 12, 16),
	ROW(iommunest_smmuv3_caps, ds, 60, 64, 56, 60),
	ROW(iommunest_smmuv3_ste, strw, 42, 48, 38, 40),
	ROW(iommunest_smmuv3_s1, ste, 0, 16, 0, 16),
	ROW(iommunest_smmuv3_cmd, reserved, 65, 72, 61, 64),
	ROW(iommunest_smmuv3_entry, cmd, 0, 16, 0, 16),
	ROW(iommunest_smmuv3_stream, flags, 4, 8, 4, 8),
	ROW(iommunest_smmuv3_streams, reserved, 12, 16, 8, 12),
	ROW(iommunest_smmuv3_range, max_commands, 36, 40, 32, 36),
	ROW(iommunest_smmuv3_event, access_class, 71, 72, 67, 68),
	ROW(iommunest_sim_options, reserved, 60, 64, 56, 60),
	ROW(iommunest_sim_desc, pasid, 28, 32, 28, 32),
	ROW(iommunest_sim_page_response, code, 16, 20, 16, 20),
	ROW(iommunest_sim_stats, refused, 32, 40, 28, 36),
	ROW(iommunest_sim_fault, code, 36, 40, 32, 36),
};

/* MODELS: another one, of which the table says nothing. */
static enum model this_model(void)
{
	struct padded {
		char first;
		uint64_t number;
	};

	if (sizeof(long) == 8 && sizeof(void *) == 8)
		return LP64;
	if (sizeof(long) == 4 && offsetof(struct padded, number) == 4)
		return ILP32;
	return MODELS;
}

TEST_LOOP(a_struct_is_laid_out_as_ever, ARRAY_LEN(rows))
{
	const struct row *row = &rows[_i];
	const struct layout *want = &row->want[this_model()];

	ck_assert_msg(row->is.offset == want->offset,
		      "%s: at %zu, and not at %zu", row->name, row->is.offset,
		      want->offset);
	ck_assert_msg(row->is.size == want->size,
		      "%s: its struct has %zu bytes, and not %zu", row->name,
		      row->is.size, want->size);
}

int main(int argc, char **argv)
{
	if (this_model() == MODELS) {
		puts("this machine's layout is not in the table");
		return EXIT_SKIPPED;
	}
	return support_run(argc, argv);
}
