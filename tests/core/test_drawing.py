"""The README's drawing of a task's states is the code's table of moves."""

from __future__ import annotations

import re
from pathlib import Path

from fairque.core.state import MOVES, TaskState

README = Path(__file__).resolve().parent.parent.parent / "README.md"


def test_the_drawing_shows_exactly_the_moves_there_are() -> None:
    drawing = README.read_text(encoding="utf-8").partition("stateDiagram-v2")[2].partition("```")[0]
    drawn = re.findall(r"^\s*(\S+) --> (\S+): (.+)$", drawing, re.MULTILINE)
    told = [(move.before or "[*]", move.after or "[*]", move.event) for move in MOVES]
    assert sorted(drawn) == sorted((str(before), str(after), event) for before, after, event in told)


def test_the_table_knows_every_state_that_can_be_reached() -> None:
    reached = {move.after for move in MOVES} - {None}
    assert reached == set(TaskState)
