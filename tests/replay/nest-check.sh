#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# iommunest-check on made-up machines: its verdicts and advice, the exit status,
# JSON, and what it refuses.  On real kernels: tests/vm/vm-check.c.
# Conditions are quoted for check(), which evaluates them.
# shellcheck disable=SC2016,SC2034
set -u

srcdir=${top_srcdir:-$(dirname "$0")/../..}
tool=${top_builddir:-.}/tests/replay/iommunest-check
machines=$srcdir/tests/data/machines
device=0000:6a:01.0

# shellcheck source=tests/replay/check.sh
. "$srcdir/tests/replay/check.sh"
# shellcheck source=tests/replay/machine.sh
. "$srcdir/tests/replay/machine.sh"

if ! command -v gzip >/dev/null; then
	echo "gzip is missing"
	exit 77
fi

run()
{
	"$tool" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	# Words as they are, without the lines' ends.
	tr -s ' \n' '  ' <"$tmp/out" >"$tmp/words"
}

# machine NAME: in $root, new each time.
machine()
{
	root=$tmp/root
	rm -rf "$root"
	make_machine "$1" "$root"
}

json()
{
	run --json --root "$root" "$@"
	check "json $*" '[ $(wc -l <"$tmp/out") -eq 1 ] && [ ! -s "$tmp/err" ]'
	if command -v python3 >/dev/null; then
		python3 -c '
import json, sys
found = json.load(sys.stdin)
assert set(found) == {"can_nest", "release", "checks", "features", "units",
                      "smmus", "vfio", "devices"}, found.keys()
for one in found["checks"]:
    assert set(one) == {"check", "subject", "verdict", "says", "advice"}, one
    assert one["verdict"] in ("ok", "warning", "cannot", "unknown"), one
    assert one["says"], one
assert found["can_nest"] == all(one["verdict"] != "cannot"
                                for one in found["checks"])
assert found["can_nest"] == (sys.argv[1] == "0")
' $status <"$tmp/out" >"$tmp/err" 2>&1
		parsed=$?
		check "json $*" '[ $parsed -eq 0 ]'
	fi
}

# found NAME STATUS ADDRESS: the machine's exit status, with an address and
# without, also in JSON.  Then says(): what is in the words.
found()
{
	what=$1
	want=$2
	machine "$1"
	# shellcheck disable=SC2086 # an address or none
	run --root "$root" ${3-}
	check "$what" '[ $status -eq $want ] && [ ! -s "$tmp/err" ]'
	check "$what fits a terminal" '! grep -q ".\{80\}" "$tmp/out"'
	check "$what has no controls" '! tr -d "\n" <"$tmp/out" |
		grep -q "[[:cntrl:]]"'
	if [ "$want" -eq 1 ]; then
		check "$what" 'grep -q "cannot nest as it is" "$tmp/words"'
	fi
	cp "$tmp/words" "$tmp/saved"
	# shellcheck disable=SC2086 # an address or none
	json ${3-}
	check "$what, json" '[ $status -eq $want ]'
	cp "$tmp/saved" "$tmp/words"
}

says()
{
	for text; do
		check "$what says $text" 'grep -qF -e "$text" "$tmp/words"'
	done
}

silent_of()
{
	for text; do
		check "$what does not say $text" \
			'! grep -qF -e "$text" "$tmp/words"'
	done
}

# ---- Machines ----

found intel 0
says 'ok CPU Intel: the IOMMU is a VT-d' \
	'ok kernel Linux 7.3.4-amd64, which has no known fault' \
	'CONFIG_IOMMUFD a module' 'CONFIG_VFIO_DEVICE_CDEV built in' \
	'ok dmar0 nests' 'ok command line the VT-d is on' \
	'ok /dev/iommu is there' 'ok VFIO has 1 device' \
	'VT-d unit dmar0 at 0xfed90000, version 7:0' \
	'nested translation (NEST) yes no' 'addresses (MGAW) 57 bits' \
	'first stage (FSTS, FS5LP) 4, 5 levels' 'page requests (PRS, PDS) yes' \
	'PASIDs (PASID, PSS) 20 bits' "Devices that VFIO has: $device" \
	'This machine can nest.'
silent_of warning cannot unknown
found intel 0 $device
says "$device vfio-pci has it, as /dev/vfio/devices/vfio0" 'behind dmar0' \
	'group 17, alone in it' 'can nest, with the device as it is'
found intel 0 6a:01.0
says "Device $device"
found intel 1 0000:6a:02.0
says "cannot 0000:6a:02.0 nvme has it; bind it to vfio-pci" \
	'-> If the host does without it: write vfio-pci'
