# SPDX-License-Identifier: LGPL-2.1-or-later
# Example programs.  They use the public headers and nothing else.

EXAMPLE_LIBS = libiommunest-sim.la libiommunest.la
# The program, and the tests that write to its registers.
VIOMMU_SOURCES = \
	%D%/viommu-nest.c \
	%D%/viommu-queue.c \
	%D%/viommu-regs.c \
	%D%/viommu-regs.h
CAPTURE_SOURCES = %D%/capture.c %D%/capture.h
TOOL_SOURCES = %D%/tool.c %D%/tool.h %D%/tool-errors.h

noinst_PROGRAMS += \
	%D%/iommunest-inval \
	%D%/iommunest-replay \
	%D%/nest-setup \
	%D%/viommu

%C%_iommunest_inval_SOURCES = %D%/iommunest-inval.c $(TOOL_SOURCES)
%C%_iommunest_inval_LDADD = $(EXAMPLE_LIBS)

%C%_iommunest_replay_SOURCES = \
	%D%/iommunest-replay.c \
	%D%/replay-guest.c \
	%D%/replay-host.c \
	%D%/replay-json.c \
	%D%/replay-options.c \
	%D%/replay-scan.c \
	%D%/replay-text.c \
	%D%/replay.h \
	$(CAPTURE_SOURCES) \
	$(TOOL_SOURCES)
%C%_iommunest_replay_LDADD = $(EXAMPLE_LIBS)
# The tests run it thousands of times, and libtool's wrapper takes longer.
%C%_iommunest_replay_LDFLAGS = $(AM_LDFLAGS) -no-install

%C%_nest_setup_SOURCES = %D%/nest-setup.c
%C%_nest_setup_LDADD = $(EXAMPLE_LIBS)

%C%_viommu_SOURCES = %D%/viommu.c $(VIOMMU_SOURCES) $(TOOL_SOURCES)
%C%_viommu_LDADD = $(EXAMPLE_LIBS)
%C%_viommu_LDFLAGS = $(AM_LDFLAGS) -no-install
