"""Service over time as a picture: panels of lines, written as SVG by hand. It brings its own background.

Colours are Okabe and Ito's, which people with any colour vision tell apart, darkened where text has them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

import msgspec

PALETTE: Final = ("#c44f00", "#0068a8", "#00795a", "#a8417d", "#7a5c00", "#3d6f94")
INK, FAINT, RULE, PAPER, FRAME = "#22262b", "#646b73", "#e4e4df", "#fdfdfb", "#d3d3cc"
_FONT: Final = "-apple-system, 'Segoe UI', 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif"
_ROW: Final = 17
"""Height of a line of small text, in pixels."""

Point = tuple[float, float]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line through points. `label` stands at its end; with `flag` it stands above, on a pole of so many rows."""

    points: tuple[Point, ...]
    colour: str
    label: str = ""
    flag: int = 0
    dashed: bool = False
    dot: bool = True


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Text of one or more lines at a point. `anchor`: start, middle or end."""

    at: Point
    lines: tuple[str, ...]
    anchor: str = "start"
    colour: str = FAINT


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of axes at a place of the picture (pixels: left, top, width, height), with what is drawn in it."""

    place: tuple[float, float, float, float]
    title: str
    x_label: str
    x: tuple[float, float]
    y: tuple[float, float]
    lines: tuple[Line, ...]
    notes: tuple[Note, ...] = ()
    percent: bool = False
    """The y axis counts parts of one."""
    headroom: float = 0
    """Pixels kept free above the greatest y, for flags."""
    log_x: bool = False
    log_y: bool = False
    """Equal distances are equal ratios."""
    marks: tuple[float, ...] = ()
    """Where the x axis has its numbers; empty: at round ones."""

    def across(self, x: float) -> float:
        """Return where an x lies, in pixels."""
        left, _, width, _ = self.place
        return left + _part(x, self.x, log=self.log_x) * width

    def down(self, y: float) -> float:
        """Return where a y lies, in pixels."""
        _, top, _, height = self.place
        return top + height - _part(y, self.y, log=self.log_y) * (height - self.headroom)


def draw(
    title: str, subtitle: Sequence[str], panels: Iterable[Panel], footer: str, *, width: int = 960, height: int = 680
) -> str:
    """Return the picture as an SVG document."""
    head = [_text(40, 50, title, size=22, weight=700)]
    head += [_text(40, 78 + 20 * row, line, size=14, colour=FAINT) for row, line in enumerate(subtitle)]
    head.append(_text(40, height - 18, footer, size=11, colour=FAINT))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'role="img" font-family="{_FONT}">',
            f"<title>{escape(title)}</title>",
            f'<rect x="1" y="1" width="{width - 2}" height="{height - 2}" rx="10" fill="{PAPER}" stroke="{FRAME}"/>',
            *head,
            *(part for panel in panels for part in _panel(panel)),
            "</svg>",
            "",
        ]
    )


