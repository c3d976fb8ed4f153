"""What a worker may be called and whom it may serve."""

from __future__ import annotations

from typing import Any

import pytest

from fairque.core.settings import Settings, WorkerSettings
from fairque.errors import ConfigError


def worker(**fields: Any) -> WorkerSettings:
    return WorkerSettings(**({"id": "w1", "assigned_users": ("user:1",)} | fields))


def problems_of(section: type[Any], **fields: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        section(**fields)
    assert str(caught.value) == "\n".join(caught.value.problems)
    assert isinstance(caught.value, ValueError)
    return caught.value.problems


def test_worker_ids_are_printable_and_without_blanks() -> None:
    for good in ("worker-001", "é", "a:b/c", "x" * 128):
        assert worker(id=good).id == good
    for bad in ("", " ", "a b", "a\tb", "a\n", "a\0", "a\u200b", "a\u202e", "\ud800", "x" * 129, "x" * 10_000_000):
        (problem,) = problems_of(WorkerSettings, id=bad, assigned_users=("user:1",))
        assert problem.startswith("id: must be 1 to 128 printable characters")
        assert problem.isprintable()
        assert len(problem) < 400


@pytest.mark.parametrize("key", ["assigned_users", "steal_targets"])
@pytest.mark.parametrize(
    "bad", ["", " ", "a\n", "a\0b", "\ud800", "x" * 257, "x" * 10_000_000, 90, 1.5, True, None, b"a"]
)
def test_a_bad_user_id_is_told_with_its_place(key: str, bad: object) -> None:
    fields = {"id": "w1", "assigned_users": ("user:8",)} | {key: ("user:9", bad)}
    (problem,) = problems_of(WorkerSettings, **fields)
    assert problem.startswith(f"{key}[1]: ")
    assert problem.isprintable()
    assert len(problem) < 400


def test_a_user_id_that_yaml_made_a_number_is_told_to_be_quoted() -> None:
    (problem,) = problems_of(WorkerSettings, id="w1", assigned_users=(90,))
    assert problem.startswith("assigned_users[0]: must be text, not 90 (put it in quotes: YAML reads unquoted 1:30")


def test_strange_but_valid_user_ids_pass() -> None:
    users = ("a:critical", "{a}", "a}b{", "a,b", "[a-z]", "../x", "é", "e\u0301", "A", "a", "🦊", "with space")
    assert worker(assigned_users=users).assigned_users == users


def test_a_list_may_be_long() -> None:
    users = tuple(f"user:{i}" for i in range(100_000))
    assert len(worker(assigned_users=users[:50_000], steal_targets=users[50_000:]).assigned_users) == 50_000


def test_of_a_long_bad_list_only_the_first_faults_are_told() -> None:
    problems = problems_of(WorkerSettings, id="w1", assigned_users=tuple(range(100_000)))
    assert len(problems) == 6
    assert problems[-1] == "assigned_users: 99,995 more items are wrong"


def test_overlaps_name_up_to_five_users() -> None:
    users = tuple(f"user:{i}" for i in range(1, 9))
    (few,) = problems_of(WorkerSettings, id="w1", assigned_users=users, steal_targets=users[:5])
    assert few == "steal_targets: overlaps assigned_users: user:1, user:2, user:3, user:4, user:5"
    (many,) = problems_of(WorkerSettings, id="w1", assigned_users=users, steal_targets=users)
    assert many == few + " and 3 more"


@pytest.mark.parametrize("steal", ["*", "user:1"])
def test_who_serves_everyone_has_no_one_to_steal_from(steal: str) -> None:
    problems = problems_of(WorkerSettings, id="w1", assigned_users=("*",), steal_targets=(steal,))
    assert problems == (f"steal_targets: overlaps assigned_users: {steal}",)


def test_stealing_from_everyone_else_is_no_overlap() -> None:
    assert worker(steal_targets=("*",)).steal_targets == ("*",)


def test_the_star_stands_alone_and_no_user_stands_twice() -> None:
    assert problems_of(WorkerSettings, id="w1", assigned_users=("*", "user:1")) == (
        "assigned_users: '*' means everyone and must stand alone",
    )
    assert problems_of(WorkerSettings, id="w1", assigned_users=("user:1",), steal_targets=("*", "user:2")) == (
        "steal_targets: '*' means everyone and must stand alone",
    )
    assert problems_of(WorkerSettings, id="w1", assigned_users=("user:1", "user:1")) == (
        "assigned_users[1]: is in the list twice: user:1",
    )


def test_a_worker_that_serves_no_one_is_refused() -> None:
    assert problems_of(WorkerSettings, id="w1", assigned_users=()) == (
        "steal_targets: is empty, and so is assigned_users: this worker would serve no one",
    )
    assert worker(assigned_users=(), steal_targets=("user:1",)).assigned_users == ()


def test_two_workers_with_one_id_are_refused_even_where_one_is_bad() -> None:
    assert problems_of(Settings, workers=(worker(), worker(assigned_users=("user:2",)))) == (
        "workers[1].id: is already the id of workers[0]: w1",
    )
    bad = {"id": "w1", "assigned_users": ["user:2"], "lease_seconds": 0}
    assert problems_of(Settings, workers=(worker(), bad)) == (
        "workers[1].lease_seconds: must be a number from 1 to 86400, not 0",
        "workers[1].id: is already the id of workers[0]: w1",
    )


def test_a_worker_is_found_by_its_id() -> None:
    one, two = worker(), worker(id="w2")
    assert Settings(workers=(one,)).worker == one
    assert Settings(workers=(one,)).worker_named("w1") == one
    both = Settings(workers=(one, two))
    assert both.worker_named("w2") == two
    with pytest.raises(ConfigError, match=r"^several workers are configured: name one of w1, w2$"):
        _ = both.worker
    with pytest.raises(ConfigError, match=r"^no worker is called w3: there is w1, w2$"):
        both.worker_named("w3")
    with pytest.raises(ConfigError, match=r"^no worker is configured: add `worker:`"):
        _ = Settings().worker
