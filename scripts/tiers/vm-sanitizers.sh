# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Not in --all: four kernels that are built for this alone, each slower than the
# others.  Before a release, and after a change of kernel/.
tier_title="patched kernels that look for bad memory (KASAN) and data races (KCSAN)"
tier_packages="$build_packages $test_packages $kernel_packages busybox-static
	qemu-system-x86 debian-archive-keyring"

sanitizer_kernels="newest-patched+kasan newest-patched+kcsan
	6.12-patched+kasan 6.12-patched+kcsan"
# What drives the code that the series changes.  The others ask the library, or
# what the series leaves alone.
sanitizer_programs="vm-conformance vm-resubmit vm-errors vm-contain vm-life
	vm-diff"

tier_prepare() {
	prepare_kernels "$sanitizer_kernels"
}

# ---- Do they see anything? ----

# What it is to see, and the title of its report.
bug_for() {
	case $1 in
	*+kasan)
		bug=use-after-free
		title="BUG: KASAN: slab-use-after-free in lkdtm_READ_AFTER_FREE"
		;;
	*+kcsan)
		bug=race
		title="BUG: KCSAN: data-race in debugfs_u32_set / qi_"
		;;
	esac
}

# sees_bug KERNEL: run.sh fails a program for the report of a bug that is there.
sees_bug() {
	local kernel=$1 bug title image status=0 out=$build/vm-$1-bug

	bug_for "$kernel"
	image=$("$top/scripts/kernel.sh" "$kernel") || return
	# What it counts is a failure that has to be.
	RESULTS=$build/bug-counts VM_KNOB_RACES=ours \
		IOMMUNEST_BUG=$bug IOMMUNEST_SECONDS=300 \
		VM_MEMORY=1024 VM_BOOT_LIMIT=600 \
		"$top/tests/vm/run.sh" --build "$build" --kernel "$image" \
		--out "$out" tests/vm/planted-bug >"$out.said" 2>&1 || status=$?
	[ "$status" -eq 1 ] &&
		grep -qx ':global-test-result: FAIL' "$out/planted-bug.trs" &&
		grep -qF "$title" "$out/planted-bug.log"
}

see_bugs() {
	local kernel status worst=0

	for kernel in $sanitizer_kernels; do
		status=0
		sees_bug "$kernel" || status=$?
		case $status in
		0)
			say "Linux $kernel:" \
				"$(grep -m 1 ' reported after ' "$build/vm-$kernel-bug/planted-bug.log")"
			record 1 0 0
			;;
		# check.sh says so.
		77) ;;
		*)
			say "Linux $kernel does not report a bug that is there;" \
				"see $build/vm-$kernel-bug"
			record 0 1 0
			worst=1
			;;
		esac
	done
	return "$worst"
}

# ---- The programs ----

# run_programs KERNELS PROGRAM...  What hangs is still found by these limits, and
# a test of vm-life takes 300 s, where libcheck ends it, on a busy machine.
run_programs() {
	local kernels=$1

	shift
	VM_MEMORY=1024 VM_LIMIT=${VM_LIMIT:-1800} VM_BOOT_LIMIT=600 \
		CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER:-4} \
		IOMMUNEST_COUNT=${IOMMUNEST_COUNT:-20000} \
		IOMMUNEST_SECONDS=${IOMMUNEST_SECONDS:-10} \
		"$top/tests/vm/check.sh" --build "$build" --kernels "$kernels" \
		"${@/#/tests/vm/}"
}

# What is skipped has shown nothing.
none_is_skipped() {
	local kernel skipped

	skipped=$(for kernel in $sanitizer_kernels; do
		find "$build" -path "$build/vm-$kernel*/vm-*.trs" \
			-exec grep -lx ':global-test-result: SKIP' {} +
	done)
	[ -z "$skipped" ] || {
		say "skipped, and should not be:" "$skipped"
		record 0 1 0
		return 1
	}
}

tier_run() {
	local status=0 worst=0

	use_gcc_build
	make_tree "$build" all
	make_tree "$build" vm-programs
	see_bugs || worst=1
	# shellcheck disable=SC2086 # a list
	run_programs "$sanitizer_kernels" $sanitizer_programs || status=$?
	[ "$status" -ne 77 ] || skip_tier "there is no kernel to test on"
	[ "$status" -eq 0 ] || worst=1
	none_is_skipped || worst=1
	return "$worst"
}
