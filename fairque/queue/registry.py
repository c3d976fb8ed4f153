"""`@task`: which functions are tasks, by which names. Nothing is ever imported because a payload says so."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Concatenate, Final, Generic, Never, NoReturn, ParamSpec, Protocol, TypeVar, overload

from msgspec.structs import replace

from fairque.core.arguments import Parameters
from fairque.core.codec import CallEncoder
from fairque.core.graph import Graph, Wired, group, not_a_task
from fairque.core.ids import check_name, check_printable, check_user_id
from fairque.core.models import Task
from fairque.core.naming import name_of
from fairque.core.options import check_options
from fairque.core.wants import wants_of
from fairque.errors import TaskNameTaken, TaskValidationError, UnknownTask

P = ParamSpec("P")
R = TypeVar("R", covariant=True)
T = TypeVar("T")


class TaskFunction(Generic[P, R]):
    """A function that `@task` has made a task of. Calling it builds a `Task`; calling that runs the function."""

    def __init__(self, function: Callable[P, Any], name: str | None, options: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = check_name(name_of(function, ":") if name is None else name)
        self._encoder = CallEncoder(self.name)
        self.user_of: Callable[..., Any] | None = None
        self.backoff = options["retry_backoff"] if callable(options.get("retry_backoff")) else None
        if callable(options.get("user_id")):
            self.user_of = options.pop("user_id")
        if "payload" in options:
            raise TaskValidationError("payload: a task that calls a function has arguments instead")
        self.wants = wants_of(function)
        self._template: Task[Any] = Task(
            name=self.name, function=function, encode=self._encode, wants=self.wants, **check_options(options)
        )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Task[R]:
        """Return a task that calls the function with these arguments; they are checked when it is pushed."""
        if self.user_of is None:
            return replace(self._template, args=args, kwargs=kwargs)
        user_id = check_user_id(self.user_of(*args, **kwargs))
        return replace(self._template, args=args, kwargs=kwargs, user_id=user_id)

    def map(self: Callable[Concatenate[T, ...], Wired], items: Iterable[T]) -> Graph:
        """Return a group of calls, one with each item: what waits for it gets the list of their results.

        Raises:
            TaskValidationError: there are no items, or more than a graph may have tasks.
        """
        if not isinstance(items, Iterable):
            raise TaskValidationError(f"map: expected a list of arguments, got {type(items).__name__}")
        return group(self(item) for item in items)

    def _uncalled(self, _: Never) -> NoReturn:
        raise not_a_task(self)

    __rshift__ = __lshift__ = __or__ = __rrshift__ = __rlshift__ = __ror__ = _uncalled

    @functools.cached_property
    def parameters(self) -> Parameters:
        """What the function's annotations say; read when first needed, since they may name what comes later."""
        return Parameters(self.function)

    def _encode(self, task: Task[Any]) -> bytes:
        self.parameters.check(task.args, task.kwargs)
        return self._encoder(task, task.args, task.kwargs)

    def __repr__(self) -> str:
        """Show the task's name."""
        return f"<task {self.name}>"


class _Decorator(Protocol):
    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> TaskFunction[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> TaskFunction[P, R]: ...


_tasks: Final[dict[str, TaskFunction[..., Any]]] = {}


@overload
def task(function: Callable[P, Coroutine[Any, Any, R]], /) -> TaskFunction[P, R]: ...
@overload
def task(function: Callable[P, R], /) -> TaskFunction[P, R]: ...
@overload
def task(*, name: str | None = None, **options: Any) -> _Decorator: ...
def task(function: Callable[..., Any] | None = None, /, *, name: str | None = None, **options: Any) -> Any:
    """Make a task of a function that stands at the top of a module. Bare, or with options.

    Options: `name` (default `module:qualname`), `task_id`, `user_id` (a string, or a callable over the call's
    arguments), `priority`, `max_retries`, `retry_backoff`, `retry_on`, `no_retry_on`, `timeout`, `executor`, `delay`,
    `execute_after`, `expires_in`, `unique_key`, `result_ttl`, `cost`, `depends_on` (ids or handles of tasks that must
    have ended), `on_parent_failure` (`"wait"`, `"run"` or `"cancel"`), `on_success`, `on_failure` (a task or a graph
    that follows), `enable_xcom`, `auto_xcom` (its result is kept as `push_key`, by default its id), `push_key`.

    Raises:
        TaskValidationError: not a function, a lambda or a nested function, or an option is not accepted.
        TaskNameTaken: another function has this name already.
    """
    if function is None:
        return lambda found: _register(TaskFunction(_checked(found), name, dict(options)))
    return _register(TaskFunction(_checked(function), name, dict(options)))


def xcom_task(key: str, /, **options: Any) -> _Decorator:
    """Make a task of a function whose result other tasks of its run pull by this key: `@xcom_task("rows")`.

    Options are those of `@task`.

    Raises:
        TaskValidationError: as `@task`.
    """
    return task(**options, auto_xcom=True, push_key=check_printable(key, "push_key"))


def called(function: object, args: object, kwargs: object) -> Task[Any]:
    """Return a call of a task function.

    Raises:
        TaskValidationError: it is none (and is not called), or the arguments are not a tuple and a dict.
    """
    if not isinstance(function, TaskFunction):
        raise TaskValidationError(f"expected a @task function, got {type(function).__name__}")
    if not isinstance(args, tuple | list) or not isinstance(kwargs, Mapping | None):
        raise TaskValidationError("arguments: expected args as a tuple and kwargs as a dict")
    return function(*args, **(kwargs or {}))


def find_task(name: str) -> TaskFunction[..., Any] | None:
    """Return the task function of that name, or None if this process has not imported it."""
    return _tasks.get(name)


def task_names() -> list[str]:
    """Return the names of all task functions that this process has imported, sorted."""
    return sorted(_tasks)


def unknown_task(name: str, why: str = "") -> UnknownTask:
    """Return the error that no task of that name is known here, with the nearest names; `why` follows the name."""
    near = difflib.get_close_matches(name, task_names(), n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "a name is module:function, as in myapp.tasks:send"
    return UnknownTask(f"no task is called {name}{why}; {hint}")


def _checked(function: object) -> Callable[..., Any]:
    qualname, module = (getattr(function, name, None) for name in ("__qualname__", "__module__"))
    if not callable(function) or isinstance(function, type | TaskFunction) or qualname is None or module is None:
        raise TaskValidationError(f"@task: expected a function, got {type(function).__name__}")
    if "<" in qualname:
        what = "a lambda" if "<lambda>" in qualname else "a nested function"
        raise TaskValidationError(
            f"@task: {qualname} is {what}, which no worker could find; put it at the module's top"
        )
    return function


def _register(found: TaskFunction[P, R]) -> TaskFunction[P, R]:
    known = _tasks.get(found.name)
    if known is not None and name_of(known.function, ":") != name_of(found.function, ":"):
        raise TaskNameTaken(f"{found.name}: is the name of {name_of(known.function, ':')} already")
    _tasks[found.name] = found
    return found
