# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Sourced by run.sh: which data races (KCSAN) are of the code that is tested
# here.  The kernel looks at all of its code, and has some in other places that
# nobody here can mend.  A report is of ours if one of the two functions in its
# title is in the file $tested, which scripts/kernel.sh writes: those of
# drivers/iommu and drivers/vfio.  A race of theirs in a function of another
# folder that they call, a list's or a copy's, has that one's name and is not
# seen; most of those are inlined, and are.
# Knobs of the test-only patches are written while the driver reads them, which is
# a race that nobody has to mend.  It is of ours with $VM_KNOB_RACES only, where
# it shows that races are seen.
# shellcheck disable=SC2154 # run.sh's

# Copies a kernel's log without the titles of the other reports.  Without the
# file all are of ours.
without_others() {
	[ -f "$tested" ] || {
		cat
		return
	}
	awk -v knobs="${VM_KNOB_RACES-}" '
	NR == FNR { tested[$1] = 1; next }
	!/BUG: KCSAN: / { print; next }
	{
		title = $0
		sub(/.* in /, "", title)
		count = split(title, name, " / ")
		if (!knobs && title ~ /(^| )(debugfs_|qi_inject_)/)
			next
		for (i = 1; i <= count; i++) {
			sub(/[ \r].*/, "", name[i])
			if (name[i] in tested) {
				print
				next
			}
		}
	}' "$tested" -
}

# How many of the others there were.
show_others() {
	local all ours

	all=$(grep -c 'BUG: KCSAN: ' "$out/kernel-log") || return 0
	ours=$(without_others <"$out/kernel-log" | grep -c 'BUG: KCSAN: ') || true
	say "  $((all - ours)) data races in code that is not tested here," \
		"$ours in code that is"
}
