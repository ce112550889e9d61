# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# What `make check` runs.  A program or script that cannot run says why and
# exits with 77.

AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(top_srcdir)'; export top_srcdir; \
	top_builddir='$(top_builddir)'; export top_builddir; \
	IOMMUNEST_LONG_TESTS=$${IOMMUNEST_LONG_TESTS-$(LONG_TESTS)}; \
	export IOMMUNEST_LONG_TESTS; \
	$(TEST_LIBRARY_PATH)

# What libtool writes into a program that is not to be installed, instead of a
# wrapper around it, is split at a blank in the path.
TEST_LIBRARY_PATH = \
	LD_LIBRARY_PATH='$(abs_top_builddir)'/.libs$${LD_LIBRARY_PATH:+:$$LD_LIBRARY_PATH}; \
	export LD_LIBRARY_PATH;

# These make the C library's functions fail, by ld's --wrap.
WRAP_TESTS = \
	%D%/cmdq/test-cmdq-state \
	%D%/core/test-alloc \
	%D%/core/test-sweep \
	%D%/queue/test-iq-state \
	%D%/sim/test-sim-nomem

VALGRIND_TESTS = $(WRAPPED_TESTS) \
	%D%/cmdq/test-cmdq \
	%D%/cmdq/test-cmdq-linux \
	%D%/cmdq/test-cmdq-random \
	%D%/conformance/test-conformance \
	%D%/conformance/test-conformance-smmu \
	%D%/core/test-batch \
	%D%/core/test-context \
	%D%/core/test-error-report \
	%D%/core/test-dirty \
	%D%/core/test-fault \
	%D%/core/test-features \
	%D%/core/test-map \
	%D%/core/test-objects \
	%D%/core/test-old-kernel \
	%D%/core/test-sizes \
	%D%/core/test-submit \
	%D%/core/test-submit-policy \
	%D%/core/test-vfio \
	%D%/core/test-vfio-find \
	%D%/core/test-viommu \
	%D%/queue/test-iq \
	%D%/queue/test-iq-devices \
	%D%/queue/test-iq-failures \
	%D%/queue/test-iq-heal \
	%D%/queue/test-iq-hostile \
	%D%/queue/test-iq-isolate \
	%D%/queue/test-iq-random \
	%D%/queue/test-iq-threads \
	%D%/queue/test-linux-model \
	%D%/replay/test-capture \
	%D%/replay/test-check-smmuv3 \
	%D%/replay/test-inval-command \
	%D%/replay/test-linux-viommu \
	%D%/replay/test-linux-vsmmu \
	%D%/replay/test-viommu \
	%D%/replay/test-vsmmu \
	%D%/sim/test-sim-cache \
	%D%/sim/test-sim-dma \
	%D%/sim/test-sim-fault \
	%D%/sim/test-sim-guest \
	%D%/sim/test-sim-life \
	%D%/sim/test-sim-requests \
	%D%/sim/test-sim-map \
	%D%/sim/test-sim-pasid \
	%D%/sim/test-sim-silent \
	%D%/sim/test-sim-smmu \
	%D%/sim/test-sim-smmu-cache \
	%D%/sim/test-sim-threads \
	%D%/smmuv3/test-linux-cmdq-model \
	%D%/smmuv3/test-smmuv3 \
	%D%/smmuv3/test-smmuv3-viommu \
	%D%/uapi/abi-layout \
	%D%/vtd/test-caps \
	%D%/vtd/test-desc-decode \
	%D%/vtd/test-desc-encode \
	%D%/vtd/test-desc-print \
	%D%/vtd/test-entry \
	%D%/vtd/test-guest-caps \
	%D%/vtd/test-kernel-faults \
	%D%/vtd/test-page-request \
	%D%/vtd/test-pasid-entry

# Minutes each under valgrind, for their many random rounds.
QUICK_COMPILED = $(VALGRIND_TESTS) \
	%D%/core/test-submit-random \
	%D%/queue/test-linux-guest \
	%D%/sim/test-sim-smmu-random \
	%D%/smmuv3/test-linux-cmdq \
	%D%/vtd/test-vtd-batch

