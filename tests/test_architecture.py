"""The house guards itself: floors, the one redis door, sizes, parity of the two colours, and nothing left for later."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import fairque
from fairque.queue.async_queue import AsyncTaskQueue
from fairque.queue.handle import AsyncTaskHandle, TaskHandle
from fairque.queue.queue import TaskQueue
from fairque.queue.run import AsyncRun, Run
from fairque.scheduler.async_scheduler import AsyncTaskScheduler
from fairque.scheduler.scheduler import TaskScheduler
from fairque.store import scripts
from fairque.worker.worker import AsyncWorker, Worker

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "fairque"

FLOORS = {
    "errors": -1,
    "core": 0,
    "store": 1,
    "signals": 1,
    "queue": 2,
    "scheduler": 3,
    "worker": 4,
    "config": 5,
    "monitoring": 5,
    "cli": 6,
    "__init__": 7,
    "__main__": 7,
}
REDIS_DOORS = {"store/driver.py"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(name: str) -> str:
    return name.split("/", maxsplit=1)[0].removesuffix(".py")


def test_imports_run_downwards_and_rooms_on_one_floor_do_not_know_each_other() -> None:
    wrong = []
    for name, tree in modules():
        room = room_of(name)
        for target in imports(tree):
            parts = target.split(".")
            if parts[0] != "fairque" or len(parts) < 2 or parts[1] not in FLOORS or parts[1] == room:
                continue
            if FLOORS[parts[1]] >= FLOORS[room] and not (room == "monitoring" and parts[1] == "config"):
                wrong.append(f"{name} imports {target}")
    assert not wrong


def test_every_room_has_a_floor() -> None:
    assert {room_of(name) for name, _ in modules()} == set(FLOORS)


def test_the_core_is_pure() -> None:
    banned = {"redis", "asyncio", "time", "socket", "threading", "os", "pathlib", "subprocess", "random"}
    wrong = [
        f"{name} imports {target}"
        for name, tree in modules()
        if name.startswith("core/")
        for target in imports(tree)
        if target.split(".")[0] in banned
    ]
    assert not wrong


def test_only_the_driver_imports_redis() -> None:
    doors = {name for name, tree in modules() if any(target.split(".")[0] == "redis" for target in imports(tree))}
    assert doors == REDIS_DOORS


def test_on_a_worker_users_code_is_called_by_execution_here_and_in_a_child_process() -> None:
    def importers(name: str) -> set[str]:
        return {
            place
            for place, tree in modules()
            if place.startswith("worker/") and any(target.endswith(name) for target in imports(tree))
        }

    assert importers("registry.find_task") == {"worker/execution.py"}
    assert importers("reading.task_of_grant") == {"worker/execution.py", "worker/child.py"}


def test_no_room_outgrows_its_walls() -> None:
    grown = [
        f"{path.relative_to(ROOT)}: {lines}"
        for path in [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 250
    ]
    assert not grown


def test_no_function_is_longer_than_forty_lines() -> None:
    long = []
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                docstring = ast.get_docstring(node, clean=False) or ""
                lines = node.end_lineno - node.lineno + 1 - docstring.count("\n")
                if lines > 40:
                    long.append(f"{name}:{node.name}: {lines}")
    assert not long


def test_lua_commands_are_short_and_open_like_a_book() -> None:
    for name in scripts.names():
        text = (ROOT / "scripts" / "lua" / f"{name}.lua").read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 80, name
        assert re.match(r"#!lua( flags=(allow-oom|no-writes))?\n-- [A-Z]", text), name
        assert "-- takes:" in text, name
        assert "-- replies:" in text, name


def test_every_script_is_called_by_the_store() -> None:
    store = "\n".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "store").glob("*.py"))
    assert [name for name in scripts.names() if f'"{name}"' not in store] == []


@pytest.mark.parametrize(
    ("sync", "async_"),
    [
        (TaskQueue, AsyncTaskQueue),
        (TaskHandle, AsyncTaskHandle),
        (Run, AsyncRun),
        (Worker, AsyncWorker),
        (TaskScheduler, AsyncTaskScheduler),
    ],
)
def test_both_colours_have_the_same_verbs(sync: type, async_: type) -> None:
    def verbs(of: type) -> dict[str, str]:
        found = {}
        for name, member in inspect.getmembers(of, inspect.isfunction):
            if not name.startswith("_") and member.__module__.startswith("fairque"):
                signature = str(inspect.signature(member))
                found[name] = re.sub(r"Async(?=Task|Run)", "", signature)
        return found

    assert verbs(sync) == verbs(async_)
    assert all(inspect.iscoroutinefunction(getattr(async_, name)) for name in verbs(async_))


def test_public_names_are_what_the_package_says() -> None:
    assert sorted(set(fairque.__all__)) == fairque.__all__
    assert all(getattr(fairque, name) is not None for name in fairque.__all__)
    told = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    from_imports = [node for node in ast.walk(told) if isinstance(node, ast.ImportFrom)]
    for_checkers = {f"{node.module}.{alias.name}" for node in from_imports for alias in node.names}
    homes = {f"{home}.{name}" for name, home in fairque._HOMES.items()}
    assert homes <= for_checkers, "type checkers see the same names as programs"
    assert sorted(fairque._HOMES) == fairque.__all__


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|pytest\.skip|mark\.(skip|xfail)")
    here = Path(__file__)
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "scripts").rglob("*.lua"), *(ROOT / "tests").rglob("*.py")]
    left = [str(path) for path in files if path != here and marks.search(path.read_text(encoding="utf-8"))]
    assert not left
