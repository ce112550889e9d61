# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Example programs, one idea each.  They use the public headers and nothing
# else, and are not installed.

EXAMPLE_LIBS = libiommunest-sim.la libiommunest.la
# The programs, and the tests that write to their registers.
VIOMMU_SOURCES = \
	%D%/viommu/events.c \
	%D%/viommu/nest.c \
	%D%/viommu/queue.c \
	%D%/viommu/regs.c \
	%D%/viommu/regs.h
VSMMU_SOURCES = \
	%D%/vsmmu/events.c \
	%D%/vsmmu/nest.c \
	%D%/vsmmu/queue.c \
	%D%/vsmmu/regs.c \
	%D%/vsmmu/regs.h

if EXAMPLES
noinst_PROGRAMS += \
	%D%/fault-loop \
	%D%/dirty-loop \
	%D%/fix-and-resubmit \
	%D%/host-caps \
	%D%/nest-setup \
	%D%/nesting \
	%D%/porting \
	%D%/smmuv3-queue \
	%D%/smmuv3-resubmit \
	%D%/submit \
	%D%/viommu/viommu \
	%D%/vsmmu/vsmmu
endif

%C%_fault_loop_SOURCES = %D%/fault-loop.c
%C%_fault_loop_LDADD = $(EXAMPLE_LIBS)

%C%_dirty_loop_SOURCES = %D%/dirty-loop.c
%C%_dirty_loop_LDADD = $(EXAMPLE_LIBS)

%C%_fix_and_resubmit_SOURCES = %D%/fix-and-resubmit.c
%C%_fix_and_resubmit_LDADD = $(EXAMPLE_LIBS)

%C%_host_caps_SOURCES = %D%/host-caps.c
%C%_host_caps_LDADD = $(EXAMPLE_LIBS)

%C%_nest_setup_SOURCES = %D%/nest-setup.c
%C%_nest_setup_LDADD = $(EXAMPLE_LIBS)

%C%_nesting_SOURCES = %D%/nesting.c
%C%_nesting_LDADD = $(EXAMPLE_LIBS)

%C%_porting_SOURCES = %D%/porting.c
%C%_porting_LDADD = $(EXAMPLE_LIBS)

%C%_smmuv3_queue_SOURCES = %D%/smmuv3-queue.c
%C%_smmuv3_queue_LDADD = $(EXAMPLE_LIBS)

%C%_smmuv3_resubmit_SOURCES = %D%/smmuv3-resubmit.c
%C%_smmuv3_resubmit_LDADD = $(EXAMPLE_LIBS)

%C%_submit_SOURCES = %D%/submit.c
%C%_submit_LDADD = $(EXAMPLE_LIBS)

%C%_viommu_viommu_SOURCES = \
	%D%/viommu/guest.c \
	%D%/viommu/guest.h \
	%D%/viommu/viommu.c \
	$(VIOMMU_SOURCES)
%C%_viommu_viommu_LDADD = $(EXAMPLE_LIBS)
%C%_viommu_viommu_LDFLAGS = $(AM_LDFLAGS) -no-install

%C%_vsmmu_vsmmu_SOURCES = \
	%D%/vsmmu/guest.c \
	%D%/vsmmu/guest.h \
	%D%/vsmmu/vsmmu.c \
	$(VSMMU_SOURCES)
%C%_vsmmu_vsmmu_LDADD = $(EXAMPLE_LIBS)
%C%_vsmmu_vsmmu_LDFLAGS = $(AM_LDFLAGS) -no-install
