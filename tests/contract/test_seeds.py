"""`users:` of a configuration: it gives users their settings, and what is set at run time wins over it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import redis

from fairque import FairQueueConfig, TaskQueue, Worker
from fairque.core.limits import UserSettings
from fairque.core.settings import FairnessSettings
from tests.contract.conftest import Make
from tests.contract.jobs import echo
from tests.server import delete_keys
from tests.waiting import wait_until

VIP, TAMED = UserSettings(weight=4, max_concurrency=10, rate="100/s"), UserSettings(max_concurrency=1)


@pytest.fixture
def seeded(config: FairQueueConfig) -> FairQueueConfig:
    return msgspec.structs.replace(config, users={"user:vip": VIP, "*": TAMED})


def test_the_configuration_gives_users_their_settings(make: Make, seeded: FairQueueConfig) -> None:
    queue = make(config=seeded)
    assert queue.get_user("user:vip") == VIP
    assert queue.get_user("anybody") == TAMED
    queue.push_batch([echo(n) for n in range(5)], user_id="anybody")
    assert len(queue.pop_many(5)) == 1


def test_a_file_is_read_with_its_users(make: Make, config: FairQueueConfig, tmp_path: Path) -> None:
    path = tmp_path / "fq.yaml"
    users = 'users: {"user:vip": {weight: 4, max_concurrency: 10, rate: "100/s"}, "*": {max_concurrency: 1}}\n'
    where = f'redis: {{url: "{config.redis.url}"}}\nqueue: {{prefix: {config.queue.prefix}}}\n'
    path.write_text(where + users, encoding="utf-8")
    queue = make(config=FairQueueConfig.from_yaml(path, environ={}))
    assert (queue.get_user("user:vip"), queue.get_user("anybody")) == (VIP, TAMED)


def test_what_was_set_at_run_time_wins(make: Make, config: FairQueueConfig, seeded: FairQueueConfig) -> None:
    by_hand = make()
    by_hand.set_user("user:vip", weight=2)
    tamed = UserSettings(weight=2, max_concurrency=1)  # what `*` says counts where it has no value of its own
    assert make(config=seeded).get_user("user:vip") == tamed
    by_hand.set_user("*", max_concurrency=3)
    changed = msgspec.structs.replace(config, users={"user:vip": TAMED, "*": TAMED})
    assert make(config=changed).get_user("anybody") == UserSettings(max_concurrency=3)
    assert by_hand.get_user("user:vip") == UserSettings(weight=2, max_concurrency=3)


def test_settings_taken_off_at_run_time_stay_off(make: Make, seeded: FairQueueConfig) -> None:
    make(config=seeded).set_user("user:vip", weight=None, max_concurrency=None, rate=None)
    assert make(config=seeded).get_user("user:vip") == TAMED


def test_a_changed_configuration_replaces_what_an_earlier_one_gave(
    make: Make, config: FairQueueConfig, seeded: FairQueueConfig
) -> None:
    make(config=seeded).get_stats()
    changed = msgspec.structs.replace(
        config, users={"user:vip": UserSettings(weight=5), "*": UserSettings(max_concurrency=9)}
    )
    queue = make(config=changed)
    assert queue.get_user("user:vip") == UserSettings(weight=5, max_concurrency=9)
    queue.push_batch([echo(n) for n in range(5)], user_id="user:vip")
    assert len(queue.pop_many(5)) == 5


def test_a_reset_user_is_seeded_again_only_by_another_configuration(
    make: Make, config: FairQueueConfig, seeded: FairQueueConfig
) -> None:
    make(config=seeded).reset_user("user:vip")
    assert make(config=seeded).get_user("user:vip") == TAMED
    changed = msgspec.structs.replace(config, users={"user:vip": VIP})
    assert make(config=changed).get_user("user:vip") == VIP


def test_a_running_worker_seeds_a_redis_that_was_restarted_empty(
    make: Make, config: FairQueueConfig, seeded: FairQueueConfig, redis_client: redis.Redis
) -> None:
    queue = make()
    with Worker(seeded):
        assert queue.get_user("user:vip") == VIP
        queue.set_user("by hand", weight=7)
        delete_keys(redis_client, config.queue.prefix)
        assert queue.push(echo("new"), user_id="anybody").result(timeout=10) == "new"  # its worker beats within 1 s
        wait_until(
            lambda: (queue.get_user("user:vip"), queue.get_user("by hand")) == (VIP, TAMED),
            description="the worker has told its users' settings, one after the other",
        )
        queue.set_user("user:vip", weight=9)
        assert queue.push(echo("on"), user_id="user:vip").result(timeout=5) == "on"
        seen = queue.workers()[0]["last_seen"]
        wait_until(lambda: queue.workers()[0]["last_seen"] > seen, description="another beat of the worker")
        assert queue.get_user("user:vip") == msgspec.structs.replace(VIP, weight=9)


# --- how a queue shares service -------------------------------------------------------------------------------------


@contextmanager
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Give what the queue warns of in the block; it is complete after it."""
    said: list[str] = []
    with caplog.at_level(logging.WARNING, "fairque.queue"):
        caplog.clear()
        yield said
        said += [record.getMessage() for record in caplog.records if record.name == "fairque.queue"]


def sharing(config: FairQueueConfig, **fairness: object) -> FairQueueConfig:
    return msgspec.structs.replace(config, fairness=FairnessSettings(**fairness))  # type: ignore[arg-type]


def test_the_first_program_says_how_service_is_shared_and_one_that_disagrees_warns(
    make: Make, config: FairQueueConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with warnings(caplog) as said:
        first = make(config=sharing(config, cost="declared", aging_seconds=5))
        assert first.get_fairness() == FairnessSettings(cost="declared", aging_seconds=5)
        make(config=sharing(config, cost="declared", aging_seconds=5)).get_stats()
    assert said == []
    with warnings(caplog) as said:
        other = make(config=sharing(config, cost="time", aging_seconds=5))
        assert other.get_fairness() == first.get_fairness()
        other.get_stats()
    assert len(said) == 1
    assert "queue default: fairness is cost declared" in said[0]
    assert "this program's time" in said[0]


def test_a_queue_of_its_own_name_is_seeded_apart(make: Make, seeded: FairQueueConfig) -> None:
    make(config=seeded).get_stats()
    emails: TaskQueue = make("emails")
    assert emails.get_user("user:vip") == UserSettings()
    assert make("emails", config=seeded).get_user("user:vip") == VIP


def test_whom_an_earlier_star_barred_is_free_when_the_configuration_changes(
    make: Make, config: FairQueueConfig
) -> None:
    closed = msgspec.structs.replace(config, users={"*": UserSettings(max_concurrency=0)})
    queue = make(config=closed)
    queue.push_batch([echo(n) for n in range(3)], user_id="anybody")
    assert queue.pop_many(5) == []
    opened = make(config=msgspec.structs.replace(config, users={"*": UserSettings(max_concurrency=5)}))
    assert len(opened.pop_many(5)) == 3
