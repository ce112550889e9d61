# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# The manual.  A page's source is PAGE.in, for the version in its footer.

TOOL_PAGES = \
	%D%/iommunest-capture.1 \
	%D%/iommunest-check.1 \
	%D%/iommunest-inval.1 \
	%D%/iommunest-replay.1

LIBRARY_PAGES = \
	%D%/iommunest_batch.3 \
	%D%/iommunest_batch_add.3 \
	%D%/iommunest_dirty.3 \
	%D%/iommunest_event_reader.3 \
	%D%/iommunest_fault_queue_alloc.3 \
	%D%/iommunest_fault_reader.3 \
	%D%/iommunest_features.3 \
	%D%/iommunest_hw_info.3 \
	%D%/iommunest_hwpt_alloc.3 \
	%D%/iommunest_inv_type.3 \
	%D%/iommunest_ioas_alloc.3 \
	%D%/iommunest_ioas_map.3 \
	%D%/iommunest_open.3 \
	%D%/iommunest_option.3 \
	%D%/iommunest_reports_errors.3 \
	%D%/iommunest_sim.3 \
	%D%/iommunest_sim_attach.3 \
	%D%/iommunest_sim_dma.3 \
	%D%/iommunest_sim_inject.3 \
	%D%/iommunest_sim_page_request.3 \
	%D%/iommunest_sim_stats.3 \
	%D%/iommunest_sim_translate.3 \
	%D%/iommunest_smmuv3_caps.3 \
	%D%/iommunest_smmuv3_cmd.3 \
	%D%/iommunest_smmuv3_cmdq.3 \
	%D%/iommunest_smmuv3_cmdq_add_target.3 \
	%D%/iommunest_smmuv3_cmdq_save.3 \
	%D%/iommunest_smmuv3_cmdq_write_prod.3 \
	%D%/iommunest_smmuv3_entry.3 \
	%D%/iommunest_smmuv3_event.3 \
	%D%/iommunest_smmuv3_ste.3 \
	%D%/iommunest_smmuv3_type.3 \
	%D%/iommunest_smmuv3_viommu_alloc.3 \
	%D%/iommunest_submit.3 \
	%D%/iommunest_sys.3 \
	%D%/iommunest_version.3 \
	%D%/iommunest_vfio.3 \
	%D%/iommunest_vfio_find.3 \
	%D%/iommunest_viommu_alloc.3 \
	%D%/iommunest_vtd_batch_add.3 \
	%D%/iommunest_vtd_caps.3 \
	%D%/iommunest_vtd_desc.3 \
	%D%/iommunest_vtd_desc_build.3 \
	%D%/iommunest_vtd_desc_print.3 \
	%D%/iommunest_vtd_entry.3 \
	%D%/iommunest_vtd_guest_caps.3 \
	%D%/iommunest_vtd_iq.3 \
	%D%/iommunest_vtd_iq_add_scope.3 \
	%D%/iommunest_vtd_iq_enable.3 \
	%D%/iommunest_vtd_iq_run.3 \
	%D%/iommunest_vtd_iq_save.3 \
	%D%/iommunest_vtd_iq_set_base.3 \
	%D%/iommunest_vtd_kernel_faults.3 \
	%D%/iommunest_vtd_page_request.3 \
	%D%/iommunest_vtd_pasid.3 \
	%D%/iommunest_smmuv3.7 \
	%D%/iommunest_smmuv3_queue.7 \
	%D%/iommunest_smmuv3_vsmmu.7 \
	%D%/iommunest_vtd_queue.7 \
	%D%/iommunest_vtd_viommu.7 \
	%D%/iommunest_nesting.7 \
	%D%/iommunest_porting.7 \
	%D%/libiommunest-sim.7 \
	%D%/libiommunest.7

MAN_PAGES = $(TOOL_PAGES) $(LIBRARY_PAGES)

