"""Imports the modules in which a program's tasks stand, and says which of them is at fault when one cannot be."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterable

from fairque.errors import ConfigError, FairqueError


def import_tasks(modules: Iterable[str], source: object) -> None:
    """Import the modules that `tasks:` lists, with the current directory on the path as `python -m` has it.

    Raises:
        ConfigError: there is no such module.
        FairqueError: it is there but cannot be imported.
    """
    for place, module in enumerate(modules):
        try:
            import_module(module)
        except ModuleNotFoundError as missing:
            raise ConfigError(f"{source}: tasks[{place}]: {missing}") from missing


def import_module(module: str) -> None:
    """Import one module.

    Raises:
        ModuleNotFoundError: there is no such module; the message names it and where it was looked for.
        FairqueError: it is there but cannot be imported.
    """
    here = os.getcwd()  # noqa: PTH109  # sys.path holds strings
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        importlib.import_module(module)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and _is_within(module, error.name):
            text = f"there is no module {module} in {here} or among the installed packages"
            raise ModuleNotFoundError(text, name=error.name) from error
        raise FairqueError(f"{module} cannot be imported\n{_whereabouts(error)}") from error


def _is_within(module: str, missing: str | None) -> bool:
    """Whether what is missing is the module itself or a package that it stands in, not something it imports."""
    return missing is not None and f"{module}.".startswith(f"{missing}.")


def _whereabouts(error: Exception) -> str:
    """Return the error with the frames of the module's own code: those of the import machinery say nothing."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    return "".join([*traceback.format_list(frames), *traceback.format_exception_only(error)]).rstrip()
