"""Writes the table of speeds in the README from bench/results/peers.json, between its two marks.

    python bench/peers/readme.py            write it
    python bench/peers/readme.py --check    exit code 1 if the README says anything else

`make bench-peers` measures, then writes it.
"""

import json
from pathlib import Path

import click
from speed_table import as_markdown

ROOT = Path(__file__).resolve().parent.parent.parent
README = ROOT / "README.md"
PEERS = ROOT / "bench" / "results" / "peers.json"
BEGIN, END = "<!-- peers -->\n", "<!-- /peers -->\n"


@click.command
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 if the README says anything else.")
def main(*, check: bool) -> None:
    """Write the README's table of speeds from what was measured."""
    said = README.read_text(encoding="utf-8")
    wanted = written(said, as_markdown(json.loads(PEERS.read_text(encoding="utf-8"))))
    if not check:
        README.write_text(wanted, encoding="utf-8")
    elif said != wanted:
        place = PEERS.relative_to(ROOT)
        raise click.ClickException(f"{README.name} does not say what {place} does: run python bench/peers/readme.py")


def written(document: str, table: str) -> str:
    """Return a document with a table between its marks.

    Raises:
        ValueError: it does not have them, in this order.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError("the marks of the table are missing")
    return f"{before}{begin}\n{table}\n{end}{after}"


if __name__ == "__main__":
    main()
