"""The configuration as a frozen tree: what can be set, between which bounds, and what the default is.

Nothing here reads a file or the environment; `fairque.config` does. A setting stands here once it works.
Durations are float seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import quote

from msgspec import Meta, field
from msgspec.structs import force_setattr

from fairque.core import redis_url
from fairque.core.checking import Problem, Rule, Section, first_few
from fairque.core.limits import UserSettings
from fairque.core.schedule_settings import SchedulerSettings, ScheduleSettings
from fairque.core.setting_rules import process_id_faults, same_ids
from fairque.core.user_lists import brief, overlap_faults, user_faults, user_list_faults
from fairque.core.wording import shown
from fairque.errors import ConfigError

DEFAULT_URL: Final = "redis://localhost:6379/0"
DEFAULT_HOST: Final = "localhost"
DEFAULT_PORT: Final = 6379

# Each bound above keeps infinity out; the lower ones are what Redis's milliseconds can hold.
Timeout = Annotated[float, Meta(ge=0.001, le=86_400)]
Retention = Annotated[float, Meta(ge=0.001, le=315_360_000)]
Text = Annotated[str, Meta(min_length=1, description="text that is not empty")]
# A name that is not an IPv6 address has no colon: `host:6379` is not a host.
Host = Annotated[
    str,
    Meta(pattern=r"^([A-Za-z0-9._-]+|[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\Z", description="the name of a host"),
]
Name = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}\Z", description="1 to 64 letters, digits, underscores, dots or dashes")
]

_PARTS: Final = ("host", "port", "db", "username", "password", "ssl")


def _url_faults(url: str | None, *parts: object) -> Iterator[Problem]:
    if url is None:
        return
    mixed = [name for name, value in zip(_PARTS, parts, strict=True) if value is not None]
    if mixed:
        yield Problem("", f"cannot be combined with {', '.join(mixed)}: give a url or its parts")
    for fault in redis_url.faults(url):
        yield Problem("", fault)


def _not_utf8(text: str | None) -> Iterator[Problem]:
    if text is not None and any("\ud800" <= char <= "\udfff" for char in text):
        yield Problem("", "has a character that UTF-8 cannot hold")


class RedisSettings(Section, frozen=True, kw_only=True):
    """Where Redis is: a `url`, or its parts (`port` is 6379 and `db` 0 unless given). Its `repr` masks the password.

    Schemes: redis, rediss (TLS), unix, embedded.
    """

    url: str | None = None
    host: Host | None = None
    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    db: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    username: Text | None = None
    password: Text | None = None
    ssl: bool | None = None
    connect_timeout: Timeout = 5.0
    socket_timeout: Timeout = 5.0
    allow_eviction: bool = False
    """Whether a server is used that may throw keys away when it is full."""

    secrets: ClassVar[frozenset[str]] = frozenset({"url", "password"})
    supersedes: ClassVar[Mapping[str, tuple[str, ...]]] = {"url": _PARTS, "host": ("url",)}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(("url", *_PARTS), _url_faults),
        Rule(("username",), _not_utf8),
        Rule(("password",), _not_utf8),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.url is None and all(getattr(self, part) is None for part in _PARTS):
            force_setattr(self, "url", DEFAULT_URL)

    @property
    def effective_url(self) -> str:
        """The URL to connect to, password and all: never for a log."""
        if self.url is not None:
            return self.url
        scheme = "rediss" if self.ssl else "redis"
        secret = f":{quote(self.password, safe='')}" if self.password is not None else ""
        login = quote(self.username or "", safe="") + secret
        host = self.host or DEFAULT_HOST
        place = f"[{host}]" if ":" in host else host
        return f"{scheme}://{login}{'@' if login else ''}{place}:{self.port or DEFAULT_PORT}/{self.db or 0}"

    @property
    def address(self) -> str:
        """The URL without password, for people: `redis://user:***@host:6379/0`."""
        return redis_url.without_password(self.effective_url)

    def presentable(self, name: str) -> object:
        """Return the value of a field, fit for a log."""
        return self.address if name == "url" and self.url is not None else super().presentable(name)


class QueueSettings(Section, frozen=True, kw_only=True):
    """The queue, and how long it keeps what has ended."""

    name: Name = "default"
    prefix: Name = "fq"
    default_max_retries: Annotated[int, Meta(ge=0, le=100)] = 3
    result_ttl_seconds: Retention = 3_600.0
    failed_ttl_seconds: Retention = 604_800.0
    xcom_ttl_seconds: Retention = 3_600.0
    kept_bytes_per_user: Annotated[int, Meta(ge=1_048_576, le=2**50)] = 64 * 1024 * 1024
    """Bytes of ended tasks that are kept for one user; what would expire first is forgotten first."""


class FairnessSettings(Section, frozen=True, kw_only=True):
    """How service is shared. These live in Redis with the queue: the first program to use it writes them."""

    cost: Literal["count", "declared", "time"] = "count"
    """What a start is charged: one, what its task declares, or what its run takes."""
    aging_seconds: Annotated[float, Meta(ge=0.001)] = 60.0
    """How many seconds of waiting one priority level is worth; `inf`: priorities are strict."""


class WorkerSettings(Section, frozen=True, kw_only=True):
    """One worker: whom it serves (`*`: everyone), and how much at once."""

    id: str
    assigned_users: tuple[str, ...]
    steal_targets: tuple[str, ...] = ()
    max_concurrent_tasks: Annotated[int, Meta(ge=1, le=1_000)] = 10
    lease_seconds: Annotated[float, Meta(ge=1, le=86_400)] = 15.0
    """Renewed at a third of it."""
    task_timeout_seconds: Annotated[float, Meta(ge=0.001)] = 300.0
    """For how long a run may take where its task says nothing; `inf`: for ever."""
    max_abandoned_threads: Annotated[int, Meta(ge=0, le=10_000)] = 100
    """Threads stuck in tasks that are over their time, beyond which lost slots are not replaced. Each keeps its stack
    and whatever its task holds; a hundred are harmless, and so many say that the worker had better be started anew.
    """
    prefetch_horizon: Annotated[float, Meta(ge=0, le=1)] = 0.020
    graceful_shutdown_timeout: Annotated[float, Meta(ge=0, le=86_400)] = 30.0
    unknown_task_grace: Annotated[float, Meta(ge=0, le=86_400)] = 600.0
    """For how long a task whose name this worker has not imported is given back before it fails."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(("id",), process_id_faults),
        Rule(("assigned_users",), user_list_faults),
        Rule(("steal_targets",), user_list_faults),
        Rule(("steal_targets", "assigned_users"), overlap_faults),
    )


