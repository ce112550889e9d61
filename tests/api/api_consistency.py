# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
"""Holds what the project says of its interface against each other.

For each of the two libraries:
- the header's prototypes, the symbol map and the symbols that the built
  library really exports are the same set;
- each function has one manual page, whose SYNOPSIS repeats the header's
  prototype and which names header and library, and is found by its own name;
- each errno in a function's header comment is in its page's ERRORS;
- each function that has a context is called on a kernel without its ioctls;
- structs that a page shows are the header's, and each struct of the header is
  shown on the page that is found by its name; each macro and enumerator of the
  header is documented; each feature of the kernel is in both tables of its
  page.

usage: api_consistency.py SRCDIR BUILDDIR
"""

import pathlib
import re
import shutil
import subprocess
import sys

LIBRARIES = {
    # library: (header, symbol map)
    "libiommunest": ("libiommunest.h", "lib/libiommunest.map"),
    "libiommunest-sim": ("libiommunest-sim.h", "sim/libiommunest-sim.map"),
}

# Where a kernel without the library's ioctls is, and who need not be called
# there, because what the kernel says is not what they return.
OLD_KERNEL = "tests/core/test-old-kernel.c"
NOT_ON_OLD_KERNELS = {
    "iommunest_close",
    "iommunest_event_queue_close",
    "iommunest_event_queue_wait",
    "iommunest_fd",
    "iommunest_fault_queue_close",
    "iommunest_fault_queue_wait",
    "iommunest_vfio_close",
}

SKIP = 77


class Report:
    """Collects what is wrong, and what could not be looked at."""

    def __init__(self):
        self.failures = []
        self.skipped = []

    def fail(self, text):
        self.failures.append(text)

    def same(self, what, ours, theirs):
        """The sets *ours* and *theirs*, each (name, items), are equal."""
        for name in sorted(ours[1] - theirs[1]):
            self.fail(f"{what}: {name} is in {ours[0]}, not in {theirs[0]}")
        for name in sorted(theirs[1] - ours[1]):
            self.fail(f"{what}: {name} is in {theirs[0]}, not in {ours[0]}")


