"""Values to bytes and back: calls, results and failures as they are stored. JSON, by msgspec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec

from fairque.core.encoding import MAX_DEPTH, encode, encode_bounded, encode_value
from fairque.core.ids import MAX_NAME_BYTES, decode_id, encode_id
from fairque.core.models import Take, Task
from fairque.core.options import Executor
from fairque.core.outcome import Failure, Progress
from fairque.core.retry import Backoff, ErrorNames
from fairque.core.wording import clipped
from fairque.errors import TaskValidationError


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """The options of a task that its worker needs; only what was asked for is stored."""

    max_retries: int | None = None
    backoff: Backoff | None = None
    result_ttl: float | None = None
    retry_on: ErrorNames | None = None
    no_retry_on: ErrorNames | None = None
    timeout: float | None = None
    executor: Executor | None = None
    parents: tuple[str, ...] | None = None
    policy: str = "w"
    takes: dict[str, Take] | None = None
    push_key: str | None = None
    """Set where its result is to be found by a key."""
    xcom: bool = True


class Body(msgspec.Struct, frozen=True):
    """A call as it is stored: the function's name ('' for a payload task, whose payload is `kwargs`), its arguments.

    `cost` is what one start of it counts where the queue charges declared costs; `unique_key` is the task's.
    """

    name: str
    args: list[Any]
    kwargs: dict[str, Any]
    terms: Terms
    cost: float = 1.0
    unique_key: str | None = None


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    args: list[Any]
    kwargs: dict[str, Any]
    terms: Terms


class Ending(msgspec.Struct, frozen=True, array_like=True):
    """A finished task as it is stored in place of its call."""

    name: str
    since_ms: int
    start_ms: int
    worker: str
    result: msgspec.Raw
    key: str | None = None
    """Under which XCom finds the result; it is stored where there is one."""
    progress: Progress | None = None
    """How far the run had come, where it said so."""


_decode_stored: Final = msgspec.json.Decoder(_Stored).decode
_decode_ending: Final = msgspec.json.Decoder(Ending).decode
_decode_failure: Final = msgspec.json.Decoder(Failure).decode


def encode_body(body: Body) -> bytes:
    """Return a call as bytes: `<label>|<JSON>`. Scripts read the label (scripts/lua/lib/record.lua), never the JSON.

    Raises:
        TaskValidationError: an argument is not encodable, or the whole is over `MAX_BODY_BYTES`.
    """
    encoded = encode_bounded("arguments", (body.args, body.kwargs, body.terms), MAX_DEPTH + 2)
    return _label(body.name, body.cost, body.unique_key).encode() + b"|" + encoded


def decode_body(encoded: bytes) -> Body:
    """Return the call. Raises `msgspec.MsgspecError` where the bytes are not one."""
    label, bar, stored = encoded.partition(b"|")
    if not bar:
        raise msgspec.DecodeError("there is no label before the call")
    try:
        call = _decode_stored(stored)
    except RecursionError as error:
        raise msgspec.DecodeError("the call is nested too deep") from error
    name, cost, unique_key = read_label(label)
    return Body(name, call.args, call.kwargs, call.terms, cost, unique_key)


class CallEncoder:
    """Turns calls of one function into their stored form; what the options come to is encoded anew only where they are
    others than the last task's: it is a third of the whole.
    """

    def __init__(self, name: str) -> None:
        self._name, self._label = name, name.encode() + b"|"
        self._last: tuple[object, msgspec.Raw] = (None, msgspec.Raw())

    def __call__(self, task: Task[Any], args: Iterable[Any], kwargs: Mapping[str, Any]) -> bytes:
        """Return a task's call with its options as bytes. Raises as `encode_body`."""
        asked = _asked_of(task)
        known, terms = self._last
        if asked != known:
            terms = msgspec.Raw(encode_bounded("options", _terms_of(task)))
            self._last = (asked, terms)
        encoded = encode_bounded("arguments", (args, kwargs, terms), MAX_DEPTH + 2)
        if task.unique_key is None and task.cost == 1:
            return self._label + encoded
        return _label(self._name, task.cost, task.unique_key).encode() + b"|" + encoded


