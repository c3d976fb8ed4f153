"""By which name a function or a class is known in every process, the program itself included."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

_PROGRAM: Final = ("__main__", "__mp_main__")
"""The program that runs, and what it is called in a child process that imports it anew."""


def name_of(thing: Callable[..., Any], mark: str) -> str:
    """Return `module<mark>qualname`; what the program itself defines has the module by which others would import it."""
    return f"{_module_of(thing)}{mark}{thing.__qualname__}"


def _module_of(thing: Callable[..., Any]) -> str:
    if thing.__module__ not in _PROGRAM:
        return thing.__module__
    program = sys.modules[thing.__module__]
    spec = getattr(program, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = (getattr(program, "__file__", None) or "__main__").replace("\\", "/").rpartition("/")[2]
    return file.removesuffix(".py")