def normalise(text):
    """One spelling for what a C compiler reads the same."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s*([*(),;{}\[\]])\s*", r"\1", text)
    return re.sub(r"\*(\w)", r" *\1", text).replace("* *", "**")


def strip_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


class Header:
    """What a public header and those of its folder that it includes have."""

    def __init__(self, path):
        self.name = path.name
        text = path.read_text()
        parts = re.findall(r"^#include <(iommunest/[\w-]+\.h)>$", text, flags=re.M)
        text += "".join((path.parent / part).read_text() for part in parts)
        # What C++ has around it, and the preprocessor's lines.
        body = re.sub(r"#ifdef __cplusplus.*?#endif", "", text, flags=re.S)
        self.macros = {
            name
            for name in re.findall(r"^#define (\w+)[ \t]+\S", body, flags=re.M)
        }
        body = re.sub(r"^#(?:.*\\\n)*.*$", "", body, flags=re.M)
        self.functions = {}
        self.errnos = {}
        self._find_functions(body)
        plain = strip_comments(body)
        self.structs = {
            m.group(1): normalise(m.group(2))
            for m in re.finditer(r"struct (\w+) \{(.*?)\n\};", plain, re.S)
        }
        self.opaque = set(re.findall(r"^struct (\w+);$", plain, re.M))
        self.enumerators = {
            name
            for m in re.finditer(r"enum \w+ \{(.*?)\};", plain, re.S)
            for name in re.findall(r"\b([A-Z]\w+)\s*(?:=|,)", m.group(1))
        }

    def _find_functions(self, body):
        """A comment counts for the prototypes behind it, up to a blank line."""
        body = re.sub(
            r"(?:struct|enum) \w+ \{.*?\n\};", "", body, flags=re.S
        )
        pattern = re.compile(
            r"(?P<comment>/\*.*?\*/)|(?P<blank>\n[ \t]*\n)"
            r"|(?P<decl>[^;/\n][^;/]*\([^;]*\);)",
            re.S,
        )
        comment = ""
        for m in pattern.finditer(body):
            if m.group("comment"):
                comment = m.group("comment")
            elif m.group("blank"):
                comment = ""
            else:
                proto = normalise(m.group("decl").rstrip(";"))
                name = re.match(r"[^(]*?(\w+)\(", proto).group(1)
                self.functions[name] = proto
                self.errnos[name] = set(re.findall(r"-(E[A-Z0-9]+)", comment))


class Page:
    """What the checks need of an mdoc page."""

    def __init__(self, path):
        self.name = path.name[: -len(".in")]
        self.section = self.name.rsplit(".", 1)[1]
        self.lines = path.read_text().splitlines()
        self.sections = {}
        title = None
        for line in self.lines:
            if line.startswith(".Sh "):
                title = line[4:]
            self.sections.setdefault(title, []).append(line)
        self.names = [
            re.match(r"\.Nm (\S+)", line).group(1)
            for line in self.sections.get("NAME", [])
            if line.startswith(".Nm ")
        ]
        self.prototypes = self._prototypes()
        self.headers = re.findall(
            r"^\.In (\S+)", "\n".join(self.sections.get("SYNOPSIS", [])), re.M
        )
        self.structs = {
            m.group(1): normalise(m.group(2))
            for m in re.finditer(
                r"^\.Bd -literal\nstruct (\w+) \{(.*?)\n\};\n\.Ed",
                "\n".join(self.sections.get("DESCRIPTION", [])),
                re.S | re.M,
            )
        }

    def _prototypes(self):
        found, type_, name, args = {}, None, None, []
        for line in self.sections.get("SYNOPSIS", []):
            if line.startswith(".Ft "):
                type_ = line[4:]
            elif line.startswith(".Fo "):
                name, args = line[4:], []
            elif line.startswith(".Fa "):
                args.append(line[4:].strip('"').replace('" "', ", "))
            elif line.startswith(".Fc"):
                found[name] = normalise(f"{type_} {name}({', '.join(args)})")
        return found

    def errnos(self):
        """For each function, the errnos that ERRORS lists for it.

        A list is about the functions that the text before it names; where it
        names none, about those of the list before; and at first, about all.
        """
        found = {name: set() for name in self.prototypes}
        about, named, depth = set(found), set(), 0
        for line in self.sections.get("ERRORS", []):
            if line.startswith(".Bl"):
                if depth == 0 and named:
                    about, named = named, set()
                depth += 1
            elif line.startswith(".El"):
                depth -= 1
            elif depth == 0 and line.startswith(".Fn "):
                named.add(line.split()[1])
            elif depth and line.startswith(".It "):
                for name in about & set(found):
                    found[name] |= set(re.findall(r"Er (E[A-Z0-9]+)", line))
        return found


def map_symbols(path):
    """The version node of each global symbol."""
    nodes = {}
    text = strip_comments(path.read_text())
    for m in re.finditer(r"([\w.]+) \{(.*?)\}", text, re.S):
        exported = m.group(2).partition("local:")[0]
        for symbol in re.findall(r"(\w+);", exported):
            nodes[symbol] = m.group(1)
    return nodes


def exported_symbols(report, builddir, library):
    """As map_symbols(), of the built library; None: it cannot be looked at."""
    path = builddir / ".libs" / f"{library}.so"
    if not path.exists():
        report.skipped.append(f"{library}.so was not built")
        return None
    if not shutil.which("nm"):
        report.skipped.append("nm is not installed")
        return None
    lines = subprocess.run(
        ["nm", "-D", "--defined-only", str(path)],
        check=True,
        stdout=subprocess.PIPE,
        universal_newlines=True,
    ).stdout.splitlines()
    nodes = {}
    for line in lines:
        kind, symbol = line.split()[-2:]
        # A version node itself.
        if kind == "A":
            continue
        name, _, node = symbol.replace("@@", "@").partition("@")
        nodes[name] = node
    return nodes


def check_symbols(report, library, header, srcdir, builddir):
    mapped = map_symbols(srcdir / LIBRARIES[library][1])
    report.same(
        library,
        (header.name, set(header.functions)),
        ("the symbol map", set(mapped)),
    )
    exported = exported_symbols(report, builddir, library)
    if exported is not None:
        report.same(
            library,
            ("the symbol map", {f"{s}@{n}" for s, n in mapped.items()}),
            ("the library", {f"{s}@{n}" for s, n in exported.items()}),
        )


def check_functions(report, library, header, pages):
    """Each function is on one page, as the header has it."""
    for name, proto in header.functions.items():
        homes = [page for page in pages if name in page.prototypes]
        if len(homes) != 1:
            report.fail(f"{name} is on {len(homes)} pages")
            continue
        page = homes[0]
        if page.prototypes[name] != proto:
            report.fail(
                f"{page.name}: {page.prototypes[name]}\n"
                f"      {header.name}: {proto}"
            )
        if name not in page.names:
            report.fail(f"{page.name}: {name} is not in NAME")
        if page.headers != [header.name]:
            report.fail(f"{page.name} includes {page.headers}")
        short = library.replace("lib", "-l", 1)
        section = "\n".join(page.sections.get("LIBRARY", []))
        if not section.endswith("\\" + short):
            report.fail(f"{page.name} does not name {short}")
        for errno in sorted(header.errnos[name] - page.errnos()[name]):
            report.fail(f"{page.name}: {errno} of {name} is not in ERRORS")


def check_old_kernel(report, header, srcdir):
    """Whoever has a context asks a kernel, which may be an old one."""
    text = strip_comments((srcdir / OLD_KERNEL).read_text())
    called = set(re.findall(r"\b(iommunest_\w+)\(", text))
    asking = {
        name
        for name, proto in header.functions.items()
        if re.search(r"\((?:const )?struct iommunest_ctx \*\w+[,)]", proto)
    }
    for name in sorted(asking - called - NOT_ON_OLD_KERNELS):
        report.fail(f"{name} is not called in {OLD_KERNEL}")
    for name in sorted(NOT_ON_OLD_KERNELS - asking):
        report.fail(f"{name} has no context, and need not be named here")


def check_page_names(report, page, headers):
    """What a page of section 3 claims to be about exists."""
    known = set()
    for header in headers:
        known |= set(header.functions) | set(header.structs) | header.opaque
    for name in set(page.names) | set(page.prototypes):
        if name not in known:
            report.fail(f"{page.name} is about {name}, which does not exist")
    for name in set(page.prototypes) - set(page.names):
        report.fail(f"{page.name}: {name} is not in NAME")


def check_struct_names(report, header, pages):
    """`man NAME' finds the page that shows the struct."""
    for name in sorted(set(header.structs) | header.opaque):
        homes = [p for p in pages if p.section == "3" and name in p.names]
        if len(homes) != 1:
            report.fail(f"struct {name} is in NAME of {len(homes)} pages")
        elif name in header.structs and name not in homes[0].structs:
            report.fail(f"{homes[0].name} does not show struct {name}")


def check_structs(report, header, pages):
    shown = set()
    for page in pages:
        for name, body in page.structs.items():
            shown.add(name)
            if name in header.structs and header.structs[name] != body:
                report.fail(f"{page.name}: {name} is not as in {header.name}")
    for name in sorted(set(header.structs) - shown):
        report.fail(f"no page shows struct {name}")


def check_constants(report, header, pages):
    text = "\n".join(line for page in pages for line in page.lines)
    words = set(re.findall(r"\w+", text))
    for name in sorted((header.macros | header.enumerators) - words):
        report.fail(f"{name} of {header.name} is on no page")


def check_features(report, header, pages):
    """What it is called and since when, and what fails without it."""
    (page,) = [p for p in pages if "iommunest_features" in p.names]
    rows = re.findall(r"^\.It Dv (\w+) Ta", "\n".join(page.lines), re.M)
    for name in sorted(header.macros):
        if name.startswith("IOMMUNEST_FEATURE_") and rows.count(name) != 2:
            report.fail(f"{name} is in {rows.count(name)} tables of {page.name}")


def check_links(report, builddir, pages):
    """`man NAME' finds each name of each page, and nothing else is there."""
    man = builddir / "man"
    expected = {page.name: None for page in pages}
    for page in pages:
        for name in page.names:
            expected.setdefault(f"{name}.{page.section}", page)
    found = {path.name for path in man.glob("*.[0-9]")}
    report.same("man", ("the pages", set(expected)), (str(man), found))
    for name, page in expected.items():
        if page is None or name not in found:
            continue
        want = f".so man{page.section}/{page.name}"
        if (man / name).read_text().strip() != want:
            report.fail(f"man/{name} is not `{want}'")


