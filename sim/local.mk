# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# The simulator: a library of its own.  It shares two headers with the library:
# the ABI (lib/uapi/) and how structs cross a border (lib/abi.h).  Tests that
# need its allocations to fail link the objects themselves
# (libiommunest-sim-core.la).

SIM_SOURCES = \
	%D%/areas.c \
	%D%/areas.h \
	%D%/cache.c \
	%D%/cache.h \
	%D%/call.c \
	%D%/call.h \
	%D%/destroy.c \
	%D%/destroy.h \
	%D%/device.c \
	%D%/device.h \
	%D%/dirty.c \
	%D%/dirty.h \
	%D%/dispatch.c \
	%D%/dispatch.h \
	%D%/dma.c \
	%D%/fault-queue.c \
	%D%/fault-queue.h \
	%D%/fault.c \
	%D%/fault.h \
	%D%/files.c \
	%D%/files.h \
	%D%/flush.c \
	%D%/flush.h \
	%D%/hw-info.c \
	%D%/hw-info.h \
	%D%/hwpt.c \
	%D%/hwpt.h \
	%D%/internal.h \
	%D%/invalidate.c \
	%D%/invalidate.h \
	%D%/ioas.c \
	%D%/ioas.h \
	%D%/iopt.c \
	%D%/iopt.h \
	%D%/iova.c \
	%D%/iova.h \
	%D%/lock.c \
	%D%/lock.h \
	%D%/map.c \
	%D%/map.h \
	%D%/objects.c \
	%D%/objects.h \
	%D%/options.c \
	%D%/options.h \
	%D%/page-request.c \
	%D%/page-request.h \
	%D%/pages.c \
	%D%/pages.h \
	%D%/pasid.c \
	%D%/pasid.h \
	%D%/profile.c \
	%D%/profile.h \
	%D%/ranges.c \
	%D%/ranges.h \
	%D%/registers.c \
	%D%/registers.h \
	%D%/set.c \
	%D%/set.h \
	%D%/sim.c \
	%D%/smmu.c \
	%D%/smmu.h \
	%D%/smmu-command.c \
	%D%/smmu-command.h \
	%D%/smmu-cache.c \
	%D%/smmu-cache.h \
	%D%/smmu-context.c \
	%D%/smmu-context.h \
	%D%/smmu-event.c \
	%D%/smmu-event.h \
	%D%/smmu-execute.c \
	%D%/smmu-execute.h \
	%D%/smmu-registers.c \
	%D%/smmu-registers.h \
	%D%/smmu-walk.c \
	%D%/smmu-walk.h \
	%D%/stage2.c \
	%D%/stage2.h \
	%D%/sys-table.c \
	%D%/sysfs.c \
	%D%/sysfs.h \
	%D%/translate.c \
	%D%/uapi-newer.h \
	%D%/user-memory.c \
	%D%/user-memory.h \
	%D%/veventq.c \
	%D%/veventq.h \
	%D%/vfio.c \
	%D%/vfio.h \
	%D%/viommu.c \
	%D%/viommu.h \
	%D%/walk.c \
	%D%/walk.h \
	%D%/widen.c \
	%D%/widen.h

noinst_LTLIBRARIES += libiommunest-sim-core.la
libiommunest_sim_core_la_SOURCES = $(SIM_SOURCES)
libiommunest_sim_core_la_CFLAGS = $(BASE_CFLAGS) -fvisibility=hidden
libiommunest_sim_core_la_LIBADD = $(PTHREAD_LIBS)

lib_LTLIBRARIES += libiommunest-sim.la
libiommunest_sim_la_SOURCES =
libiommunest_sim_la_LIBADD = libiommunest-sim-core.la
libiommunest_sim_la_LDFLAGS = $(AM_LDFLAGS) -no-undefined \
	-version-info $(IOMMUNEST_SIM_LT_VERSION) \
	-Wl,--version-script=$(srcdir)/%D%/libiommunest-sim.map \
	$(SYMBOL_LDFLAGS)
libiommunest_sim_la_DEPENDENCIES = libiommunest-sim-core.la \
	%D%/libiommunest-sim.map

EXTRA_DIST += %D%/libiommunest-sim.map