def _terms_of(task: Task[Any]) -> Terms:
    return Terms(
        task.max_retries,
        None if callable(task.retry_backoff) else task.retry_backoff,
        task.result_ttl,
        task.retry_on,
        task.no_retry_on,
        task.timeout,
        task.executor,
        task.parents or None,
        task.policy,
        dict(task.takes) or None,
        task.push_key if task.auto_xcom else None,
        task.enable_xcom,
    )


_asked_of: Final = attrgetter(
    "max_retries",
    "retry_backoff",
    "result_ttl",
    "retry_on",
    "no_retry_on",
    "timeout",
    "executor",
    "parents",
    "policy",
    "takes",
    "push_key",
    "auto_xcom",
    "enable_xcom",
)
"""All that `_terms_of` reads of a task."""


def _label(name: str, cost: float, unique_key: str | None) -> str:
    """`<name>[ <cost>][ #<unique key>]`, the key encoded as ids are."""
    label = name if cost == 1 else f"{name} {cost:.9g}"
    return label if unique_key is None else f"{label} #{encode_id(unique_key)}"


@lru_cache(maxsize=1024)
def read_label(label: bytes) -> tuple[str, float, str | None]:
    """Return a task's name, declared cost and unique key.

    Raises:
        msgspec.DecodeError: the bytes are not a label.
    """
    try:
        front, mark, key = label.decode().partition(" #")
        name, _, text = front.partition(" ")
        cost = float(text or 1)
    except ValueError as error:
        raise msgspec.DecodeError("the label is not a name and a cost") from error
    if len(name) > MAX_NAME_BYTES:
        raise msgspec.DecodeError("the name is longer than a name can be")
    return name, cost, decode_id(key) if mark else None


def encode_ending(ending: Ending) -> bytes:
    """Return a finished task's record body."""
    said = ending.key is not None or ending.progress is not None
    return encode(ending if said else msgspec.structs.astuple(ending)[:-2])


def decode_ending(encoded: bytes) -> Ending:
    """Return what is kept of a finished task."""
    return _decode_ending(encoded)


_REASONS: Final = {
    "lost": "three workers died or fell silent while they ran this task",
    "canceled": "the task was canceled",
    "expired": "the task had not started in the time that expires_in gave it",
    "parent": "a task that it waits for failed or was canceled, and on_parent_failure is `cancel`",
    "orphaned": "a task that it waits for was deleted, or failed and is not kept any more",
    "corrupt": "the stored bytes of the task were damaged: nobody could read them",
}


def encode_failure(failure: Failure) -> bytes:
    """Return a failure as bytes."""
    return encode(failure)


def decode_failure(encoded: bytes) -> Failure:
    """Return a failure. Lua writes no JSON: its reasons are single words."""
    word = encoded.decode(errors="replace")
    return Failure(word, _REASONS[word]) if word in _REASONS else _decode_failure(encoded)


def encode_result(value: object) -> bytes:
    """Return a task's result as JSON.

    Raises:
        TaskValidationError: it is not encodable, holds NaN or infinity (JSON has neither), or is too large or too deep.
    """
    return b"null" if value is None else encode_value("result", value)


def decode_result(encoded: bytes, annotation: Any = Any) -> Any:
    """Return a result as its task's return annotation has it; as plain JSON where that does not fit."""
    value = msgspec.json.decode(encoded)
    try:
        return msgspec.convert(value, annotation, str_keys=True)
    except (msgspec.ValidationError, TypeError):
        return value


def decode_value(what: str, encoded: bytes, annotation: Any = Any) -> Any:
    """Return a value as an annotation has it. `what` names it in messages.

    Raises:
        TaskValidationError: it does not fit.
    """
    value = msgspec.json.decode(encoded)
    try:
        return value if annotation is Any else msgspec.convert(value, annotation, str_keys=True)
    except (msgspec.ValidationError, TypeError) as error:
        raise TaskValidationError(f"{what}: {clipped(str(error), 200)}") from None
