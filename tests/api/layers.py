# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
"""Holds the tree to the rules of HACKING.md.

- Arrows point one way: the core includes nothing of a vendor's folder, the
  library nothing of the simulator, the simulator of the library only the ABI,
  tools and examples public headers only.
- A module is a source and the header of its name; modules include each other
  in no circle.
- Only lib/sys.c makes system calls.
- What runs for each descriptor does not allocate.
- Private symbols begin with iommunest__, in both libraries.

usage: layers.py SRCDIR BUILDDIR
"""

import pathlib
import re
import shutil
import subprocess
import sys

# Files of lib/ that a submission or a run of the queue goes through.
HOT = {
    "lib/ring.h",
    "lib/submission.h",
    "lib/submit.c",
    "lib/submit-blame.c",
    "lib/submit-policy.c",
    "lib/smmuv3/queue/ring.c",
    "lib/smmuv3/queue/gather.h",
    "lib/smmuv3/queue/gather.c",
    "lib/smmuv3/queue/rules.c",
    "lib/smmuv3/queue/settle.c",
    "lib/smmuv3/queue/recover.c",
    "lib/smmuv3/queue/complete.c",
    "lib/smmuv3/queue/complete.h",
    "lib/smmuv3/queue/fault.c",
    "lib/vtd/entry.c",
    "lib/vtd/queue/ring.c",
    "lib/vtd/queue/gather.h",
    "lib/vtd/queue/gather.c",
    "lib/vtd/queue/settle.c",
    "lib/vtd/queue/recover.c",
    "lib/vtd/queue/complete.c",
    "lib/vtd/queue/complete.h",
    "lib/vtd/queue/fault.c",
}
# Modules of a queue engine that use none of its others.
LEAVES = (
    "vtd/queue/targets",
    "vtd/queue/fault",
    "smmuv3/queue/targets",
    "smmuv3/queue/rules",
    "smmuv3/queue/fault",
)
ALLOCATES = re.compile(
    r"\b(?:malloc|calloc|realloc|reallocarray|free|strdup|alloca)\s*\("
)
SYSTEM_HEADERS = re.compile(
    r"#include <(unistd|poll|sys/(?:ioctl|mman|syscall|socket|uio|eventfd"
    r"|epoll|stat|wait|random|time))\.h>"
)
# What the library may take from libc outside sys.c: memory, strings, and
# formatting into a buffer; and what a compiler adds.
FROM_LIBC = re.compile(
    r"(?:__)?(?:mem|str)\w+(?:_chk)?|bcmp"
    r"|(?:__)?v?snprintf(?:_chk)?|__isoc\w+"
    r"|malloc|calloc|realloc|reallocarray|free"
    r"|__(?:asan|ubsan|sanitizer|gcov|tsan|msan|stack_chk|sancov|llvm)_?\w*"
    r"|_GLOBAL_OFFSET_TABLE_|__udivdi3|__umoddi3|__udivmoddi4|__popcountdi2"
    r"|__ctzdi2|__atomic_\w+"
)


class Tree:
    """The C files of lib/, sim/, tools/ and examples/, and what they include."""

    def __init__(self, srcdir):
        self.text = {}
        for folder in ("lib", "sim", "tools", "examples"):
            for path in sorted((srcdir / folder).rglob("*.[ch]")):
                self.text[str(path.relative_to(srcdir))] = path.read_text()

    def includes(self, name):
        """The files of the tree that one includes, by their paths."""
        found = re.findall(r'^#include "([^"]+)"', self.text[name], re.M)
        here = pathlib.PurePosixPath(name).parent
        for other in found:
            beside = str(here / other)
            yield beside if beside in self.text else other


def folder_of(name):
    return str(pathlib.PurePosixPath(name).parent)


def vendors(tree):
    """Folders below lib/, except the kernel's ABI."""
    parts = (pathlib.PurePosixPath(name).parts for name in tree.text)
    return {p[1] for p in parts if p[0] == "lib" and len(p) > 2} - {"uapi"}


