"""Calls about weights and caps of a user, a task name or the whole queue (their shape: scripts/lua/lib/limits.lua)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, TypeVar

from msgspec.structs import asdict

from fairque.core.checking import parse
from fairque.core.ids import EVERYONE, decode_id, encode_id
from fairque.core.limits import Caps, UserSettings
from fairque.errors import StoredDataError
from fairque.store.call import Argument, Call, Conversation
from fairque.store.readings import table
from fairque.store.tasks import WAKE_LIMIT

C = TypeVar("C", bound=Caps)
Mode = Literal["set", "seed", "reset"]

QUEUE: Final = "||"
"""The subject that is the whole queue."""
_CHUNK: Final = 500


def of_user(user_id: str) -> str:
    """Return the subject that is a user; `*` is all of them, but for values of their own."""
    return user_id if user_id == EVERYONE else encode_id(user_id)


def of_task(name: str) -> str:
    """Return the subject that is all tasks of one name."""
    return f"|{name}"


def change(root: str, subject: str, kind: type[C], mode: Mode, values: Mapping[str, Any], now: str = "") -> Call[C]:
    """Change the settings of a subject; answers what is in force then. Atomic, and effective at the next claim.

    `set` changes the fields that are given (None: back to the default), `seed` replaces what an earlier seed gave and
    nothing else, `reset` takes all away.
    """
    args: list[Argument] = [now, subject, mode, WAKE_LIMIT]
    for name, value in values.items():
        args += (name, _text(value))
    if mode == "seed":
        args += ("seed", "1")
    return Call("limit", root, tuple(args), lambda reply: read_settings(kind, reply))


def free(root: str, users: Iterable[str], now: str = "") -> Iterator[Call[int]]:
    """Yield the Calls that look anew at held users (as they stand in `held`): what stands for all has changed."""
    held = list(users)
    for at in range(0, len(held), _CHUNK):
        yield Call("free", root, (now, WAKE_LIMIT, *held[at : at + _CHUNK]), int)


def set_rules(root: str, aging_ms: int | None, cost: str | None, now: str = "") -> Call[tuple[float, str]]:
    """Change ageing (ms a level) and how starts are charged, None leaving it; answers what is in force.

    The cost is refused with `QueueBusy` while anything is ready or running.
    """
    args = (now, "" if aging_ms is None else aging_ms, cost or "")
    return Call("rules", root, args, lambda reply: (float(reply[0]), reply[1].decode()))


def read_all(root: str) -> Conversation[tuple[dict[str, UserSettings], dict[str, Caps], Caps]]:
    """Read all settings: of users, of task names, and of the queue."""
    users: dict[str, UserSettings] = {}
    names: dict[str, Caps] = {}
    queue = Caps()
    found = yield from table(root, "limits")
    others = found.get(EVERYONE.encode(), b"")
    for field, text in found.items():
        subject = field.decode()
        if subject == QUEUE:
            queue = read_settings(Caps, text)
        elif subject.startswith("|"):
            names[subject[1:]] = read_settings(Caps, text)
        else:
            users[decode_id(subject)] = read_settings(UserSettings, others + text)
    return users, names, queue


def seed(root: str, users: Mapping[str, UserSettings]) -> Conversation[None]:
    """Give users what a configuration says of them; what was set at run time stays."""
    for user_id, settings in users.items():
        yield from change_user(root, user_id, "seed", given(settings))


def given(settings: UserSettings) -> dict[str, Any]:
    """Return the values that differ from their defaults."""
    return {name: value for name, value in asdict(settings).items() if value != getattr(_PLAIN, name)}


def change_user(root: str, user_id: str, mode: Mode, values: Mapping[str, Any]) -> Conversation[UserSettings]:
    """Change a user's settings, or those of `*`; whom these barred before is looked at anew."""
    settings: UserSettings = yield change(root, of_user(user_id), UserSettings, mode, values)
    if user_id == EVERYONE:
        held = yield from table(root, "held")
        yield from free(root, (user.decode() for user in held))
    return settings


def seeds_name(users: Mapping[str, UserSettings]) -> str:
    """Return a name for these settings: equal ones have equal names."""
    said = "\n".join(sorted(f"{user_id}={settings!r}" for user_id, settings in users.items()))
    return hashlib.sha1(said.encode(), usedforsecurity=False).hexdigest()[:16]


_PLAIN: Final = UserSettings()


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def read_settings(kind: type[C], text: bytes) -> C:
    """Return settings as they stand in Redis."""
    fields = dict(part.split("=", 1) for part in text.decode().split(";") if part)
    values: dict[str, Any] = {name: value if name == "rate" else float(value) for name, value in fields.items()}
    values.pop("seed", None)
    if "paused" in values:
        values["paused"] = values["paused"] == 1
    section, problems = parse(kind, {n: int(v) if n in _WHOLE else v for n, v in values.items()})
    if section is None:
        raise StoredDataError(f"settings that fairque did not write: {problems[0]}")
    return section


_WHOLE: Final = frozenset({"max_concurrency", "burst", "max_backlog"})