CHECK_TESTS = $(QUICK_COMPILED) \
	%D%/uapi/uapi-compare

QUICK_SCRIPT_TESTS = \
	%D%/api/api-consistency.sh \
	%D%/api/documents.sh \
	%D%/api/examples.sh \
	%D%/api/header-alone.sh \
	%D%/api/layers.sh \
	%D%/api/licences.sh \
	%D%/api/man-examples.sh \
	%D%/api/man-lint.sh \
	%D%/api/pkg-config.sh \
	%D%/api/readme.sh \
	%D%/api/version.sh \
	%D%/replay/capture-usage.sh \
	%D%/replay/nest-check.sh \
	%D%/replay/replay-usage.sh \
	$(TOOL_TESTS) \
	$(EXAMPLE_TESTS)

TOOL_TESTS =
if TOOLS
TOOL_TESTS += %D%/replay/inval.sh
endif
EXAMPLE_TESTS =
if EXAMPLES
EXAMPLE_TESTS += %D%/replay/viommu.sh %D%/replay/vsmmu.sh
endif

# Thousands of runs of iommunest-replay, judged in Python; fewer without
# --enable-long-tests.
SCRIPT_TESTS = $(QUICK_SCRIPT_TESTS) \
	%D%/replay/capture-judged.sh \
	%D%/replay/replay-judged.sh

TESTS += $(SCRIPT_TESTS)

if HAVE_WRAP
WRAPPED_TESTS = $(WRAP_TESTS)
else
WRAPPED_TESTS =
endif

if HAVE_CHECK
check_PROGRAMS += $(CHECK_TESTS)
check_LTLIBRARIES += %D%/libtest.la %D%/libtest-sim.la
TESTS += $(CHECK_TESTS)
if !HAVE_WRAP
TESTS += %D%/no-wrap.sh
endif
else
TESTS += %D%/no-libcheck.sh
endif

# A program without sources of its own here is made of the file of its name.
LDADD = %D%/libtest.la libiommunest-sim.la libiommunest.la $(CHECK_LIBS)

# What they share; each takes what it needs of it.
%C%_libtest_la_SOURCES = \
	%D%/harness/fault-stream.c \
	%D%/harness/fault-stream.h \
	%D%/harness/groups.c \
	%D%/harness/groups.h \
	%D%/harness/guest.c \
	%D%/harness/guest.h \
	%D%/harness/heap.c \
	%D%/harness/heap.h \
	%D%/harness/hold.h \
	%D%/harness/host.c \
	%D%/harness/host.h \
	%D%/harness/iq-rig.c \
	%D%/harness/iq-rig.h \
	%D%/harness/iq-world-check.c \
	%D%/harness/iq-world-parts.h \
	%D%/harness/iq-world-things.c \
	%D%/harness/iq-world-watch.c \
	%D%/harness/iq-world.c \
	%D%/harness/iq-world.h \
	%D%/harness/linux-cmdq.c \
	%D%/harness/linux-cmdq.h \
	%D%/harness/linux-guest.c \
	%D%/harness/linux-guest.h \
	%D%/harness/linux-jobs.c \
	%D%/harness/linux-jobs.h \
	%D%/harness/main.c \
	%D%/harness/script.c \
	%D%/harness/script.h \
	%D%/harness/smmu-caches.c \
	%D%/harness/smmu-caches.h \
	%D%/harness/submit-rig.c \
	%D%/harness/submit-rig.h \
	%D%/harness/support.c \
	%D%/harness/policy.h \
	%D%/harness/support.h \
	%D%/harness/target.h \
	%D%/harness/vtd-info.h \
	%D%/vtd/desc-rows.c \
	%D%/vtd/desc-rows.h

# The same for the simulator's own tests.
%C%_libtest_sim_la_SOURCES = \
	%D%/harness/sim-guest.c \
	%D%/harness/sim-guest.h \
	%D%/harness/sim-rig.c \
	%D%/harness/sim-rig.h
TEST_SIM_LDADD = %D%/libtest-sim.la %D%/libtest.la libiommunest-sim.la \
	$(CHECK_LIBS)
