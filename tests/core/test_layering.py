"""The environment over the file, flags over the environment; each fault told in the words of its source."""

from __future__ import annotations

from collections.abc import Mapping

from fairque.core.checking import Problem, parse
from fairque.core.layering import Document, from_environ, from_overrides
from fairque.core.settings import QueueSettings, RedisSettings, Settings, WorkerSettings
from fairque.core.yaml_text import read_yaml

Environ = Mapping[str, str]
Overrides = Mapping[str, object]

WORKER = "worker: {id: w1, assigned_users: ['user:1']}\n"


def read(text: str, environ: Environ, overrides: Overrides) -> tuple[Settings | None, tuple[str, ...]]:
    content = read_yaml(text)
    assert isinstance(content, Mapping)
    document = Document(content, "fq.yaml")
    for entries, lines in (from_environ(environ), from_overrides(overrides)):
        document.lay_over(entries)
        document.lines += lines
    settings, problems = parse(Settings, document.content)
    return settings, document.tell(problems)


def load(text: str, *, environ: Environ | None = None, overrides: Overrides | None = None) -> Settings:
    settings, lines = read(text, environ or {}, overrides or {})
    assert lines == ()
    assert settings is not None
    return settings


def faults(text: str, *, environ: Environ | None = None, overrides: Overrides | None = None) -> tuple[str, ...]:
    _, lines = read(text, environ or {}, overrides or {})
    assert lines
    assert "sesame" not in str(lines)
    return lines


def test_the_document_given_is_not_changed() -> None:
    content: dict[str, object] = {"worker": {"id": "w1"}, "redis": {"host": "h"}}
    document = Document(content)
    document.lay_over(from_environ({"FAIRQUE_REDIS__URL": "redis://x", "FAIRQUE_WORKER__ID": "w2"})[0])
    assert content == {"worker": {"id": "w1"}, "redis": {"host": "h"}}
    assert document.content == {"workers": [{"id": "w2"}], "redis": {"url": "redis://x"}}
    assert document.tell([Problem("workers[0].lease_seconds", "is bad")]) == ("worker.lease_seconds: is bad",)


def test_a_flag_wins_over_the_environment_over_the_file_over_the_default() -> None:
    text = "queue: {name: file, prefix: file, default_max_retries: 1}"
    environ = {"FAIRQUE_QUEUE__NAME": "environ", "FAIRQUE_QUEUE__PREFIX": "environ"}
    config = load(text, environ=environ, overrides={"queue.name": "flag", "queue.prefix": None})
    assert config.queue == QueueSettings(name="flag", prefix="environ", default_max_retries=1)
    assert config.queue.result_ttl_seconds == 3600


def test_texts_of_the_environment_are_read_by_the_type_of_the_setting() -> None:
    environ = {
        "FAIRQUE_REDIS__HOST": "h",
        "FAIRQUE_REDIS__PASSWORD": "12345",
        "FAIRQUE_REDIS__SSL": "true",
        "FAIRQUE_REDIS__SOCKET_TIMEOUT": "2",
        "FAIRQUE_TASKS": "a, b.c",
        "FAIRQUE_WORKER__ID": "null",
        "FAIRQUE_WORKER__ASSIGNED_USERS": " user:1 , 1:30,",
        "FAIRQUE_WORKER__STEAL_TARGETS": '["a,b", 007, on, user:2]',
        "FAIRQUE_WORKER__MAX_CONCURRENT_TASKS": "7",
    }
    config = load(WORKER, environ=environ)
    assert config.redis == RedisSettings(host="h", password="12345", ssl=True, socket_timeout=2.0)
    assert config.tasks == ("a", "b.c")
    assert config.worker == WorkerSettings(
        id="null",
        assigned_users=("user:1", "1:30"),
        steal_targets=("a,b", "007", "on", "user:2"),
        max_concurrent_tasks=7,
    )


def test_a_variable_can_empty_a_list() -> None:
    text = "worker: {id: w1, assigned_users: [a], steal_targets: [b]}"
    for empty in ("", " ", "[]"):
        assert load(text, environ={"FAIRQUE_WORKER__STEAL_TARGETS": empty}).worker.steal_targets == ()


