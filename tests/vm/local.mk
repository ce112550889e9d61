# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Programs for a real kernel in a virtual machine.  "make check" leaves them
# alone; "make check-vm" builds them and runs them there.

VM_TESTS = \
	%D%/vm-check \
	%D%/vm-conformance \
	%D%/vm-contain \
	%D%/vm-contain-end \
	%D%/vm-contain-legacy \
	%D%/vm-contain-pasid \
	%D%/vm-errors \
	%D%/vm-fail \
	%D%/vm-life \
	%D%/vm-mock \
	%D%/vm-replay \
	%D%/vm-resubmit \
	%D%/vm-vfio \
	%D%/vm-diff
# On another machine, cross-built and static.
VM_ARM_TESTS = \
	%D%/smmu-check \
	%D%/smmu-conformance \
	%D%/smmu-diff \
	%D%/smmu-dma \
	%D%/smmu-errors \
	%D%/smmu-events \
	%D%/smmu-large \
	%D%/smmu-library \
	%D%/smmu-queue \
	%D%/smmu-random \
	%D%/smmu-replay
VM_BENCH = \
	%D%/bench-dma \
	%D%/bench-entry \
	%D%/bench-irqs
# Has to fail, for what the kernel says: the tier vm-sanitizers runs it.
VM_PLANTED = %D%/planted-bug
# Empty: all that there are.
VM_KERNELS =

if HAVE_CHECK
EXTRA_PROGRAMS += $(VM_TESTS) $(VM_ARM_TESTS) $(VM_BENCH) $(VM_PLANTED)
EXTRA_LTLIBRARIES = %D%/libvm.la
CLEANFILES += $(VM_TESTS) $(VM_ARM_TESTS) $(VM_BENCH) $(VM_PLANTED) \
	$(EXTRA_LTLIBRARIES)
endif

%C%_libvm_la_SOURCES = \
	%D%/bench.c \
	%D%/bench.h \
	%D%/checked.c \
	%D%/checked.h \
	%D%/contain.c \
	%D%/contain.h \
	%D%/dma-api.c \
	%D%/dma-api.h \
	%D%/fail-nth.c \
	%D%/fail-nth.h \
	%D%/faulty.c \
	%D%/faulty.h \
	%D%/inject.c \
	%D%/inject.h \
	%D%/ledger.c \
	%D%/ledger.h \
	%D%/life.c \
	%D%/life.h \
	%D%/real.c \
	%D%/real.h \
	%D%/smmu-edu.c \
	%D%/smmu-edu.h \
	%D%/smmu-env.c \
	%D%/smmu-env.h \
	%D%/smmu-hw.c \
	%D%/smmu-hw.h \
	%D%/smmu-machine.c \
	%D%/smmu-machine.h \
	%D%/trace.c \
	%D%/trace.h \
	%D%/vfio-uapi.h \
	$(CONFORMANCE_SOURCES)
# In another program, too, which is not for libtool.
%C%_libvm_la_CFLAGS = $(AM_CFLAGS)
VM_LDADD = %D%/libvm.la tests/libtest.la libiommunest-sim.la libiommunest.la \
	$(CHECK_LIBS)

%C%_smmu_check_LDADD = $(VM_LDADD)

%C%_smmu_conformance_LDADD = $(VM_LDADD)

%C%_smmu_diff_SOURCES = \
	tests/conformance/sim-env.c \
	tests/conformance/sim-env.h \
	%D%/diff-smmu.c \
	%D%/diff-smmu.h \
	%D%/smmu-diff.c \
	$(DIFF_SOURCES)
%C%_smmu_diff_LDADD = $(VM_LDADD)

%C%_smmu_dma_SOURCES = %D%/smmu-main.c tests/conformance/smmu-dma.c
%C%_smmu_dma_LDADD = $(VM_LDADD)

%C%_smmu_errors_LDADD = $(VM_LDADD) -lpthread

%C%_smmu_events_SOURCES = %D%/smmu-main.c tests/conformance/smmu-events.c
%C%_smmu_events_LDADD = $(VM_LDADD)

%C%_smmu_large_SOURCES = %D%/smmu-main.c tests/conformance/smmu-large.c
%C%_smmu_large_CPPFLAGS = $(AM_CPPFLAGS) -DOVERCOUNTING_KERNELS_WARN
%C%_smmu_large_LDADD = $(VM_LDADD)

%C%_smmu_library_LDADD = $(VM_LDADD)

%C%_smmu_queue_SOURCES = %D%/smmu-main.c tests/conformance/smmu-queue.c
%C%_smmu_queue_LDADD = $(VM_LDADD)

%C%_smmu_random_SOURCES = %D%/smmu-main.c tests/conformance/smmu-random.c
%C%_smmu_random_LDADD = $(VM_LDADD)

