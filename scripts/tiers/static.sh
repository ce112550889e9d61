# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="shared, the default; static only; and both, beside a VMM's own symbols"
tier_packages="$build_packages $test_packages"

# has SHARED STATIC: which libraries were built.
has() {
	local so=no a=no

	[ ! -e .libs/libiommunest.so ] || so=yes
	[ ! -e .libs/libiommunest.a ] || a=yes
	[ "$so $a" = "$1 $2" ] || {
		say "shared: $so, and not $1; static: $a, and not $2"
		return 1
	}
	record 1 0 0
}

# build_with SHARED STATIC
build_with() {
	local dir=$build/shared-$1-static-$2

	# What an earlier run left would be taken for built.
	rm -rf "$dir"
	mkdir -p "$dir"
	configure_tree "$dir" --enable-shared="$1" --enable-static="$2"
	make_tree "$dir" all
	has "$1" "$2"
}

# A VMM has a vtd_iq_run() and a sim_flush() of its own: it is linked with both
# archives, and calls its own.
link_with_archives() {
	local dir=$build/shared-yes-static-yes

	cat >"$dir/own-symbols.c" <<-PROGRAM
		#include <libiommunest-sim.h>

		int vtd_iq_run(void);
		int vtd_iq_settle(void);
		int sim_flush(void);
		int sim_attach(void);

		int vtd_iq_run(void) { return 1; }
		int vtd_iq_settle(void) { return 2; }
		int sim_flush(void) { return 3; }
		int sim_attach(void) { return 4; }

		int main(void)
		{
			const struct iommunest_open_options options = {
				.size = sizeof(options),
				.sys = iommunest_sim_sys(),
			};
			struct iommunest_vtd_desc desc =
				IOMMUNEST_INIT(struct iommunest_vtd_desc);
			struct iommunest_sim *sim;
			struct iommunest_ctx *ctx;

			/* A table without its simulator. */
			if (iommunest_open(&ctx, &options) != -22)
				return 10;
			if (iommunest_sim_new(&sim, 0))
				return 11;
			iommunest_sim_free(sim);
			if (iommunest_vtd_desc_wait(&desc, 0, 0, 0))
				return 12;
			return vtd_iq_run() + vtd_iq_settle() + sim_flush() +
			       sim_attach() - 10;
		}
	PROGRAM
	gcc -Wall -Werror -I"$top/include" "$dir/own-symbols.c" \
		-o "$dir/own-symbols" "$dir/.libs/libiommunest-sim.a" \
		"$dir/.libs/libiommunest.a"
	"$dir/own-symbols"
	record 1 0 0
}

tier_run() {
	build_with no yes
	build_with yes yes
	link_with_archives
	use_gcc_build
	make_tree "$build" all
	has yes no
}