%C%_sim_test_sim_cache_LDADD = $(TEST_SIM_LDADD)
%C%_sim_test_sim_dma_LDADD = $(TEST_SIM_LDADD)
%C%_sim_test_sim_fault_LDADD = $(TEST_SIM_LDADD)
%C%_sim_test_sim_guest_LDADD = $(TEST_SIM_LDADD) libiommunest.la
%C%_sim_test_sim_life_LDADD = $(TEST_SIM_LDADD)
%C%_sim_test_sim_requests_SOURCES = \
	%D%/conformance/requests.c \
	%D%/conformance/requests.h \
	%D%/sim/test-sim-requests.c
%C%_sim_test_sim_map_LDADD = $(TEST_SIM_LDADD)
%C%_sim_test_sim_requests_CFLAGS = $(AM_CFLAGS) -pthread
%C%_sim_test_sim_requests_LDFLAGS = $(AM_LDFLAGS) -pthread
%C%_sim_test_sim_pasid_LDADD = $(TEST_SIM_LDADD)
%C%_sim_test_sim_silent_LDADD = $(TEST_SIM_LDADD)
%C%_sim_test_sim_threads_LDADD = $(TEST_SIM_LDADD)
%C%_sim_test_sim_threads_CFLAGS = $(AM_CFLAGS) -pthread
%C%_sim_test_sim_threads_LDFLAGS = $(AM_LDFLAGS) -pthread

# ---- Programs of several files ----

CMDQ_RIG = \
	%D%/cmdq/cmdq-rig.c \
	%D%/cmdq/cmdq-rig.h \
	%D%/smmuv3/cmd-rows.c \
	%D%/smmuv3/cmd-rows.h

%C%_cmdq_test_cmdq_SOURCES = $(CMDQ_RIG) \
	%D%/cmdq/test-cmdq-failures.c \
	%D%/cmdq/test-cmdq-hostile.c \
	%D%/cmdq/test-cmdq-new.c \
	%D%/cmdq/test-cmdq-order.c \
	%D%/cmdq/test-cmdq-ring.c \
	%D%/cmdq/test-cmdq-whose.c

%C%_cmdq_test_cmdq_linux_SOURCES = $(CMDQ_RIG) \
	%D%/cmdq/test-cmdq-linux.c \
	%D%/smmuv3/viommu-rig.c \
	%D%/smmuv3/viommu-rig.h

%C%_cmdq_test_cmdq_state_SOURCES = $(CMDQ_RIG) \
	%D%/cmdq/test-cmdq-state.c

%C%_cmdq_test_cmdq_random_SOURCES = \
	%D%/cmdq/cmdq-judge.c \
	%D%/cmdq/cmdq-judge.h \
	%D%/cmdq/test-cmdq-random.c \
	%D%/smmuv3/cmd-rows.c \
	%D%/smmuv3/cmd-rows.h

%C%_core_test_error_report_SOURCES = \
	%D%/core/error-rig.c \
	%D%/core/error-rig.h \
	%D%/core/test-error-probe.c \
	%D%/core/test-error-report.c

%C%_core_test_fault_SOURCES = \
	%D%/core/test-fault-queue.c \
	%D%/core/test-fault-random.c \
	%D%/core/test-fault-reader.c \
	%D%/core/test-fault-respond.c

%C%_core_test_submit_SOURCES = \
	%D%/core/test-submit-arguments.c \
	%D%/core/test-submit-errors.c \
	%D%/core/test-submit-groups.c \
	%D%/core/test-submit-one-call.c \
	%D%/core/test-submit.c

%C%_core_test_submit_random_SOURCES = \
	%D%/core/test-submit-random.c \
	%D%/core/test-submit-truth.c

%C%_queue_test_iq_SOURCES = \
	%D%/queue/test-iq-bounds.c \
	%D%/queue/test-iq-caches.c \
	%D%/queue/test-iq-forward.c \
	%D%/queue/test-iq-limits.c \
	%D%/queue/test-iq-new.c \
	%D%/queue/test-iq-order.c \
	%D%/queue/test-iq-raw.c \
	%D%/queue/test-iq-ring.c \
	%D%/queue/test-iq-room.c \
	%D%/queue/test-iq-scopes.c \
	%D%/queue/test-iq-stops.c \
	%D%/queue/test-iq-trace.c

