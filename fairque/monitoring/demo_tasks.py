"""The demo's one task: read a Python file and say what is in it."""

from __future__ import annotations

import ast
import io
import time
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from fairque.queue.registry import task

_BRANCHES: Final = (ast.If, ast.For, ast.While, ast.ExceptHandler, ast.BoolOp, ast.IfExp, ast.comprehension)
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


class Function(msgspec.Struct, frozen=True):
    """A function in a file: how many lines it has, and how many places where it branches."""

    name: str
    lines: int
    branches: int


class Figures(msgspec.Struct, frozen=True):
    """What is in a file. `problem` says why it is no Python, if it is none; `ms` is how long the task took."""

    path: str
    size: int
    lines: int = 0
    tokens: int = 0
    names: int = 0
    longest: Function | None = None
    knottiest: Function | None = None
    ms: float = 0.0
    problem: str | None = None


@task(max_retries=1)
def measure(path: str) -> Figures:
    """Count a file's lines, tokens and names, and find its longest function and the one with the most branches."""
    started = time.perf_counter()
    source = Path(path).read_bytes()
    try:
        tokens, names = _count(source)
        functions = list(_functions(source))
    except (SyntaxError, ValueError, tokenize.TokenError) as error:  # the standard library tests Python with such files
        return Figures(path, len(source), ms=_ms_since(started), problem=type(error).__name__)
    longest = max(functions, key=lambda function: function.lines, default=None)
    knottiest = max(functions, key=lambda function: function.branches, default=None)
    lines = source.count(b"\n")
    return Figures(path, len(source), lines, tokens, names, longest, knottiest, _ms_since(started))


def _count(source: bytes) -> tuple[int, int]:
    """Return how many tokens there are, and how many different names."""
    tokens, names = 0, set()
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        tokens += 1
        if token.type == tokenize.NAME:
            names.add(token.string)
    return tokens, len(names)


def _functions(source: bytes) -> Iterator[Function]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, _FUNCTIONS):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Function(node.name, lines, sum(isinstance(part, _BRANCHES) for part in ast.walk(node)))


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
