"""`embedded://` and `embedded://PATH`: a private Redis or Valkey server for this program and its children.

One directory, the room (mode 700), holds the socket of a server and two locks:

    the room itself     flock, shared: held for life by each process that uses the server; the guard waits for it alone
    ROOM/start.lock     flock, exclusive: held while the server is started (by attach) or stopped (by the guard)
    DATA/server.lock    flock, exclusive: held by the guard and its server for as long as either lives

DATA is PATH, or the room when nothing is to be kept. The room of a PATH is derived from it (a socket's name is limited
to some 100 bytes, a PATH is not), so every process of this user on this machine finds it; the room without a PATH goes
from parent to child in the environment. The guard, a process of its own (`embedded_guard.py`), removes the room.

Measured (2 cores, Python 3.11, valkey 9.1.2, 25 runs): 51-66 ms to start, median 58; 0.6 ms to attach to a running one.
"""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from fairque.errors import EmbeddedServerError
from fairque.store.embedded_server import advice, find_server, server_command

if sys.platform != "win32":  # there this module imports, and attach() says what is missing
    import fcntl

    from fairque.store.embedded_guard import START_LOCK, remove

__all__ = ["attach", "find_server"]

ROOM_VARIABLE = "FAIRQUE_EMBEDDED_DIR"  # the room of this program's server without a PATH: from parent to child

_START_LIMIT = 10.0  # seconds without any answer
_PAUSE = 0.003  # seconds between two looks at a server that is starting
_LONGEST_SOCKET = 100  # bytes; macOS allows 103, Linux 107
_GUARD = Path(__file__).with_name("embedded_guard.py")

# The shared locks that this process holds, by room. A forked child inherits them open, so they hold until it ends too.
_held: dict[str, int] = {}

# A fork must not happen while another thread is between two locks: the child would carry them away.
_attaching = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_attaching.acquire, after_in_parent=_attaching.release, after_in_child=_attaching.release
    )


def attach(path: str | None) -> str:
    """Return the `unix://` URL of this program's server (None) or of the data directory `path`; start it if need be.

    From here on this process counts as a user of that server, until it ends: the server stops with its last user. Data
    in `path` are kept (append-only file, written to disk each second); without a path they go with the server.
    Threads and processes may attach at once: they get one server. Returns when the server answers.

    Raises:
        EmbeddedServerError: no server is installed, it does not start, or its directory is not ours to use.

    """
    if os.name != "posix":
        raise EmbeddedServerError(f"The embedded server needs Linux or macOS. {advice()}")
    try:
        with _attaching:
            site = _site_of(path)
            with _start_lock(site.room):
                is_new = _use(site.room)
                try:
                    _bring_up(site)
                except BaseException:
                    if is_new:
                        _give_up(site)
                    raise
    except OSError as error:
        raise EmbeddedServerError(f"The embedded server could not be started: {error}") from error
    return f"unix://{quote(str(site.socket))}"


# --- where a server lives -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Site:
    room: Path  # the private directory of the server
    data: Path  # where it writes; the room itself when nothing is to be kept

    @property
    def socket(self) -> Path:
        return self.room / "fq.sock"


def _site_of(path: str | None) -> _Site:
    if path is not None:
        data = Path(path).expanduser().resolve()
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
        # Always in /tmp: processes with another TMPDIR must come to the same room.
        return _Site(Path(f"/tmp/fairque-{os.geteuid()}-{name}"), data)  # noqa: S108  # owner and mode are checked
    if not (told := os.environ.get(ROOM_VARIABLE)):
        short = len(os.fsencode(tempfile.gettempdir())) < _LONGEST_SOCKET - len("/fairque-12345678/fq.sock")
        told = tempfile.mkdtemp(prefix="fairque-", dir=None if short else "/tmp")  # noqa: S108
        os.environ[ROOM_VARIABLE] = told
    room = Path(told)
    # The guard removes the room with all that is in it, so it never takes a directory of another name for one.
    if not (room.is_absolute() and room.name.startswith("fairque-")):
        raise EmbeddedServerError(f"{ROOM_VARIABLE}={told} is not a room of fairque: it must be /…/fairque-…")
    return _Site(room, room)