def main():
    srcdir, builddir = map(pathlib.Path, sys.argv[1:3])
    report = Report()
    pages = [Page(p) for p in sorted((srcdir / "man").glob("*.[0-9].in"))]
    headers = {
        library: Header(srcdir / "include" / names[0])
        for library, names in LIBRARIES.items()
    }
    count = 0
    for library, header in headers.items():
        if not header.functions:
            report.fail(f"no functions in {header.name}")
        count += len(header.functions)
        check_symbols(report, library, header, srcdir, builddir)
        check_functions(report, library, header, pages)
        check_structs(report, header, pages)
        check_struct_names(report, header, pages)
        check_constants(report, header, pages)
    check_old_kernel(report, headers["libiommunest"], srcdir)
    check_features(report, headers["libiommunest"], pages)
    for page in pages:
        if page.section == "3":
            check_page_names(report, page, headers.values())
        for name in page.structs:
            if not any(name in header.structs for header in headers.values()):
                report.fail(f"{page.name} shows struct {name}, unknown")
    check_links(report, builddir, pages)

    for failure in report.failures:
        print(f"FAIL: {failure}")
    if report.failures:
        return 1
    print(f"{count} functions, {len(pages)} pages")
    for reason in sorted(set(report.skipped)):
        print(f"SKIP: {reason}")
    return SKIP if report.skipped else 0


if __name__ == "__main__":
    sys.exit(main())
