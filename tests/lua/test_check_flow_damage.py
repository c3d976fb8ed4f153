"""Each damage that somebody else could do to tasks that wait for others is found by check_links, check_flow and the
others that look, and nothing else is (I17, I22).
"""

from __future__ import annotations

import pytest

from fairque.monitoring.findings import RULES
from tests.lua.inspection import codes
from tests.lua.stock import FAILED, STAGED, Stock
from tests.lua.test_check_damage import USERS, Damage, delete, hdel, hset, zadd, zrem


def push(of: str, text: str) -> Damage:
    return lambda stock: stock.client.rpush(stock.key(of), text.format(next=stock.seq("next")))


def wait(task_id: str, text: str) -> Damage:
    return lambda s: s.client.hset(s.of("g", "waits"), task_id, text.format(seq=s.seq("next")))


DAMAGES: dict[str, tuple[Damage, str]] = {
    "a task that waits is forgotten": (lambda s: s.client.hdel(s.of("g", "waits"), "next"), "I17.waits"),
    "all that wait are forgotten": (delete("g", "waits"), "I17.waits"),
    "it is not readable for how many one waits": (wait("next", "nonsense"), "I17.edges I17.waits"),
    "an earlier life waits": (wait("next", "1:1"), "I17.edges I17.waits"),
    "it waits for nobody": (wait("next", "{seq}:0"), "I17.edges I17.waits"),
    "it waits for one too many": (wait("next", "{seq}:2"), "I17.edges"),
    "somebody waits who is not there": (wait("stranger", "1:1"), "I17.holding I17.taskless"),
    "a list of children is gone": (delete("g", "children:first"), "I17.edges I17.parents"),
    "a gate is gone": (delete("g", f"children:|{STAGED}"), "I17.parents"),
    "an edge comes twice": (push("user:g:children:first", "w{next}:next"), "I17.edges"),
    "one that finished has a child": (push("user:g:children:done", "w{next}:next"), "I17.edges I17.parents I17.untold"),
    "one that failed has not told it": (push("user:g:children:first", "r{next}:next"), "I17.edges I17.untold"),
    "the parents are counted wrong": (hset("counts", "g", "s:1,x:1,d:6,p:5"), "I17.parents I17.totals"),
    "the deferred are counted wrong": (
        hset("counts", "g", "s:1,x:1,d:5,p:6"),
        "I1.names I1.records I1.totals I17.holding",
    ),
    "more are counted than wait": (hset("counts", "g", "s:1,x:1,d:8,p:6"), "I1.names I1.records I1.totals I17.waits"),
    "the total of the deferred is wrong": (hset("stats", "deferred", "0"), "I1.totals"),
    "the total of parents is wrong": (hset("stats", "parents", "0"), "I17.totals"),
    "the total of parents is no number": (hset("stats", "parents", "many"), "I17.totals"),
    "how many flows there are is no number": (hset("stats", "flows", "many"), "I17.flows"),
    "nobody is thought to hold": (hset("stats", "holding", "0"), "I17.holding"),
    "nothing is thought to be told": (push("releases", "F::g|done"), "I17.releasing"),
    "no flow is thought to be there": (hset("stats", "flows", "0"), "I17.flows"),
    "a deferred task is said to be queued": (
        lambda s: s.edit("g", "next", b"D", b"Q"),
        "I1.lost I1.records I17.flow-count",
    ),
    "a deferred task is gone": (
        lambda s: s.client.hdel(s.of("g", "tasks"), "next"),
        "I1.records I17.edges I17.flow-count I17.parents I17.taskless",
    ),
    "a flow is not readable": (hset("flows", f"g|{FAILED}", "nonsense"), "I17.flow"),
    "a flow counts too many": (hset("flows", f"g|{FAILED}", f"l:1:4:2:0:1:0:1:r{FAILED}"), "I17.flow-count"),
    "a flow has too few": (hset("flows", f"g|{FAILED}", f"l:1:2:2:0:1:0:1:r{FAILED}"), "I17.flow I17.flow-count"),
    "a flow is gone": (hdel("flows", f"g|{FAILED}"), "I17.flows"),
    "a run id leads nowhere": (lambda s: s.client.hdel(s.of("g", "flows"), f"r{FAILED}"), "I17.flow-name"),
    "a flow is to be forgotten too soon": (zadd("flows-due", f"g|{FAILED}", 2e12), "I17.flow-end"),
    "a flow that never began stays": (zrem("flows-due", f"g|{STAGED}"), "I22.flow"),
    "a flow that has ended stays": (
        hset("flows", f"g|{FAILED}", f"l:1:1:0:0:1:0:1:r{FAILED}"),
        "I17.flow-count I22.flow",
    ),
    "what is to be forgotten is not there": (zadd("flows-due", "g|stranger", 2e12), "I22.flow-due"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_and_has_a_remedy(stock: Stock, name: str) -> None:
    damage, expected = DAMAGES[name]
    damage(stock)
    found = codes(stock, *USERS)
    assert found == {*expected.split()}
    assert all(RULES[code].remedy for code in found)


def test_every_finding_about_flows_has_its_damage() -> None:
    told = {code for _, expected in DAMAGES.values() for code in expected.split()}
    assert {code for code in RULES if code.startswith("I17.")} - told == {"I17.release"}
