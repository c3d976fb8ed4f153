"""From facts to findings: the server, and the workers. Pure; nothing is read here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from fairque.monitoring.findings import Finding, finding
from fairque.monitoring.tables import span
from fairque.store.checkup import QueueFacts
from fairque.store.claims import ALIVE_SECONDS
from fairque.store.server import Server

_NEAR: Final = 0.9
"""The part of maxmemory from which on it is worth a word."""
_ASTRAY: Final = 1.0
"""Seconds by which clocks may differ without a word."""

Described = Mapping[str, Any]
"""What a worker says of itself."""


def of_server(server: Server, *, here: float, may_evict: bool) -> Iterator[Finding]:
    """Yield what is wrong with the server. here: this machine's clock in epoch seconds; may_evict: somebody has taken
    the risk that it evicts keys.
    """
    if abs(here - server.clock) > _ASTRAY:
        yield finding("server.clock", "server", f"its clock is {server.clock - here:+,.1f} s from this machine's")
    if not server.info:
        yield finding("server.hidden", "server", "what it says of itself is not for this Redis user to see")
        return
    yield from _version(server.info)
    yield from _memory(server.info, may_evict=may_evict)
    if server.info.get("role") == "slave":
        yield finding("server.replica", "server", "it is a replica: it takes no writes")
    if (
        server.info.get("aof_last_write_status", "ok") != "ok"
        or server.info.get("rdb_last_bgsave_status", "ok") != "ok"
    ):
        yield finding("server.saving", "server", "the last try to save its data failed")
    if server.info.get("aof_enabled") == "0":
        yield finding(
            "server.volatile", "server", "its append-only file is off: a crash loses what came since a snapshot"
        )


def _version(info: Mapping[str, str]) -> Iterator[Finding]:
    version = info.get("redis_version", "")
    major = version.partition(".")[0]
    if major.isdigit() and int(major) < 7:
        yield finding("server.version", "server", f"it is Redis {version}")


def _memory(info: Mapping[str, str], *, may_evict: bool) -> Iterator[Finding]:
    policy, most, used = (
        info.get("maxmemory_policy", ""),
        int(info.get("maxmemory", 0)),
        int(info.get("used_memory", 0)),
    )
    if policy not in ("", "noeviction") and not may_evict:
        when = "when memory runs out" if most else "once a maxmemory is set"
        yield finding("server.policy", "server", f"maxmemory-policy is {policy}: {when} it drops keys of this queue")
    if most and used >= most * _NEAR:
        code = "server.full" if used >= most else "server.memory"
        yield finding(code, "server", f"{used / most:.0%} of its maxmemory of {most / 2**20:,.0f} MiB is used")


def up(workers: Iterable[Described], facts: QueueFacts) -> list[Described]:
    """Return the workers that are up."""
    return [worker for worker in workers if _silence(worker, facts) < ALIVE_SECONDS]


def have_room(workers: Iterable[Described]) -> bool:
    """Whether any of these workers has a free slot."""
    return any(int(worker.get("running", 0)) < int(worker.get("slots", 0)) for worker in workers)


def of_workers(
    workers: Sequence[Described], facts: QueueFacts, ready: Mapping[str, Collection[str]], names: Mapping[str, int]
) -> Iterator[Finding]:
    """Yield what is wrong with the workers. ready: the users with ready tasks, and the lists that name each; names: how
    many tasks of each name wait.
    """
    alive = up(workers, facts)
    for worker in workers:
        if worker not in alive:
            yield finding(
                "workers.silent", f"worker {worker['id']}", f"was last seen {span(_silence(worker, facts))} ago"
            )
    if not alive:
        if facts.queued or facts.leases or facts.scheduled:
            yield finding("workers.none", "queue", "tasks wait, and no worker is up")
        return
    served = {name for worker in alive for name in worker.get("lists", ())}
    unserved = sorted(user for user, lists in ready.items() if "*" not in served and not served.intersection(lists))
    if unserved:
        yield finding("workers.unserved", "queue", f"tasks are ready that no worker serves: of {_some(unserved)}")
    if not any(int(worker.get("tasks_total", 0)) > len(worker.get("tasks", ())) for worker in alive):
        known = {name for worker in alive for name in worker.get("tasks", ())}
        unknown = sorted(name for name, waiting in names.items() if waiting and name and name not in known)
        if unknown:
            yield finding("workers.unknown", "queue", f"tasks wait whose names no worker knows: {_some(unknown)}")


def of_lists(alive: Iterable[Described], registered: Collection[str]) -> Iterator[Finding]:
    """Yield the workers that serve a list of users which is not registered."""
    for worker in alive:
        if any(name not in (*registered, "*", "") for name in worker.get("lists", ())):
            yield finding(
                "I14.unregistered", f"worker {worker['id']}", "a list of users that it serves is not registered"
            )


def of_twins(ids: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each id that was seen of two processes in turn."""
    for name in ids:
        yield finding("workers.twins", f"worker {name}", "two processes say that they are this worker")


def _silence(worker: Described, facts: QueueFacts) -> float:
    return facts.now / 1000 - float(worker["last_seen"])


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