def _module_faults(modules: Sequence[str]) -> Iterable[Problem]:
    wrong = [(i, name) for i, name in enumerate(modules) if not all(part.isidentifier() for part in name.split("."))]
    return first_few(
        [Problem(f"[{i}]", f"must be a module such as myapp.tasks, not {shown(name)}") for i, name in wrong]
    )


class Settings(Section, frozen=True, kw_only=True):
    """Everything that can be configured."""

    redis: RedisSettings = field(default_factory=RedisSettings)
    queue: QueueSettings = field(default_factory=QueueSettings)
    fairness: FairnessSettings = field(default_factory=FairnessSettings)
    tasks: tuple[str, ...] = ()
    """Modules that a worker process imports."""
    users: dict[str, UserSettings] = field(default_factory=dict)
    """Weight and caps of users, `*` being all that are not named; what is set at run time wins."""
    workers: tuple[WorkerSettings, ...] = ()
    scheduler: SchedulerSettings = field(default_factory=SchedulerSettings)
    schedules: tuple[ScheduleSettings, ...] = ()
    """What every scheduler of this configuration adds when it starts; others stand in Redis beside them."""

    singular: ClassVar[Mapping[str, str]] = {"worker": "workers"}
    """Keys that a file may use for a list of one."""
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(("tasks",), _module_faults),
        Rule(("users",), user_faults),
        Rule(("workers",), same_ids("workers")),
        Rule(("schedules",), same_ids("schedules")),
    )

    @property
    def worker(self) -> WorkerSettings:
        """The only worker.

        Raises: ConfigError where there are none or several.
        """
        return self.worker_named(None)

    def worker_named(self, worker_id: str | None) -> WorkerSettings:
        """Return the worker of that id; without an id, the only one.

        Raises: ConfigError where there is no such worker, or an id is needed to tell.
        """
        if not self.workers:
            raise ConfigError("no worker is configured: add `worker:` with an id and assigned_users")
        found = [worker for worker in self.workers if worker_id in {None, worker.id}]
        if len(found) == 1:
            return found[0]
        ids = ", ".join(worker.id for worker in self.workers)
        if worker_id is None:
            raise ConfigError(f"several workers are configured: name one of {ids}")
        raise ConfigError(f"no worker is called {brief(worker_id)}: there is {ids}")
