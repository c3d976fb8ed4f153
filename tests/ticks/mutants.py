"""The product broken in one place: what a run has to find out, and what it must not mind."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from shutil import copytree
from typing import Final
from unittest.mock import patch

from fairque.scheduler import rounds
from fairque.store import scripts
from fairque.store.schedules import Firing, Schedule

_FIRING: Final = "lib/firing.lua"


@contextmanager
def _rewritten(file: str, there: str, instead: str) -> Iterator[None]:
    """Put another text into a script for the block."""
    assert scripts.LUA is not None
    with tempfile.TemporaryDirectory() as place:
        changed = copytree(scripts.LUA, Path(place) / "lua")
        text = (changed / file).read_text(encoding="utf-8")
        assert text.count(there) == 1
        (changed / file).write_text(text.replace(there, instead), encoding="utf-8")
        scripts.load.cache_clear()
        with patch.object(scripts, "LUA", changed):
            yield
        scripts.load.cache_clear()


def everybody_leads() -> AbstractContextManager[object]:
    """The lock keeps nobody away: five schedulers at the same work. Nothing may come of that."""
    return _rewritten("tick.lua", "local free = not till or", "local free = true or")


@contextmanager
def nobody_compares() -> Iterator[None]:
    """Besides, each fires whatever it had read, even if another has moved the schedule on."""
    with everybody_leads(), _rewritten(_FIRING, "known.state == 'A' and known.due == due", "known.state == 'A'"):
        yield


def some_are_dropped() -> AbstractContextManager[object]:
    """A scheduler now and then leaves out the last of several fires."""
    sound: Callable[[Schedule, int], Firing] = rounds.firing_of

    def careless(schedule: Schedule, now: int) -> Firing:
        firing = sound(schedule, now)
        return firing._replace(instants=firing.instants[:-1]) if random.random() < 0.01 else firing

    return patch.object(rounds, "firing_of", careless)


MUTANTS: Final = {make.__name__: make for make in (everybody_leads, nobody_compares, some_are_dropped)}


def broken(name: str | None) -> AbstractContextManager[object]:
    """Break the product in that way for the block (None: not at all)."""
    return MUTANTS[name]() if name else nullcontext()
