#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: The libiommunest authors
# Prints what the model needs of a kernel's drivers/iommu/intel: the text of
# the functions that submit to the invalidation queue, and their types.
set -euo pipefail

[ $# -eq 1 ] || {
	echo "Usage: extract.sh DRIVERS-IOMMU-INTEL" >&2
	exit 2
}

# From the first line that matches to before the next that does.
part() {
	awk -v from="$2" -v to="$3" '
		!on && $0 ~ from { on = 1; print; next }
		on && $0 ~ to { done = 1; exit }
		on { print }
		END { exit !done }
	' "$1" || {
		echo "extract.sh: $1 has no \"$2\" to \"$3\"" >&2
		exit 1
	}
}

cd "$1"
grep -E '^#define[[:space:]]+(DMAR_(FSTS|IQH|IQT|IQER)_REG|DMA_FSTS_|DMAR_IQER_REG_)' \
	iommu.h
part iommu.h '^#define QI_LENGTH' '^/\* Page Request Queue depth'
grep -E '^#define QI_OPT_' iommu.h
# Later patches of the series.
if grep -q '^struct qi_report {' iommu.h; then
	echo '#define QI_MODEL_REPORTS'
	part iommu.h '^struct qi_report {' '^$'
fi
if part iommu.h '^struct q_inval {' '^};' | grep -q 'refused;'; then
	echo '#define QI_MODEL_COUNTS_REFUSED'
fi
part dmar.c '^static inline void reclaim_free_desc' \
	'^ \* Flush the global interrupt entry cache' | sed '$d'