%C%_smmu_replay_SOURCES = %D%/smmu-main.c tests/conformance/smmu-replay.c
%C%_smmu_replay_LDADD = $(VM_LDADD)

%C%_vm_check_LDADD = $(VM_LDADD)

%C%_vm_conformance_LDADD = $(VM_LDADD)

%C%_vm_contain_SOURCES = \
	%D%/contain-dma.c \
	%D%/contain-heal.c \
	%D%/contain-order.c \
	%D%/contain-others.c \
	%D%/contain-races.c \
	%D%/contain-unplug.c \
	%D%/contain-vf.c \
	%D%/rng.c \
	%D%/rng.h \
	%D%/vm-contain.c
%C%_vm_contain_LDADD = $(VM_LDADD) -lpthread

%C%_vm_contain_end_LDADD = $(VM_LDADD)

%C%_vm_contain_legacy_LDADD = $(VM_LDADD)

%C%_vm_contain_pasid_LDADD = $(VM_LDADD)

%C%_vm_errors_SOURCES = \
	%D%/errors-host.c \
	%D%/errors-others.c \
	%D%/errors-silent.c \
	%D%/errors.c \
	%D%/errors.h \
	%D%/vm-errors.c
%C%_vm_errors_LDADD = $(VM_LDADD) -lpthread

%C%_vm_fail_LDADD = $(VM_LDADD)

%C%_vm_life_LDADD = $(VM_LDADD)

DIFF_SOURCES = \
	%D%/diff-both.c \
	%D%/diff-both.h \
	%D%/diff-gen.c \
	%D%/diff-gen.h \
	%D%/diff-ioas.c \
	%D%/diff-memory.c \
	%D%/diff.h
%C%_vm_diff_SOURCES = $(DIFF_SOURCES) %D%/vm-diff.c
%C%_vm_diff_LDADD = $(VM_LDADD)

%C%_vm_mock_SOURCES = \
	%D%/mock-uapi.h \
	%D%/vm-mock.c \
	%D%/vm-mock-dirty.c \
	%D%/vm-mock-requests.c \
	%D%/vm-mock-viommu.c \
	tests/conformance/requests.c \
	tests/conformance/requests.h
%C%_vm_mock_LDADD = $(VM_LDADD)

%C%_vm_replay_LDADD = $(VM_LDADD)

%C%_bench_dma_LDADD = $(VM_LDADD)

%C%_bench_entry_LDADD = $(VM_LDADD)

%C%_bench_irqs_LDADD = $(VM_LDADD)

%C%_planted_bug_LDADD = $(VM_LDADD) -lpthread

%C%_vm_resubmit_LDADD = $(VM_LDADD)

%C%_vm_vfio_LDADD = $(VM_LDADD)

# capture.sh's: the guest, and the tools.
VM_CAPTURE = tests/qemu/linux-guest tests/replay/iommunest-capture

vm-arm-programs: $(VM_ARM_TESTS) tests/replay/iommunest-check

vm-programs: $(VM_TESTS) $(VM_PLANTED) $(VM_CAPTURE) \
	tests/replay/iommunest-check tests/replay/iommunest-replay

# 77: no kernel, or no QEMU.
check-vm: vm-programs
	@$(srcdir)/%D%/check.sh --build . --kernels "$(VM_KERNELS)" \
		$(VM_TESTS) || [ $$? -eq 77 ]
	@$(srcdir)/%D%/capture.sh --build . || [ $$? -eq 77 ]

vm-bench: $(VM_BENCH)

# Asserts nothing of times.
bench-vm: vm-bench
	@$(srcdir)/%D%/bench.sh --build . --kernels "$(VM_KERNELS)"

# Each patch of kernel/ in turn: builds, checkpatch, sparse.
check-kernel-series:
	@$(srcdir)/scripts/check-kernel-series.sh
.PHONY: bench-vm check-kernel-series check-vm vm-arm-programs vm-bench \
	vm-programs

EXTRA_DIST += \
	%D%/README.md \
	%D%/bench.sh \
	%D%/capture.sh \
	%D%/check.sh \
	%D%/init \
	%D%/kernel-selftest.sh \
	%D%/machine.sh \
	%D%/races.sh \
	%D%/run.sh \
	%D%/selftest.sh \
	%D%/shell.sh \
	%D%/smmu-check.needs \
	%D%/smmu-large.warns \
	%D%/smmu-replay.needs \
	%D%/vm-check.needs \
	%D%/vm-errors.warns \
	%D%/vm-replay.needs \
	kernel/6.12 \
	kernel/model \
	kernel/7.3 \
	kernel/README.md \
	kernel/test