found intel 1 0000:6a:03.0
says 'no PCI device has this address' 'lspci -D'
silent_of '0000:6a:03.0, behind'

found no-iommufd 1
says 'cannot /dev/iommu there is none' '-> modprobe iommufd'
found no-vfio 1 $device
says 'cannot CONFIG_VFIO_PCI not set' 'cannot CONFIG_VFIO_DEVICE_CDEV not set' \
	'cannot VFIO the kernel has no VFIO driver' \
	'no driver has the device: bind it to vfio-pci'
found no-cdev 1 $device
says 'CONFIG_VFIO_DEVICE_CDEV not set: devices have no node' \
	'the kernel has no VFIO device nodes' '-> Take a kernel that has it'
found amd 1
says 'cannot CPU AMD' 'cannot be told what a guest invalidates'
silent_of 'command line' 'intel_iommu' 'CONFIG_INTEL'
found emulated 0
says 'ok CPU not Intel' 'ok dmar0 nests' 'CONFIG_INTEL_IOMMU built in'
found arm 0
says 'ok CPU ARM: its IOMMU, if there is one, is an SMMU' \
	'ok kernel Linux 7.3.4-amd64' 'ok CONFIG_ARM_SMMU_V3 built in' \
	'ok CONFIG_ARM_SMMU_V3_IOMMUFD built in' \
	'unknown smmu3.0x0000000009050000 an SMMUv3; whether it nests' \
	'-> On the machine itself, give the address' '1 thing is unknown'
silent_of 'command line' 'intel_iommu' 'CONFIG_INTEL' 'VT-d' 'known fault'
check 'arm, json' 'grep -q "\"smmus\":\[\"smmu3.0x0000000009050000\"\]" \
	"$tmp/out"'
found arm 0 $device
says 'behind smmu3.0x0000000009050000' "ok $device vfio-pci has it"
found arm-old 1
says 'cannot CONFIG_ARM_SMMU_V3_IOMMUFD not set: the SMMU'"'"'s driver makes' \
	'Linux 6.12 and before do not have' 'warning command line pci=noats'
silent_of 'known fault'
found arm-v2 1
says 'cannot smmu.0x0000000009050000 an SMMU of version 1 or 2' \
	'-> Take a machine with an SMMUv3'
found arm-both 0
says 'warning smmu.0x0000000008050000 an SMMU of version 1 or 2' \
	'-> Take a device behind another one' 'unknown smmu3.0x0000000009050000'
found arm-none 1 $device
says 'cannot CONFIG_ARM_SMMU_V3 not set: the kernel leaves the SMMU alone' \
	'cannot SMMU the kernel shows none -> Enable the SMMU' \
	"cannot $device the device has no IOMMU" \
	'does not use it -> Enable the SMMU'
silent_of 'ARM_SMMU_V3_IOMMUFD' 'VT-d'
found no-nest 1
says 'cannot dmar0 does not nest: the host has no nested translation' \
	'nested translation (NEST) no no' 'newer VT-d'
found no-nest 1 $device
says 'behind dmar0, which does not nest'
found two-units 0
says 'warning dmar0 does not nest' 'ok dmar1 nests' 'VT-d unit dmar1'
found two-units 1 $device
says "cannot $device it is behind dmar0, which does not nest"
found no-scalable 1
says 'cannot scalable mode intel_iommu=sm_off' \
	'-> Boot with intel_iommu=on,sm_on.'
found off 1 $device
says 'cannot VT-d the firmware describes a VT-d, and the kernel does not use' \
	'cannot command line without intel_iommu=on' \
	'without intel_iommu=sm_on' "cannot $device the device has no IOMMU" \
	'does not use it -> Boot with intel_iommu=on,sm_on.'
silent_of 'see above'
found no-dmar 1 $device
says 'ok CPU Intel: its IOMMU, if there is one, is a VT-d' \
	'cannot VT-d the firmware describes no VT-d -> Enable VT-d' \
	"cannot $device the device has no IOMMU" \
	'does not use it -> Enable VT-d'
silent_of 'Boot with' 'see above'
machine intel
rm "$root/sys/bus/pci/devices/$device/iommu" \
	"$root/sys/bus/pci/devices/$device/iommu_group"
run --root "$root" $device
what='a device without an IOMMU'
says 'does not use it -> Take a device behind one of the VT-d units'
found no-firmware 1 $device
says 'cannot VT-d the kernel shows none, and /sys/firmware is missing'
silent_of 'the firmware describes'
found no-sysfs 0 $device
says 'unknown VT-d there is no sysfs' 'unknown VFIO there is no sysfs' \
	"unknown $device sysfs is not mounted" '3 things are unknown'
