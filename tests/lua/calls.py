"""For each script the calls that take it through all its branches, against a stage."""

from __future__ import annotations

from tests.lua import graph_calls, queue_calls, schedule_calls, task_calls  # noqa: F401 - they fill the book
from tests.lua.book import CALLS

__all__ = ["CALLS"]
