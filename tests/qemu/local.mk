# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# A real VMM: QEMU with integrations/qemu, in the virtual machine of tests/vm.

QEMU_TESTS = \
	%D%/qemu-nest \
	%D%/qemu-pasid \
	%D%/qemu-peer \
	%D%/qemu-random \
	%D%/qemu-replay \
	%D%/qemu-linux
# The only process of qemu-linux's guest.
LINUX_GUEST = %D%/linux-guest

if HAVE_CHECK
EXTRA_PROGRAMS += $(QEMU_TESTS) $(LINUX_GUEST)
CLEANFILES += $(QEMU_TESTS) $(LINUX_GUEST)
endif

QEMU_GUEST = \
	%D%/guest.c \
	%D%/guest.h \
	%D%/qtest.c \
	%D%/qtest.h

%C%_qemu_nest_SOURCES = \
	%D%/qemu-nest.c \
	%D%/refuse.c \
	%D%/refuse.h \
	$(QEMU_GUEST)
%C%_qemu_nest_LDADD = $(VM_LDADD)

%C%_qemu_pasid_SOURCES = \
	%D%/qemu-pasid.c \
	%D%/refuse.c \
	%D%/refuse.h \
	$(QEMU_GUEST)
%C%_qemu_pasid_LDADD = $(VM_LDADD)

%C%_qemu_peer_SOURCES = %D%/qemu-peer.c $(QEMU_GUEST)
%C%_qemu_peer_LDADD = $(VM_LDADD)

%C%_qemu_random_SOURCES = %D%/qemu-random.c $(QEMU_GUEST)
%C%_qemu_random_LDADD = $(VM_LDADD)

%C%_qemu_replay_SOURCES = %D%/qemu-replay.c $(CAPTURE_SOURCES) $(QEMU_GUEST)
%C%_qemu_replay_LDADD = $(VM_LDADD)

%C%_qemu_linux_SOURCES = \
	%D%/boot.c \
	%D%/boot.h \
	%D%/qemu-linux.c \
	%D%/stream.c \
	%D%/stream.h
%C%_qemu_linux_LDADD = $(VM_LDADD)

%C%_linux_guest_SOURCES = \
	%D%/edu.c \
	%D%/edu.h \
	%D%/linux-guest.c
%C%_linux_guest_LDADD = $(VM_LDADD)

qemu-programs: $(QEMU_TESTS) $(LINUX_GUEST)

# 77: no QEMU.
check-qemu: qemu-programs
	@$(srcdir)/%D%/check.sh --build . --kernels "$(VM_KERNELS)" \
		$(QEMU_TESTS) %D%/plain.sh || [ $$? -eq 77 ]
.PHONY: check-qemu qemu-programs

EXTRA_DIST += \
	%D%/README.md \
	%D%/check.sh \
	%D%/peer.sh \
	%D%/plain.sh
