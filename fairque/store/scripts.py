"""The Lua scripts: found beside the package (or in the checkout), their includes put in, their SHA-1 computed."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Final, NamedTuple

from fairque.errors import FairqueError

_PACKAGE: Final = Path(__file__).resolve().parent.parent
# An installed package carries the scripts as `fairque/lua`; in a checkout (an editable install) they stand at the top.
LUA: Final = next((d for d in (_PACKAGE / "lua", _PACKAGE.parent / "scripts" / "lua") if d.is_dir()), None)
_DEFINITION: Final = re.compile(r"^(?=local )", re.MULTILINE)
_NAMES: Final = re.compile(r"local (?:function )?([\w, ]+)")
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_MANY_NAMES: Final = 100
"""Names that libraries share in a script from which on it is nested."""
_MOST_OUTER_NAMES: Final = 60
"""Names of the functions around it that a function of Lua 5.1 may use."""
_INCLUDES: Final = re.compile(r"^-- include: (.*)$", re.MULTILINE)


class Script(NamedTuple):
    """A command as Redis gets it: its text with all includes in place, and the SHA-1 that EVALSHA calls it by."""

    name: str
    text: str
    sha: str


def names() -> list[str]:
    """Return the names of all commands, sorted."""
    return sorted(path.stem for path in _directory().glob("*.lua"))


@cache
def load(name: str) -> Script:
    """Return the script `scripts/lua/<name>.lua` with the libraries that its `-- include:` lines name, in that order.

    Raises:
        FairqueError: there is no such script or library, or the package was installed without its Lua.
    """
    text = _read(f"{name}.lua")
    header, _, body = text.partition("\n")
    included = " ".join(_INCLUDES.findall(body)).split()
    libraries = [_without_remarks(_read(f"lib/{lib}.lua")) for lib in included]
    body = _without_remarks(body)
    whole = f"{header}\n{_nested(_used(libraries, body), body)}"
    return Script(name, whole, hashlib.sha1(whole.encode(), usedforsecurity=False).hexdigest())


class _Block(NamedTuple):
    """What is used of a library, and the names of it that are used outside."""

    text: str
    names: list[str]


def _used(libraries: list[str], body: str) -> list[_Block]:
    """Return the definitions of the libraries that a script uses, directly or through one another.

    Redis runs a script's text from its first line at every call: each unused function or key name would cost its
    making, which was a third of a single push's time (14 of 45 us with all of them, 5 with only what is used). Each
    library is a block of its own, outside of which only those names live that others use: Lua takes 200 at a time.
    """
    words, blocks = set(_WORD.findall(body)), []
    for library in reversed(libraries):
        outside, kept = words.copy(), []
        for definition in reversed(_DEFINITION.split(library)[1:]):
            if words.intersection(_names_of(definition)):
                kept.append(definition)
                words.update(_WORD.findall(definition))
        if kept:
            blocks.append(_block(list(reversed(kept)), outside))
    return list(reversed(blocks))


def _nested(blocks: list[_Block], body: str) -> str:
    """Return a script's text; of a long one, all that follows its first libraries as a function inside.

    When Lua makes a function it looks for each name of the blocks around it among all that are in use, one after the
    other, unless the function that is being run has found it before. So the first libraries, whose names most functions
    have, are found once by one function, which may have 60 such names: that takes `settle` 40 us in place of 80.
    """
    counts = list(accumulate(len(block.names) for block in blocks))
    texts = [block.text for block in blocks]
    if not counts or counts[-1] < _MANY_NAMES:
        return "".join(texts) + body
    outer = bisect_right(counts, _MOST_OUTER_NAMES)
    return f"{''.join(texts[:outer])}return (function()\n{''.join(texts[outer:])}{body}end)()\n"


def _names_of(definition: str) -> list[str]:
    names = _NAMES.match(definition)
    return _WORD.findall(names[1]) if names else []


def _block(definitions: list[str], outside: set[str]) -> _Block:
    """Return definitions as a block that shares with what follows the names used there."""
    shared: list[str] = []
    for place, definition in enumerate(definitions):
        names = _names_of(definition)
        if outside.intersection(names):
            shared += names
            definitions[place] = definition.removeprefix("local ")
    return _Block(f"local {', '.join(shared)}\ndo\n{''.join(definitions)}end\n", shared)


def _directory() -> Path:
    if LUA is None:
        raise FairqueError(f"the Lua scripts are missing: this installation has no {_PACKAGE / 'lua'}; reinstall it")
    return LUA


def _read(name: str) -> str:
    try:
        return (_directory() / name).read_text(encoding="utf-8")
    except FileNotFoundError as missing:
        raise FairqueError(f"there is no Lua script {name} in {_directory()}") from missing


def _without_remarks(text: str) -> str:
    """Drop lines that are only a comment: Redis keeps each script's text in memory."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("--"))
