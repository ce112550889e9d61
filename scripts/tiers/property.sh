# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="millions of random descriptors, and of commands of an SMMUv3"
tier_packages="$build_packages $test_packages"

descriptors=10000000

# A guest has a seed of its own, and about a thousand descriptors.
guests=$((descriptors / 1000))

# Of guests that change tables, send commands, and read.
steps=3000000
commands=1000000

# play NUMBER SEED COUNT: the rest of the output goes to its log.
play() {
	IOMMUNEST_TEST_SEED=$2 IOMMUNEST_COUNT=$3 \
		"$build/tests/queue/test-iq-random" >"$build/property-$1.log" 2>&1
}

# Each processor has its own seeds; a failure shows which one it was.
play_all() {
	local first=$1 share=$(((descriptors + jobs - 1) / jobs))
	local i pids=() failed=0

	for ((i = 0; i < jobs; i++)); do
		play "$i" $((first + i * guests)) "$share" &
		pids+=($!)
	done
	for ((i = 0; i < jobs; i++)); do
		wait "${pids[i]}" || failed=1
	done
	return "$failed"
}

# report NUMBER: counts what one of them did, and shows what failed.
report() {
	local log=$build/property-$1.log passed failed

	read -r passed failed < <(counts_in "$log")
	[ $((passed + failed)) -gt 0 ] || failed=1
	record "$passed" "$failed" 0
	[ "$failed" -eq 0 ] || tail -n 30 "$log"
	tail -n 1 "$log"
}

play_smmu() {
	IOMMUNEST_TEST_SEED=$1 IOMMUNEST_COUNT=$steps \
		"$build/tests/sim/test-sim-smmu-random" \
		>"$build/property-smmu.log" 2>&1
}

# Through the engine of a guest's command queue.
play_commands() {
	IOMMUNEST_TEST_SEED=$1 IOMMUNEST_COUNT=$commands \
		"$build/tests/cmdq/test-cmdq-random" \
		>"$build/property-commands.log" 2>&1
}

tier_run() {
	local first=${IOMMUNEST_TEST_SEED:-$(date +%s)00000} status=0 i sum

	use_gcc_build
	make_tree "$build" tests/queue/test-iq-random \
		tests/cmdq/test-cmdq-random \
		tests/sim/test-sim-smmu-random
	rm -f "$build"/property-*.log
	play_all "$first" || status=1
	play_smmu "$first" || status=1
	play_commands "$first" || status=1
	for ((i = 0; i < jobs; i++)); do
		report "$i"
	done
	report smmu
	report commands
	sum=$(awk '/^[0-9]+ descriptors, / { n += $1 } END { print n + 0 }' \
		"$build"/property-*.log)
	say "$sum descriptors in all"
	[ "$sum" -ge "$descriptors" ] || {
		say "fewer than $descriptors"
		status=1
	}
	return "$status"
}
