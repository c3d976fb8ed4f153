"""Where contestants live: a virtual environment for each, made once and again when its pins change."""

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from contestants import Contestant

PEERS = Path(__file__).resolve().parent.parent / ".peers"
INSTALL_LIMIT = 900  # seconds


class NotInstalled(Exception):
    """A contestant's packages could not be installed."""


def python_of(contestant: Contestant) -> Path:
    """Return the python that runs a contestant, after installing its pins if they are not.

    Raises:
        NotInstalled: with pip's reason.
    """
    if not contestant.pins:
        return Path(sys.executable)
    room = PEERS / contestant.package
    python = room / "bin" / "python"
    ready = room / ".ready"
    wanted = "\n".join([sys.version, *contestant.pins])
    if ready.exists() and ready.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(room, ignore_errors=True)
    _run(sys.executable, "-m", "venv", str(room))
    _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *contestant.pins)
    ready.write_text(wanted, encoding="utf-8")
    return python


def versions_of(contestant: Contestant) -> dict[str, str]:
    """Return the versions that are measured, by package; the queue's own comes first."""
    if not contestant.pins:
        return {name: version(name) for name in ("fairque", "redis", "hiredis")}
    pairs = (pin.split("==") for pin in contestant.pins)
    return {name.split("[")[0]: number for name, number in pairs}


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(f"not installed: {error}") from error
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        errors = [line for line in said if line.startswith("ERROR")] or said or [f"exit code {done.returncode}"]
        raise NotInstalled(f"not installed: {errors[-1].removeprefix('ERROR: ')}")
