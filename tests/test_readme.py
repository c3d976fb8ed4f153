"""What the documents say holds: their programs run, their configurations load, their links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from fairque.config import FairQueueConfig

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").glob("*.md"))]

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[a-z ]+) -->\n+)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"\]\(\s*<?([^)>\s]+)>?[^)]*\)|(?:src|href)=\"([^\"]+)\"|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its language, the comment above it, its document, its first line there, and what it says."""

    kind: str
    mark: str | None
    place: str
    line: int
    text: str


def blocks_of(document: str, place: str = "") -> list[Block]:
    return [
        Block(found["kind"], found["mark"], place, document.count("\n", 0, found.start("text")), found["text"])
        for found in _BLOCK.finditer(document)
    ]


def links_of(document: str) -> list[str]:
    """Return the links that lead to files."""
    targets = ("".join(groups) for groups in _LINK.findall(_CODE.sub("", document)))
    files = (target.partition("#")[0] for target in targets if "://" not in target and not target.startswith("mailto:"))
    return [target for target in files if target]


BLOCKS = [block for path in DOCUMENTS for block in blocks_of(path.read_text(encoding="utf-8"), path.stem)]
PROGRAMS = [block for block in BLOCKS if block.kind == "python" and block.mark != "not run"]
CONFIGS = [block for block in BLOCKS if block.kind == "yaml" and block.mark == "config"]


def line_of(block: Block) -> str:
    return f"{block.place}-line-{block.line}"


def test_blocks_and_links_are_found() -> None:
    document = (
        '[a](docs/a.md) ![b](b.svg#x) <img src="c.png"> [d](https://d) `[e](e)` [f](#f)\n\n[g]: g.md\n'
        "```python\n[h](h)\n```\n\n<!-- not run -->\n```python\n2\n```\n<!-- config -->\n\n```yaml\n3\n```\n"
        "```\n4\n```\n"
    )
    assert links_of(document) == ["docs/a.md", "b.svg", "c.png", "g.md"]
    assert [(block.kind, block.mark, block.text) for block in blocks_of(document)] == [
        ("python", None, "[h](h)\n"),
        ("python", "not run", "2\n"),
        ("yaml", "config", "3\n"),
    ]


def test_the_documents_have_programs_and_a_configuration() -> None:
    assert PROGRAMS
    assert CONFIGS


@pytest.mark.parametrize("block", PROGRAMS, ids=line_of)
def test_a_program_of_the_documents_runs(block: Block, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(block.text, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAIRQUE_")}
    ended = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        env=environment | {"FAIRQUE_REDIS__URL": "embedded://"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in ended.stderr.splitlines() if not line.startswith("task failed")]
    assert (ended.returncode, complaints) == (0, [])


@pytest.mark.parametrize("block", CONFIGS, ids=line_of)
def test_a_configuration_of_the_documents_loads(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "fq.yaml"
    file.write_text(block.text, encoding="utf-8")
    config = FairQueueConfig.from_yaml(file, environ={})
    assert config.workers or config.users


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_to_a_file(document: Path) -> None:
    links = links_of(document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []
