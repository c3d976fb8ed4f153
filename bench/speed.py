"""How fast fairque is and how that grows: `make bench`.

The main figures are those of `fairque bench`. Then come curves, over users, queued tasks, threads, bodies and
processes; what idle workers cost; and what a quiet user feels of another's flood. Each is measured in rounds that go to
and fro between its points, beside the floor of the same minutes. Results stand in bench/results/: speed.json
(everything), speed.md, and a picture of each curve.

    python bench/speed.py [--quick] [--only main,users] [--again]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from curves import growth, waiting, workers
from curves.curve import Curve, Results
from curves.ground import Ground
from curves.page import markdown_of, page_of, picture_of
from curves.plan import QUICK, Plan
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from fairque.monitoring.bench import Bench, Report, versions_of
from fairque.monitoring.bench_floor import PlainRedis
from fairque.monitoring.tables import make_console, show
from fairque.store import embedded

RESULTS = Path(__file__).parent / "results"
CURVES: dict[str, Callable[[Ground], Curve]] = {
    "users": growth.users,
    "queued": growth.queued,
    "threads": workers.threads,
    "bodies": workers.bodies,
    "processes": workers.processes,
    "idle": waiting.idle,
    "flood": waiting.flood,
}


def main() -> None:
    options = _options()
    if options.again:
        results = msgspec.json.decode((options.results / "speed.json").read_bytes(), type=Results)
    else:
        results = _measured(QUICK if options.quick else Plan(), options.only)
    _write(results, options.results)
    console = make_console()
    show(console, page_of(results, pretty=console.is_terminal))


def _measured(plan: Plan, names: list[str]) -> Results:
    url = embedded.attach(None)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        report = _main_figures(url, plan, progress) if "main" in names else None
        curves = [_curve(name, url, plan, progress) for name in CURVES if name in names]
    date = time.strftime("%Y-%m-%d %H:%M")
    return Results(date, plan is QUICK, versions_of(_server(url)), report, curves)


def _main_figures(url: str, plan: Plan, progress: Progress) -> Report:
    run = Bench(plan.main, url)
    bar = progress.add_task("main figures", total=run.steps)
    run.on_step = lambda what: progress.update(bar, advance=1, description=f"main figures: {what}")
    report = run.run()
    progress.update(bar, completed=run.steps, description="main figures")
    return report


def _curve(name: str, url: str, plan: Plan, progress: Progress) -> Curve:
    bar = progress.add_task(name, total=1.0)
    ground = Ground(url, plan, lambda what, done: progress.update(bar, completed=done, description=f"{name}: {what}"))
    try:
        return CURVES[name](ground)
    finally:
        ground.close()
        progress.update(bar, completed=1.0, description=name)


def _server(url: str) -> str:
    plain = PlainRedis(url, "bench")
    try:
        return plain.server()
    finally:
        plain.close()


def _write(results: Results, place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    document = msgspec.json.format(msgspec.json.encode(results), indent=2)
    (place / "speed.json").write_bytes(document + b"\n")
    (place / "speed.md").write_text(markdown_of(results), encoding="utf-8")
    for curve in results.curves:
        (place / f"{curve.name}.svg").write_text(picture_of(curve, results), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="all of it small, in half a minute: to see that it works")
    parser.add_argument("--only", type=_names, default=["main", *CURVES], metavar="NAME,...", help=_named())
    parser.add_argument("--again", action="store_true", help="measure nothing: tables and pictures of speed.json")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="where they are written")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if unknown := set(names) - {"main", *CURVES}:
        raise argparse.ArgumentTypeError(f"no such curve: {', '.join(sorted(unknown))}; {_named()}")
    return names


def _named() -> str:
    return f"of main, {', '.join(CURVES)}"


if __name__ == "__main__":
    main()
