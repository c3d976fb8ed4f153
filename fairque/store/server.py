"""The Call that asks the Redis server about itself."""

from __future__ import annotations

from typing import Any, NamedTuple

from fairque.store.call import Call


class Server(NamedTuple):
    """What a Redis server says of itself (its INFO; empty where that is not permitted), and its clock in epoch s."""

    clock: float
    info: dict[str, str]


def look_at_server(root: str, *sections: str) -> Call[Server]:
    """Read these sections of the server's INFO."""

    def read(reply: list[Any]) -> Server:
        told = reply[1].decode() if reply[1] else ""
        lines = (line.partition(":") for line in told.splitlines() if not line.startswith("#"))
        return Server(reply[0] / 1_000_000, {name: value for name, _, value in lines if name})

    return Call("server", root, sections, read)


def eviction_policy(root: str) -> Call[str]:
    """Read by which policy the server evicts keys when it is full; '' where it does not say."""
    return look_at_server(root, "memory").then(lambda server: server.info.get("maxmemory_policy", ""))
