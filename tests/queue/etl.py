"""Tasks of a small pipeline, and a graph of them as it would be sent."""

from __future__ import annotations

from typing import Any

from fairque import Task, from_parent, task
from fairque.queue.intake import Mint
from fairque.queue.planning import Plan, plan_of

ROOT = "{fq:default}"
USER = "user:1"
MINT = Mint(ROOT)


@task(name="etl:extract")
def extract(n: int = 0) -> list[int]:
    return list(range(n))


@task(name="etl:load")
def load(rows: list[int] = from_parent()) -> int:
    return len(rows)


@task(name="etl:merge")
def merge(rows: list[int] = from_parent("extract"), *, size: int = from_parent("count")) -> int:
    return len(rows) * size


@task(name="etl:alert")
def alert(text: str = "") -> None: ...


def planned(whole: object, user_id: str | None = USER, run_id: str | None = None) -> Plan:
    return plan_of(whole, user_id, run_id, MINT)


def links(plan: Plan) -> list[tuple[tuple[int, ...], tuple[str, ...]]]:
    return [(node.inside, node.outside) for node in plan.nodes]


def named(*ids: str) -> list[Task[Any]]:
    return [alert().with_(task_id=task_id) for task_id in ids]
