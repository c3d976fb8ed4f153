"""How a program hears that it is to stop: SIGTERM and SIGINT."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

HEARING: Final = 1.0
"""Longest wait of the thread that handles signals, in seconds: one that comes between Python's last look for signals
and the wait does not end it (one in four, sent while a worker with busy threads had just started).
"""


@contextmanager
def on_signals(handle: Any) -> Iterator[None]:
    """Handle SIGTERM and SIGINT for the time of the block, where this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
