"""Writes the tables of speeds in the README from what stands in bench/results, each between its two marks.

    python bench/peers/readme.py            write them
    python bench/peers/readme.py --check    exit code 1 if the README says anything else

`make bench` and `make bench-peers` measure, then write them.
"""

import json
from collections.abc import Callable
from pathlib import Path

import click
import msgspec
from speed_table import as_markdown

from fairque.monitoring.bench import Report
from fairque.monitoring.bench_targets import lines_of

ROOT = Path(__file__).resolve().parent.parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "bench" / "results"
PEERS, SPEED = RESULTS / "peers.json", RESULTS / "speed.json"


class _Measured(msgspec.Struct):
    """Of speed.json, what the README shows."""

    date: str
    versions: dict[str, str | int]
    main: Report


def main_figures() -> str:
    """Return the main figures as Markdown, and the floors that they are compared with."""
    measured = msgspec.json.decode(SPEED.read_bytes(), type=_Measured)
    lines = list(lines_of(measured.main))
    rows = [
        f"| {line.name} | {line.figure} | {line.ratio} | {line.target} | {line.verdict} |"
        for line in lines
        if line.ratio
    ]
    floors = "; ".join(f"{line.name.removeprefix('floor: ')} {line.figure}" for line in lines if not line.ratio)
    versions = ", ".join(f"{name} {value}" for name, value in measured.versions.items())
    head = ["| figure | measured | ratio | goal | |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows, "", f"Floors: {floors}. {measured.date}; {versions}.", ""])


TABLES: dict[str, Callable[[], str]] = {
    "speed": main_figures,
    "peers": lambda: as_markdown(json.loads(PEERS.read_text(encoding="utf-8"))),
}


@click.command
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 if the README says anything else.")
def main(*, check: bool) -> None:
    """Write the README's tables of speeds from what was measured."""
    said = wanted = README.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        wanted = written(wanted, name, table())
    if not check:
        README.write_text(wanted, encoding="utf-8")
    elif said != wanted:
        place = RESULTS.relative_to(ROOT)
        raise click.ClickException(f"{README.name} does not say what {place} does: run python bench/peers/readme.py")


def written(document: str, name: str, table: str) -> str:
    """Return a document with a table between its marks.

    Raises:
        ValueError: it does not have them, in this order.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, opened, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not (opened and closed):
        raise ValueError(f"the marks of the table {name} are missing")
    return f"{before}{begin}\n{table}\n{end}{after}"


if __name__ == "__main__":
    main()