%C%_queue_test_iq_devices_SOURCES = \
	%D%/queue/device-rig.c \
	%D%/queue/device-rig.h \
	%D%/queue/test-iq-device-failures.c \
	%D%/queue/test-iq-devices.c \
	%D%/queue/test-iq-piggyback.c \
	%D%/queue/test-iq-told-devices.c

%C%_queue_test_iq_state_SOURCES = \
	%D%/queue/state-rig.c \
	%D%/queue/state-rig.h \
	%D%/queue/test-iq-enable.c \
	%D%/queue/test-iq-migrate.c \
	%D%/queue/test-iq-no-memory.c \
	%D%/queue/test-iq-restore.c

%C%_smmuv3_test_linux_cmdq_SOURCES = \
	%D%/smmuv3/cmdq-vmm.c \
	%D%/smmuv3/cmdq-vmm.h \
	%D%/smmuv3/test-linux-cmdq.c

%C%_smmuv3_test_smmuv3_SOURCES = \
	%D%/smmuv3/cmd-rows.c \
	%D%/smmuv3/cmd-rows.h \
	%D%/smmuv3/test-smmuv3-check.c \
	%D%/smmuv3/test-smmuv3-cmd.c \
	%D%/smmuv3/test-smmuv3-entry.c \
	%D%/smmuv3/test-smmuv3-ste.c

%C%_smmuv3_test_smmuv3_viommu_SOURCES = \
	%D%/smmuv3/cmd-rows.c \
	%D%/smmuv3/cmd-rows.h \
	%D%/smmuv3/test-smmuv3-submit.c \
	%D%/smmuv3/test-smmuv3-takes.c \
	%D%/smmuv3/viommu-rig.c \
	%D%/smmuv3/viommu-rig.h

%C%_vtd_test_desc_decode_SOURCES = \
	%D%/vtd/decode-rig.c \
	%D%/vtd/decode-rig.h \
	%D%/vtd/test-desc-decode.c \
	%D%/vtd/test-desc-fields.c

%C%_queue_test_linux_guest_SOURCES = \
	%D%/queue/linux-rows.c \
	%D%/queue/linux-rows.h \
	%D%/queue/linux-vmm.c \
	%D%/queue/linux-vmm.h \
	%D%/queue/test-linux-guest.c \
	%D%/queue/test-linux-ite.c \
	%D%/queue/test-linux-random.c \
	%D%/queue/test-linux-targets.c

%C%_queue_test_linux_model_SOURCES = \
	%D%/queue/linux-model.c \
	%D%/queue/linux-model.h \
	%D%/queue/test-linux-model.c

%C%_vtd_test_guest_caps_SOURCES = \
	%D%/vtd/test-guest-bits.c \
	%D%/vtd/test-guest-caps.c

%C%_vtd_test_pasid_entry_SOURCES = \
	%D%/vtd/pasid-rig.c \
	%D%/vtd/pasid-rig.h \
	%D%/vtd/test-pasid-arguments.c \
	%D%/vtd/test-pasid-entry.c \
	%D%/vtd/test-pasid-host.c

%C%_vtd_test_vtd_batch_SOURCES = \
	%D%/vtd/batch-rig.c \
	%D%/vtd/batch-rig.h \
	%D%/vtd/test-vtd-batch.c \
	%D%/vtd/test-vtd-merge.c \
	%D%/vtd/test-vtd-split.c

# ---- Programs that link other things ----

%C%_core_test_features_CFLAGS = $(AM_CFLAGS) -pthread
%C%_core_test_features_LDFLAGS = $(AM_LDFLAGS) -pthread
%C%_queue_test_iq_threads_CFLAGS = $(AM_CFLAGS) -pthread
%C%_queue_test_iq_threads_LDFLAGS = $(AM_LDFLAGS) -pthread

