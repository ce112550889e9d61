#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Each file says its licence and whose it is, in its first lines or by
# REUSE.toml; the text of each licence is in LICENSES/; and what is under
# kernel/ is the kernel's.
set -eu

cd "${top_srcdir:-.}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Complains about each line that it reads.
complain()
{
	sed "s|^|FAIL: |; s|\$|: $1|" | tee -a "$work/failures"
}

is_checkout()
{
	git ls-files --error-unmatch configure.ac >/dev/null 2>&1
}

# What looks like a source, where somebody may have built.
sources()
{
	find . \( -name _build -o -name _inst -o -name 'build*' -o -name m4 \
		-o -name .deps -o -name .libs -o -name autom4te.cache \) \
		-prune -o -type f \( -name '*.[ch]' -o -name '*.[ch][cp]*' \
		-o -name '*.sh' -o -name '*.py' -o -name '*.in' \
		-o -name '*.mk' -o -name '*.am' -o -name '*.ac' \
		-o -name '*.map' -o -name '*.md' -o -name '*.toml' \
		-o -name '*.supp' -o -name '*.patch' -o -name '*.iq' \
		-o -name '*.cmdq' -o -name '*.trace' -o -path './kernel/test/config' \
		-o -name '*.needs' -o -name NEWS -o -name bootstrap \) \
		! -name Makefile.in ! -name config.h.in -print | sed 's|^\./||'
}

# What git knows; from a tarball, the sources.
files()
{
	if is_checkout; then
		git ls-files
	else
		sources
	fi
}

# Each path of REUSE.toml, and the licence of its table.
annotations()
{
	awk '/^\t"/ && in_path { gsub(/[\t",]/, ""); path[n++] = $0 }
		/^path = / { in_path = 1; n = 0 }
		/^\]/ { in_path = 0 }
		/^SPDX-License-Identifier = / {
			gsub(/"/, "", $3)
			for (i = 0; i < n; i++)
				print path[i], $3
		}' REUSE.toml
}

# The licence that REUSE.toml gives to the file $1.
annotated()
{
	while read -r pattern licence; do
		# shellcheck disable=SC2254 # a pattern
		case $1 in
		$pattern)
			echo "$licence"
			echo "$pattern" >>"$work/used"
			;;
		esac
	done <"$work/annotations"
}

annotations >"$work/annotations"
: >"$work/used"
files | grep -v '^COPYING$\|^LICENSES/' | sort >"$work/files"
[ "$(wc -l <"$work/files")" -gt 100 ] || {
	echo "FAIL: only $(wc -l <"$work/files") files were found"
	exit 1
}

# Of each file: its name and what its first lines say.
# shellcheck disable=SC2016 # awk's own
xargs awk 'function say() { if (name) print name, licence, owner }
	FNR == 1 { say(); name = FILENAME; licence = owner = "none" }
	FNR > 4 { nextfile }
	match($0, /SPDX-License-Identifier: /) {
		$0 = substr($0, RSTART + RLENGTH); licence = $1 }
	/SPDX-FileCopyrightText: The libiommunest authors/ { owner = "ours" }
	# As QEMU has it, whose checkpatch.pl allows no other.
	/Copyright \(C\) The libiommunest authors/ { owner = "ours" }
	END { say() }' <"$work/files" >"$work/said"

while read -r file licence owner; do
	toml=$(annotated "$file")
	case $licence:$owner:$toml in
	none:none:?*) echo "$file $toml" ;;
	*:ours:) echo "$file $licence" ;;
	none:*:) echo "$file no SPDX-License-Identifier" ;;
	*:none:) echo "$file no SPDX-FileCopyrightText" ;;
	*) echo "$file is in REUSE.toml and has lines of its own" ;;
	esac
done <"$work/said" >"$work/licences"

awk 'NF > 2' "$work/licences" | complain "see CONTRIBUTING.md"

awk 'NF == 2 { print $2 }' "$work/licences" | sort -u >"$work/used-licences"
while read -r licence; do
	[ -s "LICENSES/$licence.txt" ] || echo "LICENSES/$licence.txt"
done <"$work/used-licences" | complain "missing, and used"

awk 'NF == 2 && (/^kernel\// != / GPL-2.0-only$/) { print $1 }' \
	"$work/licences" | complain "GPL-2.0-only is the licence of kernel/ alone"

sort -u "$work/used" >"$work/used-once"
cut -d' ' -f1 "$work/annotations" | sort -u |
	comm -23 - "$work/used-once" | complain "in REUSE.toml, fits no file"

# A tarball is looked through without git.
if is_checkout; then
	: >"$work/used"
	sources | while read -r file; do
		annotated "$file"
	done >/dev/null
	sort -u "$work/used" >"$work/used-once"
	cut -d' ' -f1 "$work/annotations" | sort -u |
		comm -23 - "$work/used-once" |
		complain "in REUSE.toml, and sources() here does not find it"
fi

# COPYING ends with the library's licence, word for word.
lines=$(wc -l <LICENSES/LGPL-2.1-or-later.txt)
tail -n "$lines" COPYING | cmp -s - LICENSES/LGPL-2.1-or-later.txt ||
	echo "COPYING" | complain "does not end with the text of the LGPL"

[ ! -s "$work/failures" ]