def test_worker_variables_set_every_worker_and_make_one_where_there_is_none() -> None:
    two = "workers: [{id: w1, assigned_users: [a]}, {id: w2, assigned_users: [b], max_concurrent_tasks: 5}]"
    environ = {"FAIRQUE_WORKER__MAX_CONCURRENT_TASKS": "3"}
    assert [worker.max_concurrent_tasks for worker in load(two, environ=environ).workers] == [3, 3]
    assert load("queue: {}", environ=environ).workers == ()
    environ |= {"FAIRQUE_WORKER__ID": "w9", "FAIRQUE_WORKER__ASSIGNED_USERS": "*"}
    assert load("queue: {}", environ=environ).worker == WorkerSettings(
        id="w9", assigned_users=("*",), max_concurrent_tasks=3
    )


def test_a_stronger_url_replaces_host_and_port_and_the_other_way_round() -> None:
    parts = "redis: {host: h, port: 1, password: sesame, connect_timeout: 2}"
    environ = {"FAIRQUE_REDIS__URL": "redis://other"}
    assert load(parts, environ=environ).redis == RedisSettings(url="redis://other", connect_timeout=2)
    again = load(parts, environ=environ, overrides={"redis.host": "third"}).redis
    assert again == RedisSettings(host="third", connect_timeout=2)


def test_half_a_replacement_of_the_url_is_refused() -> None:
    text = "redis: {url: 'redis://h'}"
    told = "redis.url: cannot be combined with password: give a url or its parts"
    assert faults(text, environ={"FAIRQUE_REDIS__PASSWORD": "sesame"}) == (f"fq.yaml: {told}",)
    environ = {"FAIRQUE_REDIS__URL": "redis://:sesame@h", "FAIRQUE_REDIS__PORT": "1"}
    assert faults("{}", environ=environ) == (
        "FAIRQUE_REDIS__URL: cannot be combined with port: give a url or its parts",
    )


def test_faults_of_the_environment_name_the_variable() -> None:
    environ = {
        "FAIRQUE_REDIS__ULR": "redis://:sesame@h",
        "FAIRQUE_REDIS__URL": "http://:sesame@h",
        "FAIRQUE_QUEUE__NAME__X": "a",
        "FAIRQUE_WORKERS__ID": "w1",
        "FAIRQUE_WORKER__MAX_CONCURRENT_TASKS": "many",
        "FAIRQUE_WORKER__LEASE_SECONDS": "nan",
        "FAIRQUE_WORKER__ASSIGNED_USERS": "user:1,a\tb",
        "FAIRQUE_WORKER__STEAL_TARGETS": "[user:1",
    }
    two = "workers: [{id: w1, assigned_users: [a]}, {id: w2, assigned_users: [b]}]"
    assert faults(two, environ=environ) == (
        "FAIRQUE_QUEUE__NAME__X: unknown key; did you mean FAIRQUE_QUEUE__NAME?",
        "FAIRQUE_REDIS__ULR: unknown key; did you mean FAIRQUE_REDIS__URL?",
        "FAIRQUE_WORKERS__ID: unknown key; did you mean FAIRQUE_WORKER__ID?",
        "FAIRQUE_REDIS__URL: must start with one of redis://, rediss://, unix://, embedded://",
        "FAIRQUE_WORKER__STEAL_TARGETS: must be a list, not the text '[user:1'",
        "FAIRQUE_WORKER__MAX_CONCURRENT_TASKS: must be a whole number from 1 to 1000, not the text 'many'",
        "FAIRQUE_WORKER__LEASE_SECONDS: must be a number from 1 to 86400, not the text 'nan'",
        "FAIRQUE_WORKER__ASSIGNED_USERS[1]: has a character that is not printable: 'a\\tb'",
    )


def test_variables_of_others_are_left_alone() -> None:
    environ = {
        "FAIRQUE_TEST_REDIS_URL": "redis://x",
        "FAIRQUE_EMBEDDED_DIR": "/tmp",
        "FAIRQUE_": "",
        "FAIRQUE___": "",
        "FAIRQUE_REDIS": "x",
        "FAIRQUE_TEST__URL": "x",
        "fairque_queue__name": "x",
        "XFAIRQUE_QUEUE__NAME": "x",
    }
    assert load(WORKER, environ=environ) == load(WORKER)


def test_faults_of_overrides_name_them() -> None:
    assert faults(WORKER, overrides={"redis.ulr": 1, "zzz": 1, "worker.max_concurrent_tasks": "3", "redis": {}}) == (
        "override redis.ulr: unknown key; did you mean redis.url?",
        "override zzz: unknown key",
        "override redis: unknown key; did you mean redis.db?",
        "override worker.max_concurrent_tasks: must be a whole number from 1 to 1000, not the text '3'",
    )
