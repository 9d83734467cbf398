"""Damage to files: bytes, the metadata of Zarr stores, and the entries of codebooks."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

JUNK = (
    None, True, 0, -1, 3, 2**40, 10**400, 1e308, 0.5, float("nan"), float("inf"), "", "text", "nan", "9", [], {},
    [1], [[1, 2], [3]], {"a": 1}, [None], "\ud800", ["a"] * 9, -(2**63), "x" * 5000, [[]], "<f4", "|O", "a\nb",
)  # fmt: skip
"""Values of JSON that take the place of others."""


def damage_bytes(rng: random.Random, path: Path) -> str:
    """Damage a file, half of the times near its beginning, and return how."""
    content = bytearray(path.read_bytes())
    size = len(content)
    reach = min(size, rng.choice([64, 1000, size, size]))
    start = rng.randrange(max(reach, 1))
    length = rng.choice([1, 4, 40, 400])
    how = rng.choice(
        ["flipped", "flipped", "cut off", "cut off", "zeros", "appended", "swapped", "set"]
    )
    match how:
        case "flipped":
            for _ in range(rng.choice([1, 1, 3, 20])):
                content[rng.randrange(max(reach, 1))] ^= 1 << rng.randrange(8)
        case "cut off":
            del content[rng.choice([start, size - rng.randint(1, min(size, 40))]) :]
        case "zeros":
            content[start : start + length] = bytes(len(content[start : start + length]))
        case "appended":
            content += rng.randbytes(length)
        case "swapped":
            other = rng.randrange(max(size, 1))
            a, b = content[start : start + length], content[other : other + length]
            content[start : start + len(b)], content[other : other + len(a)] = b, a
        case "set":
            content[start : start + 4] = rng.choice([b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0\0\0\1"])
    path.write_bytes(content)
    return how


def damage_store(rng: random.Random, path: Path) -> str:
    """Damage one file of a Zarr store, or its metadata, and return how."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    metadata = [file for file in files if file.name.startswith(".z") or file.suffix == ".json"]
    if rng.random() < 0.5:
        file = rng.choice(metadata)
        stored = json.loads(file.read_text())
        return f"{file.name}: {_change_entry(rng, stored, file)}"
    file = rng.choice(files)
    if rng.random() < 0.3:
        file.unlink()
        return f"{file.name} deleted"
    return f"{file.name} {damage_bytes(rng, file)}"


def damage_codebook(rng: random.Random, path: Path) -> str:
    """Change an entry of a codebook, its bytes or its encoding, and return how."""
    text = path.read_text()
    if rng.random() < 0.7:
        stored = json.loads(text)
        return " and ".join(_change_entry(rng, stored, path) for _ in range(rng.choice([1, 1, 2])))
    how = rng.choice(["bytes", "utf-16", "bom", "empty", "list", "deep", "twice", "digits"])
    match how:
        case "bytes":
            return damage_bytes(rng, path)
        case "utf-16":
            path.write_bytes(text.encode("utf-16"))
        case "bom":
            path.write_bytes(b"\xef\xbb\xbf" + text.encode())
        case "empty":
            path.write_bytes(b"")
        case "list":
            path.write_text(f"[{text}]")
        case "deep":
            path.write_text("[" * 100_000 + "]" * 100_000)
        case "twice":
            path.write_text(text + text)
        case "digits":
            path.write_text(text.replace('"k": 3', '"k": 3' + "0" * 5000))
    return how


def _change_entry(rng: random.Random, stored: Any, path: Path) -> str:
    """Replace, delete or add an entry somewhere in JSON, and write it."""
    owner, key = None, None
    here = stored
    while isinstance(here, dict | list) and here and (owner is None or rng.random() < 0.6):
        owner = here
        key = rng.choice(list(here) if isinstance(here, dict) else range(len(here)))
        here = here[key]
    action = rng.choice(["set", "set", "set", "delete", "add"])
    if owner is None:
        return "nothing to change"
    if action == "delete":
        del owner[key]
    elif action == "add" and isinstance(owner, dict):
        owner["added"] = rng.choice(JUNK)
    else:
        owner[key] = rng.choice(JUNK)
    path.write_text(json.dumps(stored), encoding="utf-8", errors="replace")
    new = f" = {owner[key]!r:.40}" if action == "set" else ""
    return f"{action} {key!r}{new}"
