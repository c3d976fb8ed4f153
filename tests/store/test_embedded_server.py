"""Which server is started, and that nobody else can reach it."""

from __future__ import annotations

import ast
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from fairque.errors import EmbeddedServerError
from fairque.store import embedded, embedded_guard, embedded_server
from fairque.store.embedded import ROOM_VARIABLE, attach, find_server
from tests.store.programs import (
    Start,
    socket_of,
)

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
