# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="libFuzzer with AddressSanitizer and UBSan, the same inputs each time"
tier_packages="$build_packages clang"

# How many inputs, and of how many bytes at most: all in a minute or two.
fuzz_runs="capture:150000:6000 cmdq:60000:1024 desc:200000:192
	fault:200000:512 iq:150000:2048 pasid:300000:192 smmuv3:300000:512"
fuzz_sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all"

# The runtime is a package of its own, which clang only recommends.
runtime_package() {
	local version

	version=$(clang -dumpversion) || return
	printf 'libclang-rt-%s-dev\n' "${version%%.*}"
}

has_libfuzzer() {
	printf '%s\n' '#include <stddef.h>' '#include <stdint.h>' \
		'int LLVMFuzzerTestOneInput(const uint8_t *, size_t);' \
		'int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)' \
		'{ return d && n == 1 ? 0 : 0; }' |
		clang -fsanitize=fuzzer,address,undefined -x c - \
			-o "$build/has-libfuzzer" >"$build/has-libfuzzer.log" 2>&1
}

need_libfuzzer() {
	local package

	mkdir -p "$build"
	! has_libfuzzer || return 0
	package=$(runtime_package) || skip_tier "clang does not run"
	need_packages "$package" || skip_tier "$package is missing"
	has_libfuzzer || skip_tier "clang links no libFuzzer here"
}

build_targets() {
	local flags="-g -O1 -fno-omit-frame-pointer $fuzz_sanitize"

	configure_tree "$build" --enable-werror --disable-shared \
		--enable-static CC=clang CXX=clang++ \
		CFLAGS="$flags -fsanitize=fuzzer-no-link"
	make_tree "$build" fuzz-programs FUZZ_DEFINES=-DHAVE_LIBFUZZER \
		FUZZ_LIBFUZZER=-fsanitize=fuzzer
	make_tree "$build" fuzz-seeds
}

# What is mutated next follows from comparisons too, and these may be of
# addresses: the same inputs each time need the same addresses.
at_fixed_addresses() {
	if setarch -R true 2>/dev/null; then
		setarch -R "$@"
	else
		"$@"
	fi
}

# fuzz TARGET RUNS BYTES: what it finds stays in its folder.
fuzz() {
	local dir=$build/found/$1 seeds=$build/tests/fuzz/seeds/$1

	rm -rf "$dir"
	mkdir -p "$dir/corpus" "$seeds"
	at_fixed_addresses "$build/tests/fuzz/fuzz-$1" -seed=1 -runs="$2" \
		-max_len="$3" -reload=0 -timeout=120 -artifact_prefix="$dir/" \
		"$dir/corpus" "$seeds" >"$dir/log" 2>&1
}

coverage_in() {
	awk '{ for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
		END { print cov + 0 }' "$1"
}

show_finding() {
	local dir=$build/found/$1 input

	grep -m 1 -E 'not true:|ERROR:|runtime error:' "$dir/log" ||
		tail -n 20 "$dir/log"
	for input in "$dir"/*-*; do
		[ -f "$input" ] || continue
		say "        input:  $input"
		say "        replay: $build/tests/fuzz/fuzz-$1 $input"
	done
}

# report TARGET RUNS STATUS
report() {
	local log=$build/found/$1/log

	if [ "$3" -eq 0 ] && grep -q "^Done $2 runs" "$log"; then
		record 1 0 0
		printf '  PASS  fuzz-%-10s %7d inputs, cov: %s\n' "$1" "$2" \
			"$(coverage_in "$log")"
		return
	fi
	record 0 1 0
	printf '  FAIL  fuzz-%s, cov: %s\n' "$1" "$(coverage_in "$log")"
	show_finding "$1"
	return 1
}

# Side by side, as many as there are CPUs: iq takes as long as all others.
tier_run() {
	local target name runs bytes status=0 ret
	declare -A pid

	need_libfuzzer
	build_targets
	for target in $fuzz_runs; do
		IFS=: read -r name runs bytes <<<"$target"
		while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
			wait -n || true
		done
		fuzz "$name" "$runs" "$bytes" &
		pid[$name]=$!
	done
	for target in $fuzz_runs; do
		IFS=: read -r name runs bytes <<<"$target"
		ret=0
		wait "${pid[$name]}" || ret=$?
		report "$name" "$runs" "$ret" || status=1
	done
	return "$status"
}
