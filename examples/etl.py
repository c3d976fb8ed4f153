"""Files to a report: a task reads each CSV file, one sums it up, one writes the report when all are there.

    python examples/etl.py [DIRECTORY [OUTPUT]]

Without a directory it makes one with the sales of four regions, and in one of its files a line is broken. That
region's task fails, a task that follows up on that writes a note, and the report waits; when the file is mended the
task is tried again, and the rest follows. The report is report.csv in OUTPUT (else in the directory).
"""

import csv
import os
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import rich

from fairque import FairQueueConfig, Graph, Run, TaskQueue, TaskState, Worker, from_parent, group, task
from fairque.monitoring.flow_tree import flow_tree

# ruff: noqa: S101 - an example says what holds

os.environ.setdefault("FAIRQUE_REDIS__URL", "embedded://")

REGIONS = {
    "east": ["2026-11-20,apples,12.50", "2026-11-20,pears,seven", "2026-11-21,apples,30.00"],
    "north": ["2026-11-20,apples,8.25", "2026-11-21,plums,4.75"],
    "south": ["2026-11-20,pears,19.99", "2026-11-20,pears,0.01", "2026-11-21,apples,5.00"],
    "west": ["2026-11-21,plums,11.00"],
}


@dataclass
class Sale:
    """A line of a file."""

    day: date
    product: str
    amount: Decimal


@dataclass
class Sum:
    """What a region sold of a product."""

    region: str
    product: str
    sales: int
    amount: Decimal


# A file that is wrong does not get better by itself.
@task(max_retries=0)
def extract(path: str) -> list[Sale]:
    """Read a file."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return [
            Sale(date.fromisoformat(line["day"]), line["product"], Decimal(line["amount"]))
            for line in csv.DictReader(file)
        ]


# What a parent returned comes as this parameter, rebuilt by its annotation.
@task
def summarize(region: str, sales: list[Sale] = from_parent()) -> list[Sum]:
    """Sum up one region."""
    products: dict[str, list[Decimal]] = {}
    for sale in sales:
        products.setdefault(sale.product, []).append(sale.amount)
    return [Sum(region, name, len(amounts), sum(amounts, Decimal())) for name, amounts in sorted(products.items())]


# Of a group it is a list, in the order in which the group was written.
@task(task_id="load")
def load(output: str, regions: list[list[Sum]] = from_parent()) -> int:
    """Write the report and return how many lines it has. A task may run twice: so it is written, then put in place."""
    lines = [line for region in regions for line in region]
    draft = Path(output, "report.csv.draft")
    with draft.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["region", "product", "sales", "amount"])
        out.writerows([line.region, line.product, line.sales, line.amount] for line in lines)
    draft.replace(draft.with_suffix(""))
    return len(lines)


@task
def complain(file: str, output: str) -> None:
    """Note that a file could not be read."""
    with Path(output, "notes.txt").open("a", encoding="utf-8") as notes:
        notes.write(f"{file} could not be read\n")


def pipeline(directory: Path, output: Path) -> Graph:
    """Return what makes one report of the CSV files of a directory: a >> b says that b waits for a."""
    regions = group(
        extract(str(path)).with_(task_id=f"extract-{path.stem}", on_failure=complain(path.name, str(output)))
        >> summarize(path.stem).with_(task_id=f"sum-{path.stem}")
        for path in sorted(directory.glob("*.csv"))
    )
    return regions >> load(str(output))


def drain_and_draw(worker: Worker, run: Run) -> None:
    """Let a worker do what there is to do, and draw how far the run is, as `fairque flow show` does."""
    worker.drain(timeout=30)
    rich.print(flow_tree(run.graph(), now=datetime.now(UTC)))


def own_files(queue: TaskQueue, worker: Worker, place: Path) -> None:
    """Make files, run into the broken one, mend it, and go on."""
    for region, lines in REGIONS.items():
        (place / f"{region}.csv").write_text("\n".join(["day,product,amount", *lines, ""]), encoding="utf-8")

    # The whole graph is enqueued or nothing of it. The run's id keeps its tasks apart from yesterday's.
    run = queue.enqueue(pipeline(place, place), user_id="finance", run_id="sales-2026-11-21")
    drain_and_draw(worker, run)
    assert run.state() is TaskState.FAILED
    assert (place / "notes.txt").read_text(encoding="utf-8") == "east.csv could not be read\n"
    assert not (place / "report.csv").exists(), "the report waits for all regions"

    mended = (place / "east.csv").read_text(encoding="utf-8").replace("seven", "7.00")
    (place / "east.csv").write_text(mended, encoding="utf-8")
    assert queue.retry("sales-2026-11-21/extract-east", user_id="finance")
    drain_and_draw(worker, run)
    assert run.state() is TaskState.FINISHED
    report = (place / "report.csv").read_text(encoding="utf-8").splitlines()
    print("\n".join(report))
    assert len(report) == 8
    assert report[1:3] == ["east,apples,2,42.50", "east,pears,1,7.00"]


def main() -> None:
    """Make the report of the directory that is named, or that of our own files."""
    config = FairQueueConfig.create_default()
    with TaskQueue(config) as queue, Worker(config) as worker, tempfile.TemporaryDirectory() as place:
        if len(sys.argv) == 1:
            own_files(queue, worker, Path(place))
            return
        directory, output = Path(sys.argv[1]), Path(sys.argv[-1])
        drain_and_draw(worker, queue.enqueue(pipeline(directory, output), user_id="finance"))


if __name__ == "__main__":
    main()
    print("etl: ok")