# Their allocations fail, and so they link the objects.
WRAP_ALLOCATIONS = $(AM_LDFLAGS) $(WRAP_LDFLAGS) \
	-Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=free
%C%_core_test_alloc_LDFLAGS = $(WRAP_ALLOCATIONS)
%C%_core_test_alloc_LDADD = %D%/libtest.la libiommunest-core.la $(CHECK_LIBS)
%C%_cmdq_test_cmdq_state_LDFLAGS = $(WRAP_ALLOCATIONS)
%C%_cmdq_test_cmdq_state_LDADD = %D%/libtest.la libiommunest-core.la $(CHECK_LIBS)
%C%_queue_test_iq_state_LDFLAGS = $(WRAP_ALLOCATIONS)
%C%_queue_test_iq_state_LDADD = %D%/libtest.la libiommunest-core.la $(CHECK_LIBS)
%C%_sim_test_sim_nomem_LDFLAGS = $(AM_LDFLAGS) $(WRAP_LDFLAGS) \
	-Wl,--wrap=calloc -Wl,--wrap=reallocarray
%C%_sim_test_sim_nomem_LDADD = %D%/libtest-sim.la %D%/libtest.la \
	libiommunest-sim-core.la $(CHECK_LIBS)
%C%_core_test_sweep_LDFLAGS = $(WRAP_ALLOCATIONS)
%C%_core_test_sweep_LDADD = %D%/libtest.la libiommunest-core.la \
	libiommunest-sim.la $(CHECK_LIBS)

%C%_uapi_uapi_compare_SOURCES = \
	%D%/uapi/uapi-compare.c \
	%D%/uapi/uapi-own.c \
	%D%/uapi/uapi-real.c \
	%D%/uapi/uapi-rows.h \
	%D%/uapi/uapi-table.h
%C%_uapi_uapi_compare_LDADD = %D%/libtest.la $(CHECK_LIBS)

# Copies of tools that run from the build folder without libtool's wrapper: the
# tests run them thousands of times, and the wrapper takes longer.
TOOL_COPIES = \
	%D%/replay/iommunest-capture \
	%D%/replay/iommunest-check \
	%D%/replay/iommunest-replay
check_PROGRAMS += $(TOOL_COPIES)
%C%_replay_iommunest_check_SOURCES = $(CHECK_SOURCES)
%C%_replay_iommunest_check_LDADD = $(TOOL_LIBS)
%C%_replay_iommunest_check_LDFLAGS = $(AM_LDFLAGS) -no-install

%C%_replay_iommunest_replay_SOURCES = $(REPLAY_SOURCES)
%C%_replay_iommunest_replay_LDADD = $(TOOL_LIBS)
%C%_replay_iommunest_replay_LDFLAGS = $(AM_LDFLAGS) -no-install

%C%_replay_iommunest_capture_SOURCES = $(CAPTURE_TOOL_SOURCES)
%C%_replay_iommunest_capture_LDADD = $(TOOL_LIBS)
%C%_replay_iommunest_capture_LDFLAGS = $(AM_LDFLAGS) -no-install

%C%_replay_test_capture_SOURCES = \
	%D%/replay/test-capture-cmdq.c \
	%D%/replay/test-capture.c \
	$(CAPTURE_SOURCES)
%C%_replay_test_capture_LDADD = %D%/libtest.la $(CHECK_LIBS)

# What it says of an SMMUv3, by what the kernel makes.
%C%_replay_test_check_smmuv3_SOURCES = \
	%D%/replay/test-check-smmuv3.c \
	tools/check/check.h \
	tools/check/findings.c \
	tools/check/report-smmuv3.c \
	tools/check/smmuv3.c
%C%_replay_test_check_smmuv3_LDADD = %D%/libtest.la libiommunest.la \
	$(CHECK_LIBS)

%C%_replay_test_inval_command_SOURCES = \
	%D%/replay/test-inval-command.c \
	%D%/smmuv3/cmd-rows.c \
	%D%/smmuv3/cmd-rows.h \
	tools/inval/command.c \
	tools/inval/inval.h \
	$(TOOL_SOURCES)

