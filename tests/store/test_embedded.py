"""The embedded server: real processes, found once, shared, and gone with the last of its users."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import redis

from fairque.errors import EmbeddedServerError
from fairque.store import embedded, embedded_guard, embedded_server
from fairque.store.embedded import ROOM_VARIABLE, attach, find_server
from tests.waiting import wait_until

ATTACH = "import sys; from fairque.store.embedded import attach; path = (sys.argv[1:] or [None])[0]; "
USE = ATTACH + "print(attach(path), flush=True); sys.stdin.read()"


class Program:
    """A Python program that attaches, prints its URLs and stays until it is killed or told to end."""

    def __init__(self, *arguments: str, source: str = USE, room: Path | None = None) -> None:
        environment = {name: value for name, value in os.environ.items() if name != ROOM_VARIABLE}
        if room:
            environment[ROOM_VARIABLE] = str(room)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", source, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._urls: list[str] = []

    @property
    def urls(self) -> list[str]:
        if not self._urls:
            assert self.process.stdout
            self._urls = self.process.stdout.readline().split()
            assert self._urls, self.process.communicate()[1]
        return self._urls

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def room(self) -> Path:
        return socket_of(self.url).parent

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Let it end as a program does, and see that it had nothing to complain about."""
        _out, complaints = self.process.communicate()
        assert (self.process.returncode, complaints) == (0, "")

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


