"""A flow as Mermaid text: nodes, edges, colours, and nothing in a name that could mean something."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairque.core.flow import FlowGraph
from fairque.core.mermaid import short_id
from tests.core.flows import chosen, flow, flows, node, thousand

NODE = re.compile(r'  n(\d+)\["([^"\[\](){}<>|`\\;]*(?:(?:#\d+;|<br/>)[^"\[\](){}<>|`\\;]*)*)"\]:::([a-z]+)')
EDGE = re.compile(r"  n(\d+) (-->|-->\|(?:run|cancel)\||-\.->\|(?:on_success|on_failure|added)\|) n(\d+)")
CLASS = re.compile(r"  classDef ([a-z]+) (?:[a-z-]+:[#0-9a-z ]+,?)+")


def label_of(line: str) -> list[str]:
    found = NODE.fullmatch(line)
    assert found, line
    return [html.unescape(part.replace("#", "&#")) for part in found[2].split("<br/>")]


def test_a_small_flow_in_full() -> None:
    graph = flow(
        chosen("extract", "finished"),
        node("clean", "failed", 0, task_id="x", written_id="clean-eu"),
        node("clean", "started", 0, task_id="y", written_id="clean-us"),
        chosen("load", "deferred", 1, 2, outside=2),
        chosen("note", "queued", 1, policy="f"),
        chosen("mail", None, 0, policy="s"),
        chosen("report", "deferred", 3, policy="r"),
        chosen("archive", "deferred", 3, policy="c"),
    )
    *lines, clean = graph.mermaid().splitlines()
    assert lines[:20] == [
        "flowchart TD",
        '  n0["extract"]:::finished',
        '  n1["clean<br/>clean-eu"]:::failed',
        '  n2["clean<br/>clean-us"]:::started',
        '  n3["load<br/>after 2 outside"]:::deferred',
        '  n4["note"]:::queued',
        '  n5["mail"]:::gone',
        '  n6["report"]:::deferred',
        '  n7["archive"]:::deferred',
        "  n0 --> n1",
        "  n0 --> n2",
        "  n1 --> n3",
        "  n2 --> n3",
        "  n1 -.->|on_failure| n4",
        "  n0 -.->|on_success| n5",
        "  n3 -->|run| n6",
        "  n3 -->|cancel| n7",
        "  classDef queued fill:#eef2f7,stroke:#64748b,color:#1e293b",
        "  classDef started fill:#dbeafe,stroke:#2563eb,color:#1e3a8a",
        "  classDef deferred fill:#f8fafc,stroke:#94a3b8,color:#475569,stroke-dasharray:4 3",
    ]
    assert [CLASS.fullmatch(line)[1] for line in [*lines[17:], clean]] == [  # type: ignore[index]
        "queued", "started", "deferred", "finished", "failed", "gone",
    ]  # fmt: skip


def test_a_large_flow_has_a_node_for_all_that_are_alike() -> None:
    lines = thousand().mermaid().splitlines()
    assert [label_of(line) for line in lines if "[" in line] == [
        ["list"], ["resize × 3 failed"], ["resize × 997 finished"],
        ["upload × 3 deferred"], ["upload × 997 finished"], ["index"],
    ]  # fmt: skip
    assert [line for line in lines if "-->" in line] == [
        "  n0 --> n1", "  n0 --> n2", "  n1 --> n3", "  n2 --> n4", "  n3 --> n5", "  n4 --> n5",
    ]  # fmt: skip


def test_a_generated_id_is_cut_to_what_tells_it_from_others() -> None:
    assert short_id("019aab0e-8c00-7abc-8def-1234deadbeef") == "…7abc-8def-1234…"
    assert short_id("nightly/load") == "nightly/load"


@pytest.mark.parametrize(
    "name",
    ['a"]:::x', "a[b](c){d}", "<script>alert(1)</script>", "a|b", "`md`", "#quot;", "a;b", "a%%b", "x\\y", "é [日本]"],
)
def test_what_could_mean_something_is_written_by_its_number(name: str) -> None:
    graph = flow(node("a", "queued", written_id=name))
    (line,) = [line for line in graph.mermaid().splitlines() if "[" in line]
    assert label_of(line) == ["a", name]


@given(flows(), st.text(min_size=1, max_size=200))
def test_whatever_the_names_it_has_a_node_for_each_and_an_edge_for_each_parent(graph: FlowGraph, name: str) -> None:
    strange = chosen(name, "failed", *range(len(graph.nodes)))
    graph = flow(*graph.nodes, strange)
    head, *lines = graph.mermaid().split("\n")[:-1]
    nodes = [found for line in lines if (found := NODE.fullmatch(line))]
    edges = [found for line in lines if (found := EDGE.fullmatch(line))]
    classes = [found for line in lines if (found := CLASS.fullmatch(line))]
    assert head == "flowchart TD"
    assert len(nodes) + len(edges) + len(classes) == len(lines)
    assert [int(found[1]) for found in nodes] == [*range(len(graph.wanted))]
    assert len(edges) == sum(len({*graph.nodes[index].parents} & {*graph.wanted}) for index in graph.wanted)
    assert {found[3] for found in nodes} == {found[1] for found in classes}
