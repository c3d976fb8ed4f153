"""What commands have in common that cannot be undone or may take long: asked before, and a line while they last."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Final

import click

from fairque.errors import RedisUnavailable

_EVERY: Final = 0.5
"""Seconds between two looks at how far it is."""

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def ask(question: str) -> None:
    """Go on only if whoever stands before the terminal says yes; without an answer the program ends with 1."""
    click.confirm(question, abort=True, err=True)


@contextlib.contextmanager
def lasting(doing: str, far: Callable[[], str]) -> Iterator[None]:
    """Say on a terminal what is being done while the block lasts, and how far it is."""
    from rich.text import Text

    from fairque.monitoring.tables import make_console

    console, over = make_console(stderr=True), threading.Event()
    if not console.is_terminal:
        yield
        return

    with console.status(Text(f"{doing} …")) as status:

        def tell() -> None:
            with contextlib.suppress(RedisUnavailable):  # then what is being done tells of it
                while not over.wait(_EVERY):
                    status.update(Text(f"{doing} … {far()}"))

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        try:
            yield
        finally:
            over.set()
            teller.join()
