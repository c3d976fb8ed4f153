"""The fairness race: one user queues 5,000 tasks, then another queues 10. How long do the ten wait?

    python bench/peers/race.py [--only fairque,rq] [--repeats 3] [--json]

Everything is queued before the worker starts. Each task begins by stamping its start; the figure is how many started
up to the last of the ten. Contestants run one after the other, each run on a new server of its own. Exit code 1:
somebody could not take part, and the table says why.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from contestants import WAYS, Contestant
from home import NotInstalled, python_of
from processes import Failed, stage
from program import RESULTS, Say, console_of, end_on_signals, finish, json_option, only_option, output_option, spinner
from race_table import Run, as_table
from redis.exceptions import RedisError
from report import Entry, document_of
from rich.console import Console

NOISY, QUIET = 5_000, 10
SETTLE = 0.25  # seconds for starts that were before the last quiet one but are not stamped yet


@click.command
@only_option
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--limit", type=float, default=600.0, show_default=True, help="Seconds that one run may take.")
@output_option
@json_option
def main(*, contestants: list[Contestant], repeats: int, limit: float, output: Path | None, wants_json: bool) -> None:
    """Race fairque against other task queues; the others are installed under bench/.peers."""
    console = console_of(wants_json=wants_json)
    entries = list(_entries(contestants, repeats, limit, console))
    document = document_of(
        entries, noisy_tasks=NOISY, quiet_tasks=QUIET, repeats=repeats, even_share=2 * QUIET, in_order=NOISY + QUIET
    )
    finish(entries, document, as_table(entries, NOISY, QUIET, repeats), output or RESULTS / "race.json", console)


def _entries(contestants: list[Contestant], repeats: int, limit: float, console: Console) -> Iterator[Entry[Run]]:
    with spinner(console) as say:
        for contestant in contestants:
            say(f"{contestant.name}: its environment")
            for entry in _rows(contestant, repeats, limit, say):
                console.print(_line(entry))
                yield entry


def _rows(contestant: Contestant, repeats: int, limit: float, say: Say) -> Iterator[Entry[Run]]:
    try:
        python = python_of(contestant)
    except NotInstalled as error:
        yield from (Entry(contestant, way, error=str(error)) for way in contestant.ways)
        return
    for way in contestant.ways:
        entry: Entry[Run] = Entry(contestant, way)
        try:
            for repeat in range(1, repeats + 1):
                say(f"{contestant.name}, {WAYS[way]}, {repeat} of {repeats}")
                entry.runs.append(_race(contestant, python, way, limit))
        except (Failed, RedisError) as error:
            entry.error = " ".join(str(error).split())
        yield entry


def _race(contestant: Contestant, python: Path, way: str, limit: float) -> Run:
    with stage(contestant, python, way, NOISY + QUIET) as scene:
        scene.push(["noisy"], 0, many=NOISY)
        scene.push(["quiet"], NOISY, one=QUIET)
        if any(scene.starts()):
            raise Failed("a task started before the worker")
        with scene.worker() as process:
            scene.await_starts(process, NOISY, QUIET, limit)
            time.sleep(SETTLE)
            return _run(scene.starts())


def _run(starts: Sequence[float]) -> Run:
    last = max(starts[NOISY:])
    until = [at for at in starts if 0 < at <= last]
    return Run(starts=len(until), seconds=round(last - min(until), 6))


def _line(entry: Entry[Run]) -> str:
    found = entry.error or ", ".join(f"{run.starts:,}" for run in entry.runs)
    return f"{entry.contestant.name}, {WAYS[entry.way]}: {found}"


if __name__ == "__main__":
    end_on_signals()
    main()
