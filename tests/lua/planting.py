"""What a call does where one key of its queue holds something that fairque did not write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import Final, NamedTuple

import redis

from fairque.errors import QueueRefusal, StoredDataError
from fairque.store import scripts
from tests.lua.book import Make
from tests.lua.calls import CALLS
from tests.lua.keytable import all_keys, is_named_in, kind_of
from tests.lua.scene import Scene
from tests.lua.shelf import Contents, Copy, Shelf
from tests.lua.stages import STAGES, Stage, stage

ANY: Final = ("drop", "page")
"""Scripts that are told the name of a key, or find it."""


class Cell(NamedTuple):
    """What became of one call. verdict: refused, untouched, replaced, partial or misnamed; `changed`: keys that differ
    from before, but for the planted one; `said`: the error.
    """

    script: str
    what: str
    stage: str
    key: str
    kind: str
    verdict: str
    changed: tuple[str, ...]
    said: str


class Bed:
    """A stage in which something is planted, again and again."""

    def __init__(self, name: str, scene: Scene, client: redis.Redis) -> None:
        self.name = name
        self._client, self._scene = client, scene
        self._stage: Stage = stage(name, scene)
        self._shelf = Shelf(client, scene.root)
        self._copy: Copy = self._shelf.take()
        self._there: Contents = self._shelf.read()

    def endings(self) -> set[str]:
        """Return what the keys are called behind `:queue:` that are there before or after some call."""
        keys = set(self._copy)
        for script in CALLS:
            for make in self._calls(script).values():
                self._call(make)
                keys |= self._restore()
        return {key.decode().partition(":queue:")[2] for key in keys}

    def cells(self, script: str, endings: set[str]) -> Iterator[Cell]:
        """Make each of the script's calls that do something here, once for each of these keys being of a wrong type."""
        kinds = {ending: kind_of(self._scene.key(ending)) for ending in sorted(endings)}
        for what, make in self._calls(script).items():
            plain = self._call(make)
            acts = self._restore() or "no-writes" in scripts.load(script).text
            for ending, kind in kinds.items() if acts else ():
                if script in ANY or is_named_in(script, kind):
                    verdict = self._plant(make, ending, plain, is_text=kind.type == "string")
                    yield Cell(script, what, self.name, ending, kind.name, *verdict)

    def _calls(self, script: str) -> dict[str, Make]:
        """Return the calls that can be made here: not the ends of runs that nobody holds."""
        possible = {}
        for what, make in CALLS[script].items():
            with suppress(KeyError):
                make(self._stage)
                possible[what] = make
        return possible

    def _plant(
        self, make: Make, ending: str, plain: QueueRefusal | None, *, is_text: bool
    ) -> tuple[str, tuple[str, ...], str]:
        key, payload = self._scene.key(ending).encode(), self._wrong[is_text]
        self._shelf.mend({key: payload}, [key])
        error = self._call(make)
        changed = self._restore(key, (b"not fairque's",) if is_text else b"not fairque's")
        names = tuple(sorted(name.decode().partition(":queue:")[2] for name in changed - {key}))
        if error is None or repr(error) == repr(plain):
            verdict = "replaced" if key in changed else "untouched"
        else:
            verdict = "partial" if changed else "refused" if isinstance(error, StoredDataError) else "misnamed"
        return verdict, names, str(error or "")

    def _call(self, make: Make) -> QueueRefusal | None:
        try:
            self._scene.run(make(self._stage))
        except QueueRefusal as refusal:
            return refusal
        return None

    def _restore(self, planted: bytes = b"", wrong: bytes | tuple[bytes] = b"") -> set[bytes]:
        """Put everything back as it was; return which keys had been changed."""
        now = self._shelf.read()
        before = {**self._there, planted: wrong} if planted else self._there
        changed = {key for key in {*before, *now} if before.get(key) != now.get(key)}
        self._shelf.mend(self._copy, {*changed, planted} - {b""})
        return changed

    @cached_property
    def _wrong(self) -> tuple[bytes, bytes]:
        """The bytes of a string, and of a list."""
        name, dumps = self._scene.key("planted"), []
        for plant in (self._client.set, self._client.rpush):
            plant(name, "not fairque's")
            dumps.append(bytes(self._client.dump(name) or b""))
            self._client.delete(name)
        return dumps[0], dumps[1]


class Field:
    """A bed for each stage."""

    def __init__(self, url: str, prefix: str, client: redis.Redis) -> None:
        self._scenes = [Scene(url, f"{prefix}-{name}", client, cost=cost) for name, (_, cost, _) in STAGES.items()]
        self._beds = [Bed(name, scene, client) for name, scene in zip(STAGES, self._scenes, strict=True)]
        single = {key.ending for key in all_keys() if not set(key.ending) & set(":<")}
        self.endings = single.union(*(bed.endings() for bed in self._beds))

    def cells(self, script: str) -> list[Cell]:
        """Return all cells of a script: its calls, in each stage, with each key of a wrong type."""
        return [cell for bed in self._beds for cell in bed.cells(script, self.endings)]

    def close(self) -> None:
        """Close the connections."""
        for scene in self._scenes:
            scene.close()