Start = Callable[..., Program]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start programs; after the test they are killed, and their rooms must go."""
    programs: list[Program] = []

    def begin(*arguments: object, source: str = USE, room: Path | None = None) -> Program:
        programs.append(Program(*map(str, arguments), source=source, room=room))
        return programs[-1]

    yield begin
    for program in programs:
        program.close()
    rooms = {program.room for program in programs if program._urls}
    wait_until(lambda: not any(room.exists() for room in rooms), description=f"{rooms} are removed")


@pytest.fixture
def room() -> Iterator[Path]:
    """Name a room that does not exist yet."""
    parent = Path(tempfile.mkdtemp(prefix="fq-test-"))
    yield parent / "fairque-room"
    shutil.rmtree(parent)


def socket_of(url: str) -> Path:
    return Path(unquote(url.removeprefix("unix://")))


def ask(url: str, line: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(socket_of(url)))
        connection.sendall(f"{line}\r\n".encode())
        return connection.recv(65536).decode()


def server_of(url: str) -> int:
    fields = dict(line.split(":", 1) for line in ask(url, "INFO server").splitlines() if ":" in line)
    return int(fields["process_id"])


def stat_of(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name: state, parent, group, session; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def guard_of(url: str) -> int:
    return int(stat_of(server_of(url))[1])


def is_gone(pid: int) -> bool:
    return stat_of(pid)[:1] in ([], ["Z"])  # a dead orphan waits for the machine's first process, not for us


def wait_until_gone(*pids: int) -> None:
    wait_until(lambda: all(map(is_gone, pids)), description=f"processes {pids} are gone")


# --- one server for all ---------------------------------------------------------------------------------------------


def test_what_is_written_is_read(start: Start) -> None:
    with redis.Redis.from_url(start().url) as client:
        client.set("lane", b"\x00\xff")
        assert client.get("lane") == b"\x00\xff"
        assert client.config_get("appendonly", "save", "maxmemory-policy", "port") == {
            "appendonly": "no",
            "save": "",
            "maxmemory-policy": "noeviction",
            "port": "0",
        }


def test_threads_that_attach_at_once_get_one_server(start: Start) -> None:
    source = ATTACH + (
        "from concurrent.futures import ThreadPoolExecutor as Pool; from threading import Barrier; gate = Barrier(8)\n"
        "def go(_):\n    gate.wait(); return attach(path)\n"
        "with Pool(8) as pool: print(*pool.map(go, range(8)), flush=True)\n"
        "sys.stdin.read()"
    )
    program = start(source=source)
    assert len(program.urls) == 8
    assert len(set(program.urls)) == 1
    program.end()


@pytest.mark.parametrize("keeps", [False, True])
def test_processes_that_attach_at_once_get_one_server(start: Start, room: Path, tmp_path: Path, *, keeps: bool) -> None:
    programs = [start(tmp_path) if keeps else start(room=room) for _ in range(8)]
    assert len({server_of(program.url) for program in programs}) == 1


def test_children_find_the_server_of_their_parent(start: Start) -> None:
    source = ATTACH + (
        "import subprocess as s, multiprocessing as m; urls = [attach(None)]\n"
        "urls.append(s.run([sys.executable, '-c', sys.argv[1]], capture_output=True, text=True, input='').stdout)\n"
        "for way in ('fork', 'spawn'):\n"
        "    with m.get_context(way).Pool(1) as pool: urls.append(pool.apply(attach, (None,)))\n"
        "    pool.join()\n"
        "print(*(u.strip() for u in urls), flush=True); sys.stdin.read()"
    )
    program = start(USE.replace("path = (sys.argv[1:] or [None])[0]", "path = None"), source=source)
    assert len(program.urls) == 4
    assert len(set(program.urls)) == 1


def test_programs_do_not_share_a_server_without_a_path(start: Start) -> None:
    assert start().url != start().url


def test_processes_of_one_path_share_a_server_however_they_name_it(start: Start, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "data")
    assert start(tmp_path / "data").url == start(link).url


# --- its end --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["kill", "end"])
@pytest.mark.parametrize("keeps", [False, True])
def test_the_server_ends_with_its_only_user(start: Start, tmp_path: Path, ending: str, *, keeps: bool) -> None:
    program = start(tmp_path) if keeps else start()
    server, guard = server_of(program.url), guard_of(program.url)
    getattr(program, ending)()
    wait_until_gone(server, guard)
    assert not program.room.exists()


def test_the_server_stays_for_the_user_that_is_left(start: Start, room: Path) -> None:
    first, second = start(room=room), start(room=room)
    server = server_of(second.url)
    assert server_of(first.url) == server
    first.kill()
    third = start(room=room)
    assert server_of(third.url) == server
    second.kill()
    third.kill()
    wait_until_gone(server)


def test_a_forked_child_keeps_the_server_of_its_dead_parent(start: Start, room: Path) -> None:
    source = ATTACH + "import os; url = attach(None); child = os.fork()\nif child: print(url, child, flush=True)\n"
    parent = start(source=source + "sys.stdin.read()", room=room)
    server = server_of(parent.url)
    parent.kill()
    assert server_of(start(room=room).url) == server
    assert not is_gone(int(parent.urls[1]))
    assert parent.process.stdin
    parent.process.stdin.close()
    wait_until_gone(int(parent.urls[1]))


def test_the_server_is_not_in_the_session_of_the_program(start: Start) -> None:
    program = start()
    sessions = {os.getsid(pid) for pid in (server_of(program.url), guard_of(program.url))}
    assert len(sessions) == 1
    assert os.getsid(program.process.pid) not in sessions


def test_the_guard_outlives_the_signals_that_end_a_program(start: Start, room: Path) -> None:
    program = start(room=room)
    guard = guard_of(program.url)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(guard, number)
    assert guard_of(start(room=room).url) == guard


def test_starts_and_stops_may_overlap(start: Start, tmp_path: Path) -> None:
    for count in range(1, 21):
        program = start(tmp_path)
        assert ask(program.url, "INCR starts") == f":{count}\r\n"
        program.kill()


# --- data -----------------------------------------------------------------------------------------------------------


def test_data_of_a_path_outlive_the_server(start: Start, tmp_path: Path) -> None:
    first = start(tmp_path)
    server = server_of(first.url)
    assert ask(first.url, "SET lane 1") == "+OK\r\n"
    first.end()
    wait_until_gone(server)
    second = start(tmp_path)
    assert server_of(second.url) != server
    assert ask(second.url, "GET lane") == "$1\r\n1\r\n"


@pytest.mark.parametrize("with_guard", [False, True])
def test_a_killed_server_is_started_again(start: Start, tmp_path: Path, *, with_guard: bool) -> None:
    program = start(tmp_path)
    server, guard = server_of(program.url), guard_of(program.url)
    assert ask(program.url, "SET lane 1") == "+OK\r\n"
    for pid in (guard, server) if with_guard else (server,):
        os.kill(pid, signal.SIGKILL)
    wait_until_gone(server)
    again = start(tmp_path)
    assert again.url == program.url
    assert server_of(again.url) != server
    assert ask(again.url, "GET lane") == "$1\r\n1\r\n"


def test_a_process_attaches_again_after_its_server_was_killed(start: Start) -> None:
    source = ATTACH + "print(attach(None), flush=True); sys.stdin.readline(); print(attach(None), flush=True)"
    program = start(source=source)
    server = server_of(program.url)
    os.kill(server, signal.SIGKILL)
    wait_until_gone(server)
    again, complaints = program.process.communicate("\n")
    assert (again, complaints) == (f"{program.url}\n", "")


def test_a_path_may_be_longer_than_the_name_of_a_socket(start: Start, tmp_path: Path) -> None:
    data = tmp_path / ("a long name, with spaces and ünïcode " * 3) / ("x" * 120)
    program = start(data)
    assert ask(program.url, "SET lane 1") == "+OK\r\n"
    assert len(str(socket_of(program.url))) < 100
    assert list(data.glob("appendonlydir/*.incr.aof"))


# --- privacy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keeps", [False, True])
def test_the_room_and_its_socket_are_private(start: Start, tmp_path: Path, *, keeps: bool) -> None:
    program = start(tmp_path / "data") if keeps else start()
    assert stat.S_IMODE(program.room.stat().st_mode) == 0o700
    assert stat.S_IMODE(socket_of(program.url).stat().st_mode) == 0o700
    if keeps:
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_room_that_others_can_read_is_refused(monkeypatch: pytest.MonkeyPatch, room: Path) -> None:
    room.mkdir()
    room.chmod(0o755)
    monkeypatch.setenv(ROOM_VARIABLE, str(room))
    with pytest.raises(EmbeddedServerError, match="not a private directory"):
        attach(None)
    assert list(room.iterdir()) == []


def test_a_directory_that_is_no_room_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    monkeypatch.setenv(ROOM_VARIABLE, str(tmp_path))
    with pytest.raises(EmbeddedServerError, match="not a room"):
        attach(None)
    assert (tmp_path / "precious").exists()


def test_a_room_in_a_directory_that_is_gone_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(ROOM_VARIABLE, str(tmp_path / "gone" / "fairque-room"))
    with pytest.raises(EmbeddedServerError, match="could not be started"):
        attach(None)


# --- which server ---------------------------------------------------------------------------------------------------


def pretend(folder: Path, name: str, says: str, then: str = "") -> Path:
    """Put a program of that name on a PATH: it says its version, and is no server."""
    program = folder / name
    program.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{says}"; exit; fi\n{then}\n')
    program.chmod(0o755)
    return program


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Hide every server; give a directory that is the whole PATH, and is where rooms are made."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(embedded_server, "_bundled_server", lambda: None)
    monkeypatch.setenv(ROOM_VARIABLE, "")  # attach() writes it: it is put back after the test
    return tmp_path


def test_without_a_server_the_error_says_how_to_get_one(bare: Path) -> None:
    with pytest.raises(EmbeddedServerError) as caught:
        attach(None)
    assert "pip install 'fairque[embedded]'" in str(caught.value)
    assert "apt-get install redis-server" in str(caught.value)
    assert list(bare.iterdir()) == []


def test_where_the_wheel_does_not_exist_the_error_says_so(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_config_var", lambda _name: "x86_64-alpine-linux-musl")
    with pytest.raises(EmbeddedServerError, match=r"does not exist for this platform.*redis://"):
        attach(None)
    assert list(bare.iterdir()) == []


def test_an_old_server_on_the_path_is_passed_over(bare: Path) -> None:
    old = pretend(bare, "redis-server", "Redis server v=6.2.0 sha=0:0 malloc=libc")
    with pytest.raises(EmbeddedServerError, match=f"{old} was passed over: version 6.2"):
        find_server()
    new = pretend(bare, "valkey-server", "Valkey server v=8.0.1 sha=0:0 malloc=libc")
    assert find_server() == new


def test_a_program_that_names_no_version_is_passed_over(bare: Path) -> None:
    pretend(bare, "redis-server", "what?")
    with pytest.raises(EmbeddedServerError, match="version unknown"):
        find_server()


def test_the_wheel_serves_where_the_path_has_an_old_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(tmp_path, "redis-server", "Redis server v=6.2.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == embedded_server._bundled_server()


def test_the_binary_of_the_wheel_is_found_in_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    as_file = embedded_server._bundled_server()
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    as_told = embedded_server._bundled_server()
    assert as_file == as_told
    assert as_file is not None
    assert os.access(as_file, os.X_OK)


def test_the_end_of_the_log_is_in_the_error(bare: Path) -> None:
    log = "while [ $1 != --logfile ]; do shift; done; echo 'the reef is near' >$2; exit 1"
    fake = pretend(bare, "redis-server", "Redis server v=7.4.0", log)
    with pytest.raises(EmbeddedServerError, match=r"ended while it started(.|\n)*the reef is near"):
        attach(None)
    assert list(bare.iterdir()) == [fake]
    assert str(bare) not in "".join(embedded._held)


def test_a_server_that_cannot_be_run_is_an_error(bare: Path) -> None:
    broken = pretend(bare, "redis-server", "Redis server v=7.4.0", "exit 1")
    with pytest.raises(EmbeddedServerError, match="nothing was written"):
        attach(str(bare / "data"))
    assert sorted(bare.iterdir()) == [bare / "data", broken]


# --- what the files import ------------------------------------------------------------------------------------------


def test_the_guard_imports_what_costs_nothing() -> None:
    tree = ast.parse(Path(embedded_guard.__file__).read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert names == {"fcntl", "os", "signal", "sys", "time"}


def test_on_windows_the_module_imports_and_attach_refuses() -> None:
    source = (
        "import sys, os, hashlib, importlib.util, socket, subprocess, sysconfig, tempfile, urllib.parse, shutil\n"
        "sys.modules['fcntl'] = None; sys.platform = 'win32'; del os.register_at_fork\n"
        "from fairque.store.embedded import attach\n"
        "os.name = 'nt'\n"
        "try: attach(None)\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    said = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout
    assert said.startswith("EmbeddedServerError The embedded server needs Linux or macOS.")
    assert "does not exist for this platform" in said
