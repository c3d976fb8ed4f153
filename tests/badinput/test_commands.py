"""`fairque push` with JSON from a command line: what is accepted arrives as it was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

import pytest

from fairque.core.encoding import MAX_BODY_BYTES
from tests.badinput.ground import Ground, cell, refused, untouched
from tests.badinput.payloads import SECRET
from tests.core.test_codec import same

FULL: Final = "FULL"
"""Stands for as many characters as there is room for."""

TAKEN: Final = {
    "null": "null",
    "empty-list": "[]",
    "empty-dict": "{}",
    "kept-apart": '[[], {}, null, "", 0, 0.0, false]',
    "minus-zero": "-0.0",
    "2^53+1": "9007199254740993",
    "2^63": "9223372036854775808",
    "10^400": "1" + 400 * "0",
    "nul-in-text": '"a\\u0000b"',
    "byte-order-mark-in-text": '"\ufeffa"',
    "pair-of-surrogates": '"\\ud83e\\udd8a"',
    "option-like": '"--help"',
    "yaml-tag": '"!!python/object/apply:os.system [x]"',
    "at-the-limit": f'"{FULL}"',
    "deep": "[" * 99 + "]" * 99,
}
REFUSED: Final = {
    "no-json": SECRET,
    "cut-off": f'["{SECRET}"',
    "two-values": f'"{SECRET}" 1',
    "single-quotes": f"'{SECRET}'",
    "comment": f"1 // {SECRET}",
    "nan": f'["{SECRET}", NaN]',
    "infinity": f'["{SECRET}", Infinity]',
    "minus-infinity": f'["{SECRET}", -Infinity]',
    "1e400": f'["{SECRET}", 1e400]',
    "10^5000": f'["{SECRET}", 1{5000 * "0"}]',
    "a-key-twice": f'{{"{SECRET}": 1, "{SECRET}": 2}}',
    "a-key-twice-inside": f'[{{"a": {{"b": "{SECRET}", "b": 2}}}}]',
    "lone-surrogate": f'"{SECRET}\\ud800"',
    "invalid-utf8": f'"{SECRET}\udcff"',
    "byte-order-mark": f'\ufeff"{SECRET}"',
    "control-character": f'"{SECRET}\n"',
    "too-deep": "[" * 101 + "]" * 101,
    "depth-1001": "[" * 1_001 + "]" * 1_001,
    "depth-100000": "[" * 100_000 + "]" * 100_000,
    "open-100000": '{"a":' * 100_000,
    "one-over": f'"{FULL}x"',
    "python-set": "{1, 2}",
    "pickle": "\udc80\x04N.",
}


class Form(NamedTuple):
    """How a value is given, where it is found again, and how it is stored where it is an empty text."""

    word: str
    find: Callable[[Any], Any]
    stored: str

    def written(self, text: str) -> str:
        return self.word.replace("%s", text.replace(FULL, "x" * (MAX_BODY_BYTES - len(self.stored))))


FORMS: Final = {
    "args": Form("--args=[%s]", lambda task: task.args[0], '[[""],{},{}]'),
    "kwargs": Form('--kwargs={"value":%s}', lambda task: task.kwargs["value"], '[[],{"value":""},{}]'),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_a_value_on_a_command_line(ground: Ground, caplog: pytest.LogCaptureFixture, form: Form) -> None:
    queue, words = ground.queues["sync"], ("push", "badinput.echo", "--user=u", "--json")
    with untouched(ground, caplog):
        for name, text in REFUSED.items():
            with cell(name):
                assert SECRET not in str(refused(partial(ground.command, *words, form.written(text))))
    for name, text in TAKEN.items():
        with cell(name):
            task_id = ground.command(*words, form.written(text)).json["task_id"]
            found = queue.get_task(task_id)
            assert found is not None
            value = form.find(found)
            assert value == "x" * len(value) if FULL in text else same(value, json.loads(text))
            assert queue.delete_task(task_id)


@pytest.mark.parametrize(
    "words",
    [
        ("--args=",),
        ("--args={}",),
        ("--args=3",),
        ("--args=null",),
        ('--args="x"',),
        ("--args=[1, 2]",),
        ("--kwargs=[]",),
        ("--kwargs=3",),
        ("--kwargs=null",),
        ('--kwargs={"other": 1}',),
        ("--args=[1]", '--kwargs={"value": 1}'),
    ],
    ids=" ".join,
)
def test_json_of_another_shape(ground: Ground, caplog: pytest.LogCaptureFixture, words: tuple[str, ...]) -> None:
    with untouched(ground, caplog):
        refused(lambda: ground.command("push", "badinput.echo", "--user=u", *words))
