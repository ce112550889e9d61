# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Sourced after scripts/lib/common.sh: what is in the virtual machine, and how
# it is started.
# shellcheck disable=SC2034,SC2154 # common.sh's, and for who sources this

vm=$top/tests/vm
vm_packages="busybox-static cpio qemu-system-x86"

# More files for /tests, beside what PROGRAM.needs names.
vm_files=()

# Enough for all but Invalidation Queue Errors, which take 10.0.
qemu_version=${VM_QEMU:-7.2}

# The file of a program of the build tree, and not libtool's wrapper.
binary_of() {
	local build=$1 program=$2

	if head -n 4 "$build/$program" | grep -aq 'wrapper script for'; then
		(cd "$build" && ./libtool --quiet --mode=execute \
			realpath "$program")
	else
		realpath "$build/$program"
	fi
}

is_elf() {
	[ "$(head -c 4 "$1" | tail -c 3)" = ELF ]
}

# The shared libraries of programs, and their loader.
libraries_of() {
	local build=$1

	shift
	LD_LIBRARY_PATH=$build/.libs ldd "$@" | awk '
		/not found/ {
			print "no library " $1 >"/dev/stderr"
			bad = 1
		}
		$2 == "=>" { print $3 }
		$1 ~ /^\// && $2 ~ /^\(/ { print $1 }
		END { exit bad }' | sort -u
}

# add_libraries ROOT BUILD FILE...
add_libraries() {
	local root=$1 list library

	shift
	list=$(libraries_of "$@") || return
	for library in $list; do
		case ${library##*/} in
		ld-linux*) cp -L "$library" "$root/lib64" ;;
		*) cp -L "$library" "$root/lib" ;;
		esac
	done
}

# Variables of the caller that the programs know.
guest_environment() {
	local name

	for name in $(compgen -e | grep -E '^(IOMMUNEST|CK)_'); do
		[ "$name" != IOMMUNEST_CACHE ] || continue
		printf "export %s='%s'\n" "$name" "${!name}"
	done
}

# What the file PROGRAM.needs of this folder names beside a program: lines of
# "program FILE-OF-THE-BUILD-TREE" and "data FILE-OF-THE-SOURCE-TREE".
needs_of() {
	local kind=$1 program

	shift
	for program; do
		[ ! -f "$vm/${program##*/}.needs" ] ||
			awk -v kind="$kind" '$1 == kind { print $2 }' \
				"$vm/${program##*/}.needs"
	done
}

# make_initramfs FILE BUILD PROGRAM...: what is to be run, in /tests, each for
# $program_limit seconds.
make_initramfs() {
	local to=$1 build=$2 root program file files=()

	shift 2
	root=$(mktemp -d)
	mkdir -p "$root"/{bin,dev,lib,lib64,tests}
	cp "$(command -v busybox)" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	install -m 755 "$vm/init" "$root/init"
	guest_environment >"$root/environment"
	for file in $(needs_of data "$@"); do
		cp "$top/$file" "$root/tests" || return
	done
	[ ${#vm_files[@]} -eq 0 ] || cp -r "${vm_files[@]}" "$root/tests" || return
	for program in "$@" $(needs_of program "$@"); do
		file=$(binary_of "$build" "$program") || return
		cp "$file" "$root/tests/${program##*/}"
		! is_elf "$file" || files+=("$file")
	done
	[ ${#files[@]} -eq 0 ] ||
		add_libraries "$root" "$build" "${files[@]}" || return
	for program; do
		say "$program_limit ${program##*/}"
	done >"$root/programs"
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) |
		gzip -1 >"$to"
	rm -rf "$root"
}

# set_machine KERNEL INITRAMFS PARAMETERS: the command that starts it, as the
# array machine.  A VT-d in scalable mode; behind it a device of the root
# complex and one behind a port, which both have ATS, and one of two functions.
# On a loaded host, the kernel takes the emulated TSC for one that is many times
# slower, and an hour passes in some minutes, which libcheck cannot count; the
# PM timer has a fixed frequency.
set_machine() {
	local kernel=$1 initramfs=$2 parameters=$3 call
	local behind_vtd=disable-legacy=on,iommu_platform=on,ats=on

	call=$("$top/scripts/qemu.sh" "$qemu_version") || return
	eval "machine=($call)"
	machine+=(${VM_TRACE:+-trace "$VM_TRACE"} -accel tcg -cpu max
		-M "q35,kernel-irqchip=split"
		-m "${VM_MEMORY:-512}"
		-smp 2 -nodefaults -display none -no-reboot
		-kernel "$kernel" -initrd "$initramfs"
		-append "console=ttyS0 loglevel=7 panic=-1 oops=panic \
no_timer_check clocksource=acpi_pm intel_iommu=on,sm_on $parameters"
		-device "intel-iommu,intremap=on,x-scalable-mode=on,device-iotlb=on${VM_IOMMU:+,$VM_IOMMU}"
		-device "virtio-net-pci,addr=2.0,romfile=,$behind_vtd"
		-device "pcie-root-port,id=rp0,addr=3.0,chassis=1"
		-device "virtio-rng-pci,addr=4.0,multifunction=on,$behind_vtd"
		-device "virtio-rng-pci,addr=4.1,$behind_vtd"
		-device "virtio-rng-pci,bus=rp0,$behind_vtd")
}
