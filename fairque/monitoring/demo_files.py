"""Whose files the demo's teams submit: real ones, the same on every run of one installation."""

from __future__ import annotations

import importlib.util
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from fairque.errors import FairqueError

NOISY: Final = "team-platform"
LATE: Final = "team-support"
_FOREIGN: Final = {"site-packages", "dist-packages", "__pycache__"}


class Team(msgspec.Struct, frozen=True):
    """A user of the demo, and what it wants measured."""

    user_id: str
    files: tuple[str, ...]
    source: str
    """Where the files come from, in words."""


def teams(limit: int | None = None) -> tuple[Team, ...]:
    """Return the teams in the order in which they submit. `limit`: so many files of the noisy one, evenly spread.

    Raises:
        FairqueError: one of them has none: this Python keeps its library elsewhere than in files.
    """
    library = standard_library()
    chosen = library if limit is None else spread(library, limit)
    sample = "" if len(chosen) == len(library) else f"{len(chosen):,} files of "
    found = (
        Team(NOISY, chosen, f"{sample}the standard library of Python {sysconfig.get_python_version()}"),
        Team("team-search", spread(package("rich"), 14), "14 files of the package rich"),
        Team("team-billing", spread(package("redis"), 12), "12 files of the package redis"),
        Team(LATE, spread(package("click"), 10), "10 files of the package click"),
    )
    for team in found:
        if not team.files:
            raise FairqueError(f"the demo finds no Python files for {team.user_id}: {team.source}")
    return found


def standard_library() -> tuple[str, ...]:
    """Return every Python file of the running Python's standard library, its tests included, sorted."""
    return _files_under(Path(sysconfig.get_paths()["stdlib"]))


def package(name: str) -> tuple[str, ...]:
    """Return the Python files of an installed package, sorted. It is not imported."""
    spec = importlib.util.find_spec(name)
    places = (spec.submodule_search_locations or ()) if spec else ()
    return tuple(file for place in places for file in _files_under(Path(place)))


def spread(files: Sequence[str], count: int) -> tuple[str, ...]:
    """Return `count` of the files, evenly spread over the list; all where there are no more."""
    if len(files) <= count:
        return tuple(files)
    return tuple(files[place * len(files) // count] for place in range(count))


def short(path: str) -> str:
    """Return a file's name below its library's directory."""
    paths = sysconfig.get_paths()
    for root in sorted({paths["stdlib"], paths["purelib"], paths["platlib"]}, key=len, reverse=True):
        if path.startswith(f"{root}/"):
            return path[len(root) + 1 :]
    return path


def _files_under(root: Path) -> tuple[str, ...]:
    found = (path for path in root.rglob("*.py") if not _FOREIGN & set(path.relative_to(root).parts))
    return tuple(sorted(str(path) for path in found if path.is_file()))
