"""What fairque accepts as the address of Redis, and how it shows one: without passwords."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

SCHEMES: Final = ("redis", "rediss", "unix", "embedded")

_QUOTE: Final = "in a password write %2F for /, %3F for ?, %23 for #, %40 for @"


def without_password(url: str) -> str:
    """`redis://user:***@host:6379/0`: also without the options after `?`, which may hold credentials too."""
    scheme, separator, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    shown = f"{user}:***" if colon else "***"
    return f"{scheme}{separator}{shown + at if at else ''}{place.split('?')[0].split('#')[0]}"


def faults(url: str) -> Iterator[str]:
    """Yield what is wrong with the URL; no text shows any of it but the scheme."""
    if not url.isprintable() or " " in url:
        yield "has a blank or a character that is not printable"
        return
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        yield f"must start with one of {', '.join(f'{name}://' for name in SCHEMES)}"
        return
    if scheme == "embedded":
        return
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None  # not said from inside the handler: urllib's message shows the password
    yield from _part_faults(parts, rest) if parts else iter([f"is not a URL ({_QUOTE})"])


def _part_faults(parts: SplitResult, rest: str) -> Iterator[str]:
    if parts.fragment or "#" in rest or "@" in parts.query or "@" in parts.path:
        yield f"has an unquoted special character ({_QUOTE})"
    elif {"username", "password"} & {key for key, _ in parse_qsl(parts.query)}:
        yield "must have user name and password before the host, not after the '?'"
    elif parts.scheme == "unix":
        if len(parts.path) < 2:
            yield "must name a socket, as in unix:///run/redis.sock"
    elif parts.netloc.rpartition("@")[2][:1] in {"", ":"}:
        yield "must name a host, as in redis://localhost:6379/0"
    elif parts.scheme in {"redis", "rediss"}:
        yield from _server_faults(parts)


def _server_faults(parts: SplitResult) -> Iterator[str]:
    try:
        port_is_good = parts.port != 0
    except ValueError:
        port_is_good = False
    if not port_is_good:
        yield f"must have a port from 1 to 65535 ({_QUOTE})"
    database = parts.path.removeprefix("/")
    if database and not (database.isascii() and database.isdigit()):
        yield "must have the number of a database after the '/', as in redis://localhost:6379/0"
