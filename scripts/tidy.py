#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what STYLE.md asks for and a compiler does not: run by scripts/test on every change."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE_SUFFIXES = {".h", ".cc"}
LICENSE_LINE = "SPDX-License-Identifier: Apache-2.0"
LICENSED_SUFFIXES = SOURCE_SUFFIXES | {".java", ".proto", ".py", ".sh"}
LICENSED_FOLDERS = {"scripts", ".ci"}
LINES_MAX = 600
COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70

# A room may include only rooms that stand before it in src/CMakeLists.txt, and of those only these.
ROOMS = {
    "base": set(),
    "rpc": {"base"},
    "model": {"base"},
    "disk": {"base", "model"},
    "log": {"base", "model", "disk"},
    "state": {"base", "model"},
    "snapshot": {"base", "model", "disk", "log", "state"},
    "batch": {"base", "model", "disk", "log"},
    "service": {"base", "rpc", "model", "disk", "log", "state", "snapshot", "batch"},
    "server": {"base", "rpc", "model", "disk", "log", "state", "snapshot", "batch", "service"},
    "client": {"base", "model"},
    "cli": {"base", "model", "client"},
    "check": {"base", "model", "client", "cli"},
    "load": {"base", "model", "client", "cli"},
}
GRPC_ROOMS = {"service", "server", "client", "check", "load"}
CLOCK_FREE_ROOMS = {"model", "state"}

BANNED = [
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), "an issue, not a TODO"),
    (re.compile(r"\babsl::string_view\b"), "std::string_view (docs/decisions/0001)"),
    (re.compile(r"\babsl::Mutex\b"), "base/mutex.h (docs/decisions/0002)"),
    (re.compile(r"\batomic_thread_fence\b"), "atomics that ThreadSanitizer understands"),
    (re.compile(r"\busing namespace\b"), "names as they are"),
    (re.compile(r"\bclass \w*(Manager|Helper|Util)\b"), "a name that says what it is"),
    (re.compile(r"\b(std::rand|srand)\b"), "a seeded engine"),
]
CLOCKS = re.compile(r"_clock::now|\btime\(|random_device|std::locale|getenv")


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def room_of(path):
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def check_includes(path, number, line, room):
    match = re.match(r'#include "([a-z_]+)/', line)
    if room is None or match is None:
        return
    included = match.group(1)
    is_test = path.stem.endswith("_test")
    if included in ROOMS and included != room and included not in ROOMS[room] and not is_test:
        yield number, f"{room}/ must not include {included}/"


def function_lengths(lines):
    """Lines of each brace block that begins behind a ')' at the left edge: functions, by our format."""
    start = None
    for number, line in enumerate(lines, 1):
        if start is None and re.match(r"[A-Za-z~].*\) ?(const )?(noexcept )?(override )?\{$", line):
            start = number
        elif start is None and re.match(r"    .*\) ?(const )?(noexcept )?\{$", line):
            start = number if not lines[number - 2].startswith(("  ", "}")) else None
        elif start is not None and line.startswith("}"):
            yield start, number - start + 1
            start = None


def check_license(path):
    name = path.relative_to(ROOT)
    if not (
            path.suffix in LICENSED_SUFFIXES or path.name == "CMakeLists.txt"
            or name.parts[0] in LICENSED_FOLDERS):
        return
    lines = path.read_text().splitlines()
    place = 1 if lines and lines[0].startswith("#!") else 0
    if LICENSE_LINE not in "".join(lines[place:place + 1]):
        yield place + 1, "this line must be the SPDX line"


def check_source(path):
    room = room_of(path)
    lines = path.read_text().splitlines()
    if path.suffix == ".h" and "#pragma once" not in lines:
        yield 1, "a header needs #pragma once"
    if len(lines) > LINES_MAX:
        yield len(lines), f"more than {LINES_MAX} lines"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            yield number, f"more than {COLUMNS_MAX} columns"
        for pattern, instead in BANNED:
            if pattern.search(line.partition("//")[0]) or "TODO" in line and "TODO" in instead:
                yield number, f"use {instead}"
        if room in CLOCK_FREE_ROOMS and not path.stem.endswith("_test") and CLOCKS.search(line):
            yield number, "the state machine reads nothing but its input (R24)"
        if room and room not in GRPC_ROOMS and re.match(r"#include <grpc", line):
            yield number, f"gRPC does not belong in {room}/"
        yield from check_includes(path, number, line, room)
    for start, length in function_lengths(lines):
        if length > FUNCTION_LINES_MAX:
            yield start, f"a function of {length} lines; {FUNCTION_LINES_MAX} at most"


def check_links(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", line):
            if not (path.parent / target).exists():
                yield number, f"the link to {target} leads nowhere"


def check_test_names(path):
    """Each `Suite.Name` and each `R8.claim` that these documents speak of must exist, and each claim
    stand in testing.md."""
    tests, claims = set(), set()
    for source in tracked_files():
        if source.suffix != ".cc" or not source.exists():
            continue
        text = source.read_text()
        tests.update(f"{suite}.{name}" for suite, name in
                     re.findall(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", text, re.MULTILINE))
        if "src/check/" in source.as_posix() and not source.stem.endswith("_test"):
            claims.update(re.findall(r'"(R\d+\.[a-z-]+)"', text))
    if path.name == "testing.md":
        for name in sorted(claims - set(re.findall(r"`(R\d+\.[a-z-]+)`", path.read_text()))):
            yield 1, f"the claim {name} of tripla-check stands in no row"
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for name in re.findall(r"`([A-Z]\w+\.[A-Z]\w+)`", line):
            if name not in tests:
                yield number, f"there is no test {name}"
        for name in re.findall(r"`(R\d+\.[a-z-]+)`", line):
            if name not in claims:
                yield number, f"tripla-check has no claim {name}"


def check_rooms(path):
    """Every folder at the top, in src/ and in src/log/ stands in ARCHITECTURE.md."""
    text = path.read_text()
    for parent in (ROOT, ROOT / "src", ROOT / "src" / "log"):
        for folder in sorted(parent.iterdir()):
            name = f"{folder.relative_to(ROOT)}/"
            if folder.is_dir() and any(p.is_relative_to(folder) for p in tracked_files()) and not (
                    folder.name.startswith(".")):
                if name not in text and f"`{folder.name}/" not in text:
                    yield 1, f"{name} has no place here"


def main():
    failures = 0
    for path in tracked_files():
        if not path.exists():
            continue
        findings = list(check_license(path))
        if path.suffix in SOURCE_SUFFIXES:
            findings += check_source(path)
        elif path.suffix == ".md":
            findings += check_links(path)
            if path.name in ("testing.md", "presentation.md", "apresentacao.md", "check.md"):
                findings += check_test_names(path)
            if path.name == "ARCHITECTURE.md":
                findings += check_rooms(path)
        for number, finding in findings:
            print(f"{path.relative_to(ROOT)}:{number}: {finding}")
            failures += 1
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
