"""Each damage that somebody else could do to a queue is found, and nothing else is (I1, I4, I5, I11, I12, I15, I16)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairque.monitoring.findings import RULES
from fairque.store import checkup
from tests.lua.inspection import codes, inspect
from tests.lua.stock import Stock

USERS = ("a", "b", "c", "d", "e", "f", "g")
Damage = Callable[["Stock"], object]


def test_a_queue_with_something_of_every_kind_is_sound(stock: Stock) -> None:
    facts = {user: stock.run(checkup.look_at_user(stock.root, user, now=stock.at())) for user in USERS}
    assert [facts[user].held for user in USERS] == ["", "", "c", "p", "r", "", ""]
    assert (facts["f"].aside, facts["f"].aside_entries, facts["a"].ready) == (1, 1, 5)
    assert (facts["a"].scheduled, facts["a"].failed, facts["b"].running, facts["a"].lists != frozenset()) == (
        1,
        1,
        1,
        True,
    )
    assert (facts["g"].deferred, facts["g"].waits, facts["g"].parents) == (6, 7, 6)
    assert stock.client.hkeys(stock.key("suspects")) == [b"w2"]
    assert stock.client.hlen(stock.key("waiters")) == 1
    assert list(inspect(stock, USERS)) == []


def delete(user: str, what: str) -> Damage:
    return lambda stock: stock.client.delete(stock.of(user, what))


def hset(table: str, field: str, value: str) -> Damage:
    return lambda stock: stock.client.hset(stock.key(table), field, value)


def hdel(table: str, *fields: str) -> Damage:
    return lambda stock: stock.client.hdel(stock.key(table), *fields)


def zadd(table: str, member: str, score: float) -> Damage:
    return lambda stock: stock.client.zadd(stock.key(table), {member: score})


def zrem(table: str, *members: str) -> Damage:
    return lambda stock: stock.client.zrem(stock.key(table), *members)


DAMAGES: dict[str, tuple[Damage, str]] = {
    "a lane lost an entry": (lambda s: s.client.lpop(s.of("a", "normal:3")), "I1.lanes I1.lost I1.records"),
    "a lane is gone": (delete("a", "critical"), "I1.lanes I1.lost I1.records"),
    "a lane has a stranger": (lambda s: s.client.rpush(s.of("a", "normal:3"), "99:1:stranger"), "I1.lanes"),
    "too much is counted": (hset("counts", "a", "3:3,6:1,s:1,x:1"), "I1.lanes I1.names I1.records I1.totals"),
    "too little is counted": (hdel("counts", "a"), "I1.failed I1.idle-turn I1.lanes I1.names I1.records I1.totals"),
    "set aside is counted wrong": (hset("counts", "f", "h:2"), "I1.aside I1.names I1.records I1.totals"),
    "the tasks set aside are gone": (delete("f", "normal:3:m:g"), "I1.aside I1.lost I1.records"),
    "nobody looks for what is set aside": (zrem("parked:m:g", "f"), "I1.stranded"),
    "the name set aside is forgotten": (zrem("parked", "m:g"), "I1.aside I1.stranded"),
    "the list of the dead is gone": (delete("a", "failed"), "I1.failed"),
    "all records are gone": (delete("a", "tasks"), "I1.records I16.due I22.bytes I22.index I22.unique"),
    "one record is gone": (lambda s: s.client.hdel(s.of("a", "tasks"), "a1"), "I1.records"),
    "a record is corrupt": (lambda s: s.client.hset(s.of("a", "tasks"), "a1", "nonsense"), "I1.corrupt I1.records"),
    "a record has a state of its own": (lambda s: s.edit("a", "a1", b"Q", b"Z"), "I1.corrupt I1.records"),
    "a record has another state": (lambda s: s.edit("a", "later", b"W", b"Q"), "I1.lost I1.records I16.due"),
    "a user is in no ring": (zrem("ring", "a"), "I1.turn"),
    "a user is in the ring for nothing": (zadd("ring", "nobody", 1), "I1.idle-turn"),
    "a user is held and in the ring": (zadd("ring", "c", 1), "I1.turns I24.debt"),
    "a user is held for nothing": (hset("held", "nobody", "c"), "I1.idle-turn I15.held"),
    "a debt beside the ring": (zadd("tags", "a", 5), "I24.debt"),
    "a held user's bar is gone": (hdel("limits", "d"), "I15.held"),
    "a rate never opens": (zrem("due", "e|"), "I15.held"),
    "no run will end": (lambda s: s.forget_run("c|1"), "I1.lost I15.held I15.slots I22.progress I22.stop"),
    "a slot leaked": (hset("busy", "c", "2"), "I1.records I15.slots"),
    "a slot is counted by no number": (hset("busy", "c", "many"), "I1.records I15.held I15.slots"),
    "a total is no number": (hset("stats", "failed", "many"), "I1.totals"),
    "the bytes kept are no number": (hset("kept-bytes", "a", "many"), "I22.bytes"),
    "a slot is not counted": (hdel("busy", "|m:f"), "I15.slots"),
    "a run without a lease": (zrem("leases", "c|1"), "I4.lease"),
    "a lease without a run": (zadd("leases", "a|a1", 2e12), "I4.run"),
    "a run is corrupt": (hset("runs", "c|1", "nonsense"), "I15.slots I22.stop I4.record"),
    "a running task is in its lane": (lambda s: s.queue_again("c", "1"), "I1.lanes I1.records I4.twice"),
    "a running task has ended": (
        lambda s: s.edit("c", "1", b"Q", b"F"),
        "I1.records I22.bytes I22.record I22.waiter I4.record",
    ),
    "tokens begin anew": (hset("stats", "token", "1"), "I5.token"),
    "sequences begin anew": (hset("stats", "seq", "1"), "I1.records I12.sequence"),
    "a suspect that does not run": (hset("suspects", "w9", "a|a1"), "I11.suspect"),
    "a suspect of another worker": (hset("suspects", "w9", "b|b1"), "I11.suspect"),
    "a scheduled task is in no timetable": (zrem("due", "a|later"), "I16.unscheduled"),
    "a timetable has a stranger": (zadd("due", "a|stranger", 2e12), "I16.due"),
    "a timetable has a task that is ready": (zadd("due", "a|a1", 2e12), "I16.due"),
    "an ended task never expires": (lambda s: s.client.delete(s.key("expiry")), "I22.record"),
    "a list of what expires is gone": (delete("a", "kept:60000"), "I22.record"),
    "a record expires before it is looked at": (zadd("expiry", "a|60000", 9e12), "I22.record"),
    "one of the dead is not listed": (lambda s: s.client.zrem(s.of("a", "failed"), "fail"), "I1.failed"),
    "the bytes kept are counted wrong": (hset("kept-bytes", "a", "7"), "I22.bytes"),
    "a unique key leads elsewhere": (lambda s: s.client.hset(s.of("a", "unique"), "key", "a1"), "I1.unique"),
    "a unique key is forgotten": (delete("a", "unique"), "I1.unique I22.unique"),
    "a unique key of nobody": (lambda s: s.client.hset(s.of("a", "unique"), "other", "done"), "I22.unique"),
    "a task is not canceled in time": (zrem("due", "a|soon|"), "I16.expiry"),
    "progress of what does not run": (hset("progress", "a|a1", "x"), "I22.progress"),
    "a run to stop that is none": (hset("stops", "w3", "c|1:a|a1"), "I22.stop"),
    "a run to stop of another worker": (hset("stops", "w9", "c|1"), "I22.stop"),
    "runs to stop are overlooked": (hset("stats", "stopping", "0"), "I22.stop"),
    "a waiter for what has ended": (hset("waiters", "a|done", "x"), "I22.waiter"),
    "a waiter for what is not there": (hset("waiters", "a|none", "x"), "I22.waiter"),
    "an index that leads nowhere": (hset("who", "00000000", "ghost"), "I22.index"),
    "a user that no index leads to": (lambda s: s.client.delete(s.key("who")), "I1.index"),
    "a total is wrong": (hset("stats", "queued", "1"), "I1.totals"),
    "the failed are counted wrong": (hset("stats", "failed", "7"), "I1.totals"),
    "a name is counted wrong": (hset("counts", "|m:f", "77"), "I1.names"),
    "all settings are overlooked": (hset("stats", "rules", "count 0 0"), "I15.caps I15.held I15.parked"),
    "a list's index lost a user": (lambda s: s.client.delete(s.key(f"scope:{_digest(s)}")), "I14.list"),
    "a list is no longer registered": (lambda s: s.client.delete(s.key("scopes")), "I14.list I14.lists"),
    "lists are counted wrong": (hset("stats", "scopes", "0"), "I14.lists"),
    "the timetable is gone": (
        lambda s: s.client.delete(s.key("due")),
        "I15.held I16.expiry I16.timetable I16.unscheduled",
    ),
}  # fmt: skip


def _digest(stock: Stock) -> str:
    found: Any = stock.client.hget(stock.key("named"), "a")
    return str(found.decode())


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_and_has_a_remedy(stock: Stock, name: str) -> None:
    damage, expected = DAMAGES[name]
    damage(stock)
    found = codes(stock, *USERS, "nobody")
    assert found == {*expected.split()}
    assert all(RULES[code].remedy for code in found)
