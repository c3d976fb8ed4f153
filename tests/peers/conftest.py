"""The programs of bench/peers are no package: they find one another beside themselves, and tests find them so, too."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PEERS = Path(__file__).resolve().parent.parent.parent / "bench" / "peers"

Module = Callable[[str], Any]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Module:
    """Return what imports a module of bench/peers by its name."""
    monkeypatch.syspath_prepend(str(PEERS))
    return importlib.import_module
