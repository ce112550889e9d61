/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The rows, from whichever header was included before.  Included once by each
 * of uapi-own.c and uapi-real.c, because the two headers define the same
 * names.  uapi-compare.c finds out when a declaration has no row.
 */
#include "tests/uapi/uapi-table.h"

/* clang-format off */
#define VALUE(name) { #name, (unsigned long long)(name), sizeof(name) }
#define STRUCT(tag) { "struct " #tag, 0, sizeof(struct tag) }
#define MEMBER(tag, member) {						\
	"struct " #tag "." #member,					\
	offsetof(struct tag, member),					\
	sizeof(((struct tag *)0)->member),				\
}
/* clang-format on */

static const struct uapi_row rows[] = {
	VALUE(IOMMUFD_TYPE),
	VALUE(IOMMU_DESTROY),
	VALUE(IOMMU_IOAS_ALLOC),
	VALUE(IOMMU_IOAS_ALLOW_IOVAS),
	VALUE(IOMMU_IOAS_COPY),
	VALUE(IOMMU_IOAS_IOVA_RANGES),
	VALUE(IOMMU_IOAS_MAP),
	VALUE(IOMMU_IOAS_UNMAP),
	VALUE(IOMMU_OPTION),
	VALUE(IOMMU_HWPT_ALLOC),
	VALUE(IOMMU_GET_HW_INFO),
	VALUE(IOMMU_HWPT_SET_DIRTY_TRACKING),
	VALUE(IOMMU_HWPT_GET_DIRTY_BITMAP),
	VALUE(IOMMU_HWPT_INVALIDATE),
	VALUE(IOMMU_IOAS_MAP_FILE),
	VALUE(IOMMU_IOAS_CHANGE_PROCESS),
	VALUE(IOMMU_VIOMMU_ALLOC),
	VALUE(IOMMU_VDEVICE_ALLOC),
	VALUE(IOMMU_VEVENTQ_ALLOC),
	VALUE(IOMMU_FAULT_QUEUE_ALLOC),

	STRUCT(iommu_destroy),
	MEMBER(iommu_destroy, size),
	MEMBER(iommu_destroy, id),

	STRUCT(iommu_ioas_alloc),
	MEMBER(iommu_ioas_alloc, size),
	MEMBER(iommu_ioas_alloc, flags),
	MEMBER(iommu_ioas_alloc, out_ioas_id),

	STRUCT(iommu_iova_range),
	MEMBER(iommu_iova_range, start),
	MEMBER(iommu_iova_range, last),

	STRUCT(iommu_ioas_iova_ranges),
	MEMBER(iommu_ioas_iova_ranges, size),
	MEMBER(iommu_ioas_iova_ranges, ioas_id),
	MEMBER(iommu_ioas_iova_ranges, num_iovas),
	MEMBER(iommu_ioas_iova_ranges, __reserved),
	MEMBER(iommu_ioas_iova_ranges, allowed_iovas),
	MEMBER(iommu_ioas_iova_ranges, out_iova_alignment),

	STRUCT(iommu_ioas_allow_iovas),
	MEMBER(iommu_ioas_allow_iovas, size),
	MEMBER(iommu_ioas_allow_iovas, ioas_id),
	MEMBER(iommu_ioas_allow_iovas, num_iovas),
	MEMBER(iommu_ioas_allow_iovas, __reserved),
	MEMBER(iommu_ioas_allow_iovas, allowed_iovas),

	VALUE(IOMMU_IOAS_MAP_FIXED_IOVA),
	VALUE(IOMMU_IOAS_MAP_WRITEABLE),
	VALUE(IOMMU_IOAS_MAP_READABLE),

	STRUCT(iommu_ioas_map),
	MEMBER(iommu_ioas_map, size),
	MEMBER(iommu_ioas_map, flags),
	MEMBER(iommu_ioas_map, ioas_id),
	MEMBER(iommu_ioas_map, __reserved),
	MEMBER(iommu_ioas_map, user_va),
	MEMBER(iommu_ioas_map, length),
	MEMBER(iommu_ioas_map, iova),

	STRUCT(iommu_ioas_map_file),
	MEMBER(iommu_ioas_map_file, size),
	MEMBER(iommu_ioas_map_file, flags),
	MEMBER(iommu_ioas_map_file, ioas_id),
	MEMBER(iommu_ioas_map_file, fd),
	MEMBER(iommu_ioas_map_file, start),
	MEMBER(iommu_ioas_map_file, length),
	MEMBER(iommu_ioas_map_file, iova),

	STRUCT(iommu_ioas_copy),
	MEMBER(iommu_ioas_copy, size),
	MEMBER(iommu_ioas_copy, flags),
	MEMBER(iommu_ioas_copy, dst_ioas_id),
	MEMBER(iommu_ioas_copy, src_ioas_id),
	MEMBER(iommu_ioas_copy, length),
	MEMBER(iommu_ioas_copy, dst_iova),
	MEMBER(iommu_ioas_copy, src_iova),

	STRUCT(iommu_ioas_unmap),
	MEMBER(iommu_ioas_unmap, size),
	MEMBER(iommu_ioas_unmap, ioas_id),
	MEMBER(iommu_ioas_unmap, iova),
	MEMBER(iommu_ioas_unmap, length),

	STRUCT(iommu_ioas_change_process),
	MEMBER(iommu_ioas_change_process, size),
	MEMBER(iommu_ioas_change_process, __reserved),

	VALUE(IOMMU_OPTION_RLIMIT_MODE),
	VALUE(IOMMU_OPTION_HUGE_PAGES),
	VALUE(IOMMU_OPTION_OP_SET),
	VALUE(IOMMU_OPTION_OP_GET),

	STRUCT(iommu_option),
	MEMBER(iommu_option, size),
	MEMBER(iommu_option, option_id),
	MEMBER(iommu_option, op),
	MEMBER(iommu_option, __reserved),
	MEMBER(iommu_option, object_id),
	MEMBER(iommu_option, val64),

	VALUE(IOMMU_HWPT_ALLOC_NEST_PARENT),
	VALUE(IOMMU_HWPT_ALLOC_DIRTY_TRACKING),
	VALUE(IOMMU_HWPT_FAULT_ID_VALID),
	VALUE(IOMMU_HWPT_DATA_NONE),
	VALUE(IOMMU_HWPT_DATA_VTD_S1),
	VALUE(IOMMU_VTD_S1_SRE),
	VALUE(IOMMU_VTD_S1_EAFE),
	VALUE(IOMMU_VTD_S1_WPE),

	STRUCT(iommu_hwpt_vtd_s1),
	MEMBER(iommu_hwpt_vtd_s1, flags),
	MEMBER(iommu_hwpt_vtd_s1, pgtbl_addr),
	MEMBER(iommu_hwpt_vtd_s1, addr_width),
	MEMBER(iommu_hwpt_vtd_s1, __reserved),

	STRUCT(iommu_hwpt_alloc),
	MEMBER(iommu_hwpt_alloc, size),
	MEMBER(iommu_hwpt_alloc, flags),
	MEMBER(iommu_hwpt_alloc, dev_id),
	MEMBER(iommu_hwpt_alloc, pt_id),
	MEMBER(iommu_hwpt_alloc, out_hwpt_id),
	MEMBER(iommu_hwpt_alloc, __reserved),
	MEMBER(iommu_hwpt_alloc, data_type),
	MEMBER(iommu_hwpt_alloc, data_len),
	MEMBER(iommu_hwpt_alloc, data_uptr),
	MEMBER(iommu_hwpt_alloc, fault_id),
	MEMBER(iommu_hwpt_alloc, __reserved2),

	VALUE(IOMMU_HWPT_DIRTY_TRACKING_ENABLE),

	STRUCT(iommu_hwpt_set_dirty_tracking),
	MEMBER(iommu_hwpt_set_dirty_tracking, size),
	MEMBER(iommu_hwpt_set_dirty_tracking, flags),
	MEMBER(iommu_hwpt_set_dirty_tracking, hwpt_id),
	MEMBER(iommu_hwpt_set_dirty_tracking, __reserved),

	VALUE(IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR),

	STRUCT(iommu_hwpt_get_dirty_bitmap),
	MEMBER(iommu_hwpt_get_dirty_bitmap, size),
	MEMBER(iommu_hwpt_get_dirty_bitmap, hwpt_id),
	MEMBER(iommu_hwpt_get_dirty_bitmap, flags),
	MEMBER(iommu_hwpt_get_dirty_bitmap, __reserved),
	MEMBER(iommu_hwpt_get_dirty_bitmap, iova),
	MEMBER(iommu_hwpt_get_dirty_bitmap, length),
	MEMBER(iommu_hwpt_get_dirty_bitmap, page_size),
	MEMBER(iommu_hwpt_get_dirty_bitmap, data),

	VALUE(IOMMU_HW_INFO_TYPE_NONE),
	VALUE(IOMMU_HW_INFO_TYPE_INTEL_VTD),
	VALUE(IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17),

	STRUCT(iommu_hw_info_vtd),
	MEMBER(iommu_hw_info_vtd, flags),
	MEMBER(iommu_hw_info_vtd, __reserved),
	MEMBER(iommu_hw_info_vtd, cap_reg),
	MEMBER(iommu_hw_info_vtd, ecap_reg),

	/* out_data_type shares its place with in_data_type in newer kernels. */
	STRUCT(iommu_hw_info),
	MEMBER(iommu_hw_info, size),
	MEMBER(iommu_hw_info, flags),
	MEMBER(iommu_hw_info, dev_id),
	MEMBER(iommu_hw_info, data_len),
	MEMBER(iommu_hw_info, data_uptr),
	MEMBER(iommu_hw_info, out_data_type),
	MEMBER(iommu_hw_info, out_max_pasid_log2),
	MEMBER(iommu_hw_info, __reserved),
	MEMBER(iommu_hw_info, out_capabilities),

	VALUE(IOMMU_HWPT_INVALIDATE_DATA_VTD_S1),
	VALUE(IOMMU_VTD_INV_FLAGS_LEAF),

	STRUCT(iommu_hwpt_vtd_s1_invalidate),
	MEMBER(iommu_hwpt_vtd_s1_invalidate, addr),
	MEMBER(iommu_hwpt_vtd_s1_invalidate, npages),
	MEMBER(iommu_hwpt_vtd_s1_invalidate, flags),
	MEMBER(iommu_hwpt_vtd_s1_invalidate, __reserved),

	STRUCT(iommu_hwpt_invalidate),
	MEMBER(iommu_hwpt_invalidate, size),
	MEMBER(iommu_hwpt_invalidate, hwpt_id),
	MEMBER(iommu_hwpt_invalidate, data_uptr),
	MEMBER(iommu_hwpt_invalidate, data_type),
	MEMBER(iommu_hwpt_invalidate, entry_len),
	MEMBER(iommu_hwpt_invalidate, entry_num),
	MEMBER(iommu_hwpt_invalidate, __reserved),

	VALUE(IOMMU_PGFAULT_FLAGS_PASID_VALID),
	VALUE(IOMMU_PGFAULT_FLAGS_LAST_PAGE),
	VALUE(IOMMU_PGFAULT_PERM_READ),
	VALUE(IOMMU_PGFAULT_PERM_WRITE),
	VALUE(IOMMU_PGFAULT_PERM_EXEC),
	VALUE(IOMMU_PGFAULT_PERM_PRIV),

	STRUCT(iommu_hwpt_pgfault),
	MEMBER(iommu_hwpt_pgfault, flags),
	MEMBER(iommu_hwpt_pgfault, dev_id),
	MEMBER(iommu_hwpt_pgfault, pasid),
	MEMBER(iommu_hwpt_pgfault, grpid),
	MEMBER(iommu_hwpt_pgfault, perm),
	MEMBER(iommu_hwpt_pgfault, __reserved),
	MEMBER(iommu_hwpt_pgfault, addr),
	MEMBER(iommu_hwpt_pgfault, length),
	MEMBER(iommu_hwpt_pgfault, cookie),

	VALUE(IOMMUFD_PAGE_RESP_SUCCESS),
	VALUE(IOMMUFD_PAGE_RESP_INVALID),

	STRUCT(iommu_hwpt_page_response),
	MEMBER(iommu_hwpt_page_response, cookie),
	MEMBER(iommu_hwpt_page_response, code),

	STRUCT(iommu_fault_alloc),
	MEMBER(iommu_fault_alloc, size),
	MEMBER(iommu_fault_alloc, flags),
	MEMBER(iommu_fault_alloc, out_fault_id),
	MEMBER(iommu_fault_alloc, out_fault_fd),

	/* What Linux 6.13 had; it has grown. */
	{ "struct iommu_viommu_alloc", 0,
	  offsetof(struct iommu_viommu_alloc, out_viommu_id) + 4 },
	MEMBER(iommu_viommu_alloc, size),
	MEMBER(iommu_viommu_alloc, flags),
	MEMBER(iommu_viommu_alloc, type),
	MEMBER(iommu_viommu_alloc, dev_id),
	MEMBER(iommu_viommu_alloc, hwpt_id),
	MEMBER(iommu_viommu_alloc, out_viommu_id),

	STRUCT(iommu_vdevice_alloc),
	MEMBER(iommu_vdevice_alloc, size),
	MEMBER(iommu_vdevice_alloc, viommu_id),
	MEMBER(iommu_vdevice_alloc, dev_id),
	MEMBER(iommu_vdevice_alloc, out_vdevice_id),
	MEMBER(iommu_vdevice_alloc, virt_id),

	STRUCT(iommu_veventq_alloc),
	MEMBER(iommu_veventq_alloc, size),
	MEMBER(iommu_veventq_alloc, flags),
	MEMBER(iommu_veventq_alloc, viommu_id),
	MEMBER(iommu_veventq_alloc, type),
	MEMBER(iommu_veventq_alloc, veventq_depth),
	MEMBER(iommu_veventq_alloc, out_veventq_id),
	MEMBER(iommu_veventq_alloc, out_veventq_fd),
	MEMBER(iommu_veventq_alloc, __reserved),

	VALUE(IOMMU_VEVENTQ_FLAG_LOST_EVENTS),
	STRUCT(iommufd_vevent_header),
	MEMBER(iommufd_vevent_header, flags),
	MEMBER(iommufd_vevent_header, sequence),

	VALUE(IOMMU_VIOMMU_TYPE_ARM_SMMUV3),
	VALUE(IOMMU_HWPT_DATA_ARM_SMMUV3),
	VALUE(IOMMU_HW_INFO_TYPE_ARM_SMMUV3),
	VALUE(IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3),
	VALUE(IOMMU_VEVENTQ_TYPE_ARM_SMMUV3),

	STRUCT(iommu_hwpt_arm_smmuv3),
	MEMBER(iommu_hwpt_arm_smmuv3, ste),

	STRUCT(iommu_hw_info_arm_smmuv3),
	MEMBER(iommu_hw_info_arm_smmuv3, flags),
	MEMBER(iommu_hw_info_arm_smmuv3, __reserved),
	MEMBER(iommu_hw_info_arm_smmuv3, idr),
	MEMBER(iommu_hw_info_arm_smmuv3, iidr),
	MEMBER(iommu_hw_info_arm_smmuv3, aidr),

	STRUCT(iommu_viommu_arm_smmuv3_invalidate),
	MEMBER(iommu_viommu_arm_smmuv3_invalidate, cmd),

	STRUCT(iommu_vevent_arm_smmuv3),
	MEMBER(iommu_vevent_arm_smmuv3, evt),
};
