"""Every name that a script uses is defined in it: what a library needs, the command includes, before it."""

from __future__ import annotations

import re

import pytest

from fairque.store import scripts

_STRING = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")
_WORDS = """
and break do else elseif end false for function if in local nil not or repeat return then true until while
math string table redis unpack tonumber tostring type pairs ipairs next select KEYS ARGV
"""
_KNOWN = set(_WORDS.split())


def unknown_names(text: str) -> set[str]:
    text = _STRING.sub("''", re.sub(r"--.*", "", text))
    defined = set(_KNOWN)
    unknown: set[str] = set()
    for line in text.splitlines()[1:]:
        for names in re.findall(r"\blocal ([\w, ]+)", line):
            defined.update(re.findall(r"\w+", names))
        for name, parameters in re.findall(r"\bfunction ?(\w*)\(([^)]*)\)", line):
            defined.update([name, *re.findall(r"\w+", parameters)])
        for names in re.findall(r"\bfor ([\w, ]+?) (?:in\b|=)", line):
            defined.update(re.findall(r"\w+", names))
        keyless = re.sub(r"(?:(?<=[{,])|^) *\w+ = ", "", re.sub(r"\.\w+", "", line.replace("..", " ")))
        used = set(re.findall(r"\b[A-Za-z_]\w*", keyless))
        unknown |= used - defined
    return unknown


@pytest.mark.parametrize("name", scripts.names())
def test_a_script_uses_only_what_is_defined_before(name: str) -> None:
    assert unknown_names(scripts.load(name).text) == set()
