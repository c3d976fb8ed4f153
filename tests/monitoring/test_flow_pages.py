"""Pages about flows: a line for each, one as a drawn tree, and what machines get."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from fairque.core.flow import FlowGraph
from fairque.core.outcome import Failure, Progress
from fairque.monitoring.flow_page import flows_table, graph_json, summary_json
from fairque.monitoring.flow_tree import flow_tree
from tests.core.flows import BEGAN, chosen, flow, flows, node, thousand
from tests.monitoring.test_tables import printed

NOW = BEGAN + timedelta(minutes=3)
BROKEN = Failure("ValueError", "us.csv: line 3:\n [not] a number \x1b[2J", "Traceback: secret")


def drawn(graph: FlowGraph, *, most: int = 200) -> list[str]:
    """Return the lines of a tree under its heading."""
    _, *lines = printed(flow_tree(graph, now=NOW, most=most), terminal=False, width=500).splitlines()
    return lines


MIXED = flow(
    chosen("extract-eu", "finished", attempt=2),
    chosen("extract-us", "failed", attempt=4, failure=BROKEN),
    chosen("extract-jp", "started", attempt=1, progress=Progress(42.5, "half\nway \x1b[0m")),
    chosen("clean-eu", "finished", 0),
    chosen("clean-us", "deferred", 1),
    chosen("clean-jp", "deferred", 2),
    chosen("load", "deferred", 3, 4, 5),
    chosen("alarm", "deferred", 6, policy="f"),
    chosen("thanks", "deferred", 6, policy="s"),
    chosen("report", "deferred", 6, policy="r", outside=2),
    chosen("mail", None, 0, policy="f"),
    chosen("note", "canceled", 1, policy="f", failure=Failure("canceled", "the task was canceled")),
    chosen("other", "scheduled", attempt=1),
    chosen("lost", None),
)


def test_a_flow_in_a_mixed_state() -> None:
    assert drawn(MIXED) == [
        "├── ✓ extract-eu  finished, attempt 2",
        "│   └── ✓ clean-eu  finished",
        "├── ✗ extract-us  failed: ValueError: us.csv: line 3: [not] a number \\x1b[2J, attempt 4",
        "│   ├── … clean-us  deferred: waits for extract-us (failed)",
        "│   └── ⊘ on_failure note  canceled: the task was canceled",
        "├── ▶ extract-jp  started: 42.5% half way \\x1b[0m",
        "│   └── … clean-jp  deferred: waits for extract-jp",
        "├── … load  deferred: waits for clean-us, clean-jp, after clean-eu, clean-us, clean-jp",
        "│   ├── … on_failure alarm  deferred: in case load fails",
        "│   ├── … on_success thanks  deferred: in case load finishes",
        "│   └── … report  deferred: waits for load and 2 outside, on_parent_failure run",
        "├── ◷ other  scheduled, after attempt 1",
        "└── ∅ lost  gone",
    ]


def test_the_heading_has_the_numbers() -> None:
    heading, *_ = printed(flow_tree(MIXED, now=NOW), terminal=False, width=500).splitlines()
    assert heading == (
        "flow nightly of user:a: started, 5 of 13 tasks have ended (38%): "
        "2 active, 6 deferred, 2 finished, 1 failed, 1 canceled; enqueued 3 min ago"
    )
    staged = printed(flow_tree(flow(node("a", "deferred"), staged=True), now=NOW), terminal=False)
    assert "of user:a: being enqueued, 0 of 1 tasks have ended (0%): 1 deferred;" in staged


def test_a_generated_id_a_written_one_and_the_function_are_told_once_each() -> None:
    generated = node("load", "queued", task_id="019aab0e-8c00-7abc-8def-1234deadbeef")
    prefixed = node("load", "queued", task_id="nightly/eu", written_id="eu")
    payload = replace(prefixed, name="", task_id="x", written_id="x")
    other = replace(prefixed, task_id="monthly/eu")
    assert drawn(flow(generated, prefixed, other, payload)) == [
        "├── • load 019aab0e-8c00-7abc-8def-1234deadbeef  queued",
        "├── • eu load  queued",
        "├── • eu load monthly/eu  queued",
        "└── • x payload  queued",
    ]


@pytest.mark.parametrize(
    ("policy", "parents", "said"),
    [
        ("w", ["finished", "failed", "canceled", "queued"], "waits for p1 (failed), p2 (canceled), p3"),
        ("c", ["finished", "queued"], "waits for p1"),
        ("r", ["finished", "failed", "canceled", "started"], "waits for p3"),
        ("w", ["finished", None], ""),
        ("f", ["queued"], "in case p0 fails"),
        ("f", ["failed"], ""),
        ("s", ["queued"], "in case p0 finishes"),
    ],
)
def test_what_a_deferred_task_waits_for_follows_from_its_policy(
    policy: str, parents: list[str | None], said: str
) -> None:
    above = [chosen(f"p{n}", state) for n, state in enumerate(parents)]
    lines = drawn(flow(*above, chosen("child", "deferred", *range(len(above)), policy=policy)))
    (line,) = [line for line in lines if "child" in line]
    state, _, words = line.partition("child  ")[2].partition(", after")[0].partition(", on_parent")[0].partition(": ")
    assert (state, words) == ("deferred", said)


def test_of_many_that_it_waits_for_a_few_are_named() -> None:
    above = [node("copy", "queued") for _ in range(4)] + [chosen(name, "queued") for name in "abcde"]
    *_, line = drawn(flow(*above, chosen("child", "deferred", *range(9))))
    assert line == "└── … child  deferred: waits for copy × 4, a, b and 3 more"


# --- the tree -------------------------------------------------------------------------------------------------------


def test_what_joins_branches_stands_beside_them_under_what_they_come_from() -> None:
    graph = flow(
        chosen("start", "finished"),
        chosen("a", "finished", 0),
        chosen("b", "finished", 1),
        chosen("x", "finished", 0),
        chosen("join", "finished", 2, 3),
        chosen("end", "finished", 4),
    )
    assert drawn(graph) == [
        "└── ✓ start  finished",
        "    ├── ✓ a  finished",
        "    │   └── ✓ b  finished",
        "    ├── ✓ x  finished",
        "    └── ✓ join  finished, after b, x",
        "        └── ✓ end  finished",
    ]


def test_a_long_chain_does_not_leave_the_page() -> None:
    links = (chosen(f"s{n}", "finished", *([n - 1] if n else [])) for n in range(1_000))
    lines = drawn(flow(*links), most=1_000)
    assert len(lines) == 1_000
    assert lines[7] == 28 * " " + "├── ✓ s7  finished"
    assert lines[999] == 28 * " " + "└── ✓ s999  finished, after s998"


@given(flows())
def test_each_task_is_drawn_once_under_the_nearest_one_on_every_way_to_it(graph: FlowGraph) -> None:
    names = {f"t{n}": set(map("t{}".format, one.parents)) for n, one in enumerate(graph.nodes)}
    titled = flow(*(chosen(f"t{n}", "queued", *one.parents) for n, one in enumerate(graph.nodes)))
    stack: list[str] = []
    under = {}
    for line in drawn(titled):
        depth = line.index("•") // 4
        name = line[line.index("•") :].split()[1]
        del stack[depth - 1 :]
        under[name] = {*stack}
        stack.append(name)
    assert under == {name: _on_every_way(names, name) for name in names}


def _on_every_way(parents: dict[str, set[str]], name: str) -> set[str]:
    """Return what stands on every way to a task: what is on every way to each of its parents, or is that parent."""
    ways = [_on_every_way(parents, parent) | {parent} for parent in parents[name]]
    return set.intersection(*ways) if ways else set()


def test_a_large_flow_has_a_line_for_all_that_are_alike() -> None:
    graph = thousand()
    first, *rest = graph.nodes[1:]
    broken = replace(first, failure=Failure("OSError", "disk full"))
    assert drawn(flow(graph.nodes[0], broken, *rest)) == [
        "└── ✓ list  finished",
        f"    ├── ✗ resize × 3  failed: OSError: disk full ({first.task_id})",
        "    │   └── … upload × 3  deferred: waits for resize × 3 (failed)",
        "    ├── ✓ resize × 997  finished",
        "    │   └── ✓ upload × 997  finished",
        "    └── … index  deferred: waits for upload × 3, after upload × 3, upload × 997",
    ]


@pytest.mark.parametrize("width", [40, 80])
def test_on_a_terminal_a_task_has_one_line_however_narrow_it_is(width: int) -> None:
    text = printed(flow_tree(MIXED, now=NOW), terminal=True, width=width)
    assert "\x1b[1;31mfailed: V" in text
    assert "\x1b[2J" not in text
    heading = 3 if width == 80 else 5
    assert 0 < len(text.splitlines()) - len(MIXED.nodes) <= heading


# --- the list, and what machines get --------------------------------------------------------------------------------


def test_the_list_has_a_line_for_each_flow() -> None:
    staged = flow(node("a", "deferred"), run_id="[b]", staged=True)
    table = flows_table([MIXED.summary, thousand().summary, staged.summary], now=NOW, pretty=False)
    head, *lines = printed(table, terminal=False).splitlines()
    assert head.split() == [
        "flow", "user", "state", "ended", "tasks", "active", "deferred", "failed", "canceled", "enqueued",
    ]  # fmt: skip
    assert [" ".join(line.split()) for line in lines] == [
        "nightly user:a started 38% 13 2 6 1 1 3 min ago",
        "nightly user:a failed 99% 2,002 0 4 3 0 3 min ago",
        "[b] user:a being enqueued 0% 1 0 1 0 0 3 min ago",
    ]


def test_on_a_terminal_it_has_bars_in_the_colours_of_states() -> None:
    text = printed(flows_table([MIXED.summary, thousand().summary], now=NOW, pretty=True), terminal=True)
    assert "\x1b[32m████▋         38%" in text
    assert "\x1b[1;31m████████████  99%" in text


def test_machines_get_plain_values_without_tracebacks() -> None:
    plain: dict[str, Any] = json.loads(json.dumps(graph_json(MIXED)))
    tasks = plain.pop("tasks")
    assert plain == summary_json(MIXED.summary) == {
        "run_id": "nightly",
        "user_id": "user:a",
        "created_at": "2026-11-22T12:00:00+00:00",
        "state": "started",
        "percent": 38.5,
        "total": 13,
        "ended": 5,
        "finished": 2,
        "failed": 1,
        "canceled": 1,
        "deferred": 6,
        "active": 2,
        "started": 1,
        "staged": False,
    }  # fmt: skip
    assert [one["task_id"] for one in tasks] == [one.task_id for one in MIXED.nodes if one.task_id != "mail"]
    assert tasks[1]["failure"] == {"type": "ValueError", "message": BROKEN.message}
    assert tasks[2]["progress"] == {"percent": 42.5, "message": "half\nway \x1b[0m"}
    assert tasks[6]["parents"] == ["clean-eu", "clean-us", "clean-jp"]
    assert [tasks[n]["edge"] for n in (6, 7, 8, 9)] == ["wait", "on_failure", "on_success", "run"]
    assert tasks[-1] == {
        "task_id": "lost",
        "written_id": "lost",
        "name": "etl:lost",
        "state": None,
        "attempts": 0,
        "parents": [],
        "outside": 0,
        "edge": "wait",
        "failure": None,
        "progress": None,
    }
