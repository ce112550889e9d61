# SPDX-License-Identifier: LGPL-2.1-or-later
# The simulator: a library of its own.  It takes the ABI from the same file as
# the library (lib/uapi.h) and nothing else.


