"""What a type checker says of a line of a program."""

from __future__ import annotations

import textwrap
from pathlib import Path

import mypy.api

ROOT = Path(__file__).resolve().parents[2]


def assert_said(place: Path, program: str, line: str, fault: str) -> None:
    """Fail unless the checker finds just this fault (by its code; '': none) in a program that ends with that line."""
    snippet = place / "snippet.py"
    snippet.write_text(textwrap.dedent(program) + line + "\n")
    config = ROOT / "pyproject.toml"
    said, _, _ = mypy.api.run([f"--cache-dir={ROOT / '.mypy_cache'}", f"--config-file={config}", str(snippet)])
    found = [text.rpartition("  [")[2].rstrip("]") for text in said.splitlines() if "error: " in text]
    assert found == ([fault] if fault else []), said
