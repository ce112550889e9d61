# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Sourced by the tests of the example programs: how one is built against the
# libraries of the build tree, and whether what it invalidates reaches the
# simulated hardware.  An HWPT without a device accepts everything and flushes
# nothing.
# shellcheck disable=SC2034 # used where this is sourced

top=${top_srcdir:-${srcdir:-.}}
build=${top_builddir:-.}
libs=$build/.libs

# What the tree was configured with: a sanitized library needs its runtime.
variable()
{
	[ ! -f "$build/Makefile" ] ||
		sed -n "s/^$1 = //p" "$build/Makefile" | sed 1q
}

cc=${CC:-$(variable CC)}
cc=${cc:-gcc}
san=$(variable SAN_CFLAGS)

# The first word: it may have options.
if ! command -v "${cc%% *}" >/dev/null 2>&1; then
	echo "SKIP: there is no compiler $cc"
	exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

failed=0
fail()
{
	echo "FAIL: $*"
	failed=1
}

compile()
{
	# shellcheck disable=SC2086 # lists of options
	$cc $san -std=gnu11 -Wall -Wextra -Werror -I"$top/include" "$@"
}

# Writes what a simulator counted to the file that COUNTS names.
export COUNTS="$work/counts"
cat >"$work/counts.c" <<'EOF'
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <libiommunest-sim.h>

void __real_iommunest_sim_free(struct iommunest_sim *sim);
void __wrap_iommunest_sim_free(struct iommunest_sim *sim);

void __wrap_iommunest_sim_free(struct iommunest_sim *sim)
{
	struct iommunest_sim_stats stats = { .size = sizeof(stats) };
	FILE *out = fopen(getenv("COUNTS"), "a");

	if (!out)
		abort();
	if (!iommunest_sim_stats(sim, &stats))
		fprintf(out, "%" PRIu64 " %" PRIu64 "\n", stats.entries,
			stats.descs);
	fclose(out);
	__real_iommunest_sim_free(sim);
}
EOF
compile -c -o "$work/counts.o" "$work/counts.c"

# build_example PROGRAM FILE.c...
build_example()
{
	program=$1
	shift
	compile -o "$program" "$@" "$work/counts.o" \
		-Wl,--wrap=iommunest_sim_free \
		-L"$libs" -Wl,-rpath,"$libs" -liommunest-sim -liommunest
}

# Runs one; its output is then in $work/out.
run_example()
{
	: >"$COUNTS"
	LD_LIBRARY_PATH=$libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
		"$1" >"$work/out" 2>&1
}

# The last one's simulators saw entries.
has_entries()
{
	grep -q '^[1-9]' "$COUNTS"
}

# Each simulator that saw entries also saw descriptors.
reaches_hardware()
{
	awk '$1 && !$2 { bad = 1 } END { exit bad }' "$COUNTS"
}
