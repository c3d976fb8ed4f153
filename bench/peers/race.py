"""The fairness race: one user queues 5,000 tasks, then another queues 10. How long do the ten wait?

    python bench/peers/race.py [--only fairque,rq] [--repeats 3] [--json]

Everything is queued before the worker starts. Each task begins by appending its user's name and the time to one list
in Redis; the figure is the length of that list up to the last of the ten. Contestants run one after the other, each
run on a new server of its own. Exit code 1: somebody could not take part, and the table says why.
"""

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from contestants import CONTESTANTS, WAYS, Contestant
from home import NotInstalled, python_of
from processes import Failed, Process, push, redis_server, worker
from redis import Redis
from redis.exceptions import RedisError
from report import Entry, Run, as_document, as_table
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

RESULTS = Path(__file__).resolve().parent.parent / "results" / "race.json"
STARTS = "starts"  # the list that adapters/peer.py writes
NOISY, QUIET = 5_000, 10
LOOK = 0.02  # seconds between two looks at the list
SETTLE = 0.25  # seconds for starts that were before the last quiet one but are not on the list yet

Say = Callable[[str], None]


@click.command
@click.option("--only", metavar="NAME,...", default="", help=f"Of {', '.join(one.name for one in CONTESTANTS)}.")
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--limit", type=float, default=600.0, show_default=True, help="Seconds that one run may take.")
@click.option("--json", "wants_json", is_flag=True, help="Print JSON instead of the table.")
def main(*, only: str, repeats: int, limit: float, wants_json: bool) -> None:
    """Race fairque against other task queues; the others are installed under bench/.peers."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # end what was started, as on Ctrl-C
        signal.signal(number, lambda *_: sys.exit(143))
    console = Console(stderr=wants_json)
    if not console.is_terminal:
        console.width = 160
    entries = list(_entries(_chosen(only), repeats, limit, console))
    document = as_document(entries, NOISY, QUIET, repeats)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if wants_json:
        click.echo(json.dumps(document))
    else:
        console.print(as_table(entries, NOISY, QUIET, repeats))
    sys.exit(any(entry.error for entry in entries))


def _chosen(only: str) -> list[Contestant]:
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = set(names) - {one.name for one in CONTESTANTS}
    if unknown:
        raise click.BadParameter(f"no such contestant: {', '.join(sorted(unknown))}", param_hint="--only")
    return [one for one in CONTESTANTS if not names or one.name in names]


def _entries(chosen: list[Contestant], repeats: int, limit: float, console: Console) -> Iterator[Entry]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        for contestant in chosen:
            bar = progress.add_task(f"{contestant.name}: its environment", total=None)
            for entry in _rows(
                contestant, repeats, limit, lambda text, bar=bar: progress.update(bar, description=text)
            ):
                console.print(_line(entry), highlight=False)
                yield entry
            progress.remove_task(bar)


def _rows(contestant: Contestant, repeats: int, limit: float, say: Say) -> Iterator[Entry]:
    try:
        python = python_of(contestant)
    except NotInstalled as error:
        yield from (Entry(contestant, way, error=str(error)) for way in contestant.ways)
        return
    for way in contestant.ways:
        entry = Entry(contestant, way)
        try:
            for repeat in range(1, repeats + 1):
                label = f"{contestant.name}, {WAYS[way]}, {repeat} of {repeats}"
                run = _race(contestant, python, way, limit, lambda text, to=label: say(f"{to}: {text}"))
                entry.runs.append(run)
        except (Failed, RedisError) as error:
            entry.error = " ".join(str(error).split())
        yield entry


def _race(contestant: Contestant, python: Path, way: str, limit: float, say: Say) -> Run:
    with redis_server() as url, Redis.from_url(url, decode_responses=True) as client:
        say("queueing")
        push(contestant, python, url, way, "noisy", NOISY)
        push(contestant, python, url, way, "quiet", QUIET)
        if client.exists(STARTS):
            raise Failed("a task started before the worker")
        with worker(contestant, python, url, way) as process:
            return _watch(client, process, limit, say)


def _watch(client: Any, process: Process, limit: float, say: Say) -> Run:
    deadline = time.monotonic() + limit
    starts: list[str] = []
    while time.monotonic() < deadline:
        starts += client.lrange(STARTS, len(starts), -1)
        quiet = sum(line.startswith("quiet") for line in starts)
        if quiet >= QUIET:
            time.sleep(SETTLE)
            return _run(client.lrange(STARTS, 0, -1))
        process.check()
        say(f"{len(starts):,} started, {quiet} of them quiet")
        time.sleep(LOOK)
    raise Failed(f"{limit:g} s were not enough: {len(starts):,} tasks started; it says: {process.last_words()}")


def _run(starts: list[str]) -> Run:
    users, times = zip(*((user, float(at)) for user, at in map(str.split, starts)), strict=True)
    quiet = [place for place, user in enumerate(users) if user == "quiet"]
    last = max(times[place] for place in quiet[:QUIET])
    return Run(
        starts=quiet[QUIET - 1] + 1,
        starts_by_clock=sum(at <= last for at in times),
        seconds=round(last - min(times), 6),
    )


def _line(entry: Entry) -> str:
    found = entry.error or ", ".join(f"{run.starts:,}" for run in entry.runs)
    return f"{entry.contestant.name}, {WAYS[entry.way]}: {found}"


if __name__ == "__main__":
    main()
