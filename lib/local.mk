# SPDX-License-Identifier: LGPL-2.1-or-later
# The library.  Tests that need its allocations to fail link the objects
# themselves (libiommunest-core.la); everything else links what is installed.

LIB_SOURCES = \
	%D%/abi.h \
	%D%/batch.c \
	%D%/batch.h \
	%D%/context.c \
	%D%/context.h \
	%D%/device.c \
	%D%/extension.c \
	%D%/extension.h \
	%D%/hwpt.c \
	%D%/ioas.c \
	%D%/submit.c \
	%D%/sys.c \
	%D%/sys.h \
	%D%/uapi.h \
	%D%/uapi-invalidate.h \
	%D%/uapi-iommufd.h \
	%D%/uapi-vfio.h \
	%D%/version.c \
	%D%/vfio.c \
	%D%/vtd-batch.c \
	%D%/vtd-batch.h \
	%D%/vtd-caps.c \
	%D%/vtd-desc.c \
	%D%/vtd-desc.h \
	%D%/vtd-desc-build.c \
	%D%/vtd-desc-fields.h \
	%D%/vtd-desc-print.c \
	%D%/vtd-entry.c \
	%D%/vtd-entry.h \
	%D%/vtd-guest.c \
	%D%/vtd-iq.c \
	%D%/vtd-iq.h \
	%D%/vtd-iq-regs.h \
	%D%/vtd-iq-run.c \
	%D%/vtd-iq-settle.c \
	%D%/vtd-iq-state.c \
	%D%/vtd-pasid.c \
	%D%/vtd-regs.h \
	%D%/vtd-scope.c \
	%D%/vtd-scope.h

noinst_LTLIBRARIES += libiommunest-core.la
libiommunest_core_la_SOURCES = $(LIB_SOURCES)
libiommunest_core_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden

lib_LTLIBRARIES += libiommunest.la
libiommunest_la_SOURCES =
libiommunest_la_LIBADD = libiommunest-core.la
libiommunest_la_LDFLAGS = $(AM_LDFLAGS) -no-undefined \
	-version-info $(IOMMUNEST_LT_VERSION) \
	-Wl,--version-script=$(srcdir)/%D%/libiommunest.map $(SYMBOL_LDFLAGS)
libiommunest_la_DEPENDENCIES = libiommunest-core.la %D%/libiommunest.map

EXTRA_DIST += %D%/libiommunest.map
