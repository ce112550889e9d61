# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Fuzz targets.  "make fuzz-programs" builds them with any compiler, to run
# inputs that are given as files; scripts/tiers/fuzz.sh builds them with
# libFuzzer.

FUZZ_TARGETS = \
	%D%/fuzz-capture \
	%D%/fuzz-cmdq \
	%D%/fuzz-desc \
	%D%/fuzz-fault \
	%D%/fuzz-iq \
	%D%/fuzz-pasid \
	%D%/fuzz-smmuv3
FUZZ_BUILT = $(FUZZ_TARGETS) %D%/make-seeds

EXTRA_PROGRAMS += $(FUZZ_BUILT)
CLEANFILES += $(FUZZ_BUILT)

# -DHAVE_LIBFUZZER and -fsanitize=fuzzer, of libFuzzer's builds.
FUZZ_DEFINES =
FUZZ_LIBFUZZER =

FUZZ_CFLAGS = $(BASE_CFLAGS) $(FUZZ_DEFINES)
FUZZ_LINK = $(AM_LDFLAGS) $(FUZZ_LIBFUZZER)
FUZZ_COMMON = %D%/fuzz.h %D%/input.c %D%/replay.c

%C%_fuzz_capture_SOURCES = \
	%D%/fuzz-capture.c \
	$(FUZZ_COMMON) \
	$(CAPTURE_SOURCES)
%C%_fuzz_capture_CFLAGS = $(FUZZ_CFLAGS)
%C%_fuzz_capture_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_capture_LDADD =

%C%_fuzz_cmdq_SOURCES = \
	%D%/cmdq-input.h \
	%D%/fuzz-cmdq.c \
	$(FUZZ_COMMON)
%C%_fuzz_cmdq_CFLAGS = $(FUZZ_CFLAGS)
%C%_fuzz_cmdq_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_cmdq_LDADD = libiommunest.la

%C%_fuzz_desc_SOURCES = %D%/fuzz-desc.c $(FUZZ_COMMON)
%C%_fuzz_desc_CFLAGS = $(FUZZ_CFLAGS)
%C%_fuzz_desc_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_desc_LDADD = libiommunest.la

%C%_fuzz_fault_SOURCES = %D%/fuzz-fault.c $(FUZZ_COMMON)
%C%_fuzz_fault_CFLAGS = $(FUZZ_CFLAGS)
%C%_fuzz_fault_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_fault_LDADD = libiommunest.la

%C%_fuzz_iq_SOURCES = \
	%D%/fuzz-iq.c \
	%D%/iq-input.h \
	%D%/iq-model.c \
	%D%/iq-model.h \
	%D%/iq-vmm.c \
	%D%/iq-vmm.h \
	$(FUZZ_COMMON)
%C%_fuzz_iq_CFLAGS = $(FUZZ_CFLAGS)
%C%_fuzz_iq_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_iq_LDADD = libiommunest-sim.la libiommunest.la

%C%_fuzz_pasid_SOURCES = %D%/fuzz-pasid.c $(FUZZ_COMMON)
%C%_fuzz_pasid_CFLAGS = $(FUZZ_CFLAGS)
%C%_fuzz_pasid_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_pasid_LDADD = libiommunest-sim.la libiommunest.la

%C%_fuzz_smmuv3_SOURCES = %D%/fuzz-smmuv3.c $(FUZZ_COMMON)
%C%_fuzz_smmuv3_CFLAGS = $(FUZZ_CFLAGS)
%C%_fuzz_smmuv3_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_smmuv3_LDADD = libiommunest.la

%C%_make_seeds_SOURCES = \
	%D%/make-seeds.c \
	%D%/cmdq-input.h \
	%D%/fuzz.h \
	%D%/iq-input.h \
	$(CAPTURE_SOURCES)
%C%_make_seeds_LDADD =

fuzz-programs: $(FUZZ_BUILT)

# What the captures are cut into, in the build folder.
fuzz-seeds: %D%/make-seeds
	rm -rf %D%/seeds
	$(MKDIR_P) %D%/seeds/capture %D%/seeds/cmdq %D%/seeds/desc %D%/seeds/iq
	%D%/make-seeds %D%/seeds $(srcdir)/tests/data/guest-iq/*.iq \
		$(srcdir)/tests/data/guest-cmdq/*.cmdq
.PHONY: fuzz-programs fuzz-seeds

clean-local:
	rm -rf %D%/seeds

EXTRA_DIST += \
	%D%/README.md
