# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# The library.  Tests that need its allocations to fail link the objects
# themselves (libiommunest-core.la); everything else links what is installed.

LIB_SOURCES = \
	%D%/abi.h \
	%D%/batch.c \
	%D%/batch.h \
	%D%/bits.h \
	%D%/context.c \
	%D%/context.h \
	%D%/dirty.c \
	%D%/error-report.c \
	%D%/error-report.h \
	%D%/event-reader.c \
	%D%/fault-queue.c \
	%D%/fault-reader.c \
	%D%/features.c \
	%D%/hw-info.c \
	%D%/hwpt.c \
	%D%/ioas.c \
	%D%/iova.c \
	%D%/map.c \
	%D%/option.c \
	%D%/print.h \
	%D%/ring.h \
	%D%/submission.h \
	%D%/submit-blame.c \
	%D%/submit-policy.c \
	%D%/submit.c \
	%D%/submit.h \
	%D%/sys.c \
	%D%/sys.h \
	%D%/sysfs.c \
	%D%/sysfs.h \
	%D%/version.c \
	%D%/vfio-attach-reasons.c \
	%D%/vfio-find.c \
	%D%/vfio-reason.c \
	%D%/vfio.c \
	%D%/viommu.c \
	%D%/smmuv3/batch.c \
	%D%/smmuv3/bits.h \
	%D%/smmuv3/caps.c \
	%D%/smmuv3/caps.h \
	%D%/smmuv3/cmd-check.c \
	%D%/smmuv3/cmd-fields.h \
	%D%/smmuv3/cmd-print.c \
	%D%/smmuv3/cmd-types.c \
	%D%/smmuv3/cmd.c \
	%D%/smmuv3/entry.c \
	%D%/smmuv3/entry.h \
	%D%/smmuv3/event.c \
	%D%/smmuv3/objects.c \
	%D%/smmuv3/queue/complete.c \
	%D%/smmuv3/queue/complete.h \
	%D%/smmuv3/queue/engine.c \
	%D%/smmuv3/queue/fault.c \
	%D%/smmuv3/queue/fault.h \
	%D%/smmuv3/queue/gather.c \
	%D%/smmuv3/queue/gather.h \
	%D%/smmuv3/queue/migrate.c \
	%D%/smmuv3/queue/queue.h \
	%D%/smmuv3/queue/recover.c \
	%D%/smmuv3/queue/recover.h \
	%D%/smmuv3/queue/registers.c \
	%D%/smmuv3/queue/result.h \
	%D%/smmuv3/queue/ring.c \
	%D%/smmuv3/queue/rules.c \
	%D%/smmuv3/queue/rules.h \
	%D%/smmuv3/queue/settle.c \
	%D%/smmuv3/queue/targets.c \
	%D%/smmuv3/queue/targets.h \
	%D%/smmuv3/ste.c \
	%D%/smmuv3/ste.h \
	%D%/uapi/invalidate.h \
	%D%/uapi/iommufd-newer.h \
	%D%/uapi/iommufd.h \
	%D%/uapi/uapi.h \
	%D%/uapi/vfio.h \
	%D%/vtd/batch.c \
	%D%/vtd/batch.h \
	%D%/vtd/cap-regs.h \
	%D%/vtd/caps.c \
	%D%/vtd/desc-decode.c \
	%D%/vtd/desc-encode.c \
	%D%/vtd/desc-layout.h \
	%D%/vtd/desc-print.c \
	%D%/vtd/desc-types.c \
	%D%/vtd/desc-types.h \
	%D%/vtd/desc.h \
	%D%/vtd/entry.c \
	%D%/vtd/entry.h \
	%D%/vtd/guest-caps.c \
	%D%/vtd/guest-caps.h \
	%D%/vtd/guest-check.c \
	%D%/vtd/hwpt.c \
	%D%/vtd/kernel-faults.c \
	%D%/vtd/page-request.c \
	%D%/vtd/pasid-entry.c \
	%D%/vtd/queue/complete.c \
	%D%/vtd/queue/complete.h \
	%D%/vtd/queue/engine.c \
	%D%/vtd/queue/fault.c \
	%D%/vtd/queue/fault.h \
	%D%/vtd/queue/gather.c \
	%D%/vtd/queue/gather.h \
	%D%/vtd/queue/migrate.c \
	%D%/vtd/queue/queue-regs.h \
	%D%/vtd/queue/queue.h \
	%D%/vtd/queue/recover.c \
	%D%/vtd/queue/recover.h \
	%D%/vtd/queue/registers.c \
	%D%/vtd/queue/result.h \
	%D%/vtd/queue/ring.c \
	%D%/vtd/queue/settle.c \
	%D%/vtd/queue/targets.c \
	%D%/vtd/queue/targets.h

noinst_LTLIBRARIES += libiommunest-core.la
libiommunest_core_la_SOURCES = $(LIB_SOURCES)
libiommunest_core_la_CFLAGS = $(BASE_CFLAGS) -fvisibility=hidden

lib_LTLIBRARIES += libiommunest.la
libiommunest_la_SOURCES =
libiommunest_la_LIBADD = libiommunest-core.la
libiommunest_la_LDFLAGS = $(AM_LDFLAGS) -no-undefined \
	-version-info $(IOMMUNEST_LT_VERSION) \
	-Wl,--version-script=$(srcdir)/%D%/libiommunest.map $(SYMBOL_LDFLAGS)
libiommunest_la_DEPENDENCIES = libiommunest-core.la %D%/libiommunest.map

EXTRA_DIST += %D%/libiommunest.map
