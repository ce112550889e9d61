# SPDX-License-Identifier: LGPL-2.1-or-later
# What `make check` runs.  A program or script that cannot run says why and
# exits with 77.

AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(top_srcdir)'; export top_srcdir; \
	top_builddir='$(top_builddir)'; export top_builddir;

UNIT_TESTS = \
	%D%/unit/uapi-compare

UNIT_LDADD = $(CHECK_LIBS)
UNIT_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

tests_unit_uapi_compare_SOURCES = \
	%D%/unit/uapi-compare.c \
	%D%/unit/uapi-own.c \
	%D%/unit/uapi-real.c \
	%D%/unit/uapi-rows.h \
	%D%/unit/uapi-table.h
tests_unit_uapi_compare_CFLAGS = $(UNIT_CFLAGS)
tests_unit_uapi_compare_LDADD = $(UNIT_LDADD)

if HAVE_CHECK
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
else
TESTS += %D%/no-libcheck.sh
endif

EXTRA_DIST += %D%/no-libcheck.sh

# The programs again, each in one process, under valgrind.
VALGRIND = valgrind
VALGRIND_FLAGS = --quiet --error-exitcode=99 --leak-check=full \
	--errors-for-leak-kinds=definite,indirect,possible
VALGRIND_TESTS = $(UNIT_TESTS)

check-valgrind:
	CK_FORK=no $(MAKE) $(AM_MAKEFLAGS) check TESTS='$(VALGRIND_TESTS)' \
		LOG_COMPILER='$(LIBTOOL) --mode=execute $(VALGRIND)' \
		AM_LOG_FLAGS='$(VALGRIND_FLAGS)'
.PHONY: check-valgrind
