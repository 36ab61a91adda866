"""What a handler gets for which input."""

import unittest

from harness import Folder

HEAD = """
from __future__ import annotations
from dataclasses import dataclass, field
from typing import Any, Optional
WORKFLOW_NAME = "w"
@dataclass
class Inner:
    x: int
    y: int = 2
@dataclass
class Input:
    need: Any%s
    inner: Inner | None = None
    plain: Inner = field(default_factory=lambda: Inner(0))
    maybe: Optional[Inner] = None
    many: list[Inner] = field(default_factory=list)
def handler(inp, ctx):
    return repr(inp)
"""


class Inputs(Folder):
    def run_with(self, value: object, default: str = " = 1") -> str:
        self.write("w.py", HEAD % default)
        self.last = self.host()
        return str(self.last.run(value).value)

    def test_unknown_keys_are_dropped_and_defaults_fill_the_rest(self) -> None:
        """Conformance 33, 34, 35, 37."""
        value = {"plain": {"x": 5, "z": 9}, "other": 1, "maybe": {"x": 1}, "many": [{"x": 1}], "need": "5"}
        wanted = "Input(need='5', inner=None, plain=Inner(x=5, y=2), maybe={'x': 1}, many=[{'x': 1}])"
        self.assertEqual(self.run_with(value), wanted)

    def test_an_empty_input_is_an_input_with_defaults(self) -> None:
        """Conformance 115."""
        wanted = "Input(need=1, inner=None, plain=Inner(x=0, y=2), maybe=None, many=[])"
        empty: list[object] = [None, {}, [], "", 0, False]
        for value in empty:
            self.assertEqual(self.run_with(value), wanted)

    def test_a_truthy_value_that_is_no_object_passes_unchanged(self) -> None:
        """Conformance 115."""
        for value in ([1], "text", 7, True):
            self.assertEqual(self.run_with(value), repr(value))

    def test_a_missing_required_field_hands_over_the_dict_and_warns(self) -> None:
        """Conformance 36, D16."""
        self.assertEqual(self.run_with({"plain": {"y": 1}}, ""), "{'plain': {'y': 1}}")
        (warning,) = self.last.messages(level="warn", source="chiron")
        self.assertIn("need, plain.x", warning)

    def test_without_an_input_class_the_handler_gets_the_value(self) -> None:
        """Conformance 34."""
        self.workflow("return inp")
        self.assertEqual(self.host().run({"a": [1]}).value, {"a": [1]})
        self.assertEqual(self.host().run(None).value, {})


if __name__ == "__main__":
    unittest.main()
