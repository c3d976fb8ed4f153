"""Who takes part: versions, the ways each is measured in, and what it does with the tasks of a crashed worker."""

from dataclasses import dataclass

WAYS = {
    "shared": "one queue for all",
    "own": "a queue for each user",
    "round-robin": "a queue for each user, round robin",
}

_HIREDIS = "hiredis==3.5.0"  # everybody gets the parser that fairque has
_BOTH = ("shared", "own")


@dataclass(frozen=True, slots=True)
class Contestant:
    """One queue, and how it is run."""

    name: str
    pins: tuple[str, ...]
    """What its environment gets, the queue itself first; empty: it runs in this project's own."""
    worker: str
    """How its one worker process runs tasks."""
    crash: str
    """What happens to a task whose worker was killed, with the configuration measured here."""
    ways: tuple[str, ...] = ("shared",)
    note: str = ""

    @property
    def adapter(self) -> str:
        """The module in `adapters/`; the underscore keeps it apart from the package it imports."""
        return f"{self.name}_"


CONTESTANTS = (
    Contestant(
        name="fairque",
        pins=(),
        worker="8 threads",
        crash="run again, one accepted outcome",
    ),
    Contestant(
        name="rq",
        pins=("rq==3.0.0", "redis==8.1.0", _HIREDIS),
        worker="a fork for each job",
        crash="failed by a clean-up; run again if it has retries left",
        ways=("shared", "own", "round-robin"),
        note="a worker serves its queues strictly in order, unless told to go round",
    ),
    Contestant(
        name="dramatiq",
        pins=("dramatiq[redis]==2.2.1", "redis==8.1.0", _HIREDIS),
        worker="8 threads",
        crash="run again",
        ways=_BOTH,
        note="prefetch at its default, 2 for each thread and queue",
    ),
    Contestant(
        name="celery",
        pins=("celery[redis]==5.7.0", "kombu==5.7.0", "redis==8.1.0", _HIREDIS),
        worker="8 threads",
        crash="lost; with acks_late run again after the visibility timeout",
        ways=_BOTH,
        note="prefetch at its default, 4 for each thread; its Redis transport goes round the queues by default",
    ),
    Contestant(
        name="huey",
        pins=("huey==3.5.4", "redis==8.1.0", _HIREDIS),
        worker="8 threads",
        crash="lost: nothing is acknowledged",
        note="a consumer serves one queue",
    ),
    Contestant(
        name="saq",
        # It imports typing_extensions without asking for it.
        pins=("saq[redis]==0.26.4", "redis==7.4.1", "typing_extensions==4.16.0", _HIREDIS),
        worker="10 coroutines",
        crash="aborted by a sweep; run again if it has retries left",
        note="a worker serves one queue",
    ),
    Contestant(
        name="arq",
        pins=("arq==0.28.0", "redis==5.3.1", _HIREDIS),
        worker="10 coroutines",
        crash="run again when its time limit is over",
        note="a worker serves one queue",
    ),
    Contestant(
        name="taskiq",
        pins=("taskiq==0.13.0", "taskiq-redis==1.2.4", "redis==8.1.0", _HIREDIS),
        worker="100 coroutines",
        crash="run again after 10 minutes",
        ways=_BOTH,
        note="the stream broker, which reads up to 100 tasks of each stream at once",
    ),
)
