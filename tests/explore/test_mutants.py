"""Each of these breaks a script in one place, and the search finds it out: its checks are not vacuous."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree
from typing import NamedTuple

import pytest
import redis

from fairque.store import scripts
from tests.explore.actions import ACTIONS, MORE
from tests.explore.search import Search
from tests.lua.keytable import LUA


class Mutant(NamedTuple):
    """Where a script is broken: the file, what stands there, what stands there instead."""

    file: str
    there: str
    instead: str = ""


MUTANTS = {
    "a slot is never freed": Mutant("lib/outcome.lua", "    add_busy(e.user, -1)\n"),
    "any token will do": Mutant("lib/run.lua", "string.find(text, token .. ':', 1, true) == 1", "true"),
    "an answer is forgotten": Mutant("lib/last.lua", "redis.call('SET', LAST .. worker,", "redis.call('ECHO',"),
    "nobody is a suspect": Mutant("lib/outcome.lua", "suspect = lost ~= '0'", "suspect = false"),
    "a loss is not counted": Mutant("lib/outcome.lua", "record.lost + (e.lost and 1 or 0)", "record.lost"),
    "a fourth life": Mutant("lib/reap.lua", "LOST_MAX = 3", "LOST_MAX = 4"),
    "a reaped lease stays": Mutant("lib/outcome.lua", "  redis.call('ZREM', LEASES, unpack(members))\n"),
    "given back behind others": Mutant(
        "lib/lane.lua", "  if not tail or parse_entry(tail) < seq then", "  if true then"
    ),
    "a held user is not freed": Mutant("lib/outcome.lua", "  free_users(users, 'c')\n"),
    "stealing comes first": Mutant("settle.lua", "claim_tasks(assigned, room", "claim_tasks(steal, room"),
    "a list hears of nobody": Mutant("lib/ring.lua", "  announce(tags, named)\n"),
    "a deletion is forgotten": Mutant("delete.lua", "redis.call('SET', LAST .. request, '1', 'PX', LAST_TTL)"),
    "a renewal does nothing": Mutant("renew.lua", "  redis.call('ZADD', LEASES, 'XX', unpack(leases))\n"),
}
SEARCHES = ((ACTIONS | MORE, 3), (ACTIONS, 5), ({name: ACTIONS[name] for name in ("push", "claim", "wait")}, 9))
"""All actions over a short way, few over a long one."""


@pytest.mark.parametrize("what", MUTANTS)
def test_a_broken_script_is_found_out(
    redis_url: str,
    prefix: str,
    redis_client: redis.Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    mutant, broken = MUTANTS[what], copytree(LUA, tmp_path / "lua")
    text = (broken / mutant.file).read_text()
    assert text.count(mutant.there) == 1
    (broken / mutant.file).write_text(text.replace(mutant.there, mutant.instead))
    monkeypatch.setattr(scripts, "LUA", broken)
    scripts.load.cache_clear()
    try:
        assert any(violations(redis_url, prefix, redis_client))
    finally:
        scripts.load.cache_clear()


def violations(url: str, prefix: str, client: redis.Redis) -> list[str]:
    found: list[str] = []
    for actions, depth in SEARCHES:
        search = Search(url, f"{prefix}-{depth}", client, actions)
        found += search.run(depth, enough=1).violations
        search.close()
        if found:
            break
    return found
