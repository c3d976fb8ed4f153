"""A scheduler's plan: what it is called, which queue it serves, and what the configuration has for it to fire."""

from __future__ import annotations

import logging

from msgspec.structs import replace

from fairque.core.schedule_settings import ScheduleSettings
from fairque.core.settings import Settings
from fairque.errors import ConfigError, FairqueError, ScheduleError
from fairque.queue.verbs import Verbs
from fairque.scheduler.entries import Draft, task_named
from fairque.scheduler.verbs import ScheduleVerbs
from fairque.store.call import Conversation

log = logging.getLogger("fairque.scheduler")


class SchedulePlan:
    """What both colours of a scheduler have. Nothing here speaks to Redis.

    Raises:
        ConfigError: `id` is not one that a process can have.
    """

    def __init__(self, config: Settings, queue: Verbs, id: str | None) -> None:
        self.id = config.scheduler.id if id is None else replace(config.scheduler, id=id).id
        self.root = queue.root
        self.verbs = ScheduleVerbs(queue.root, config.scheduler.timezone)
        self._queue = queue
        self._entries = config.schedules

    def prepare(self) -> Conversation[None]:
        """Meet the queue, and add what the configuration has. Redis may have been restarted empty since the last time.

        Raises:
            ConfigError: one of the schedules is refused: its task is none, or its arguments do not fit.
        """
        yield from self._queue.meet(again=False)
        for draft in [self._draft(place, entry) for place, entry in enumerate(self._entries)]:
            try:
                yield from self.verbs.add(draft)
            except ScheduleError as error:  # as the queue stands: it is over, or another user has its id
                log.warning("schedule %s of the configuration is not added: %s", draft.schedule_id, error)
        named = {entry.id for entry in self._entries}
        for schedule in (yield from self.verbs.all(None)):
            if schedule.origin == "yaml" and schedule.schedule_id not in named:
                gone = schedule.schedule_id
                log.warning(
                    "schedule %s is in the configuration no more; `fairque schedule remove %s` ends it", gone, gone
                )

    def _draft(self, place: int, entry: ScheduleSettings) -> Draft:
        try:
            task = task_named(entry.task, entry.args, entry.kwargs).with_(**entry.options)
            return self.verbs.draft(entry.id, task, None, entry.when, entry.how, "yaml")
        except FairqueError as error:
            raise ConfigError(f"schedules[{place}]: {error}") from error
