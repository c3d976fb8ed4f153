"""Who takes part: versions, the ways each is measured in, and what each promises besides its speed."""

from dataclasses import dataclass

WAYS = {
    "shared": "one queue for all",
    "own": "a queue for each user",
    "round-robin": "a queue for each user, round robin",
}

_HIREDIS = "hiredis==3.5.0"  # everybody gets the parser that fairque has
_BOTH = ("shared", "own")
_IN_ORDER = "first come, first served"
_GATHERED = "no bulk call: pushes are gathered, 20 at once"


@dataclass(frozen=True, slots=True)
class Contestant:
    """One queue, and how it is run."""

    name: str
    title: str
    """As people write it."""
    pins: tuple[str, ...]
    """What its environment gets, the queue itself first; empty: it runs in this project's own."""
    worker: str
    """How its one worker process runs tasks."""
    crash: str
    """What happens to a task whose worker was killed, with the configuration measured here."""
    acknowledged: str
    """When a task is taken off Redis for good."""
    results: str
    """How long a result is kept."""
    fairness: str = _IN_ORDER
    """Whose task is next."""
    tasks: int = 4_000
    """How many are drained: some seconds' worth."""
    ways: tuple[str, ...] = ("shared",)
    """How it races; empty: another contestant does so for it."""
    note: str = ""

    @property
    def package(self) -> str:
        """What it is called among Python's packages, and where its environment lies."""
        return self.pins[0].split("==")[0].split("[")[0] if self.pins else "fairque"

    @property
    def adapter(self) -> str:
        """The module in `adapters/`; the underscore keeps it apart from the package it imports."""
        return f"{self.name.replace('-', '_')}_"


_RQ = ("rq==3.0.0", "redis==8.1.0", _HIREDIS)
_RQ_CRASH = "failed by a clean-up; run again if it has retries left"

CONTESTANTS = (
    Contestant(
        name="fairque",
        title="fairque",
        pins=(),
        worker="8 threads",
        crash="run again, one accepted outcome",
        acknowledged="with its outcome, under its lease's token",
        results="an hour",
        fairness="users in turn",
        tasks=50_000,
    ),
    Contestant(
        name="rq",
        title="RQ",
        pins=_RQ,
        worker="a fork for each job",
        crash=_RQ_CRASH,
        acknowledged="when it has ended",
        results="500 s",
        tasks=300,
        ways=("shared", "own", "round-robin"),
        note="a worker serves its queues strictly in order, unless told to go round",
    ),
    Contestant(
        name="rq-simple",
        title="RQ",
        pins=_RQ,
        worker="SimpleWorker, no fork",
        crash=_RQ_CRASH,
        acknowledged="when it has ended",
        results="500 s",
        tasks=1_500,
        ways=(),
    ),
    Contestant(
        name="dramatiq",
        title="Dramatiq",
        pins=("dramatiq[redis]==2.2.1", "redis==8.1.0", _HIREDIS),
        worker="8 threads",
        crash="run again",
        acknowledged="when it has ended",
        results="10 minutes",
        ways=_BOTH,
        note="prefetch at its default, 2 for each thread and queue",
    ),
    Contestant(
        name="celery",
        title="Celery",
        pins=("celery[redis]==5.7.0", "kombu==5.7.0", "redis==8.1.0", _HIREDIS),
        worker="8 threads",
        crash="lost; with acks_late run again after the visibility timeout",
        acknowledged="before it starts",
        results="a day",
        ways=_BOTH,
        note="prefetch at its default, 4 for each thread; its Redis transport goes round the queues by default",
    ),
    Contestant(
        name="huey",
        title="Huey",
        pins=("huey==3.5.4", "redis==8.1.0", _HIREDIS),
        worker="8 threads",
        crash="lost: nothing is acknowledged",
        acknowledged="when it is fetched",
        results="until it is read",
        note="a consumer serves one queue",
    ),
    Contestant(
        name="saq",
        title="SAQ",
        # It imports typing_extensions without asking for it.
        pins=("saq[redis]==0.26.4", "redis==7.4.1", "typing_extensions==4.16.0", _HIREDIS),
        worker="100 coroutines",
        crash="aborted by a sweep; run again if it has retries left",
        acknowledged="when it has ended",
        results="10 minutes",
        note=f"a worker serves one queue; {_GATHERED}",
    ),
    Contestant(
        name="arq",
        title="arq",
        pins=("arq==0.28.0", "redis==5.3.1", _HIREDIS),
        worker="100 coroutines, polling each 10 ms",
        crash="run again when its time limit is over",
        acknowledged="when it has ended",
        results="an hour",
        note=f"a worker serves one queue; {_GATHERED}",
    ),
    Contestant(
        name="taskiq",
        title="taskiq",
        pins=("taskiq==0.13.0", "taskiq-redis==1.2.4", "redis==8.1.0", _HIREDIS),
        worker="100 coroutines",
        crash="run again after 10 minutes",
        acknowledged="when its result is stored",
        results="for ever",
        ways=_BOTH,
        note=f"the stream broker, which reads up to 100 tasks of each stream at once; {_GATHERED}",
    ),
    Contestant(
        name="docket",
        title="Docket",
        pins=("pydocket==0.27.0", "redis==8.1.0", _HIREDIS),
        worker="50 coroutines, looking each 5 ms",
        crash="run again after 5 minutes",
        acknowledged="when it has ended",
        results="15 minutes",
        note="a worker serves one docket",
    ),
    Contestant(
        name="streaq",
        title="streaQ",
        pins=("streaq==7.2.0", "coredis==6.9.0", _HIREDIS),
        worker="16 coroutines",
        crash="run again after a minute",
        acknowledged="when it has ended",
        results="5 minutes",
        note="a worker serves one queue, with priorities in it; it speaks to Redis through coredis",
    ),
)
