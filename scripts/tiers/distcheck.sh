# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="the tarball is complete, builds, runs, installs, uninstalls"
tier_packages="$build_packages $test_packages"
[ ! -e "$top/.git" ] || tier_packages+=" git"

# Each file of the repository; a test that lacks one would be seen only where
# all tests run from the tarball.
is_complete() {
	local tar=("$build"/libiommunest-*.tar.gz) missing

	missing=$(git -c safe.directory="$top" -C "$top" ls-files |
		grep -vE '(^|/)\.(clang-format|gitignore)$' |
		sort | comm -23 - <(tar -tzf "${tar[0]}" |
			sed 's,^[^/]*/,,' | sort))
	[ -z "$missing" ] || {
		say "not in the tarball:" "$missing"
		return 1
	}
}

# The tests that the tier gcc has run are not run again, only so many that a
# file that is wrong in the tarball shows.
tier_run() {
	use_gcc_build
	rm -f "$build"/libiommunest-*.tar.gz
	make_tree "$build" distcheck-smoke
	record 1 0 0
	if git -c safe.directory="$top" -C "$top" rev-parse >/dev/null 2>&1; then
		is_complete
		record 1 0 0
	else
		say "skipped: not a git tree, nothing to compare the tarball with"
		record 0 0 1
	fi
}
