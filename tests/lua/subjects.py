"""The four ways to give caps to the tasks m:f of user a, for tests that hold for each of them."""

from __future__ import annotations

from typing import Any

import pytest

from fairque.core.limits import Caps
from tests.lua.scene import Scene

SUBJECTS = ["user", "name", "queue", "*"]
each_subject = pytest.mark.parametrize("subject", SUBJECTS)


def change(scene: Scene, subject: str, **values: Any) -> Caps:
    """Change the caps of user a, of the name m:f, of the queue or of all users."""
    if subject == "name":
        return scene.limit_task("m:f", **values)
    if subject == "queue":
        return scene.limit_queue(**values)
    return scene.limit_user("a" if subject == "user" else "*", **values)
