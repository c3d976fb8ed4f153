"""The picture: well-formed, to scale, readable on any background."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from fairque.monitoring.picture import FAINT, INK, PALETTE, PAPER, Line, Note, Panel, draw, powers, short, steps, ticks

SVG = "{http://www.w3.org/2000/svg}"


def panel(*lines: Line, notes: tuple[Note, ...] = ()) -> Panel:
    return Panel(
        place=(100.0, 100.0, 400.0, 200.0),
        title="Tasks",
        x_label="seconds",
        x=(0.0, 10.0),
        y=(0.0, 100.0),
        lines=lines,
        notes=notes,
    )


def drawn(*panels: Panel, title: str = "A title") -> ElementTree.Element:
    return ElementTree.fromstring(draw(title, ("a subtitle",), panels, "a footer"))


def texts(picture: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


def test_it_has_a_title_a_background_axes_and_labels() -> None:
    line = Line(points=((0, 0), (5, 50), (10, 100)), colour=PALETTE[0], label="team-a")
    picture = drawn(panel(line, notes=(Note(at=(2, 80), lines=("one", "two")),)))
    assert picture.find(f"{SVG}title") is not None
    background = picture.find(f"{SVG}rect")
    assert background is not None
    assert background.get("fill") == PAPER
    assert {"A title", "a subtitle", "a footer", "Tasks", "seconds", "team-a", "one", "two"} <= set(texts(picture))
    assert {"0", "50", "100"} <= set(texts(picture))


def test_points_lie_where_the_axes_say() -> None:
    picture = drawn(panel(Line(points=((0, 0), (5, 50), (10, 100)), colour="#000000")))
    path = picture.find(f"{SVG}path")
    assert path is not None
    assert path.get("d") == "M100.0 300.0 L300.0 200.0 L500.0 100.0"


def test_what_is_not_text_in_xml_is_escaped() -> None:
    line = Line(points=((0, 0), (1, 1)), colour="#000000", label='<b> & "c"')
    picture = drawn(panel(line), title="1 < 2")
    assert {"1 < 2", '<b> & "c"'} <= set(texts(picture))


def test_labels_at_one_height_are_moved_apart() -> None:
    same = [Line(points=((0, 0), (9, 50)), colour=PALETTE[n], label=f"team-{n}") for n in range(4)]
    picture = drawn(panel(*same))
    heights = sorted(
        float(text.get("y", "0")) for text in picture.iter(f"{SVG}text") if (text.text or "").startswith("team-")
    )
    assert all(below - above >= 16 for above, below in itertools.pairwise(heights))


def test_steps_rise_at_each_instant_and_reach_as_far_as_asked() -> None:
    assert steps([1.0, 2.0]) == ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (2.0, 1.0), (2.0, 2.0))
    assert steps([0.5, 1.0, 9.0], since=0.7, until=3.0) == ((0.7, 0.0), (1.0, 0.0), (1.0, 1.0), (3.0, 1.0))


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 1, 4, [0, 0.5, 1]),
        (0, 62, 4, [0, 20, 40, 60]),
        (0, 26.5, 8, [0, 5, 10, 15, 20, 25]),
        (0, 0.185, 5, [0, 0.05, 0.1, 0.15]),
        (0, 4, 4, [0, 1, 2, 3, 4]),
        (3.1, 3.5, 5, [3.1, 3.2, 3.3, 3.4, 3.5]),
        (0, 120_000, 4, [0, 50_000, 100_000]),
    ],
)
def test_ticks_are_few_and_round(low: float, high: float, most: int, expected: list[float]) -> None:
    assert ticks(low, high, most) == pytest.approx(expected)


def test_a_line_of_many_points_stays_small() -> None:
    many = steps([second / 1000 for second in range(10_000)], each=0.01)
    path = drawn(panel(Line(points=many, colour="#000000"))).find(f"{SVG}path")
    assert path is not None
    assert len(path.get("d", "")) < 40_000


def contrast(colour: str, ground: str) -> float:
    """Return the contrast ratio of WCAG 2."""

    def light(text: str) -> float:
        parts = [int(part, 16) / 255 for part in re.findall("..", text.lstrip("#"))]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted((light(colour), light(ground)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colour", [*PALETTE, INK, FAINT])
def test_every_colour_of_text_can_be_read_on_the_paper(colour: str) -> None:
    assert contrast(colour, PAPER) >= 4.5


def test_where_axes_are_logarithmic_equal_ratios_are_equal_distances() -> None:
    line = Line(points=((10, 1), (100, 10), (1_000, 100)), colour="#000000")
    plain = panel(line)
    picture = drawn(replace(plain, x=(10.0, 1_000.0), y=(1.0, 100.0), log_x=True, log_y=True, marks=(10.0, 1_000.0)))
    path = picture.find(f"{SVG}path")
    assert path is not None
    assert path.get("d") == "M100.0 300.0 L300.0 200.0 L500.0 100.0"
    assert {"10", "1k", "1", "2", "5", "50", "100"} <= set(texts(picture))
    assert "200" not in texts(picture), "the x axis has only its marks"


def test_logarithmic_axes_have_powers_of_ten_and_few_letters() -> None:
    assert powers(3, 60) == [5, 10, 20, 50]
    assert powers(0.1, 1_000_000) == [0.1, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000]
    assert [short(number) for number in (0.5, 200, 10_000, 2_500_000)] == ["0.5", "200", "10k", "2.5M"]
