"""Schedules for people: a line each, one as a page, its next fires, what came of its last ones.

Never the arguments of their tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fairque.core.schedule import Fire, ScheduledTask
from fairque.core.zones import zone_named
from fairque.monitoring.schedules import OVERDUE, ScheduleLine, overdue
from fairque.monitoring.tables import cut_off, plain_table, span
from fairque.monitoring.task_page import listed, one_line
from fairque.monitoring.upcoming import Upcoming

_STATES: Final = {"active": "green", "paused": "yellow", "ended": "dim"}
_OUTCOMES: Final = {
    "fired": "green",
    "by hand": "green",
    "skipped": "yellow",
    "missed": "yellow",
    "refused": "bold red",
    "failed": "bold red",
}
_CATCHUPS: Final = {"none": "fires that no scheduler was there for do not happen", "one": "the last of them happens"}
_OVERLAPS: Final = {
    "skip": "a fire is skipped while the last task has not ended",
    "allow": "it fires while its earlier tasks have not ended",
}
_ORIGINS: Final = {"code": "a program", "yaml": "a configuration", "cli": "a command"}


def schedules_page(lines: Sequence[ScheduleLine], *, more: int = 0, now: datetime, pretty: bool) -> RenderableType:
    """Return a line for each schedule, and behind them how many `more` there are, and what is wrong. `pretty` is for
    terminals.
    """
    table = plain_table(pretty=pretty)
    for name in ("schedule", "when", "task", "user", "next", "", "last", "lag"):
        numeric, cut = name in {"", "lag"}, name in {"when", "task", "user"}
        table.add_column(name, justify="right" if numeric else "left", no_wrap=not cut)
    for one, last, _ in lines:
        lag = "-" if last is None else span(last.lag)
        table.add_row(
            Text(one.schedule_id, "bold"),
            *(cut_off(text) for text in (when_text(one), one.task_name or "-", one.user_id)),
            *_next(one, now, brief=True),
            _outcome(last),
            Text(lag, "bold red" if last and last.lag > OVERDUE else ""),
        )
    wrong: dict[str, list[str]] = {}
    for line in lines:
        for remark in line.remarks:
            wrong.setdefault(remark, []).append(line.schedule.schedule_id)
    alarms = [Text(f"{listed(ids)}: {remark}", "bold red") for remark, ids in wrong.items()]
    rest = [Text(f"and {more:,} more schedules: `fairque schedule list` shows all with --json", "dim")] if more else []
    return Group(table, *rest, *([Text(), *alarms] if alarms else []))


def schedule_page(
    line: ScheduleLine, coming: Sequence[Upcoming], history: Sequence[Fire], *, now: datetime, pretty: bool
) -> RenderableType:
    """Return a schedule, its next fires, and what came of the last ones."""
    one, zone = line.schedule, zone_named(line.schedule.timezone)
    parts: list[RenderableType] = [_definition(one, zone, now)]
    parts += [Text(remark, "bold red") for remark in line.remarks]
    if coming:
        parts += [Text(), upcoming_table(coming, now=now, pretty=pretty)]
    parts += [Text(), history_table(history, zone, pretty=pretty) if history else Text("it has not fired yet", "dim")]
    return Group(*parts)


def _definition(schedule: ScheduledTask, zone: ZoneInfo, now: datetime) -> Table:
    changed = f"{span((now - schedule.changed).total_seconds())} ago, by {_ORIGINS[schedule.origin]}"
    rows: dict[str, str | Text | None] = {
        "schedule": Text.assemble((schedule.schedule_id, "bold"), f"  version {schedule.version:,}"),
        "task": schedule.task_name or "none: a payload task",
        "user": schedule.user_id,
        "priority": schedule.task.priority.name,
        "fires": when_text(schedule),
        "from": None if schedule.start is None else local_text(schedule.start, zone),
        "until": None if schedule.end is None else local_text(schedule.end, zone),
        "overlap": _OVERLAPS[schedule.overlap],
        "missed": _CATCHUPS.get(schedule.catchup, f"as many as {schedule.catchup} says fire, the last ones"),
        "state": Text(schedule.state, _STATES[schedule.state]),
        "next": Text("  ").join(_next(schedule, now)),
        "changed": changed,
    }
    page = Table.grid(padding=(0, 2, 0, 0))
    page.add_column(style="dim", no_wrap=True)
    page.add_column(overflow="fold")
    for name, said in rows.items():
        if said is not None:
            page.add_row(name, Text(said) if isinstance(said, str) else said)
    return page


def upcoming_table(fires: Iterable[Upcoming], *, now: datetime, pretty: bool) -> RenderableType:
    """Return a line for each fire that is to come: by local time and in UTC, with what the clocks do."""
    table = plain_table(pretty=pretty)
    for name in ("local time", "offset", "UTC", "in", ""):
        table.add_column(name, justify="right" if name == "in" else "left", no_wrap=True)
    for at, local, marks in fires:
        away = (at - now).total_seconds()
        table.add_row(
            Text(f"{local:%a %Y-%m-%d} {_clock(local)}"),
            Text(offset_text(local)),
            Text(f"{at:%Y-%m-%d} {_clock(at)}"),
            Text(span(away) if away >= 0 else f"{span(-away)} ago"),
            Text("; ".join(marks), "bold yellow"),
        )
    return table


def history_table(fires: Iterable[Fire], zone: ZoneInfo, *, pretty: bool) -> RenderableType:
    """Return a line for what came of each fire, by local time."""
    table = plain_table(pretty=pretty)
    for name in ("due", "offset", "outcome", "lag", "task or reason"):
        table.add_column(name, justify="right" if name == "lag" else "left", no_wrap=name != "task or reason")
    for fire in fires:
        local = fire.instant.astimezone(zone)
        since = "" if fire.since in {None, fire.instant} else f"since {local_text(fire.since or fire.instant, zone)}"
        said = (fire.task_id or "", one_line(fire.detail), since)
        table.add_row(
            Text(f"{local:%a %Y-%m-%d} {_clock(local)}"),
            Text(offset_text(local)),
            _outcome(fire),
            Text(span(fire.lag)),
            Text(": ".join(part for part in said if part)),
        )
    return table


def when_text(schedule: ScheduledTask) -> str:
    """Return when a schedule fires: its expression and zone, or `every 30 s`."""
    return f"{schedule.cron_expr} {schedule.timezone}" if schedule.cron_expr else f"every {schedule.every:g} s"


def local_text(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant by a zone's clocks: `2026-03-29 03:00:00 CEST +02:00`."""
    local = at.astimezone(zone)
    return f"{local:%Y-%m-%d} {_clock(local)} {offset_text(local)}"


