"""What stands in Redis, checked against the model after every step: all that is kept must tell the same story."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any, Final

from fairque.store import claims
from tests.explore.node import CAPPED, USERS, WORKERS, Node
from tests.lua.model import Model, Name
from tests.lua.shelf import Contents

TOTALS: Final = ("finished_total", "failed_total", "canceled_total", "retried_total", "lost_total")
SUBJECT: Final = "|m:f"
LANES: Final = {level: "critical" if level == 6 else f"normal:{level}" for level in range(1, 7)}


class View:
    """The keys of a queue by their names behind `:queue:`."""

    def __init__(self, contents: Contents) -> None:
        self._keys = {key.partition(b":queue:")[2].decode(): value for key, value in contents.items()}

    def table(self, name: str) -> dict[str, str]:
        """Return a hash or sorted set."""
        found: Any = self._keys.get(name, {})
        return {member.decode(): text.decode() for member, text in found.items()}

    def listed(self, name: str) -> list[str]:
        """Return a list."""
        found: Any = self._keys.get(name, ())
        return [item.decode() for item in found]

    def tags(self) -> tuple[Any, ...]:
        """Return where users stand, as seen from the queue's clock, and who is held."""
        clock = float(self.table("stats").get("clock", 0))
        return (
            *(tuple((user, float(tag) - clock) for user, tag in self.table(name).items()) for name in ("ring", "tags")),
            tuple(sorted(self.table("held").items())),
        )

    def check(self, node: Node) -> dict[Name, int]:
        """Check all that stands there; return each living task's place in the order of its lane."""
        self._check_counts(node.model)
        self._check_indexes(node.model)
        self._check_users(node)
        return self._check_records(node.model)

    def _check_records(self, model: Model) -> dict[Name, int]:
        """I1, I4, I5: each task is in one state, and its record, its run and its place in a lane agree."""
        runs, places = self.table("runs"), dict[Name, int]()
        tokens = [run.partition(":")[0] for run in runs.values()]
        assert len(set(tokens)) == len(tokens), "a token was given twice"
        for user in USERS:
            records = self.table(f"user:{user}:tasks")
            assert set(records) == {name.task_id for name in model.tasks if name.user == user}, "records"
            for task_id, record in records.items():
                name = Name(user, task_id)
                entry, head = model.tasks[name], record.partition("|")[0].split(":")
                assert head[0] == f"{entry.letter.replace('R', 'Q')}{entry.level}", f"{name} is {record}"
                run = runs.get(f"{user}|{task_id}")
                assert (run is not None) == (entry.letter == "R"), f"{name}: run {run}"
                if run is not None:
                    parts = run.split(" ")[0].split(":")
                    assert (parts[0], parts[9]) == (entry.token.decode(), entry.worker), f"{name}: {run}"
                    head = [head[0], *parts[4:9]]
                assert [int(n) for n in head[2:5]] == [entry.attempt, entry.lost, entry.failures], f"{name}: {head}"
                if entry.letter in "QR":
                    places[name] = int(head[1])
            self._check_lanes(user, model, places)
        return places

    def _check_lanes(self, user: str, model: Model, places: dict[Name, int]) -> None:
        there = []
        for level, lane in LANES.items():
            entries = [entry.split(":", 2) for entry in self.listed(f"user:{user}:{lane}")]
            assert all(int(one[0]) < int(other[0]) for one, other in pairwise(entries)), f"{lane} is out of order"
            for seq, _, task_id in entries:
                name = Name(user, task_id)
                assert places.get(name) == int(seq), f"{name} is a ghost"
                assert model.tasks[name].level == level
                there.append(name)
        assert sorted(there) == sorted(model.those("Q", user)), f"lanes of {user}: {there}"

    def _check_counts(self, model: Model) -> None:
        """I1, I15: what is counted is what there is."""
        stats, counts = self.table("stats"), self.table("counts")
        numbers = {name: int(stats.get(name, 0)) for name in (*TOTALS, "queued", "scheduled", "failed")}
        there = {letter: sum(1 for _ in model.those(letter)) for letter in "QWX"}
        expected = {"queued": there["Q"], "scheduled": there["W"], "failed": there["X"]}
        assert numbers == {name: model.totals[name] for name in TOTALS} | expected, numbers
        assert int(counts.get(SUBJECT, 0)) == there["Q"] + there["W"], counts
        for user in USERS:
            counted = _counted(counts.get(user, "0"))
            waiting = Counter(str(model.tasks[name].level) for name in model.those("Q", user))
            waiting.update(s=sum(1 for _ in model.those("W", user)), x=sum(1 for _ in model.those("X", user)))
            assert counted == waiting, f"{user} counts {counted}, there are {waiting}"
        busy = Counter(name.user for name in model.those("R"))
        if busy:
            busy[SUBJECT] = busy.total()
        assert self.table("busy") == {subject: str(amount) for subject, amount in busy.items()}
        assert busy[CAPPED] <= 1, "the cap is exceeded"

    def _check_indexes(self, model: Model) -> None:
        """I1, I4: each index names exactly its tasks."""
        for key, letter in (("leases", "R"), ("due", "W")):
            expected = {"|".join(name): model.tasks[name].at for name in model.those(letter)}
            there = {member: int(at) for member, at in self.table(key).items() if not member.endswith("|")}
            assert there == expected, key
        assert set(self.table("runs")) == {"|".join(name) for name in model.those("R")}, "runs"
        suspects = {worker: "|".join(name) for worker, name in model.suspects().items()}
        assert self.table("suspects") == suspects, "suspects"
        self._check_asked(model)
        for user in USERS:
            failed = list(self.table(f"user:{user}:failed"))
            assert sorted(failed) == sorted(name.task_id for name in model.those("X", user)), f"failed: {failed}"
            records = self.table(f"user:{user}:tasks")
            kept = sum(
                len(records[name.task_id]) for name, entry in model.tasks.items() if name.user == user and entry.ended
            )
            assert int(self.table("kept-bytes").get(user, 0)) == kept, "bytes kept"
        known = {text for texts in self.table("who").values() for text in texts.split("|")}
        assert known == {name.user for name in model.tasks}, f"who: {known}"

    def _check_asked(self, model: Model) -> None:
        """Who is asked to stop runs, when tasks must have started is noted, and progress goes with its run."""
        stopping = {"|".join(name) for name in model.those("R") if model.tasks[name].stopping}
        asked = [member for members in self.table("stops").values() for member in members.split(":")]
        assert sorted(asked) == sorted(stopping), f"stops: {asked}"
        assert int(self.table("stats").get("stopping", 0)) == len(stopping)
        due = self.table("due")
        for name, entry in model.tasks.items():
            if entry.letter in "QW" and entry.last_start is not None:
                assert int(due[f"{'|'.join(name)}|"]) == entry.last_start, f"{name}: {due}"
        assert set(self.table("progress")) <= {"|".join(name) for name in model.those("R")}, "progress"

    def _check_users(self, node: Node) -> None:
        """I1, I15: users with ready tasks are in the ring, or held while they are at their cap, and nobody else is."""
        ring, held, tags = self.table("ring"), self.table("held"), self.table("tags")
        ready = {name.user for name in node.model.those("Q")}
        assert not set(ring) & set(held), "in the ring and held"
        assert set(ring) | set(held) == ready, f"ring {ring}, held {held}, ready {ready}"
        assert not set(ring) & set(tags), "in the ring and outside"
        assert all((user, bar) == (CAPPED, "c") and node.running(user) for user, bar in held.items()), f"held: {held}"
        for users in {tuple(users) for lists in WORKERS.values() for users in lists if users}:
            index = self.table(f"scope:{claims.digest(users)}")
            for user in set(users) & set(ring):
                assert float(index.get(user, "inf")) <= float(ring[user]), f"list {users} does not see {user}"


def _counted(text: str) -> Counter[str]:
    if text.isdecimal():
        return Counter({"3": int(text)}) if text != "0" else Counter()
    return Counter({kind: int(amount) for kind, amount in (part.split(":") for part in text.split(","))})
