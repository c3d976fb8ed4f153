"""What the programs of this directory share: whom they take, and how they show what is going on."""

import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from contestants import CONTESTANTS, Contestant
from report import Entry
from rich.console import Console, RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

RESULTS = Path(__file__).resolve().parent.parent / "results"
NAMES = ", ".join(one.name for one in CONTESTANTS)

Say = Callable[[str], None]


def chosen(_: click.Context, __: click.Parameter, only: str) -> list[Contestant]:
    """Return those whose names were given, or all."""
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = set(names) - {one.name for one in CONTESTANTS}
    if unknown:
        raise click.BadParameter(f"no such contestant: {', '.join(sorted(unknown))}")
    return [one for one in CONTESTANTS if not names or one.name in names]


only_option = click.option(
    "--only", "contestants", metavar="NAME,...", default="", callback=chosen, help=f"Of {NAMES}."
)
output_option = click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the JSON instead."
)
json_option = click.option("--json", "wants_json", is_flag=True, help="Print JSON instead of the table.")


def console_of(*, wants_json: bool) -> Console:
    """Return where to show things; JSON has the standard output to itself."""
    console = Console(stderr=wants_json, highlight=False)
    if not console.is_terminal:
        console.width = 180
    return console


def end_on_signals() -> None:
    """End what was started on SIGTERM and SIGHUP, as on Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))


@contextlib.contextmanager
def spinner(console: Console) -> Iterator[Say]:
    """Show what is being done for the time of the block."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=None)
        yield lambda text: progress.update(bar, description=text)


def finish(
    entries: Sequence[Entry[Any]], document: dict[str, Any], table: RenderableType, results: Path, console: Console
) -> None:
    """Write and show what was found, and exit: with code 1 if somebody could not take part."""
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if console.stderr:
        click.echo(json.dumps(document))
    else:
        console.print(table)
    sys.exit(any(entry.error for entry in entries))
