# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Sourced by the scripts: where things are, what is said, what is installed.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
jobs=$(nproc 2>/dev/null || echo 1)

# What a build takes on a bare Debian 12, what its tests take beside it, and what
# a kernel takes.
build_packages="autoconf automake libtool autoconf-archive pkgconf gcc
	libc6-dev make"
test_packages="check g++ mandoc python3"
kernel_packages="flex bison bc libelf-dev libssl-dev cpio kmod xz-utils gcc
	make"

# What scripts/kernel.sh builds for the tests.
vm_kernels="6.12 6.12-patched newest newest-patched"
vm_arm_kernels="newest-arm64 newest-arm64-patched"
# What tests/vm/bench.sh puts side by side, of the variants plain and irqsoff.
bench_kernels="6.12 6.12-b newest newest-b newest-d"

say() {
	printf '%s\n' "$*"
}

heading() {
	printf '\n== %s\n' "$*"
}

complain() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# Runs a command with its output in a file, whose end is shown if it fails.
quietly() {
	local log=$1 status=0

	shift
	"$@" >"$log" 2>&1 || status=$?
	[ "$status" -eq 0 ] || {
		complain "failed ($status): $*; the end of $log:"
		tail -n 40 "$log" >&2
	}
	return "$status"
}

missing_packages() {
	local package

	for package in $(printf '%s\n' "$@" | sort -u); do
		# shellcheck disable=SC2016 # dpkg-query expands this
		dpkg-query -W -f '${db:Status-Status}\n' "$package" \
			2>/dev/null | grep -qx installed || printf '%s ' "$package"
	done
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif [ -t 2 ]; then
		sudo "$@"
	else
		sudo -n "$@"
	fi
}

can_be_root() {
	[ "$(id -u)" -eq 0 ] ||
		{ command -v sudo >/dev/null && as_root true 2>/dev/null; }
}

apt_install() {
	# What matters of a failed update shows in the installation.
	as_root apt-get -qq -o DPkg::Lock::Timeout=120 update || true
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq -y -o DPkg::Lock::Timeout=120 \
		-o Dpkg::Use-Pty=0 -o Acquire::Retries=3 \
		install --no-install-recommends "$@"
}

# Installs what is not there, unless $IOMMUNEST_INSTALL is "no".  Touches
# nothing, not even apt's lists, where nothing is missing.  On a system that is
# not Debian's it is the user's job.
need_packages() {
	local missing log

	command -v dpkg-query >/dev/null || return 0
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	if [ "${IOMMUNEST_INSTALL-}" = no ]; then
		complain "missing packages; as root: apt-get install $missing"
		return 1
	elif ! can_be_root; then
		complain "missing packages, and neither root nor sudo here;" \
			"as root: apt-get install $missing"
		return 1
	fi
	say "installing $missing"
	log=$(mktemp)
	# shellcheck disable=SC2086 # a list
	quietly "$log" apt_install $missing || {
		rm -f "$log"
		return 1
	}
	rm -f "$log"
}
