"""Who comes when: the streams of a trace, drawn and put in order of time.

Each stream has two sources of random numbers of its own, one for its instants and one for its lengths, both made from
the trace's seed. So a change to one stream, or of a weight, leaves all else as it was, and two runs can be compared.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Iterator
from typing import Final

import msgspec

from fairque.errors import ConfigError
from fairque.monitoring.trace import Stream, Trace

MOST: Final = 1_000_000
"""Tasks of one trace: they are all kept until the report is made, some 300 bytes each."""


class Job(msgspec.Struct, kw_only=True):
    """One task of a trace, and what became of it. Instants and lengths are virtual milliseconds."""

    user_id: str
    task: str
    priority: int
    cost: float
    """What it declares."""
    arrived: int
    length: int
    started: int | None = None
    ended: int | None = None
    refused: bool = False
    """Its push was over a max_backlog."""


def jobs_of(trace: Trace) -> list[Job]:
    """Return every task that the trace submits up to its end, in order of time.

    Raises:
        ConfigError: there are more than MOST.
    """
    streams = (_jobs(trace, place, stream) for place, stream in enumerate(trace.arrivals))
    jobs = list(itertools.islice(heapq.merge(*streams, key=lambda job: job.arrived), MOST + 1))
    if len(jobs) > MOST:
        raise ConfigError(f"arrivals: more than {MOST:,} tasks")
    return jobs


def _jobs(trace: Trace, place: int, stream: Stream) -> Iterator[Job]:
    lengths, draw = random.Random(f"{trace.seed}/{place}/lengths"), stream.lengths.draw
    for at in _instants(trace, place, stream):
        yield Job(
            user_id=stream.user,
            task=stream.task,
            priority=stream.priority,
            cost=stream.cost,
            arrived=round(at * 1000),
            length=max(1, round(draw(lengths.random) * 1000)),
        )


def _instants(trace: Trace, place: int, stream: Stream) -> Iterator[float]:
    """Yield when the tasks of a stream come, in seconds."""
    if stream.every is None and stream.per_second is None:
        instants: Iterator[float] = itertools.repeat(stream.at, stream.count or 1)
    else:
        instants = itertools.islice(_paced(trace, place, stream), stream.count)
    end = min(math.inf if until is None else until for until in (stream.until, trace.until))
    return itertools.takewhile(lambda at: at < end, instants)


def _paced(trace: Trace, place: int, stream: Stream) -> Iterator[float]:
    if stream.every is not None:
        every = stream.every
        yield from (stream.at + turn * every for turn in itertools.count())
    gaps, at = random.Random(f"{trace.seed}/{place}/gaps"), stream.at
    while stream.per_second is not None:
        at -= math.log1p(-gaps.random()) / stream.per_second
        yield at