def steps(
    instants: Sequence[float], *, since: float = 0.0, each: float = 1.0, until: float | None = None
) -> tuple[Point, ...]:
    """Return a staircase that begins at `since` and rises by `each` at every later instant, as far as `until`."""
    points, height = [(since, 0.0)], 0.0
    for instant in instants:
        if instant >= since and (until is None or instant <= until):
            points += [(instant, height), (instant, height + each)]
            height += each
    return (*points, (until, height)) if until is not None else tuple(points)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` + 1 round numbers from `low` to `high`, evenly spaced."""
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(step * place, 10) for place in range(first, math.floor(high / step + 1e-9) + 1)]


def powers(low: float, high: float) -> list[float]:
    """Return the powers of ten from `low` to `high`, both positive, with 2 and 5 times each where there are few."""
    tens = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(tens) <= 4 else (1,)
    found = (factor * 10.0**ten for ten in tens for factor in factors)
    return [number for number in found if low * 0.999 <= number <= high * 1.001]


def short(number: float) -> str:
    """Return a number in few letters: `0.5`, `200`, `10k`, `1M`."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{unit}"
    return f"{number:g}"


def _part(value: float, span: tuple[float, float], *, log: bool) -> float:
    """Return how far from the first end of a span to the other a value lies: 0 to 1."""
    low, high = span
    if log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _panel(panel: Panel) -> Iterator[str]:
    left, top, width, height = panel.place
    yield _text(left, top - 12, panel.title, size=13, weight=600)
    for y in powers(*panel.y) if panel.log_y else ticks(*panel.y, 4):
        shown = f"{y:.0%}" if panel.percent else short(y) if panel.log_y else f"{y:,g}"
        yield _rule(left, panel.down(y), left + width, panel.down(y), RULE)
        yield _text(left - 8, panel.down(y) + 4, shown, size=11, colour=FAINT, anchor="end")
    for x in panel.marks or ticks(*panel.x, 8 if width > 500 else 5):
        yield _rule(panel.across(x), top + height, panel.across(x), top + height + 5, FAINT)
        yield _text(
            panel.across(x),
            top + height + 19,
            short(x) if panel.marks else f"{x:g}",
            size=11,
            colour=FAINT,
            anchor="middle",
        )
    yield _rule(left, top + height, left + width, top + height, FAINT)
    yield _text(left + width, top + height + 36, panel.x_label, size=11, colour=FAINT, anchor="end")
    for line in panel.lines:
        yield from _line(panel, line)
    yield from _end_labels(panel)
    for note in panel.notes:
        for row, text in enumerate(note.lines):
            x, y = panel.across(note.at[0]), panel.down(note.at[1]) + row * _ROW
            weight = 400 if note.colour == FAINT else 600
            yield _text(x, y, text, size=12.5, weight=weight, colour=note.colour, anchor=note.anchor)


def _line(panel: Panel, line: Line) -> Iterator[str]:
    at = [(panel.across(x), panel.down(y)) for x, y in line.points]
    path = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in _thinned(at))
    style = ' stroke-width="1.6" stroke-dasharray="4 3" opacity="0.8"' if line.dashed else ' stroke-width="2.4"'
    yield f'<path d="{path}" fill="none" stroke="{line.colour}" stroke-linejoin="round"{style}/>'
    x, y = at[-1]
    if line.flag:
        top = panel.down(panel.y[1]) - line.flag * _ROW
        yield _rule(x, y, x, top - 4, line.colour)
        yield _text(x + 7, top + 4, line.label, size=12.5, weight=600, colour=line.colour)
    if line.dot:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{line.colour}" stroke="{PAPER}" stroke-width="1.2"/>'


def _end_labels(panel: Panel) -> Iterator[str]:
    """Write the labels at the ends of lines, moved apart where they would cover each other."""
    labelled = sorted(
        (line for line in panel.lines if line.label and not line.flag), key=lambda line: panel.down(line.points[-1][1])
    )
    lowest = -math.inf
    for line in labelled:
        x, y = line.points[-1]
        lowest = max(panel.down(y), lowest + _ROW)
        yield _text(panel.across(x) + 9, lowest + 4, line.label, size=12.5, weight=600, colour=line.colour)


def _thinned(points: Sequence[Point]) -> Iterator[Point]:
    """Leave out points that lie less than half a pixel from the last one kept."""
    kept = points[0]
    yield kept
    for point in points[1:-1]:
        if abs(point[0] - kept[0]) + abs(point[1] - kept[1]) >= 0.5:
            kept = point
            yield kept
    yield points[-1]


def _rule(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(
    x: float, y: float, text: str, *, size: float, colour: str = INK, anchor: str = "start", weight: int = 400
) -> str:
    placed = f'x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" font-weight="{weight}" fill="{colour}"'
    return f'<text {placed} text-anchor="{anchor}">{escape(text)}</text>'
