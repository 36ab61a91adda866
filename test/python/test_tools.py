"""Local tools: files of a folder `tools` are discovered, called back by the engine, and their mistakes are named."""

from __future__ import annotations

import os
import time
from typing import Any

from harness import Extended, Folder, Frame

TEXT = '''
"""Words and such."""
import asyncio, threading
from ._letters import lower

def slugify(text, sep="-"):
    """Lower case, joined."""
    return sep.join(lower(text).split())

async def later(seconds: float = 0) -> dict:
    await asyncio.sleep(seconds)
    return {"thread": threading.current_thread() is threading.main_thread()}

def thread():
    return threading.current_thread() is threading.main_thread()

def breaks():
    raise ValueError("no such thing")

def leaves():
    raise SystemExit(3)

def never():
    from api.workflow_engine import NonRetryableError
    raise NonRetryableError("not again")

def _hidden():
    return 1
'''


class LocalTools(Folder):
    """Through the real host."""

    def setUp(self) -> None:
        super().setUp()
        self.write("tools/text.py", TEXT)
        self.write("tools/_letters.py", "def lower(text):\n    return text.lower()\n")

    def played(self, body: str, **options: Any) -> tuple[Extended, Frame]:
        """Run a handler to its end, leaving every tool call to the local tool as the engine does."""
        self.workflow(body)
        host = self.host(**options)
        host.start()
        while True:
            frame = host.next()
            host.seen.append(frame)
            if frame["t"] == "call":
                host.send(t="tool", r=1, q=frame["q"])
            elif frame["t"] == "tooled" and frame["ok"]:
                host.send(frame.texts[0], t="ok", r=1, q=frame["q"])
            elif frame["t"] == "tooled":
                host.send(t="no", r=1, q=frame["q"], error=frame["error"])
            elif frame["t"] == "put":
                host.send(t="ok", r=1, q=frame["q"])
            elif frame["t"] in ("result", "error"):
                return host, frame

    def test_a_file_is_a_tool_and_a_public_function_of_its_own_a_method(self) -> None:
        beside = self.write("../tools/more.py", "def one(*, a): pass\n")
        self.write("tools/flow.py", 'WORKFLOW_NAME = "flow"\nasync def handler(inp, ctx): pass\n')
        self.write("tools/constants.py", "raise SystemExit('never imported')\n")
        self.write("tools/deeper/far.py", "def far(): pass\n")
        found = self.host().discover()
        self.assertEqual(found["problems"], [])
        self.assertEqual([tool["name"] for tool in found["tools"]], ["text", "more"])
        text, more = found["tools"]
        self.assertEqual(text["description"], "Words and such.")
        self.assertEqual([one["name"] for one in text["methods"]], ["slugify", "later", "thread", "breaks", "leaves", "never"])
        slugify = {"name": "slugify", "line": 6, "signature": "(text, sep='-')", "description": "Lower case, joined."}
        self.assertEqual(text["methods"][0], slugify)
        self.assertEqual((more["path"], more["methods"][0]["signature"]), (os.path.realpath(beside), "(*, a)"))
        for path in (text["path"], more["path"], os.path.join(self.dir, "tools", "_letters.py")):
            self.assertIn(path, found["files"])

    def test_the_engine_leaves_a_call_to_the_process_that_made_it(self) -> None:
        host, end = self.played(
            """
            first = await ctx.tools.text.slugify(text="Hello World")
            second = await ctx.call_tool("text", "slugify", {"text": "A B", "sep": "_"})
            inner = await ctx.step("inner", lambda: ctx.tools.text.later())
            return [first, second, inner, await ctx.tools.text.thread()]
            """
        )
        self.assertEqual(end.value, ["hello-world", "a_b", {"thread": True}, False])
        calls = host.kinds("call")
        self.assertEqual([call["ordinal"] for call in calls], ["1", "2", "inner/1", "3"])
        self.assertEqual(calls[0].value, {"tool": "text", "method": "slugify", "args": {"text": "Hello World"}})
        self.assertIn("slugify", calls[0]["local"]["methods"])

    def test_an_answer_from_elsewhere_runs_no_tool(self) -> None:
        self.workflow("return await ctx.tools.text.breaks()")
        host = self.host()
        self.assertEqual(host.run(answers={"ctx.call_tool": "recorded"}).value, "recorded")

    def test_two_calls_are_under_way_at_once(self) -> None:
        """Conformance 17."""
        started = time.monotonic()
        _, end = self.played(
            "return len(await asyncio.gather(ctx.tools.text.later(seconds=1), ctx.tools.text.later(seconds=1)))"
        )
        self.assertEqual(end.value, 2)
        self.assertLess(time.monotonic() - started, 1.9)

    def failure(self, call: str) -> Frame:
        """How a run ends whose handler does nothing but this call."""
        return self.played(f"await {call}")[1]

    def test_what_a_tool_raises_names_the_tool_and_its_line_and_keeps_its_traceback(self) -> None:
        end = self.failure("ctx.tools.text.breaks()")
        place = f"{os.path.join(self.dir, 'tools', 'text.py')}:18"
        self.assertEqual(end["message"], f"tool text.breaks failed: ValueError: no such thing ({place})")
        self.assertEqual((end["name"], end["retryable"]), ("RuntimeError", True))
        self.assertIn("ValueError: no such thing", end.value)

    def test_wrong_arguments_say_what_it_takes(self) -> None:
        message = self.failure("ctx.tools.text.slugify(txt='x')")["message"]
        self.assertIn("tool text.slugify: missing a required argument: 'text'; it takes (text, sep='-')", message)

    def test_an_error_that_must_not_be_retried_stays_one(self) -> None:
        end = self.failure("ctx.tools.text.never()")
        self.assertEqual((end["name"], end["message"], end["retryable"]), ("NonRetryableError", "not again", False))

    def test_a_tool_that_leaves_ends_no_neighbour(self) -> None:
        end = self.failure("ctx.tools.text.leaves()")
        self.assertIn("tool text.leaves", end["message"])

    def test_a_file_that_does_not_import_is_a_problem_and_says_so_at_the_call(self) -> None:
        broken = self.write("tools/text.py", "import os\n\ndef slugify(text):\n    return text\n\nos.nothing\n")
        half = self.write("tools/half.py", "def f(:\n    pass\n")
        self.workflow("pass")
        host = self.host()
        found = host.discover()
        problems = {(one["path"], one["line"], one["kind"]) for one in found["problems"]}
        self.assertEqual(problems, {(broken, 6, "tool"), (half, 1, "tool")})
        tools = {tool["name"]: tool for tool in found["tools"]}
        self.assertIn("AttributeError", tools["text"]["problem"])
        self.assertIn(f"{half}:1", tools["half"]["problem"])

    def test_a_program_is_not_imported(self) -> None:
        self.write("../tools/deploy.py", "#!/usr/bin/env python3\nimport os\ndef deploy(): pass\nos._exit(1)\n")
        called = self.write("../tools/clean.py", "import os\ndef main():\n    os._exit(1)\n\nmain()\n")
        self.write("../tools/fine.py", "def f(): pass\nif __name__ == '__main__':\n    f()\n")
        found = self.host().discover()
        self.assertEqual([tool["name"] for tool in found["tools"]], ["text", "fine"])
        (problem,) = found["problems"]
        self.assertEqual((problem["path"], problem["line"], problem["severity"]), (os.path.realpath(called), 5, "warning"))

    def test_a_person_calls_a_tool_without_a_run(self) -> None:
        host = self.host()
        host.discover()
        host.send('{"text":"Ab C"}', t="tool", r=None, q=7, tool="text", method="slugify")
        told = host.until("tooled")
        self.assertEqual((told["q"], told["ok"], told.value), (7, True, "ab-c"))
        host.send("{}", t="tool", r=None, q=8, tool="text", method="nope")
        self.assertIn("text.py defines slugify, later", host.until("tooled")["error"])

    def test_a_baseline_host_calls_its_local_tools_itself(self) -> None:
        self.workflow("return await ctx.tools.text.slugify(text='A B')")
        host = self.baseline_process()
        host.start()
        self.assertEqual(host.next()["result"], "a-b")


class Program(Folder):
    """The centaur-tools program, under a baseline engine."""

    def call(self, script: str) -> dict[str, Any]:
        """What a handler's call comes to with this program on the PATH."""
        program = self.write("../bin/centaur-tools", f"#!/bin/sh\n{script}\n")
        os.chmod(program, 0o755)
        self.workflow("return await ctx.call_tool('t', 'm', {'a': 1})")
        host = self.baseline_process(PATH=f"{os.path.dirname(program)}:{os.environ['PATH']}")
        host.start()
        return host.next()

    def test_it_gets_the_arguments_on_its_input_and_answers_with_json(self) -> None:
        self.assertEqual(self.call('echo "[\\"$*\\", $(cat)]"')["result"], ["call t m -", {"a": 1}])

    def test_its_failures_are_named(self) -> None:
        self.assertIn("centaur-tools call t m failed: no such tool", self.call("echo no such tool >&2; exit 3")["message"])
        self.assertIn("did not answer with JSON", self.call("echo '<html>'")["message"])

    def test_an_endless_answer_is_cut_off(self) -> None:
        self.assertIn("more than 16777216 bytes", self.call("exec cat /dev/zero")["message"])
