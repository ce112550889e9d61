# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Installed programs.  They use the public headers and nothing else.

TOOL_LIBS = libiommunest-sim.la libiommunest.la
TOOL_SOURCES = %D%/tool.c %D%/tool.h %D%/tool-errors.h
CAPTURE_SOURCES = \
	%D%/capture-read.c \
	%D%/capture.c \
	%D%/capture.h
# The tests have a copy of the program that runs without libtool's wrapper.
REPLAY_SOURCES = \
	%D%/iommunest-replay.c \
	%D%/replay/guest.c \
	%D%/replay/host.c \
	%D%/replay/json.c \
	%D%/replay/options.c \
	%D%/replay/replay.h \
	%D%/replay/scan.c \
	%D%/replay/text.c \
	$(CAPTURE_SOURCES) \
	$(TOOL_SOURCES)

if TOOLS
bin_PROGRAMS += \
	%D%/iommunest-inval \
	%D%/iommunest-replay
endif

%C%_iommunest_inval_SOURCES = %D%/iommunest-inval.c $(TOOL_SOURCES)
%C%_iommunest_inval_LDADD = $(TOOL_LIBS)

%C%_iommunest_replay_SOURCES = $(REPLAY_SOURCES)
%C%_iommunest_replay_LDADD = $(TOOL_LIBS)
