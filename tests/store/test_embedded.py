"""The embedded server: real processes, found once, shared, and gone with the last of its users."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import redis

from tests.store.programs import (
    ATTACH,
    USE,
    Start,
    ask,
    guard_of,
    is_gone,
    server_of,
    socket_of,
    wait_until_gone,
)

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