silent_of 'the firmware describes' 'no VFIO driver'
found faulty 1
says 'warning kernel Linux 6.18.3-amd64, which has a known fault' \
	'cannot 6.18.3-amd64 nested invalidations are sent as plain IOTLB' \
	'-> Take another kernel'
found old 0
says 'warning kernel Linux 6.12.117, which has 2 known faults' \
	'warning 6.12.117 a flush of everything' \
	'warning 6.12.117 ATS is off in nested mode' \
	'unknown configuration' 'warning command line pci=noats' \
	'warning command line intremap=off' '1 thing is unknown' \
	'scalable mode on' 'VT-d is on'
found group 1 $device
says 'a driver of the host has another device of the IOMMU group' \
	'nvme has 0000:6a:02.0' '-> Bind that one to vfio-pci too' \
	'group 17, together with 0000:6a:02.0'
found empty 1 $device
says 'unknown CPU neither' 'unknown kernel' 'unknown configuration' \
	'unknown VT-d there is no sysfs' '/proc/cmdline cannot be read' \
	'unknown VFIO there is no sysfs' "unknown $device sysfs is not mounted"
silent_of 'the firmware describes' 'no VFIO driver'
manual=$(sed 's/ Ns Ar release/RELEASE/; s/ Ns Pa //' \
	"$srcdir/man/iommunest-check.1.in")
for path in /proc/config.gz /boot/config-RELEASE /lib/modules/RELEASE/config \
	/lib/modules/RELEASE/build/.config; do
	says "$path"
	check "the manual has $path" \
		'printf "%s\n" "$manual" | grep -qE "^.Pa $path( [,;])?$"'
done
found garbage 0 $device
says 'unknown kernel' 'unknown dmar0 its capabilities cannot be read' \
	'things are unknown'

# ---- What one file says ----

# with NAME PATH TEXT STATUS WORDS...: the machine with another file.
with()
{
	machine "$1"
	what="$1, $2: $3"
	mkdir -p "$root${2%/*}"
	printf '%b' "$3" >"$root$2"
	want=$4
	shift 4
	run --root "$root" $device
	check "$what" '[ $status -eq $want ]'
	says "$@"
}
cmdline=/proc/cmdline
with intel $cmdline '' 1 'ok command line the VT-d is on' \
	'cannot scalable mode without intel_iommu=sm_on'
with intel $cmdline 'intel_iommu=sm_on' 0 'scalable mode on'
with intel $cmdline 'intel-iommu=sm_on' 0 'scalable mode on'
with intel $cmdline 'intel_iommu=sm_off,sm_on' 0 'scalable mode on'
with intel $cmdline 'xintel_iommu=sm_on' 1 'without intel_iommu=sm_on'
with intel $cmdline '-- intel_iommu=sm_on' 1 'without intel_iommu=sm_on'
with off $cmdline 'iommu=pt,off intel_iommu=on' 1 'Remove iommu=off'
with off $cmdline 'intel_iommu=on intel_iommu=off,sm_on' 1 'intel_iommu=off: the'
config=/boot/config-7.3.4-amd64
on='CONFIG_A=y\nCONFIG_IOMMUFD=y\nCONFIG_VFIO_PCI=y\nCONFIG_VFIO_DEVICE_CDEV=y\n'
vtd="${on}CONFIG_INTEL_IOMMU=y\n"
with off $config "${vtd}CONFIG_INTEL_IOMMU_DEFAULT_ON=y\n" 1 \
	'ok command line the VT-d is on' 'without intel_iommu=sm_on' \
	'warning CONFIG_INTEL_IOMMU_SVM not set'
with off $config \
	"${vtd}CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF=y\n" 1 \
	'ok command line the VT-d is on'
with off $config \
	"${vtd}CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON=y\n" 1 \
	'ok scalable mode on'
with intel $config "$on" 1 'cannot CONFIG_INTEL_IOMMU not set'
with intel $config 'no configuration' 0 'unknown configuration'
with intel $config '' 0 'unknown configuration'
machine intel
printf %b "$on" | gzip >"$root/proc/config.gz"
run --root "$root"
what='config.gz before a file'
says 'CONFIG_IOMMUFD built in' 'cannot CONFIG_INTEL_IOMMU not set'
head -c 40 "$root/proc/config.gz" >"$root/cut"
mv "$root/cut" "$root/proc/config.gz"
run --root "$root"
what='a broken config.gz'
says 'CONFIG_IOMMUFD a module'
head -c 20000000 /dev/zero | gzip >"$root/proc/config.gz"
run --root "$root"
what='a huge config.gz'
says 'CONFIG_IOMMUFD a module'

