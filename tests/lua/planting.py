"""What a call does where one key of its queue holds something that fairque did not write."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final, NamedTuple

import redis

from fairque.errors import QueueRefusal, StoredDataError
from tests.lua.calls import CALLS, Make
from tests.lua.keytable import kind_of
from tests.lua.scene import Scene
from tests.lua.shelf import Contents, Copy, Shelf
from tests.lua.stages import STAGES, Stage, stage

OTHERS: Final = (
    *("wake:asleep", "wake:waiter", "wake:w", "last:w", "last:matrix", "user:z:tasks", "user:z:normal:3"),
    *("user:d:normal:3", "user:c:normal:3", "user:b:failed", "user:c:failed", "served:1666666", "served:1666672"),
    *("ended:16666670", "scope:7cbc5f8f3d6ac2ce", "user:f:critical:m:g"),
)
"""Keys that no stage has and some call writes."""


class Cell(NamedTuple):
    """What became of one call. verdict: refused, untouched, replaced, partial or misnamed; `changed`: keys that differ
    from before, but for the planted one.
    """

    script: str
    what: str
    stage: str
    key: str
    verdict: str
    changed: tuple[str, ...] = ()
    said: str = ""


class Bed:
    """A stage in which something is planted, again and again."""

    def __init__(self, name: str, scene: Scene, client: redis.Redis) -> None:
        self._name, self._client, self._scene = name, client, scene
        self._stage: Stage = stage(name, scene)
        self._shelf = Shelf(client, scene.root)
        self._copy: Copy = self._shelf.take()

    @property
    def endings(self) -> set[str]:
        """What the keys of this stage are called behind `:queue:`."""
        return {key.decode().partition(":queue:")[2] for key in self._copy}

    def cells(self, endings: set[str]) -> Iterator[Cell]:
        """Make every call once for each of these keys being of a wrong type."""
        for script, calls in CALLS.items():
            for what, make in calls.items():
                if self._applies(make):
                    plain = self._outcome(make, self._copy)[0]
                    for ending in sorted(endings):
                        yield self._cell(script, what, make, ending, plain)

    def _applies(self, make: Make) -> bool:
        try:
            make(self._stage)
        except StopIteration:  # nobody holds such a run here
            return False
        return True

    def _cell(self, script: str, what: str, make: Make, ending: str, plain: Exception | None) -> Cell:
        key = self._scene.key(ending).encode()
        error, before, after = self._outcome(make, self._copy | {key: self._wrong[kind_of(key.decode()).type == "string"]})
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        names = tuple(sorted(name.decode().partition(":queue:")[2] for name in changed - {key}))
        if error is not None and repr(error) != repr(plain):
            verdict = "partial" if changed else "refused" if isinstance(error, StoredDataError) else "misnamed"
        else:
            verdict = "replaced" if key in changed else "untouched"
        return Cell(script, what, self._name, ending, verdict, names, str(error or ""))

    def _outcome(self, make: Make, copy: Copy) -> tuple[Exception | None, Contents, Contents]:
        before = self._shelf.put(copy)
        try:
            self._scene.run(make(self._stage))
        except QueueRefusal as refusal:
            return refusal, before, self._shelf.read()
        return None, before, self._shelf.read()

    @cached_property
    def _wrong(self) -> tuple[bytes, bytes]:
        """The bytes of a string, and of a list."""
        name = self._scene.key("planted")
        dumps = []
        for plant in ("set", "rpush"):
            self._client.delete(name)
            getattr(self._client, plant)(name, "not fairque's")
            dumps.append(bytes(self._client.dump(name) or b""))
        self._client.delete(name)
        return dumps[0], dumps[1]


def all_cells(url: str, prefix: str, client: redis.Redis) -> Iterator[Cell]:
    """Yield every cell of the matrix: script, call, stage and planted key."""
    scenes = [Scene(url, f"{prefix}-{name}", client, cost=cost) for name, (_, cost) in STAGES.items()]
    beds = [Bed(name, scene, client) for name, scene in zip(STAGES, scenes, strict=True)]
    endings = set(OTHERS).union(*(bed.endings for bed in beds))
    for bed, scene in zip(beds, scenes, strict=True):
        yield from bed.cells(endings)
        scene.close()
