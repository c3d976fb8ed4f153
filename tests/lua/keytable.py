"""The keys of a queue as the scripts name them: read from the scripts, so that none can be forgotten."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from fairque.store import scripts

_BETWEEN: Final = "', '"
LUA: Final = Path(__file__).resolve().parents[2] / "scripts" / "lua"
_ROW: Final = re.compile(r"^local ([A-Z_]+) = ROOT \.\. '([^']+)' +-- (\w+) ", re.MULTILINE)
_OF_USER: Final = re.compile(r"user_key\([\w.]+, '(\w+:?)'")
_LANES: Final = re.compile(r"^local LANES = \{ '([^}]*)' \}$", re.MULTILINE)


class Key(NamedTuple):
    """A kind of key. `name` is what scripts call it; `ending` follows `:queue:`, and one that ends with a colon
    stands for many keys.
    """

    name: str
    ending: str
    type: str

    def says(self, key: str) -> bool:
        """Is this a key of this kind?"""
        ending = self.ending.replace("<user>", "[^:]+")
        return re.search(f":queue:{ending}{'[^:]+(:[^:]+){0,2}' if ending.endswith(':') else ''}$", key) is not None


@cache
def all_keys() -> tuple[Key, ...]:
    """Return every kind of key."""
    table = (LUA / "lib" / "keys.lua").read_text()
    rows = [Key(*row) for row in _ROW.findall(table)]
    assert len(rows) == len(re.findall(r"^local [A-Z_]+ = ROOT ", table, re.MULTILINE)), "a row that is not understood"
    texts = [path.read_text() for path in LUA.rglob("*.lua")]
    single = sorted({name for text in texts for name in _OF_USER.findall(text)})
    rows += [Key(name, f"user:<user>:{name}", "of a user") for name in single]
    (lanes,) = _LANES.findall((LUA / "lib" / "lane.lua").read_text())
    lane = f"user:<user>:({lanes.replace(_BETWEEN, '|')})"
    return (*rows, Key("LANES", lane, "list"), Key("LANES aside", f"{lane}:", "list"))


@cache
def kind_of(key: str) -> Key:
    """Return which kind of key this is."""
    (kind,) = (kind for kind in all_keys() if kind.says(key))
    return kind


@cache
def is_named_in(script: str, key: Key) -> bool:
    """Does this script, its libraries as far as it uses them included, speak of this kind of key?"""
    name = key.name.partition(" ")[0]
    said = rf"user_key\([\w.]+, '{name}'" if name[0].islower() else rf"\b{name}\b"
    return re.search(said, scripts.load(script).text) is not None
