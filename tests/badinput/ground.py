"""Where bad input is tried: one queue in both colours and by command line, and all that Redis holds of it."""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import Any, Final, NamedTuple, cast

import pytest
import redis

from fairque import AsyncTaskQueue, AsyncTaskScheduler, FairQueueConfig, TaskQueue, TaskScheduler
from fairque.core.settings import QueueSettings, RedisSettings
from fairque.errors import FairqueError
from tests.cli.inside import Ran, call
from tests.cli.program import settings
from tests.contract.facade import Blocking, Loop
from tests.server import delete_keys

COLOURS: Final = ("sync", "async")
LONGEST: Final = 400
"""Characters of an error's text, however long what was given."""

Snapshot = dict[tuple[bytes, bytes], bytes]
"""All that Redis holds: (key, field or member or item) -> value; but for answers kept for a few seconds (`last:`)."""

_READ_ALL: Final = """
local found = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local kind, items = redis.call('TYPE', key).ok, nil
  if string.find(key, ':last:', 1, true) then
    items = {}
  elseif kind == 'hash' then
    items = redis.call('HGETALL', key)
  elseif kind == 'zset' then
    items = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'string' then
    items = { '', redis.call('GET', key) }
  else
    items = {}
    for n, item in ipairs(kind == 'list' and redis.call('LRANGE', key, 0, -1) or redis.call('SMEMBERS', key)) do
      items[2 * n - 1], items[2 * n] = item, tostring(kind == 'list' and n or 0)
    end
  end
  if #items > 0 then
    found[#found + 1] = { key, items }
  end
end
return found
"""


class CommandRefused(FairqueError):
    """A command ended with another exit code than 0."""

    def __init__(self, ran: Ran) -> None:
        super().__init__(ran.err)
        self.ran = ran


class Ground(NamedTuple):
    """One queue with keys of its own."""

    queues: dict[str, TaskQueue]
    """By colour."""
    schedulers: dict[str, TaskScheduler]
    """Likewise; none of them runs."""
    config: FairQueueConfig
    env: dict[str, str]
    client: redis.Redis

    @property
    def prefix(self) -> str:
        return self.config.queue.prefix

    def snapshot(self) -> Snapshot:
        """Return all that Redis holds of this queue, and of any other whose name has this prefix."""
        found = self.client.execute_command("EVAL", _READ_ALL, 0, f"*{self.prefix}*")  # type: ignore[no-untyped-call]
        return {(key, item): value for key, items in found for item, value in zip(items[::2], items[1::2], strict=True)}

    def command(self, *words: str) -> Ran:
        """Run a command that has nothing to complain of."""
        ran = call(self.env, *words)
        if ran.code:
            raise CommandRefused(ran)
        return ran


@contextmanager
def opened(redis_url: str, **changes: Any) -> Iterator[Ground]:
    """Give a queue that has been met, with keys of its own; they are deleted at the end."""
    prefix = f"bad-{uuid.uuid4().hex[:12]}"
    config = FairQueueConfig(redis=RedisSettings(url=redis_url), queue=QueueSettings(prefix=prefix), **changes)
    with ExitStack() as stack:
        client = stack.enter_context(redis.Redis.from_url(redis_url))
        loop = Loop()
        stack.callback(loop.close)
        stack.callback(delete_keys, client, prefix)
        blocking: Any = stack.enter_context(Blocking(AsyncTaskQueue(config), loop))
        queues = {"sync": stack.enter_context(TaskQueue(config)), "async": cast("TaskQueue", blocking)}
        for queue in queues.values():
            queue.get_stats()
        made: Any = stack.enter_context(Blocking(AsyncTaskScheduler(config), loop))
        schedulers = {
            "sync": stack.enter_context(closing(TaskScheduler(config))),
            "async": cast("TaskScheduler", made),
        }
        yield Ground(queues, schedulers, config, settings(redis_url, prefix), client)


def refused(act: Callable[[], Any], *, secret: str = "") -> FairqueError:
    """Return the error with which `act` is refused: one of fairque's, short, and without a trace of the secret."""
    with pytest.raises(FairqueError) as caught:
        act()
    assert len(str(caught.value)) <= LONGEST, str(caught.value)[: 2 * LONGEST]
    if secret:
        assert secret not in "".join(traceback.TracebackException.from_exception(caught.value).format())
    if isinstance(caught.value, CommandRefused):
        assert (caught.value.ran.code, caught.value.ran.out) == (2, ""), caught.value.ran
    return caught.value


@contextmanager
def cell(*names: str) -> Iterator[None]:
    """Name the cell of the table in which a test fails."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"in the cell {' x '.join(names)}")
        raise


@contextmanager
def untouched(ground: Ground, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """See that nothing is written in the block, and that no log tells of it."""
    before = ground.snapshot()
    yield
    assert ground.snapshot() == before
    assert caplog.records == []


def try_values(
    ground: Ground,
    caplog: pytest.LogCaptureFixture,
    taken: Set[str],
    act: Callable[[Any], Any],
    values: Mapping[str, Any],
) -> None:
    """Try all values: those that are taken raise nothing, the others are refused and nothing is written."""
    with untouched(ground, caplog):
        for name, value in values.items():
            if name not in taken:
                with cell(name):
                    refused(partial(act, value))
    for name, value in values.items():
        if name in taken:
            with cell(name):
                act(value)