# The other names of a page, each a file with one line (`.so man3/PAGE.3').
MAN_LINKS = \
	%D%/iommunest_all.3 \
	%D%/iommunest_batch_capacity.3 \
	%D%/iommunest_batch_clear_error.3 \
	%D%/iommunest_batch_cookie.3 \
	%D%/iommunest_batch_count.3 \
	%D%/iommunest_batch_cursor.3 \
	%D%/iommunest_batch_entry.3 \
	%D%/iommunest_batch_error.3 \
	%D%/iommunest_batch_free.3 \
	%D%/iommunest_batch_new.3 \
	%D%/iommunest_batch_reset.3 \
	%D%/iommunest_batch_skip.3 \
	%D%/iommunest_call.3 \
	%D%/iommunest_change_process.3 \
	%D%/iommunest_close.3 \
	%D%/iommunest_ctx.3 \
	%D%/iommunest_dirty_get.3 \
	%D%/iommunest_dirty_set.3 \
	%D%/iommunest_event.3 \
	%D%/iommunest_event_queue_alloc.3 \
	%D%/iommunest_event_queue_close.3 \
	%D%/iommunest_event_queue_wait.3 \
	%D%/iommunest_event_reader_free.3 \
	%D%/iommunest_event_reader_new.3 \
	%D%/iommunest_event_reader_next.3 \
	%D%/iommunest_failure.3 \
	%D%/iommunest_fault_group.3 \
	%D%/iommunest_fault_queue_close.3 \
	%D%/iommunest_fault_queue_wait.3 \
	%D%/iommunest_fault_reader_find.3 \
	%D%/iommunest_fault_reader_free.3 \
	%D%/iommunest_fault_reader_grow.3 \
	%D%/iommunest_fault_reader_new.3 \
	%D%/iommunest_fault_reader_next.3 \
	%D%/iommunest_fault_reader_options.3 \
	%D%/iommunest_fault_respond.3 \
	%D%/iommunest_fault_respond_all.3 \
	%D%/iommunest_fault_response.3 \
	%D%/iommunest_fault_waiting.3 \
	%D%/iommunest_fd.3 \
	%D%/iommunest_feature_name.3 \
	%D%/iommunest_feature_text.3 \
	%D%/iommunest_hwpt_alloc_nested.3 \
	%D%/iommunest_hwpt_alloc_paging.3 \
	%D%/iommunest_hwpt_alloc_parent.3 \
	%D%/iommunest_ioas_allow_iovas.3 \
	%D%/iommunest_ioas_copy.3 \
	%D%/iommunest_ioas_iova_ranges.3 \
	%D%/iommunest_ioas_map_file.3 \
	%D%/iommunest_ioas_unmap.3 \
	%D%/iommunest_ioas_unmap_all.3 \
	%D%/iommunest_ioctl.3 \
	%D%/iommunest_iova_range.3 \
	%D%/iommunest_iova_ranges.3 \
	%D%/iommunest_iova_ranges_free.3 \
	%D%/iommunest_nested_hwpt.3 \
	%D%/iommunest_object_destroy.3 \
	%D%/iommunest_open_fd.3 \
	%D%/iommunest_open_options.3 \
	%D%/iommunest_option_get.3 \
	%D%/iommunest_option_set.3 \
	%D%/iommunest_page_request.3 \
	%D%/iommunest_paging_hwpt.3 \
	%D%/iommunest_report.3 \
	%D%/iommunest_sim_attach_pasid.3 \
	%D%/iommunest_sim_bind.3 \
	%D%/iommunest_sim_cached.3 \
	%D%/iommunest_sim_cached_asid.3 \
	%D%/iommunest_sim_cached_count.3 \
	%D%/iommunest_sim_clear_faults.3 \
	%D%/iommunest_sim_command.3 \
	%D%/iommunest_sim_desc.3 \
	%D%/iommunest_sim_dma_read.3 \
	%D%/iommunest_sim_dma_write.3 \
	%D%/iommunest_sim_fault.3 \
	%D%/iommunest_sim_free.3 \
	%D%/iommunest_sim_new.3 \
	%D%/iommunest_sim_on_command.3 \
	%D%/iommunest_sim_on_desc.3 \
	%D%/iommunest_sim_on_page_response.3 \
	%D%/iommunest_sim_open_fds.3 \
	%D%/iommunest_sim_options.3 \
	%D%/iommunest_sim_page_response.3 \
	%D%/iommunest_sim_set_vfio.3 \
	%D%/iommunest_sim_set_vfio_flags.3 \
	%D%/iommunest_sim_sys.3 \
	%D%/iommunest_smmuv3_atc_inv.3 \
	%D%/iommunest_smmuv3_batch_add_range.3 \
	%D%/iommunest_smmuv3_caps_decode.3 \
	%D%/iommunest_smmuv3_cerror_name.3 \
	%D%/iommunest_smmuv3_cfgi_cd.3 \
	%D%/iommunest_smmuv3_cfgi_cd_all.3 \
	%D%/iommunest_smmuv3_cmd_check.3 \
	%D%/iommunest_smmuv3_cmd_decode.3 \
	%D%/iommunest_smmuv3_cmd_encode.3 \
	%D%/iommunest_smmuv3_cmd_name.3 \
	%D%/iommunest_smmuv3_cmd_print.3 \
	%D%/iommunest_smmuv3_cmd_reason_text.3 \
	%D%/iommunest_smmuv3_cmdq_add_stream.3 \
	%D%/iommunest_smmuv3_cmdq_clear_fault.3 \
	%D%/iommunest_smmuv3_cmdq_free.3 \
	%D%/iommunest_smmuv3_cmdq_new.3 \
	%D%/iommunest_smmuv3_cmdq_ops.3 \
	%D%/iommunest_smmuv3_cmdq_options.3 \
	%D%/iommunest_smmuv3_cmdq_read.3 \
	%D%/iommunest_smmuv3_cmdq_registers.3 \
	%D%/iommunest_smmuv3_cmdq_remove_stream.3 \
	%D%/iommunest_smmuv3_cmdq_remove_target.3 \
	%D%/iommunest_smmuv3_cmdq_reset.3 \
	%D%/iommunest_smmuv3_cmdq_restore.3 \
	%D%/iommunest_smmuv3_cmdq_restore_registers.3 \
	%D%/iommunest_smmuv3_cmdq_result.3 \
	%D%/iommunest_smmuv3_cmdq_run.3 \
	%D%/iommunest_smmuv3_cmdq_set_trace.3 \
	%D%/iommunest_smmuv3_cmdq_state.3 \
	%D%/iommunest_smmuv3_cmdq_write_base.3 \
	%D%/iommunest_smmuv3_cmdq_write_cons.3 \
	%D%/iommunest_smmuv3_cmdq_write_cr0.3 \
	%D%/iommunest_smmuv3_cmdq_write_gerrorn.3 \
	%D%/iommunest_smmuv3_event_decode.3 \
	%D%/iommunest_smmuv3_event_name.3 \
	%D%/iommunest_smmuv3_event_queue_alloc.3 \
	%D%/iommunest_smmuv3_hwpt_alloc.3 \
	%D%/iommunest_smmuv3_range.3 \
	%D%/iommunest_smmuv3_s1.3 \
	%D%/iommunest_smmuv3_ste_decode.3 \
	%D%/iommunest_smmuv3_ste_reason_text.3 \
	%D%/iommunest_smmuv3_ste_to_s1.3 \
	%D%/iommunest_smmuv3_stream.3 \
	%D%/iommunest_smmuv3_streams.3 \
	%D%/iommunest_smmuv3_target.3 \
	%D%/iommunest_smmuv3_tlbi_nh_all.3 \
	%D%/iommunest_smmuv3_tlbi_nh_asid.3 \
	%D%/iommunest_smmuv3_tlbi_nh_va.3 \
	%D%/iommunest_smmuv3_tlbi_nh_vaa.3 \
	%D%/iommunest_smmuv3_tlbi_nsnh_all.3 \
	%D%/iommunest_smmuv3_vdevice_alloc.3 \
	%D%/iommunest_submit_options.3 \
	%D%/iommunest_vdevice_alloc.3 \
	%D%/iommunest_vfio_attach.3 \
	%D%/iommunest_vfio_attach_pasid.3 \
	%D%/iommunest_vfio_attach_reasons.3 \
	%D%/iommunest_vfio_bind.3 \
	%D%/iommunest_vfio_close.3 \
	%D%/iommunest_vfio_detach.3 \
	%D%/iommunest_vfio_detach_pasid.3 \
	%D%/iommunest_vfio_device.3 \
	%D%/iommunest_vfio_open.3 \
	%D%/iommunest_vfio_open_pci.3 \
	%D%/iommunest_vfio_reason_text.3 \
	%D%/iommunest_vtd_batch_add_all.3 \
	%D%/iommunest_vtd_batch_add_block.3 \
	%D%/iommunest_vtd_batch_add_range.3 \
	%D%/iommunest_vtd_batch_set_limits.3 \
	%D%/iommunest_vtd_caps_decode.3 \
	%D%/iommunest_vtd_desc_context_cache.3 \
	%D%/iommunest_vtd_desc_decode.3 \
	%D%/iommunest_vtd_desc_dev_tlb.3 \
	%D%/iommunest_vtd_desc_encode.3 \
	%D%/iommunest_vtd_desc_iec.3 \
	%D%/iommunest_vtd_desc_iotlb.3 \
	%D%/iommunest_vtd_desc_name.3 \
	%D%/iommunest_vtd_desc_page_response.3 \
	%D%/iommunest_vtd_desc_pasid_cache.3 \
	%D%/iommunest_vtd_desc_pasid_dev_tlb.3 \
	%D%/iommunest_vtd_desc_piotlb.3 \
	%D%/iommunest_vtd_desc_wait.3 \
	%D%/iommunest_vtd_entry_all.3 \
	%D%/iommunest_vtd_entry_block.3 \
	%D%/iommunest_vtd_entry_range.3 \
	%D%/iommunest_vtd_guest.3 \
	%D%/iommunest_vtd_guest_check.3 \
	%D%/iommunest_vtd_guest_offer.3 \
	%D%/iommunest_vtd_guest_reason_text.3 \
	%D%/iommunest_vtd_hwpt_alloc.3 \
	%D%/iommunest_vtd_iq_add_device.3 \
	%D%/iommunest_vtd_iq_clear_fault.3 \
	%D%/iommunest_vtd_iq_disable.3 \
	%D%/iommunest_vtd_iq_forget.3 \
	%D%/iommunest_vtd_iq_free.3 \
	%D%/iommunest_vtd_iq_new.3 \
	%D%/iommunest_vtd_iq_ops.3 \
	%D%/iommunest_vtd_iq_options.3 \
	%D%/iommunest_vtd_iq_registers.3 \
	%D%/iommunest_vtd_iq_remove_device.3 \
	%D%/iommunest_vtd_iq_remove_scope.3 \
	%D%/iommunest_vtd_iq_reset.3 \
	%D%/iommunest_vtd_iq_restore.3 \
	%D%/iommunest_vtd_iq_restore_registers.3 \
	%D%/iommunest_vtd_iq_result.3 \
	%D%/iommunest_vtd_iq_set_mode.3 \
	%D%/iommunest_vtd_iq_set_trace.3 \
	%D%/iommunest_vtd_iq_state.3 \
	%D%/iommunest_vtd_iqei_text.3 \
	%D%/iommunest_vtd_kernel_fault_text.3 \
	%D%/iommunest_vtd_limits.3 \
	%D%/iommunest_vtd_page_request_build.3 \
	%D%/iommunest_vtd_page_request_decode.3 \
	%D%/iommunest_vtd_page_response.3 \
	%D%/iommunest_vtd_pasid_decode.3 \
	%D%/iommunest_vtd_pasid_entry.3 \
	%D%/iommunest_vtd_pasid_reason_text.3 \
	%D%/iommunest_vtd_pasid_to_s1.3 \
	%D%/iommunest_vtd_s1.3 \
	%D%/iommunest_vtd_s1_type.3 \
	%D%/iommunest_vtd_target.3

nodist_man_MANS = $(LIBRARY_PAGES) $(MAN_LINKS)
if TOOLS
nodist_man_MANS += $(TOOL_PAGES)
else
# Made all the same, as the tests want the whole manual.
noinst_DATA = $(TOOL_PAGES)
endif

# The version is the Makefile's.
$(MAN_PAGES): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && \
	$(SED) 's|@VERSION[@]|$(PACKAGE_VERSION)|' $< >$@-t && mv $@-t $@

# The page whose NAME section has this name.
$(MAN_LINKS): Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && \
	name=`basename $@ .3` && \
	page=`grep -l "^\.Nm $$name\( ,\)*$$" $(srcdir)/%D%/*.3.in` && \
	echo ".so man3/`basename $$page .in`" >$@-t && \
	mv $@-t $@

%C%_sources = $(MAN_PAGES:=.in)
EXTRA_DIST += $(%C%_sources)
CLEANFILES += $(MAN_PAGES) $(MAN_LINKS)
