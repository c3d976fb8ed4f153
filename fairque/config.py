"""Makes the configuration: from a YAML file, `FAIRQUE_*` environment variables and command-line flags.

A flag wins over the environment, the environment over the file, the file over the default.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast

import msgspec

from fairque.core.checking import Problem, parse
from fairque.core.layering import Document, from_environ, from_overrides
from fairque.core.settings import Settings, WorkerSettings
from fairque.core.yaml_text import YamlTextError, read_yaml, write_yaml
from fairque.errors import ConfigError

Overrides = Mapping[str, object]
"""Flags by dotted path, `{"redis.url": ..., "worker.id": None}`; None means that the flag was not given."""


class FairQueueConfig(Settings, frozen=True, kw_only=True):
    """The configuration of producers and workers: frozen, checked, and safe to print.

    Calling the class takes exactly what is given; `from_yaml` and `create_default` read the environment as well.
    """

    @classmethod
    def from_yaml(
        cls,
        path: str | os.PathLike[str],
        *,
        overrides: Overrides | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Self:
        """Read a file, and over it the environment (`os.environ` unless given) and the overrides.

        `FAIRQUE_REDIS__URL` sets `redis.url`; `FAIRQUE_WORKER__*` sets every worker, and makes one where the file has
        none and `FAIRQUE_WORKER__ID` is set. Lists are written `a,b` or `["a", "b"]`.

        Raises: ConfigError with one line for everything that is wrong, in `problems` and in the message.
        """
        return cls._made(Document(_read(os.fspath(path)), os.fspath(path)), overrides, environ)

    @classmethod
    def create_default(
        cls,
        worker_id: str = "worker-001",
        assigned_users: Sequence[str] = ("*",),
        steal_targets: Sequence[str] = (),
        *,
        overrides: Overrides | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Self:
        """Make a configuration of one worker, the arguments standing where a file would: the environment wins.

        Raises: ConfigError with everything that is wrong.
        """
        worker = {"id": worker_id, "assigned_users": assigned_users, "steal_targets": steal_targets}
        return cls._made(Document({"worker": worker}), overrides, environ)

    def with_worker(self, **changes: object) -> Self:
        """Copy with one worker changed. Where there are several, `id` says which; the only one's `id` can be changed.

        Raises: ConfigError where there is no such worker or a change is not allowed.
        """
        which = changes.get("id") if len(self.workers) > 1 else None
        worker = self.worker_named(None if which is None else str(which))
        changed, problems = parse(WorkerSettings, msgspec.structs.asdict(worker) | changes)
        if changed is None:
            raise ConfigError(problems=tuple(str(problem.under("worker")) for problem in problems))
        workers = tuple(changed if one is worker else one for one in self.workers)
        return msgspec.structs.replace(self, workers=workers)

    def to_yaml(self, path: str | os.PathLike[str]) -> None:
        """Write the file whole or not at all, readable by its owner only, for it may hold a password.

        Raises: ConfigError where it cannot be written.
        """
        try:
            _write(Path(path), write_yaml(_plain(self)))
        except OSError as error:
            raise ConfigError(f"{os.fspath(path)}: cannot be written: {error.strerror}") from error

    @classmethod
    def _made(cls, document: Document, overrides: Overrides | None, environ: Mapping[str, str] | None) -> Self:
        for entries, lines in (
            from_environ(os.environ if environ is None else environ),
            from_overrides(overrides or {}),
        ):
            document.lay_over(entries)
            document.lines += lines
        config, problems = parse(cls, document.content)
        if problems or document.lines:
            raise ConfigError(problems=document.tell(problems))
        return cast(Self, config)


def read_document(path: str | os.PathLike[str]) -> Any:
    """Return what a YAML file holds.

    Raises: ConfigError where it cannot be read, or is not YAML.
    """
    try:
        return read_yaml(Path(path).read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        fault = "no such file"
    except IsADirectoryError:
        fault = "is a directory, not a file"
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        fault = "is not text in UTF-8"
    except YamlTextError as error:
        fault = str(error)
    except ValueError:  # a NUL, or a character that no file system has
        fault = "is not the name of a file"
    raise ConfigError(problems=(str(Problem(os.fspath(path), fault)),))


def _read(path: str) -> Mapping[Any, object]:
    content = read_document(path)
    if isinstance(content, Mapping):
        return content
    fault = "is empty" if content is None else "must be a mapping of sections such as `redis:` and `worker:`"
    raise ConfigError(problems=(str(Problem(path, fault)),))


def _plain(value: object) -> object:
    """Sections as mappings without what is None, tuples as lists."""
    if isinstance(value, msgspec.Struct):
        return {name: _plain(one) for name, one in msgspec.structs.asdict(value).items() if one is not None}
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _write(path: Path, text: str) -> None:
    target = path.resolve()  # a link stays a link
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:50]}.")  # made with mode 600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
