# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Installed programs.  They use the public headers and nothing else.

TOOL_LIBS = libiommunest-sim.la libiommunest.la
JSON_SOURCES = %D%/json.c %D%/json.h
TOOL_SOURCES = %D%/tool.c %D%/tool.h %D%/tool-errors.h
# Captures in memory.
CAPTURE_DATA_SOURCES = \
	%D%/capture-array.c \
	%D%/capture-array.h \
	%D%/capture-cmdq.c \
	%D%/capture-cmdq.h \
	%D%/capture.c \
	%D%/capture.h
# Their reader, too.
CAPTURE_SOURCES = \
	%D%/capture-cmdq-read.c \
	%D%/capture-lines.c \
	%D%/capture-lines.h \
	%D%/capture-read.c \
	$(CAPTURE_DATA_SOURCES)
# The tests have copies of these programs that run without libtool's wrapper.
CAPTURE_TOOL_SOURCES = \
	%D%/iommunest-capture.c \
	%D%/capture/cmdq.c \
	%D%/capture/event.c \
	%D%/capture/image.c \
	%D%/capture/lines.c \
	%D%/capture/make.h \
	%D%/capture/memory.c \
	%D%/capture/options.c \
	%D%/capture/trace.c \
	$(CAPTURE_DATA_SOURCES) \
	$(TOOL_SOURCES)
CHECK_SOURCES = \
	%D%/iommunest-check.c \
	%D%/check/check.h \
	%D%/check/cmdline.c \
	%D%/check/config.c \
	%D%/check/device.c \
	%D%/check/files.c \
	%D%/check/findings.c \
	%D%/check/hardware.c \
	%D%/check/kernel.c \
	%D%/check/nodes.c \
	%D%/check/options.c \
	%D%/check/report-caps.c \
	%D%/check/report-json.c \
	%D%/check/report-smmuv3.c \
	%D%/check/report-text.c \
	%D%/check/smmuv3.c \
	%D%/check/units.c \
	$(JSON_SOURCES) \
	$(TOOL_SOURCES)
INVAL_SOURCES = \
	%D%/iommunest-inval.c \
	%D%/inval/command.c \
	%D%/inval/inval.h \
	%D%/inval/options.c \
	%D%/inval/smmuv3.c \
	%D%/inval/vtd.c \
	$(TOOL_SOURCES)
REPLAY_SOURCES = \
	%D%/iommunest-replay.c \
	%D%/replay/guest.c \
	%D%/replay/host.c \
	%D%/replay/json.c \
	%D%/replay/nest.c \
	%D%/replay/options.c \
	%D%/replay/replay.h \
	%D%/replay/scan.c \
	%D%/replay/smmu-guest.c \
	%D%/replay/smmu-host.c \
	%D%/replay/smmu-json.c \
	%D%/replay/smmu-streams.c \
	%D%/replay/smmu-text.c \
	%D%/replay/smmu.c \
	%D%/replay/smmu.h \
	%D%/replay/text.c \
	%D%/replay/vtd.c \
	$(CAPTURE_SOURCES) \
	$(JSON_SOURCES) \
	$(TOOL_SOURCES)

if TOOLS
bin_PROGRAMS += \
	%D%/iommunest-capture \
	%D%/iommunest-check \
	%D%/iommunest-inval \
	%D%/iommunest-replay
endif

%C%_iommunest_capture_SOURCES = $(CAPTURE_TOOL_SOURCES)
%C%_iommunest_capture_LDADD = $(TOOL_LIBS)

%C%_iommunest_check_SOURCES = $(CHECK_SOURCES)
%C%_iommunest_check_LDADD = $(TOOL_LIBS)

%C%_iommunest_inval_SOURCES = $(INVAL_SOURCES)
%C%_iommunest_inval_LDADD = $(TOOL_LIBS)

%C%_iommunest_replay_SOURCES = $(REPLAY_SOURCES)
%C%_iommunest_replay_LDADD = $(TOOL_LIBS)
