"""One place of a supervisor's: when a child is started again, how soon, and when not."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fairque.worker import post as posts
from fairque.worker.post import Post
from tests.waiting import wait_until

SERVE = "import os, sys; os.write(int(sys.argv[1]), b'!'); "
STAY = "import time; time.sleep(60)"


class Seen:
    """A post, and what it does: each bereavement and the end, with the time."""

    def __init__(self, program: str) -> None:
        self.bereaved: list[float] = []
        self.vacated: list[float] = []
        self.post = Post(
            "w.1",
            [sys.executable, "-S", "-c", program],
            bereave=self._bereave,
            vacate=lambda: self.vacated.append(time.monotonic()),
        )
        self.post.start()

    def _bereave(self, worker_id: str) -> str:
        assert worker_id == "w.1"
        self.bereaved.append(time.monotonic())
        return "done"

    def wait_for_end(self) -> int:
        wait_until(lambda: self.vacated, description="the post is vacant")
        return self.post.failed


@pytest.fixture
def man() -> Iterator[Callable[[str], Seen]]:
    """Give a maker of posts; at the end they are relieved."""
    made: list[Seen] = []

    def man(program: str) -> Seen:
        made.append(Seen(program))
        return made[-1]

    yield man
    for seen in made:
        seen.post.relieve(at_once=False)
        seen.post.kill()
        seen.wait_for_end()


Man = Callable[[str], Seen]


def test_a_child_that_dies_young_again_and_again_is_started_ever_more_slowly(
    man: Man, caplog: pytest.LogCaptureFixture
) -> None:
    seen = man(f"{SERVE} os._exit(9)")
    wait_until(lambda: len(seen.bereaved) == 4, description="four have died", timeout=20)
    pauses = [later - earlier for earlier, later in zip(seen.bereaved, seen.bereaved[1:], strict=False)]
    assert [pause >= least for pause, least in zip(pauses, (0.25, 0.5, 1.0), strict=True)] == [True] * 3, pauses
    assert "ended with exit code 9" in caplog.text
    assert all(record.worker == "w.1" for record in caplog.records)  # type: ignore[attr-defined]


def test_one_that_has_lived_long_enough_is_replaced_at_once(man: Man, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posts, "STEADY", 0.0)
    seen = man(f"{SERVE} os._exit(9)")
    wait_until(lambda: len(seen.bereaved) == 8, description="eight have died, which would take half a minute at least")


@pytest.mark.parametrize("code", [1, 2, 3])
def test_a_first_child_that_cannot_even_start_has_no_successor(man: Man, code: int) -> None:
    seen = man(f"raise SystemExit({code})")
    assert seen.wait_for_end() == code
    assert seen.bereaved == []


def test_one_that_is_killed_before_it_serves_has_one(man: Man) -> None:
    seen = man("import os; os.kill(os.getpid(), 9)")
    wait_until(lambda: len(seen.bereaved) == 2, description="two have been killed")


def test_a_later_one_that_cannot_start_has_one(man: Man, tmp_path: Any) -> None:
    flag = tmp_path / "been"
    seen = man(f"{SERVE} import pathlib as p; f = p.Path({str(flag)!r}); f.exists() and sys.exit(2); f.touch(); 1 / 0")
    wait_until(lambda: len(seen.bereaved) == 3, description="three have ended")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-signal.SIGSEGV, "was killed by SIGSEGV"),
        (-signal.SIGRTMIN - 1, f"was killed by signal {signal.SIGRTMIN + 1}"),
        (0, "ended with exit code 0"),
    ],
)
def test_how_a_child_ended_is_told_in_words(code: int, words: str) -> None:
    assert posts._how(code) == words


def test_a_child_ends_when_its_lifeline_does(man: Man) -> None:
    seen = man(f"{SERVE} os.read(int(sys.argv[1]), 1)")
    wait_until(lambda: seen.post._child and seen.post._child.has_served(), description="it serves")
    seen.post.relieve(at_once=True)
    assert seen.wait_for_end() == 0
    assert seen.bereaved == [], "it ended in order"


def test_a_command_that_cannot_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch, man: Man) -> None:
    tries = []
    real = posts.Child

    def scarce(command: Any) -> Any:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise OSError(11, "Resource temporarily unavailable")
        return real(command)

    monkeypatch.setattr(posts, "Child", scarce)
    seen = man(f"{SERVE} {STAY}")
    wait_until(lambda: len(tries) == 3, description="it has been tried three times")
    assert tries[2] - tries[0] >= 0.75
    seen.post.relieve(at_once=False)
    assert seen.wait_for_end() == 0
    assert len(seen.bereaved) == 1, "it was killed by SIGTERM"