def may_include(name, other, vendor_names):
    """Whether an include follows the arrows."""
    parts = pathlib.PurePosixPath(name).parts
    to = pathlib.PurePosixPath(other).parts
    if parts[0] == "lib":
        if to[0] != "lib":
            return False
        vendor = to[1] if len(to) > 2 and to[1] in vendor_names else None
        return vendor is None or (len(parts) > 2 and parts[1] == vendor)
    if parts[0] == "sim":
        return to[0] == "sim" or other == "lib/abi.h" or to[:2] == ("lib", "uapi")
    return to[0] == parts[0]


def check_arrows(tree):
    names = vendors(tree)
    for name in tree.text:
        for other in tree.includes(name):
            if other in tree.text and not may_include(name, other, names):
                yield f"{name} includes {other}"
    for leaf in LEAVES:
        for suffix in (".c", ".h"):
            name = f"lib/{leaf}{suffix}"
            for other in tree.includes(name):
                if folder_of(other) == folder_of(name) and not other.endswith(
                    f"/{leaf.rsplit('/', 1)[1]}.h"
                ):
                    yield f"{name}, a leaf, includes {other}"


def check_circles(tree):
    """A depth-first walk over modules; the first circle of each start."""
    edges = {}
    for name in tree.text:
        module = name.rsplit(".", 1)[0]
        for other in tree.includes(name):
            if other in tree.text and other.rsplit(".", 1)[0] != module:
                edges.setdefault(module, set()).add(other.rsplit(".", 1)[0])
    done = set()

    def walk(module, path):
        if module in path:
            yield " > ".join(path[path.index(module) :] + [module])
            return
        if module in done:
            return
        for other in sorted(edges.get(module, ())):
            yield from walk(other, path + [module])
        done.add(module)

    for module in sorted(edges):
        for circle in walk(module, []):
            yield f"a circle: {circle}"


def check_sources(tree):
    for name, text in tree.text.items():
        if not name.startswith("lib/"):
            continue
        if name != "lib/sys.c":
            for header in SYSTEM_HEADERS.findall(text):
                yield f"{name} includes <{header}.h>; system calls are sys.c's"
        if name in HOT:
            code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
            for call in ALLOCATES.findall(code):
                yield f"{name} is hot, and allocates or frees: {call})"
    for name in sorted(HOT - set(tree.text)):
        yield f"{name} is not there: tests/api/layers.py names it as hot"


def symbols(archive, *options):
    """(object, symbol) for each line of nm."""
    out = subprocess.run(
        ["nm", "-A", *options, str(archive)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for line in out.splitlines():
        place, _, rest = line.partition(": ") if ": " in line else (line, "", "")
        fields = rest.split() or line.split()
        if fields:
            yield place.rsplit(":", 1)[-1].split(" ")[0], fields[-1]


def check_archives(builddir):
    for library in ("libiommunest", "libiommunest-sim"):
        archive = builddir / ".libs" / f"{library}-core.a"
        for _, symbol in symbols(archive, "-g", "--defined-only"):
            if not symbol.startswith(
                ("iommunest_", "__odr_asan", "__asan", "__gcov", "_GLOBAL")
            ):
                yield f"{library}: {symbol} could be a program's own"
    archive = builddir / ".libs" / "libiommunest-core.a"
    for place, symbol in symbols(archive, "-u"):
        if re.search(r"-sys\.l?o$", place) or symbol.startswith("iommunest_"):
            continue
        if not FROM_LIBC.fullmatch(symbol):
            yield f"{place} calls {symbol}()"


def main():
    srcdir, builddir = (pathlib.Path(arg) for arg in sys.argv[1:3])
    tree = Tree(srcdir)
    failures = [
        *check_arrows(tree),
        *check_circles(tree),
        *check_sources(tree),
    ]
    skipped = []
    if not shutil.which("nm"):
        skipped.append("nm is not installed")
    elif not (builddir / ".libs" / "libiommunest-core.a").exists():
        skipped.append("the libraries are not built")
    else:
        failures += check_archives(builddir)
    for failure in failures:
        print(f"FAIL: {failure}")
    print(f"{len(tree.text)} files")
    if failures:
        return 1
    for reason in skipped:
        print(f"SKIP: symbols were not looked at: {reason}")
    return 77 if skipped else 0


if __name__ == "__main__":
    sys.exit(main())
