"""Flows for people and for machines: a line each, and one as plain values. Never arguments, never results."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from fairque.core.flow import EDGES, FlowGraph, FlowNode, FlowSummary
from fairque.monitoring.tables import bar, plain_table, quantity, span, state_style

_WIDTH: Final = 12
"""Characters of a bar on a terminal."""


def flows_table(flows: Iterable[FlowSummary], *, now: datetime, pretty: bool) -> RenderableType:
    """Return a line for each flow. `pretty` is for terminals."""
    table = plain_table(pretty=pretty)
    table.add_column("flow", no_wrap=True)
    table.add_column("user", no_wrap=True, overflow="ellipsis", min_width=8)
    for name in ("state", "ended"):
        table.add_column(name, no_wrap=True)
    for name in ("tasks", "active", "deferred", "failed", "canceled", "enqueued"):
        table.add_column(name, justify="right", no_wrap=True)
    for flow in flows:
        style = state_style(flow.state)
        share = f"{bar(flow.percent / 100, _WIDTH)} {int(flow.percent):3}%" if pretty else f"{int(flow.percent)}%"
        table.add_row(
            Text(flow.run_id, "bold"),
            Text(flow.user_id),
            Text("being enqueued" if flow.staged else str(flow.state), style),
            Text(share, style),
            quantity(flow.total),
            quantity(flow.active, "green"),
            quantity(flow.deferred),
            quantity(flow.failed, "red"),
            quantity(flow.canceled, "yellow"),
            Text(f"{span((now - flow.created_at).total_seconds())} ago"),
        )
    return table


def summary_json(flow: FlowSummary) -> dict[str, Any]:
    """Return a flow in numbers as plain values; instants are ISO 8601 in UTC."""
    plain: dict[str, Any] = msgspec.to_builtins(flow)
    of_the_whole = {"state": str(flow.state), "ended": flow.ended, "percent": round(flow.percent, 1)}
    return plain | {"created_at": flow.created_at.isoformat()} | of_the_whole


def graph_json(graph: FlowGraph) -> dict[str, Any]:
    """Return a flow with all its tasks as plain values, without the errors' tracebacks."""
    ids = [node.task_id for node in graph.nodes]
    return summary_json(graph.summary) | {
        "tasks": [_node_json(graph.nodes[index], ids) for index in sorted(graph.wanted)]
    }


def _node_json(node: FlowNode, ids: list[str]) -> dict[str, Any]:
    failure, progress = node.failure, node.progress
    return {
        "task_id": node.task_id,
        "written_id": node.written_id,
        "name": node.name,
        "state": None if node.state is None else str(node.state),
        "attempts": node.attempt,
        "parents": [ids[parent] for parent in node.parents],
        "outside": node.outside,
        "edge": EDGES[node.policy],
        "failure": None if failure is None else {"type": failure.type, "message": failure.message},
        "progress": None if progress is None else {"percent": progress.percent, "message": progress.message},
    }