%C%_replay_test_linux_viommu_SOURCES = \
	%D%/replay/test-linux-viommu.c \
	%D%/replay/viommu-rig.c \
	%D%/replay/viommu-rig.h \
	$(VIOMMU_SOURCES)

%C%_replay_test_viommu_SOURCES = \
	%D%/replay/test-viommu-events.c \
	%D%/replay/test-viommu-nest.c \
	%D%/replay/test-viommu.c \
	%D%/replay/viommu-rig.c \
	%D%/replay/viommu-rig.h \
	$(VIOMMU_SOURCES)

%C%_replay_test_linux_vsmmu_SOURCES = \
	%D%/replay/test-linux-vsmmu.c \
	%D%/replay/vsmmu-rig.c \
	%D%/replay/vsmmu-rig.h \
	$(VSMMU_SOURCES)

%C%_replay_test_vsmmu_SOURCES = \
	%D%/replay/test-vsmmu.c \
	%D%/replay/vsmmu-rig.c \
	%D%/replay/vsmmu-rig.h \
	$(VSMMU_SOURCES)

CONFORMANCE_SOURCES = \
	%D%/conformance/cases-attach.c \
	%D%/conformance/cases-dirty.c \
	%D%/conformance/cases-entry.c \
	%D%/conformance/cases-fault-queue.c \
	%D%/conformance/cases-features.c \
	%D%/conformance/cases-flush.c \
	%D%/conformance/cases-hw-info.c \
	%D%/conformance/cases-hwpt.c \
	%D%/conformance/cases-invalidate.c \
	%D%/conformance/cases-ioas.c \
	%D%/conformance/cases-map.c \
	%D%/conformance/cases-object.c \
	%D%/conformance/cases-option.c \
	%D%/conformance/cases-order.c \
	%D%/conformance/cases-prologue.c \
	%D%/conformance/cases-report.c \
	%D%/conformance/cases-smmu-call.c \
	%D%/conformance/cases-smmu-command.c \
	%D%/conformance/cases-smmu-event.c \
	%D%/conformance/cases-smmu-group.c \
	%D%/conformance/cases-smmu-hwpt.c \
	%D%/conformance/cases-smmu-object.c \
	%D%/conformance/cases-teardown.c \
	%D%/conformance/cases-window.c \
	%D%/conformance/cases-viommu.c \
	%D%/conformance/cases-vfio.c \
	%D%/conformance/conformance.h \
	%D%/conformance/random.c \
	%D%/conformance/random.h \
	%D%/conformance/smmu.c \
	%D%/conformance/smmu.h \
	%D%/conformance/smmu-guest.c \
	%D%/conformance/smmu-guest.h \
	%D%/conformance/support.c \
	%D%/conformance/viommu-uapi.h
%C%_conformance_test_conformance_SOURCES = \
	%D%/conformance/sim-env.c \
	%D%/conformance/sim-env.h \
	%D%/conformance/test-conformance.c \
	$(CONFORMANCE_SOURCES)
%C%_conformance_test_conformance_smmu_SOURCES = \
	%D%/conformance/sim-env.c \
	%D%/conformance/sim-env.h \
	%D%/conformance/test-conformance-smmu.c \
	$(CONFORMANCE_SOURCES)
SMMU_RIG_SOURCES = \
	%D%/sim/smmu-rig.c \
	%D%/sim/smmu-rig.h \
	$(CONFORMANCE_SOURCES)
%C%_sim_test_sim_smmu_cache_SOURCES = \
	%D%/sim/test-sim-smmu-cache.c \
	$(SMMU_RIG_SOURCES)
%C%_sim_test_sim_smmu_cache_LDADD = %D%/libtest.la libiommunest-sim.la \
	libiommunest.la $(CHECK_LIBS)
%C%_sim_test_sim_smmu_random_SOURCES = \
	%D%/sim/test-sim-smmu-random.c \
	$(SMMU_RIG_SOURCES)
%C%_sim_test_sim_smmu_random_LDADD = %D%/libtest.la libiommunest-sim.la \
	libiommunest.la $(CHECK_LIBS)
