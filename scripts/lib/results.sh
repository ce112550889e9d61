# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Sourced after common.sh: what a run of tests came to.  Each line of the file
# $RESULTS is "PASSED FAILED SKIPPED" of something that was run.

record() {
	printf '%d %d %d\n' "$1" "$2" "$3" >>"$RESULTS"
}

# The sum of $RESULTS, as "PASSED FAILED SKIPPED".
recorded() {
	awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' \
		"$RESULTS"
}

# What libcheck counts in a test's log, one line for each runner: "PASSED
# FAILED".
counts_in() {
	awk '
	/^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
		gsub(/[^0-9 ]/, "")
		failed += $3 + $4
		passed += $2 - $3 - $4
	}
	END { print passed + 0, failed + 0 }' "$1"
}

# The counts of a test by its .trs file, and its verdict.  One that is not
# libcheck's counts as one, and a failure is never none.
test_counts() {
	local trs=$1 verdict passed failed skipped=0

	verdict=$(awk '$1 == ":global-test-result:" { print $2 }' "$trs")
	read -r passed failed < <(counts_in "${trs%.trs}.log")
	case $verdict in
	PASS | XFAIL)
		[ $((passed + failed)) -gt 0 ] || passed=1
		;;
	SKIP)
		skipped=1
		;;
	*)
		[ "$failed" -gt 0 ] || failed=1
		;;
	esac
	say "$passed" "$failed" "$skipped" "${verdict:-NONE}"
}

# The end of a test's log, without what automake adds.
log_end() {
	grep -v '^[A-Z]* .*(exit status: [0-9]*)$' "$1" | tail -n "$2" |
		sed 's/^/        /'
}

# Records each test of a build folder, and shows those that did not pass.
report_tests() {
	local dir=$1 trs name passed failed skipped verdict

	while read -r trs; do
		read -r passed failed skipped verdict < <(test_counts "$trs")
		record "$passed" "$failed" "$skipped"
		name=${trs#"$dir"/}
		printf '  %-5s %-44s %5d\n' "$verdict" "${name%.trs}" \
			$((passed + failed))
		case $verdict in
		PASS) ;;
		SKIP) log_end "${trs%.trs}.log" 1 ;;
		*) log_end "${trs%.trs}.log" 30 ;;
		esac
	done < <(find "$dir" -name '*.trs' | sort)
}

failed_tests() {
	find "$1" -name '*.trs' -exec grep -lE \
		'^:global-test-result: (FAIL|XPASS|ERROR)' {} +
}

# check_tree DIR [TARGET]: make check, or another that tests, and what it came to.
check_tree() {
	local dir=$1 target=${2-check} status=0

	find "$dir" -name '*.trs' -delete
	make -C "$dir" -j"$jobs" "$target" >"$dir/check.log" 2>&1 ||
		status=$?
	report_tests "$dir"
	[ -n "$(find "$dir" -name '*.trs')" ] || {
		complain "make $target ran no test"
		status=1
	}
	[ "$status" -eq 0 ] || [ -n "$(failed_tests "$dir")" ] || {
		complain "the end of $dir/check.log:"
		tail -n 40 "$dir/check.log" >&2
	}
	return "$status"
}
