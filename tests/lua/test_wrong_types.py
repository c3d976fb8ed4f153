"""A key that holds what fairque did not write: a call is refused whole, or has nothing to do with it (I19). The matrix
is every script, with calls that take it through its branches, times every key.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from fairque.store import scripts
from tests.lua.calls import CALLS
from tests.lua.keytable import all_keys, is_named_in, kind_of
from tests.lua.planting import Field
from tests.server import delete_keys

REPLACED = {
    ("beat", "SCOPE"),
    ("beat", "SLEEP"),
    *(("abandon", key) for key in ("children:", "flow:", "keys:")),
    *(("erase", key) for key in ("children:", "flow:", "keys:", "kept:", "unique")),
    *((script, key) for script in ("enqueue", "settle") for key in ("flow:", "keys:")),
    *((script, "fires:") for script in ("erase", "schedule", "unschedule")),
    ("erase", "XCOM"),
    ("xcom", "XCOM"),
    ("leave", "LAST"),
    ("leave", "WAKE"),
    ("rules", "MEANS"),
    ("rules", "TAGS"),
    *(("drop", key.name) for key in all_keys()),
}
"""(script, key): what is written over or taken away as a whole, whatever it holds."""
HINTS = {"WAKE", "SLEEP", "SCOPE", "SCOPE_USERS"}
"""What scripts may do without: a worker looks anyway after five seconds, and the doctor tells of damage."""
OPEN = {
    *(("settle", key) for key in ("LANES", "LANES aside", "PARKED_BY", "failed", "tasks")),
    *(("limit", key) for key in ("LANES", "LANES aside", "PARKED_BY", "tasks")),
    *(("erase", key) for key in ("LANES", "LANES aside", "PARKED_BY", "tasks")),
}
"""(script, key): calls that serve many users meet a damaged key of one of them in their middle, and are refused there.
Looking at the keys of each user first would cost every claim; docs/guarantees.md names it. This list only shrinks.
"""
ONLY_NAMED = {
    *(("abandon", key) for key in ("AT_WORK", "LANES aside", "SEEN", "kept:", "terms")),
    *(("enqueue", key) for key in ("AT_WORK", "LANES aside", "SEEN", "kept:", "terms")),
    *(("launch", key) for key in ("AT_WORK", "LANES aside", "SEEN", "children:", "kept:", "terms")),
    *(("limit", key) for key in ("failed", "kept:", "terms", "unique")),
    *(("link", key) for key in ("AT_WORK", "BUSY", "LANES aside", "LAST", "SEEN")),
    *(("purge", key) for key in ("LANES aside", "children:", "kept:", "terms")),
    *(("settle", key) for key in ("children:", "flows", "kept:", "terms", "waits")),
    *(("cancel", key) for key in ("children:", "terms")),
    *(("check_user", key) for key in ("BUCKETS", "children:", "kept:")),
    *(("delete", key) for key in ("children:", "kept:", "terms")),
    *((script, key) for script in ("fire", "push") for key in ("BUSY", "LANES aside", "kept:", "terms")),
    *(("requeue", key) for key in ("LANES aside", "kept:", "terms")),
    *((script, key) for script in ("fire", "renew", "xcom") for key in ("AT_WORK", "SEEN")),
    ("bereave", "NAMED"),
    ("explain", "LANES aside"),
    *(("check_page", key) for key in ("fires:", "schedules")),
    ("tick", "schedules"),
}
"""(script, key): the script's text speaks of the key, and no call comes to it, or passes it over."""


@pytest.fixture(scope="module")
def field(redis_url: str) -> Iterator[Field]:
    """Give the stages."""
    with redis.Redis.from_url(redis_url) as client:
        field = Field(redis_url, "wrong-types", client)
        yield field
        field.close()
        delete_keys(client, "wrong-types")


@pytest.mark.parametrize("script", scripts.names())
def test_a_wrong_type_is_refused_whole(field: Field, script: str) -> None:
    cells = field.cells(script)
    assert [cell for cell in cells if cell.verdict == "misnamed"] == []
    assert {cell.kind for cell in cells if cell.verdict == "partial"} == {key for of, key in OPEN if of == script}
    assert {(script, cell.kind) for cell in cells if cell.verdict == "replaced"} <= REPLACED
    met = {cell.kind for cell in cells if cell.verdict != "untouched"}
    named = {key.name for key in all_keys() if is_named_in(script, key)} - HINTS
    only_named = {key for of, key in ONLY_NAMED if of == script}
    assert script == "check_queue" or named - met == only_named, "calls that come to these keys are missing"


def test_every_script_and_every_key_has_its_row(field: Field) -> None:
    assert set(CALLS) == set(scripts.names())
    kinds = {kind_of(f":queue:{ending}") for ending in field.endings}
    assert {key.name for key in all_keys()} == {kind.name for kind in kinds}