def offset_text(local: datetime) -> str:
    """Return the offset from UTC, behind the zone's abbreviation where it has one: `CEST +02:00`, `+10:30`, `UTC`."""
    name, offset = local.tzname() or "", f"{local:%z}"
    offset = f"{offset[:3]}:{offset[3:5]}"
    if name == "UTC":
        return name
    return f"{name} {offset}" if name[:1].isalpha() else offset


def _clock(at: datetime) -> str:
    """Return the time of day, to the millisecond where it is not a whole second."""
    return f"{at:%H:%M:%S}" + (f".{at.microsecond // 1000:03}" if at.microsecond else "")


def state_text(schedule: ScheduledTask, now: datetime) -> str:
    """Return how a schedule stands, in words."""
    if schedule.next_fire is None:
        return "is paused: it does not fire" if schedule.state == "paused" else "has ended: it fires no more"
    return f"fires next {' '.join(text.plain for text in _next(schedule, now))}"


def _next(schedule: ScheduledTask, now: datetime, *, brief: bool = False) -> tuple[Text, Text]:
    """Return when it fires next, and how far away that is; of one that does not fire, its state."""
    if schedule.next_fire is None:
        return Text(schedule.state, _STATES[schedule.state]), Text("-", "dim")
    late, away = overdue(schedule, now), (schedule.next_fire - now).total_seconds()
    style = "bold red" if late > OVERDUE else ""
    far = f"overdue {span(late)}" if style else "now" if late else f"in {span(away)}"
    zone = zone_named(schedule.timezone)
    local = schedule.next_fire.astimezone(zone)
    said = f"{local:%Y-%m-%d %H:%M:%S} {local:%Z}" if brief else local_text(local, zone)
    return Text(said, style), Text(far, style)


def _outcome(fire: Fire | None) -> Text:
    return Text("-", "dim") if fire is None else Text(fire.outcome, _OUTCOMES[fire.outcome])
