"""Two processes under one worker's id: each says in its heartbeats who it is, so what stands there goes to and fro."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

_GLANCE: Final = 0.1
"""Seconds between two looks."""
_BEAT: Final = 1.2
"""Seconds for which is looked at least: somewhat longer than a heartbeat takes to come again, where two share an id."""

Said = Callable[[], Mapping[bytes, bytes]]
"""Reads what each worker says of itself: worker -> a line that names the beat, then JSON."""


def find_twins(said: Said) -> set[str]:
    """Return the ids under which two processes spoke in turn. One that was replaced by another is none."""
    spoke: dict[bytes, list[tuple[Any, ...]]] = {}
    twins: set[str] = set()
    end = time.monotonic() + _BEAT
    while time.monotonic() < end:
        for worker, text in said().items():
            of = msgspec.json.decode(text.partition(b"\n")[2])
            process, known = (of.get("host"), of.get("pid"), of.get("started_at")), spoke.setdefault(worker, [])
            if known and known[-1] != process and len(known) == 1:
                end = time.monotonic() + 2 * _BEAT  # it may have been restarted: does the first one speak again?
            if not known or known[-1] != process:
                known.append(process)
            if len(known) > len({*known}):
                twins.add(worker.decode())
        time.sleep(_GLANCE)
    return twins