%C%_sim_test_sim_smmu_SOURCES = \
	%D%/conformance/sim-env.c \
	%D%/conformance/sim-env.h \
	%D%/conformance/smmu-dma.c \
	%D%/conformance/smmu-events.c \
	%D%/conformance/smmu-large.c \
	%D%/conformance/smmu-queue.c \
	%D%/conformance/smmu-random.c \
	%D%/conformance/smmu-replay.c \
	%D%/sim/test-sim-smmu.c \
	$(CONFORMANCE_SOURCES)
%C%_sim_test_sim_smmu_LDADD = %D%/libtest.la libiommunest-sim.la \
	libiommunest.la $(CHECK_LIBS)
%C%_conformance_test_conformance_smmu_LDADD = %D%/libtest.la \
	libiommunest-sim.la libiommunest.la $(CHECK_LIBS)
%C%_conformance_test_conformance_LDADD = %D%/libtest.la libiommunest-sim.la \
	libiommunest.la $(CHECK_LIBS)

EXTRA_DIST += \
	$(SCRIPT_TESTS) \
	%D%/README.md \
	%D%/api/api_consistency.py \
	%D%/api/layers.py \
	%D%/api/example-programs.sh \
	%D%/data/guest-cmdq/README.md \
	%D%/data/guest-cmdq/noril-strict-par.cmdq \
	%D%/data/guest-cmdq/strict-par.cmdq \
	%D%/data/guest-cmdq/strict-seq.cmdq \
	%D%/data/guest-iq/README.md \
	%D%/data/guest-iq/flts-ats-lazy.iq \
	%D%/data/guest-iq/flts-lazy.iq \
	%D%/data/guest-iq/flts-multi.iq \
	%D%/data/guest-iq/flts-par.iq \
	%D%/data/guest-iq/flts-seq.iq \
	%D%/data/guest-iq/legacy-par.iq \
	%D%/data/machines/README.md \
	%D%/data/machines/amd \
	%D%/data/machines/arm \
	%D%/data/machines/arm-both \
	%D%/data/machines/arm-none \
	%D%/data/machines/arm-old \
	%D%/data/machines/arm-v2 \
	%D%/data/machines/empty \
	%D%/data/machines/emulated \
	%D%/data/machines/faulty \
	%D%/data/machines/garbage \
	%D%/data/machines/group \
	%D%/data/machines/intel \
	%D%/data/machines/no-cdev \
	%D%/data/machines/no-dmar \
	%D%/data/machines/no-firmware \
	%D%/data/machines/no-iommufd \
	%D%/data/machines/no-nest \
	%D%/data/machines/no-scalable \
	%D%/data/machines/no-sysfs \
	%D%/data/machines/no-vfio \
	%D%/data/machines/off \
	%D%/data/machines/old \
	%D%/data/machines/two-units \
	%D%/data/qemu-trace/README.md \
	%D%/data/qemu-trace/qemu-10.0.trace \
	%D%/data/qemu-trace/qemu-11.1.trace \
	%D%/bench/count.sh \
	%D%/bench/figures \
	%D%/no-libcheck.sh \
	%D%/no-wrap.sh \
	%D%/replay/check.sh \
	%D%/replay/check_capture.py \
	%D%/replay/check_cmdq_capture.py \
	%D%/replay/check_cmdq_replay.py \
	%D%/replay/check_replay.py \
	%D%/replay/guest_capture.py \
	%D%/replay/guest_cmdq.py \
	%D%/replay/inval.sh \
	%D%/replay/machine.sh \
	%D%/replay/viommu.sh \
	%D%/replay/vsmmu.sh \
	%D%/valgrind.supp

# What the library costs, beside what it did cost.
EXTRA_PROGRAMS = %D%/bench/bench-cmdq %D%/bench/bench-iq
%C%_bench_bench_cmdq_LDADD = libiommunest.la
%C%_bench_bench_iq_LDADD = libiommunest.la

bench: %D%/bench/bench-cmdq %D%/bench/bench-iq
	$(srcdir)/%D%/bench/count.sh $(abs_builddir)
