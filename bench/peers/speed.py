"""The speed of fairque and its rivals: the same work, on the same machine, in the same run.

    python bench/peers/speed.py [--only fairque,rq] [--repeats 3] [--quick] [--json]

Rounds are interleaved: in each, everybody is measured once, one after the other, each on a new server of its own (see
measures.py). Medians are reported. A whole run is written to bench/results/peers.json, of which `readme.py` makes the
README's table; a part of one to peers-part.json. Exit code 1: somebody could not take part, and the table says why.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click
from contestants import CONTESTANTS, Contestant
from home import NotInstalled, python_of
from measures import QUICK, Figures, Plan, measure
from processes import Failed
from program import RESULTS, Say, console_of, end_on_signals, finish, json_option, only_option, output_option, spinner
from redis.exceptions import RedisError
from report import Entry, document_of
from rich.console import Console
from speed_table import as_table, line_of


@click.command
@only_option
@click.option("--repeats", type=click.IntRange(min=1), help="Rounds; 3, or quick 1.")
@click.option("--quick", is_flag=True, help="One short round: to see that it works.")
@output_option
@json_option
def main(
    *, contestants: list[Contestant], repeats: int | None, quick: bool, output: Path | None, wants_json: bool
) -> None:
    """Measure fairque's speed beside other task queues'; these are installed under bench/.peers."""
    console = console_of(wants_json=wants_json)
    plan = QUICK if quick else Plan()
    plan = replace(plan, rounds=repeats or plan.rounds)
    entries = measured(contestants, plan, console)
    document = document_of(entries, plan=asdict(plan))
    whole = len(contestants) == len(CONTESTANTS) and not quick
    output = output or RESULTS / ("peers.json" if whole else "peers-part.json")
    finish(entries, document, as_table(document), output, console)


def measured(contestants: Sequence[Contestant], plan: Plan, console: Console) -> list[Entry[Figures]]:
    """Return what each gave in each round; who fails once is not measured again."""
    entries: list[Entry[Figures]] = [Entry(contestant) for contestant in contestants]
    with spinner(console) as say:
        pythons = dict(_installed(entries, say))
        for number in range(1, plan.rounds + 1):
            for entry in entries:
                if entry.error:
                    continue
                label = f"round {number} of {plan.rounds}, {entry.contestant.name}"
                say(label)
                try:
                    entry.runs.append(measure(entry.contestant, pythons[entry.contestant.name], plan))
                except (Failed, RedisError) as error:
                    entry.error = " ".join(str(error).split())
                console.print(f"{label}: {entry.error or line_of(entry.runs[-1])}")
    return entries


def _installed(entries: Sequence[Entry[Figures]], say: Say) -> Iterator[tuple[str, Path]]:
    for entry in entries:
        say(f"{entry.contestant.name}: its environment")
        try:
            yield entry.contestant.name, python_of(entry.contestant)
        except NotInstalled as error:
            entry.error = str(error)


if __name__ == "__main__":
    end_on_signals()
    main()
