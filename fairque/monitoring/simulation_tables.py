"""A simulated run, or two of them side by side, as tables: pretty on a terminal, plain aligned text elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from fairque.monitoring.simulation_report import Report, UserResult
from fairque.monitoring.tables import plain_table, quantity, span, wait_text


class _Column(NamedTuple):
    name: str
    say: Callable[[UserResult], str | Text]
    room: int = 0
    """Only on terminals of so many columns, or where there is none."""


_COLUMNS: Final = (
    _Column("weight", lambda user: f"{user.weight:g}", 100),
    _Column("tasks", lambda user: quantity(user.tasks), 100),
    _Column("waiting", lambda user: quantity(user.waiting), 100),
    _Column("{unit}", lambda user: f"{user.received:,.0f}"),
    _Column("share", lambda user: _percent(user.share)),
    _Column("entitled", lambda user: _percent(user.entitled_share)),
    _Column("ratio", lambda user: _ratio(user.ratio)),
    _Column("behind", lambda user: "-" if user.behind is None else f"{user.behind:,.1f}", 100),
    _Column("wait p50", lambda user: _wait(user.wait_p50_s)),
    _Column("p95", lambda user: _wait(user.wait_p95_s)),
    _Column("p99", lambda user: _wait(user.wait_p99_s)),
)
_PAIRS: Final = tuple(one for one in _COLUMNS if one.name in {"weight", "share", "entitled", "wait p50", "p95", "p99"})


def report_page(report: Report, *, pretty: bool, width: int) -> RenderableType:
    """Return one run. `pretty` is for terminals, of so many columns."""
    columns = [column for column in _COLUMNS if width >= column.room]
    table = _table(columns, report, pretty=pretty, justify="right")
    for user in report.users:
        table.add_row(Text(user.user_id, "bold"), *(column.say(user) for column in columns))
    return Group(Text(report.title, "bold"), Text(), table, Text(), *_remarks(report))


def comparison_page(
    before: Report, after: Report, changes: Sequence[str], *, pretty: bool, width: int
) -> RenderableType:
    """Return two runs, the trace as it is and with the changes."""
    columns = [column for column in _PAIRS if width >= column.room]
    table = _table(columns, before, pretty=pretty, justify="left")
    old, new = ({user.user_id: user for user in report.users} for report in (before, after))
    for user_id in dict.fromkeys([*old, *new]):
        pair = (old.get(user_id), new.get(user_id))
        table.add_row(Text(user_id, "bold"), *(_arrow(pair, column) for column in columns))
    parts: list[RenderableType] = [
        Text(before.title, "bold"),
        Text(f"as it is → with {', '.join(changes)}"),
        Text(),
        table,
        Text(),
    ]
    for label, report in (("as it is", before), ("changed", after)):
        parts += [Text(label, "bold"), *_remarks(report)]
    return Group(*parts)


def _table(columns: Sequence[_Column], report: Report, *, pretty: bool, justify: JustifyMethod) -> Table:
    table = plain_table(pretty=pretty)
    table.add_column("user", no_wrap=True, overflow="ellipsis", min_width=8)
    for column in columns:
        table.add_column(column.name.format(unit=report.unit), justify=justify, no_wrap=True)
    return table


def _arrow(pair: tuple[UserResult | None, UserResult | None], column: _Column) -> str:
    old, new = ("-" if user is None else str(column.say(user)) for user in pair)
    return old if old == new else f"{old} → {new}"


def _remarks(report: Report) -> Iterator[Text]:
    """Yield what there is to say of the whole run."""
    begin, end = report.window_s
    competed = f"users competed from {begin:,.1f} s to {end:,.1f} s" if report.competed else "users never competed"
    yield Text(f"{span(report.seconds)} on {report.slots} slots, {report.busy:.1%} busy; {competed}", "dim")
    if report.jain is None:
        yield Text("no entitled shares: workers have lists, so they do not serve all users alike", "dim")
    else:
        behind = max((user.behind or 0.0 for user in report.users), default=0.0)
        said = f"Jain's index {report.jain:.6f}; nobody was ever more than {behind:,.1f} {report.unit} behind"
        yield Text(said, "dim")
    if refused := sum(user.refused for user in report.users):
        yield Text(f"{refused:,} tasks were refused for a max_backlog", "yellow")
    if report.idle_slot_seconds:
        lost = f"{report.idle_slot_seconds:,.3f} slot seconds stood idle while a task waited that could have run there"
        yield Text(lost, "yellow")


def _wait(seconds: float | None) -> str:
    return wait_text(None if seconds is None else seconds * 1000)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def _ratio(ratio: float | None) -> Text:
    if ratio is None:
        return Text("-")
    return Text(f"{ratio:.4f}", "green" if abs(ratio - 1) <= 0.01 else "yellow")
