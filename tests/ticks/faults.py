"""A connection whose owner may kill or stop itself, or lose a reply, at each moment of each call."""

from __future__ import annotations

import os
import random
import signal
from typing import Any, Final

import redis

from fairque.store.link import Port
from tests.ticks.board import CALLS, CELLS, WAR, Board, Cell

OFTEN: Final = 0.01
"""How likely each fault is at each moment. Of the rare call it is likelier, and where it has not struck yet."""
_RARE: Final = 2
_NEVER_YET: Final = 50


class Doom:
    """Decides at each moment what befalls a scheduler, and counts it before it does."""

    def __init__(self, board: Board, post: int, chance: random.Random) -> None:
        self._board, self._post, self._chance = board, post, chance
        self.call = ""
        """The script that is called."""

    def meet(self, position: str) -> None:
        """Come to a moment of a call."""
        if self._board.phase != WAR:
            return
        call = self.call if self.call in CALLS else "other"
        for cell in _AT[call, position]:
            if self._chance.random() < self._likely(cell):
                self._board.note(self._post, cell)
                self._strike(cell)

    def _likely(self, cell: Cell) -> float:
        likely = OFTEN * (_RARE if cell[1] == "schedule" else 1)
        return likely if self._board.count(cell) else likely * _NEVER_YET

    def _strike(self, cell: Cell) -> None:
        match cell[0]:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case _:
                raise redis.ConnectionError("lost on the way")


_AT: Final = {(call, position): [cell for cell in CELLS if cell[1:] == (call, position)] for _, call, position in CELLS}


class DoomedConnection:
    """A connection of redis-py's, and what may befall its owner."""

    def __init__(self, connection: Any, doom: Doom) -> None:
        self._inner, self._doom = connection, doom

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def send_packed_command(self, packed: Any, **options: Any) -> None:
        """Send a call."""
        self._doom.meet("is to be sent")
        self._inner.send_packed_command(packed, **options)
        try:
            self._doom.meet("is sent")
        except redis.ConnectionError:
            self._inner.disconnect()  # as redis-py does
            raise

    def read_response(self, **options: Any) -> Any:
        """Read its answer."""
        reply = self._inner.read_response(**options)
        self._doom.meet("is answered")
        return reply


class DoomedAddress:
    """Stands for a driver's address: makes such connections."""

    def __init__(self, address: Any, doom: Doom) -> None:
        self._address, self._doom = address, doom

    def port(self, pool_of: Any) -> Port:
        """Return a new connection."""
        port: Port = self._address.port(pool_of)
        return port._replace(connection=DoomedConnection(port.connection, self._doom))
