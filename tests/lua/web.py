"""All that a queue holds of graphs, looked at between two scripts: whatever waits can still be told (I1, I17)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final

from fairque.store import flows
from tests.lua.scene import Scene
from tests.lua.shelf import Shelf

RECORD: Final = re.compile(rb"^(\w)\d:(\d+):\d+:\d+:\d+:(\w*):")
EDGE: Final = re.compile(rb"^(\w)(\d+):(.*)$", re.DOTALL)
WAIT: Final = re.compile(rb"^(\d+):(\d+)$")


class Web:
    """All that a queue holds of graphs, at one instant."""

    def __init__(self, scene: Scene) -> None:
        contents = Shelf(scene.client, scene.root).read()
        self._keys: dict[str, Any] = {key.decode().partition(":queue:")[2]: value for key, value in contents.items()}
        self._stats: dict[bytes, bytes] = self._keys.get("stats", {})

    def check(self) -> None:
        """Whatever waits, waits for something that can still tell it; and all that is counted is what there is."""
        users = {name.split(":")[1] for name in self._keys if name.startswith("user:")}
        counted = Counter[str]()
        for user in users:
            counted += self._check_user(user)
        for name in ("deferred", "holding", "parents"):
            assert int(self._stats.get(name.encode(), 0)) == counted[name], name
        assert int(self._stats.get(b"releasing", 0)) == len(self._keys.get("releases", ())), "releasing"
        assert int(self._stats.get(b"flows", 0)) == len(self._keys.get("flows", {})), "flows"
        for member, text in self._keys.get("flows", {}).items():
            self._check_flow(member.decode(), text.decode())

    def _check_user(self, user: str) -> Counter[str]:
        records = {task_id: self._parsed(text) for task_id, text in self._of(user, "tasks", {}).items()}
        waits = {task_id: self._matched(WAIT, text) for task_id, text in self._of(user, "waits", {}).items()}
        lists = {name.split(":", 3)[3]: name for name in self._keys if name.startswith(f"user:{user}:children:")}
        edges: defaultdict[bytes, list[tuple[str, str]]] = defaultdict(list)
        for parent, name in lists.items():
            for entry in self._keys[name]:
                policy, seq, child = self._matched(EDGE, entry)
                if child in waits and waits[child][0] == seq:
                    edges[child].append((parent, policy.decode()))
        deferred = {task_id for task_id, (letter, _) in records.items() if letter == "D"}
        assert deferred <= set(waits), f"{deferred - set(waits)} wait for nobody"
        for child, (_, count) in waits.items():
            staged = self._is_staged(user, records.get(child, ("", ""))[1])
            assert int(count) >= len(edges[child]) if staged else int(count) == len(edges[child]) > 0, child
            for parent, policy in edges[child]:
                self._check_edge(user, parent, policy, records)
        counts = self._counts(user)
        assert (counts["d"], counts["p"]) == (len(deferred), len(lists)), f"{user} counts {counts}, {lists}"
        return Counter(deferred=len(deferred), parents=len(lists), holding=len(waits) - len(deferred))

    def _check_edge(self, user: str, parent: str, policy: str, records: dict[bytes, tuple[str, str]]) -> None:
        """A parent that has ended tells its children, unless they wait until it is queued again."""
        letter = records.get(parent.encode(), ("", ""))[0]
        told = f"{user}|{parent}".encode() in [entry.split(b":", 2)[2] for entry in self._keys.get("releases", ())]
        if parent.startswith("|"):
            assert told or self._is_staged(user, parent[1:]), f"{parent} is open"
        elif letter in "QWD" and letter:
            pass
        elif letter in "XC" and letter:
            assert told or policy in ("ws" if letter == "X" else "wsf"), f"{parent} is {letter}, {policy} is not told"
        else:
            assert told or (letter == "F" and parent.encode() in self._of(user, "waits", {})), f"{parent}: {letter}"

    def _check_flow(self, member: str, text: str) -> None:
        user, mark = member.split("|")
        found = flows.read_flow(member.encode(), text.encode())
        there = Counter(letter for letter, nonce in self._records(user) if nonce == mark)
        ids = {line.partition(b"|")[0] for part in self._of(user, f"flow:{mark}", ()) for line in part.splitlines()}
        assert found.deferred == there["D"], f"{found}: {there}"
        if found.staged and found.deferred < found.tasks:
            return  # it is being dropped
        assert found.tasks <= len(ids), f"{found} has {ids}"
        kept = found.finished >= there["F"] and found.failed >= there["X"] and found.canceled >= there["C"]
        assert kept, f"{found}: {there}"
        alive = there["Q"] + there["W"] + there["D"]
        assert found.tasks - found.finished - found.failed - found.canceled == alive, f"{found}: {there}"

    def _records(self, user: str) -> Iterator[tuple[str, str]]:
        return (self._parsed(text) for text in self._of(user, "tasks", {}).values())

    def _is_staged(self, user: str, mark: str) -> bool:
        return bool(self._keys.get("flows", {}).get(f"{user}|{mark}".encode(), b"").startswith(b"s"))

    def _of(self, user: str, what: str, nothing: Any) -> Any:
        return self._keys.get(f"user:{user}:{what}", nothing)

    def _counts(self, user: str) -> Counter[str]:
        text = self._keys.get("counts", {}).get(user.encode(), b"").decode()
        return Counter({kind: int(n) for kind, n in re.findall(r"(\w):(\d+)", text)})

    @staticmethod
    def _parsed(text: bytes) -> tuple[str, str]:
        found = RECORD.match(text)
        return (found[1].decode(), found[3].decode()) if found else ("", "")

    @staticmethod
    def _matched(pattern: re.Pattern[bytes], text: bytes) -> tuple[Any, ...]:
        found = pattern.match(text)
        assert found, text
        return found.groups()


def check_webs(scene: Scene) -> None:
    """Check all that stands in a queue of graphs."""
    Web(scene).check()


def look(scene: Scene) -> None:
    """Let a worker look whether there is something to do, and check what it leaves."""
    check_webs(scene)
    scene.settle()
    check_webs(scene)
