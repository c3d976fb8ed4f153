"""The scripts as text: bounded reads, bounded length, one shape, none that nobody calls (I20)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairque.store import scripts

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = sorted((ROOT / "scripts" / "lua").glob("*.lua"))
LIBRARIES = sorted((ROOT / "scripts" / "lua" / "lib").glob("*.lua"))
STORE = Path(scripts.__file__).parent
UNBOUNDED = ["KEYS", "HGETALL", "HKEYS", "HVALS", "SMEMBERS", "SORT", "SINTER", "SUNION", "FLUSHDB", "FLUSHALL"]
WRITES = "H(SET|DEL|INCRBY|SETNX)|Z(ADD|REM|REMRANGEBYSCORE)|[LR](PUSH|POP|REM|INSERT)|SET|DEL|UNLINK|SADD|SPOP|PEXPIRE"

each = pytest.mark.parametrize("path", [*COMMANDS, *LIBRARIES], ids=lambda path: path.stem)
each_command = pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.stem)


def code_of(path: Path) -> str:
    return re.sub(r"--.*", "", path.read_text())


@each
def test_no_script_reads_without_a_bound(path: Path) -> None:
    code = code_of(path)
    called = set(re.findall(r"redis\.p?call\(\s*'(\w+)'", code))
    assert not called & set(UNBOUNDED)
    assert not re.search(r"'(LRANGE|ZRANGE)',[^)]*,\s*0,\s*-1\s*[,)]", code)
    assert not re.search(r"'ZRANGE',[^)]*'BYSCORE'(?![^)]*'LIMIT')", code)


@each
def test_commands_are_called_by_a_literal_name(path: Path) -> None:
    assert re.findall(r"redis\.p?call\((?!\s*')[^,]*", code_of(path)) == []


@each
def test_every_value_is_local(path: Path) -> None:
    assert not re.search(r"^(function|\w+\s*=)", path.read_text(), re.MULTILINE) or path in COMMANDS
    assert "loadstring" not in path.read_text()


@each
def test_no_line_is_longer_than_120_characters(path: Path) -> None:
    assert [line for line in path.read_text().splitlines() if len(line) > 120] == []


@each_command
def test_a_command_is_short_and_opens_like_a_book(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 80
    assert re.fullmatch(r"#!lua( flags=(no-writes|allow-oom))?", lines[0])
    head = [line for line in lines[1:20] if line.startswith("--")]
    assert re.match(r"-- [A-Z]", head[0])
    assert sum(line.startswith("-- include: ") for line in head) in {1, 2, 3}  # a long list takes more lines
    assert sum(line.startswith("-- takes: ") for line in head) == 1
    assert sum(line.startswith("-- replies: ") for line in head) == 1


@each_command
def test_a_command_that_only_reads_says_so(path: Path) -> None:
    text = scripts.load(path.stem).text
    writes = re.search(
        r"'(H(SET|DEL|INCRBY|SETNX)|Z(ADD|REM|REMRANGEBYSCORE)|[LR](PUSH|POP|REM|INSERT)|SET|DEL|UNLINK|SADD|SPOP|PEXPIRE)'",
        text,
    )
    flags = path.read_text().splitlines()[0].partition("flags=")[2]
    assert (flags == "no-writes") == (writes is None)


def test_only_what_adds_tasks_or_values_is_refused_when_redis_is_full() -> None:
    assert [path.stem for path in COMMANDS if "flags=" not in path.read_text().splitlines()[0]] == [
        "enqueue",
        "fire",
        "link",
        "push",
        "schedule",
        "xcom",
    ]


@each_command
def test_a_command_is_called_by_the_store_and_named_in_a_test(path: Path) -> None:
    store = "".join(file.read_text() for file in STORE.glob("*.py"))
    assert f'Call("{path.stem}"' in store
    tests = "".join(file.read_text() for file in (ROOT / "tests").rglob("*.py"))
    assert re.search(rf"\b{path.stem}\b", tests)


def test_the_store_calls_no_script_that_is_not_there() -> None:
    called = {name for file in STORE.glob("*.py") for name in re.findall(r'Call\("(\w+)"', file.read_text())}
    assert called == set(scripts.names())


@pytest.mark.parametrize("path", LIBRARIES, ids=lambda path: path.stem)
def test_a_library_is_included_by_a_command(path: Path) -> None:
    included = {
        name
        for command in COMMANDS
        for line in command.read_text().splitlines()
        if line.startswith("-- include: ")
        for name in line.split()[2:]
    }
    assert path.stem in included


def test_every_key_of_a_script_stands_in_the_table_of_keys() -> None:
    table = (ROOT / "scripts" / "lua" / "lib" / "keys.lua").read_text()
    for path in [*COMMANDS, *LIBRARIES]:
        if path.stem not in ("keys", "page", "drop"):
            assert "KEYS[" not in code_of(path).replace("KEYS[1] .. user", ""), path
            assert "ROOT" not in code_of(path), path
    for name in re.findall(r"^local ([A-Z_]+) = ", table, re.MULTILINE):
        assert re.search(rf"^local {name} = .*-- \w+", table, re.MULTILINE) or name == "ROOT", name
