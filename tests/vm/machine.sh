# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Sourced after scripts/lib/common.sh: what is in the virtual machine, and how
# it is started.  One is a PC with a VT-d, the other an arm64 with an SMMUv3.
# shellcheck disable=SC2034,SC2154 # common.sh's, and for who sources this

vm=$top/tests/vm

# More files for /tests, beside what PROGRAM.needs names.
vm_files=()

# is_arm64 KERNEL: its name, or the path of its Image.
is_arm64() {
	case ${1##*/} in
	*arm64* | Image) ;;
	*) return 1 ;;
	esac
}

# packages_for KERNEL: what its machine takes.
packages_for() {
	if is_arm64 "$1"; then
		say "cpio qemu-system-arm debian-archive-keyring"
	else
		say "busybox-static cpio qemu-system-x86"
	fi
}

# qemu_for KERNEL: the lowest version.  An SMMU has had two stages since 10.0; a
# VT-d has Invalidation Queue Errors since then, and all else in 7.2.
qemu_for() {
	if is_arm64 "$1"; then
		say "${VM_QEMU:-10.0}"
	else
		say "${VM_QEMU:-7.2}"
	fi
}

# busybox_for KERNEL: its file.
busybox_for() {
	if is_arm64 "$1"; then
		"$top/scripts/cross.sh" arm64 --busybox
	else
		command -v busybox
	fi
}

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

# The shared libraries of programs, and their loader.  Those for another machine
# are static.
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

# make_initramfs KERNEL FILE BUILD PROGRAM...: what is to be run, in /tests,
# each for $program_limit seconds.
make_initramfs() {
	local kernel=$1 to=$2 build=$3 root busybox program file files=()

	shift 3
	busybox=$(busybox_for "$kernel") || return
	root=$(mktemp -d)
	mkdir -p "$root"/{bin,dev,lib,lib64,tests}
	cp "$busybox" "$root/bin/busybox"
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
		is_arm64 "$kernel" || ! is_elf "$file" || files+=("$file")
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

# More of it for tests of devices that do not answer, with VM_MACHINE=contain: a
# third port with a device that has ATS, one with a device that has virtual
# functions, and on the third serial port the monitor, which is the other end of
# a socket without a file.
add_contain_machine() {
	local socket=iommunest-$$

	machine+=(-device "pcie-root-port,id=rp2,addr=6.0,chassis=3"
		-device "virtio-rng-pci,bus=rp2,$1"
		-device "pcie-root-port,id=rp3,addr=7.0,chassis=4"
		-device "nvme-subsys,id=subsystem"
		-device "nvme,serial=0,subsys=subsystem,bus=rp3,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=4"
		-chardev "socket,id=end,path=$socket,abstract=on,server=on,wait=off"
		-chardev "socket,id=monitor,path=$socket,abstract=on"
		-device "isa-serial,index=2,chardev=end"
		-mon "chardev=monitor,mode=readline")
}

# set_machine KERNEL INITRAMFS PARAMETERS: the command that starts it, as the
# array machine.  Two of its devices are the tests': one of the root complex,
# 0000:00:02.0, and one behind a port, 0000:01:00.0.
set_machine() {
	local kernel=$1 initramfs=$2 parameters=$3 call name=x86_64 cpus=2

	[ -z "${IOMMUNEST_ICOUNT-}" ] || cpus=1
	! is_arm64 "$kernel" || name=aarch64
	call=$("$top/scripts/qemu.sh" "$(qemu_for "$kernel")" "$name") || return
	eval "machine=($call)"
	machine+=(${VM_TRACE:+-trace "$VM_TRACE"}
		${IOMMUNEST_ICOUNT:+-icount "shift=$IOMMUNEST_ICOUNT,sleep=off"}
		-m "${VM_MEMORY:-512}"
		-smp "$cpus" -nodefaults -display none -no-reboot
		-kernel "$kernel" -initrd "$initramfs")
	"add_$name" "loglevel=7 panic=-1 oops=panic $parameters"
}

# A VT-d in scalable mode; behind it a device of the root complex and one behind
# each of two ports, which all have ATS, and one of two functions.
# On a loaded host, the kernel takes the emulated TSC for one that is many times
# slower, and an hour passes in some minutes, which libcheck cannot count; the
# PM timer has a fixed frequency.  With $IOMMUNEST_ICOUNT, an instruction takes
# 2^that nanoseconds, on one CPU, and the TSC counts those: the host's time does
# not show.  $IOMMUNEST_MORE_PORTS more devices are like those behind ports.
# What the caller wants is last: of two intel_iommu= the kernel takes that.
#
# A reset takes a device's BARs out of the map of memory for a while.  If they
# are below other things in it, such as the local APICs or the VT-d, QEMU 7.2 may
# take one of these for another where a CPU uses it at that moment: what its TLB
# has is a number of the old map.  It crashes then, or the CPU loses its timer.
# So these devices have no BAR for MSI-X, and their other BAR is above all else:
# firmware puts it there if a port wants more than there is room for below 4 GiB.
add_x86_64() {
	local behind_vtd=disable-legacy=on,iommu_platform=on,ats=on,vectors=0
	local clock=acpi_pm i

	[ -z "${IOMMUNEST_ICOUNT-}" ] || clock="tsc tsc=reliable"
	machine+=(-accel tcg -cpu max -M "q35,kernel-irqchip=split"
		-append "console=ttyS0 no_timer_check clocksource=$clock \
intel_iommu=on,sm_on $1"
		-device "intel-iommu,intremap=on,x-scalable-mode=on,device-iotlb=on${VM_IOMMU:+,$VM_IOMMU}"
		-device "virtio-net-pci,addr=2.0,romfile=,$behind_vtd"
		-device "pcie-root-port,id=rp0,addr=3.0,chassis=1,pref64-reserve=2G"
		-device "virtio-rng-pci,addr=4.0,multifunction=on,$behind_vtd"
		-device "virtio-rng-pci,addr=4.1,$behind_vtd"
		-device "virtio-rng-pci,bus=rp0,$behind_vtd"
		-device "pcie-root-port,id=rp1,addr=5.0,chassis=2"
		-device "virtio-rng-pci,id=plugged,bus=rp1,$behind_vtd")
	for ((i = 0; i < ${IOMMUNEST_MORE_PORTS:-0}; i++)); do
		machine+=(-device "pcie-root-port,id=more$i,chassis=$((i + 32)),slot=$i"
			-device "virtio-rng-pci,bus=more$i,$behind_vtd")
	done
	[ "${VM_MACHINE-}" != contain ] || add_contain_machine "$behind_vtd"
}

# An SMMUv3 of two stages, and devices whose DMA a test can start.  The GIC's
# ITS isolates interrupts, which VFIO wants.
add_aarch64() {
	machine+=(-accel "tcg,thread=multi" -cpu "max,pauth-impdef=on"
		-M "virt,iommu=smmuv3,gic-version=3"
		-global arm-smmuv3.stage=nested
		-append "console=ttyAMA0 $1"
		-device "edu,addr=2.0,dma_mask=0xffffffffff"
		-device "pcie-root-port,id=rp0,addr=3.0,chassis=1"
		-device "edu,bus=rp0,dma_mask=0xffffffffff")
}