ecap=/sys/class/iommu/dmar0/intel-iommu/ecap
with intel $ecap 0 1 'no scalable mode' 'no nested translation' 'no first-stage' \
	'no second-stage'
with intel $ecap 3ef9ea6f050d 1 'does not nest'
with intel $ecap 36f9ea6f050df 0 'warning dmar0 says that it nests, and also' \
	'no first-stage'
for bad in '' ' ' 0x1 -1 1g; do
	with intel $ecap "$bad" 1 'unknown dmar0 its capabilities'
done

# ---- Each file in turn: cut off, and as no kernel writes it ----

machine intel
for file in $(cd "$root" && find . -type f | sort); do
	for bytes in 0 3 700; do
		machine intel
		head -c $((4096 + bytes)) "$tool" | tail -c "$bytes" \
			>"$root/$file"
		json $device
		check "$bytes bytes in $file" '[ $status -le 1 ]'
	done
done

# ---- Who may not: root may, whatever the mode says ----

machine intel
chmod 000 "$root/dev/iommu" "$root/dev/vfio/devices/vfio0"
if [ "$(id -u)" -ne 0 ]; then
	run --root "$root" $device
elif command -v setpriv >/dev/null; then
	chmod 755 "$tmp" "$root"
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$tool" --root "$root" $device >"$tmp/out" 2>"$tmp/err"
	status=$?
	tr -s ' \n' '  ' <"$tmp/out" >"$tmp/words"
else
	status=77
fi
# The user that has nothing may not even reach the program.
if [ $status -eq 1 ] || [ $status -eq 0 ]; then
	what='no permission'
	check "$what" '[ $status -eq 1 ]'
	says 'cannot /dev/iommu may not be opened by this user' 'udev rule' \
		"cannot $device the device's node may not be opened" \
		'Run this as root'
else
	echo "no permission: not tried, there is nobody who may not"
fi

# ---- Arguments ----

usage()
{
	run "$@"
	check "usage: $*" '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
	check "usage: $*" 'grep -q "^Try iommunest-check --help" "$tmp/err"'
}
machine intel
usage --frobnicate
usage --root
usage --root ''
for address in '' 0 6a:01 6a:01.8 6a:20.0 0000:6a:01.0x :6a:01.0 6a-01.0 \
	vfio0 /dev/vfio/devices/vfio0 ../../etc; do
	usage --root "$root" "$address"
	usage --root "$root" $device "$address"
done
addresses=
for n in $(seq 64); do
	addresses="$addresses $device"
done
# shellcheck disable=SC2086 # a list
usage --root "$root" $addresses $device
# shellcheck disable=SC2086 # a list
run --root "$root" $addresses
check '64 addresses' '[ $status -eq 0 ]'
usage --root "$tmp/no-such"
check 'no such folder' 'grep -q "no-such: no such folder$" "$tmp/err"'
usage --root "$root/proc/cmdline"
check 'a file' 'grep -q "cmdline: not a folder$" "$tmp/err"'
usage --root "$root/proc/cmdline/x"
check 'below a file' 'grep -q "cmdline/x: not a folder$" "$tmp/err"'
usage --root "$(printf '%0600d' 1)"
check 'a long path' 'grep -q "File name too long$" "$tmp/err"'
mkdir "$tmp/nothing"
run --root "$tmp/nothing" $device
check 'an empty folder' '[ $status -eq 1 ] && [ ! -s "$tmp/err" ]'
what='an empty folder'
says 'unknown VT-d there is no sysfs' "unknown $device sysfs is not mounted"
run --root / $device
check 'this machine' '[ $status -le 1 ]'

run --help
check help '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
for option in json root help version; do
	check help "grep -q -e '--$option' \"\$tmp/out\""
done
check 'help fits a terminal' '! grep -q ".\{80\}" "$tmp/out"'
version='iommunest-check [0-9.]* (libiommunest [0-9.]*)'
for option in --version -V; do
	run $option
	check version '[ $status -eq 0 ] && grep -qx "$version" "$tmp/out"'
done
if [ -w /dev/full ]; then
	"$tool" --root "$root" >/dev/full 2>"$tmp/err"
	status=$?
	: >"$tmp/out"
	check 'a full device' '[ $status -eq 1 ]'
fi

finish
