#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that docs/clients.md shows what the programs in docs/clients/ do: document_test.py SOURCE_DIR."""
import pathlib
import re
import sys

docs = pathlib.Path(sys.argv[1]) / "docs"
document = (docs / "clients.md").read_text()
shown_in = {
    "python": docs / "clients/python/client.py",
    "go": docs / "clients/go/main.go",
    "json": docs / "clients/service_config.json",
}
faults = []

found = 0
for language, block in re.findall(r"^```(\w+)\n(.*?)^```$", document, re.MULTILINE | re.DOTALL):
    if language not in shown_in:
        continue
    found += 1
    if block not in shown_in[language].read_text():
        faults.append(f"{shown_in[language]} does not have this as docs/clients.md shows it:\n{block}")
if found < 8:
    faults.append(f"docs/clients.md shows only {found} blocks of code")

rows = re.findall(r"^\| ([−0-9^]+) \| `([0-9a-f ]+)` \|", document, re.MULTILINE)
for number, shown in rows:
    base, _, exponent = number.replace("−", "-").partition("^")
    value = int(base) ** int(exponent or 1)
    if int.from_bytes(bytes.fromhex(shown), "big", signed=True) != value:
        faults.append(f"docs/clients.md: the key {number} is not {shown}")
if len(rows) < 10:
    faults.append(f"docs/clients.md shows only {len(rows)} keys")

sys.exit("\n".join(faults) or 0)