def _check_private(room: Path) -> None:
    """Refuse a room that another user has prepared or can read."""
    found = room.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise EmbeddedServerError(f"{room} is not a private directory of this user (mode 700): remove it.")


# --- the locks ------------------------------------------------------------------------------------------------------


@contextmanager
def _start_lock(room: Path) -> Iterator[None]:
    """Hold the start lock of the room. A guard may have removed both while we waited: then begin again."""
    while True:
        room.mkdir(mode=0o700, exist_ok=True)
        try:
            _check_private(room)
            descriptor = os.open(room / START_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_still(descriptor, room / START_LOCK):
                yield
                return
        finally:
            os.close(descriptor)


def _use(room: Path) -> bool:
    """Count this process as a user of the room for its life; False if it is one already. Needs the start lock.

    The directory is locked, not a file in it, because systemd-tmpfiles then leaves it alone however old it is.
    """
    if (held := _held.get(str(room))) is not None:
        if _is_still(held, room):
            return False
        os.close(_held.pop(str(room)))
    descriptor = _held[str(room)] = os.open(room, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return True


def _give_up(site: _Site) -> None:
    """Let go of the room after a failed start; remove it unless others use it or a guard is there to do so."""
    descriptor = _held.pop(str(site.room))
    if _take(descriptor):
        with _opened_lock(site) as lock:
            if _take(lock):
                remove(str(site.room))
    os.close(descriptor)


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _opened_lock(site: _Site) -> Iterator[int]:
    descriptor = os.open(site.data / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


# --- the server -----------------------------------------------------------------------------------------------------


def _bring_up(site: _Site) -> None:
    """Return when the server answers; start it if no guard holds its lock. Needs the start lock."""
    launched = False
    answer = b""
    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline:
        answer = _ping(site.socket)
        if answer.startswith(b"+PONG"):
            return
        if answer.startswith(b"-LOADING"):  # it reads its data back, which may take minutes: it is alive
            deadline = time.monotonic() + _START_LIMIT
        with _opened_lock(site) as lock:
            if _take(lock):
                if launched:
                    raise _failure(site, "ended while it started")
                _launch(site, lock)
                launched = True
        time.sleep(_PAUSE)
    if answer:
        raise _failure(site, f"does not serve: {answer.decode(errors='replace').strip()}")
    if not launched:
        raise _failure(site, "is not in reach: another user or container runs it")
    raise _failure(site, f"did not answer within {_START_LIMIT:.0f} s")


def _ping(address: Path) -> bytes:
    """Return the server's answer to one PING; empty if there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, suppress(OSError):
        connection.settimeout(1.0)
        connection.connect(str(address))
        connection.sendall(b"PING\r\n")
        return connection.recv(200)
    return b""


def _launch(site: _Site, lock: int) -> None:
    """Start the guard, which starts the server. Both keep the lock of the data; the guard's first process ends here."""
    server = server_command(site.socket, site.data, keeps=site.room != site.data)
    command = [sys.executable, "-I", "-S", str(_GUARD), str(site.room), str(lock), *server]
    devnull = subprocess.DEVNULL
    subprocess.run(  # noqa: S603  # our own script, no shell
        command, check=False, stdin=devnull, stdout=devnull, stderr=devnull, pass_fds=[lock], start_new_session=True
    )


def _failure(site: _Site, what: str) -> EmbeddedServerError:
    log = site.data / "server.log"
    tail = log.read_text(errors="replace")[-2000:].strip() if log.exists() else "nothing was written"
    return EmbeddedServerError(f"The embedded server {what}. The end of {log}:\n{tail}")
