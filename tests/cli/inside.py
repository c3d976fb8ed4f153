"""The program `fairque` inside the test's own process: as fast as a call, with the endings of `fairque.cli.entry`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from click.testing import CliRunner

from fairque.cli.entry import exit_code, said
from fairque.cli.main import fairque
from fairque.errors import FairqueError


class Ran(NamedTuple):
    """What a command ended with, and said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it said to machines: one line, and nothing on stderr."""
        assert (self.code, self.err, self.out.count("\n")) == (0, "", 1), self
        return json.loads(self.out)

    @property
    def rows(self) -> dict[str, str]:
        """Return what it said to people, by the first words of the lines."""
        assert (self.code, self.err) == (0, ""), self
        lines = (line.partition("  ") for line in self.out.splitlines())
        return {name: " ".join(rest.split()) for name, _, rest in lines}


def call(env: Mapping[str, str], *words: str, answer: str = "") -> Ran:
    """Run a command to its end, with no setting of fairque but these; `answer` is what it is told when it asks."""
    unset = dict.fromkeys(name for name in os.environ if name.startswith("FAIRQUE_"))
    ran = CliRunner(env=unset | dict(env)).invoke(fairque, list(words), input=answer)
    if isinstance(ran.exception, FairqueError):
        return Ran(exit_code(ran.exception), ran.stdout, f"{said(ran.exception)}\n")
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return Ran(ran.exit_code, ran.stdout, ran.stderr)
