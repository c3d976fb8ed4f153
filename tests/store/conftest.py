"""Programs to start, and rooms to name."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.programs import (
    USE,
    Program,
    Start,
)
from tests.waiting import wait_until


@pytest.fixture
def start() -> Iterator[Start]:
    """Start programs; after the test they are killed, and their rooms must go."""
    programs: list[Program] = []

    def begin(*arguments: object, source: str = USE, room: Path | None = None) -> Program:
        programs.append(Program(*map(str, arguments), source=source, room=room))
        return programs[-1]

    yield begin
    for program in programs:
        program.close()
    rooms = {program.room for program in programs if program._urls}
    wait_until(lambda: not any(room.exists() for room in rooms), description=f"{rooms} are removed")


@pytest.fixture
def room() -> Iterator[Path]:
    """Name a room that does not exist yet."""
    parent = Path(tempfile.mkdtemp(prefix="fq-test-"))
    yield parent / "fairque-room"
    shutil.rmtree(parent)