.PHONY: bench

# All that "make check" does not build, because it runs on another machine: so
# that what no longer compiles is seen without that.  On x86-64 with glibc; some
# of it is for nothing else.
extra-programs: $(EXTRA_PROGRAMS)
.PHONY: extra-programs

# Parts of "make check", for who has one question; scripts/tiers say which.
# QUICK: all that is compiled.  UAPI: what is laid out by the kernel's headers.
# SMOKE: does it run, and are the files there that scripts read?
QUICK_TESTS = $(QUICK_COMPILED) $(QUICK_SCRIPT_TESTS)

if HAVE_LINUX_IOMMUFD_H
UAPI_COMPARE = %D%/uapi/uapi-compare
endif

UAPI_TESTS = $(UAPI_COMPARE) \
	%D%/conformance/test-conformance \
	%D%/core/test-features \
	%D%/core/test-objects \
	%D%/core/test-submit \
	%D%/core/test-vfio \
	%D%/core/test-vfio-find \
	%D%/core/test-viommu \
	%D%/smmuv3/test-smmuv3 \
	%D%/smmuv3/test-smmuv3-viommu \
	%D%/uapi/abi-layout

SMOKE_COMPILED = \
	%D%/replay/test-viommu \
	%D%/core/test-submit
SMOKE_TESTS = $(SMOKE_COMPILED) \
	%D%/api/api-consistency.sh \
	%D%/replay/replay-usage.sh \
	%D%/api/readme.sh

# THREADS: what several threads do at once.
THREAD_TESTS = \
	%D%/core/test-features \
	%D%/queue/test-iq-threads \
	%D%/sim/test-sim-threads

# UNIT: the programs.  CODECS: what makes of numbers other numbers or words, and
# asks nothing of a kernel, not even the simulated one; and the guest's ring.
# SCRIPTS: the scripts.
CODEC_TESTS = \
	%D%/core/test-batch \
	%D%/queue/test-iq \
	%D%/smmuv3/test-smmuv3 \
	%D%/uapi/abi-layout \
	%D%/vtd/test-caps \
	%D%/vtd/test-desc-decode \
	%D%/vtd/test-desc-encode \
	%D%/vtd/test-desc-print \
	%D%/vtd/test-entry \
	%D%/vtd/test-guest-caps \
	%D%/vtd/test-kernel-faults \
	%D%/vtd/test-pasid-entry

check-unit:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(QUICK_COMPILED)' \
		check_PROGRAMS='$(QUICK_COMPILED)'

check-codecs:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(CODEC_TESTS)' \
		check_PROGRAMS='$(CODEC_TESTS)'

check-scripts:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(QUICK_SCRIPT_TESTS)' \
		check_PROGRAMS='$(TOOL_COPIES)'

check-threads:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(THREAD_TESTS)' \
		check_PROGRAMS='$(THREAD_TESTS)'

check-quick:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(QUICK_TESTS)'

check-uapi:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(UAPI_TESTS)' \
		check_PROGRAMS='$(UAPI_TESTS)'

distcheck-smoke:
	$(MAKE) $(AM_MAKEFLAGS) distcheck TESTS='$(SMOKE_TESTS)' \
		check_PROGRAMS='$(SMOKE_COMPILED) $(TOOL_COPIES)'
.PHONY: check-unit check-codecs check-scripts check-threads check-quick \
	check-uapi distcheck-smoke

# The programs again, each in one process, under valgrind.
VALGRIND = valgrind
VALGRIND_FLAGS = --quiet --error-exitcode=99 --leak-check=full \
	--errors-for-leak-kinds=definite,indirect,possible \
	--suppressions=$(srcdir)/%D%/valgrind.supp

check-valgrind:
	CK_FORK=no IOMMUNEST_COUNT=20000 \
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(VALGRIND_TESTS)' \
		LOG_COMPILER='$(LIBTOOL) --mode=execute $(VALGRIND)' \
		AM_LOG_FLAGS='$(VALGRIND_FLAGS)'
.PHONY: check-valgrind
