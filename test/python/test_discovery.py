"""What is discovered, what is reported, and that one bad file stops no other."""

import os
import unittest
from typing import Any

from harness import Folder

GOOD = "async def handler(inp, ctx): return 1\n"


def named(found: Any) -> list[str]:
    return sorted(workflow["workflow_name"] for workflow in found["workflows"])


def kinds(found: Any) -> list[tuple[str, str]]:
    return sorted((problem["kind"], os.path.basename(problem["path"])) for problem in found["problems"])


class Discovery(Folder):
    def workflow_file(self, path: str, name: str, more: str = GOOD) -> str:
        return self.write(path, f'WORKFLOW_NAME = "{name}"\n{more}')

    def test_only_files_that_declare_a_workflow_are_imported(self) -> None:
        """Conformance 19, 113."""
        trap = f'WORKFLOW_NAME = "trap"\nopen({self.base!r} + "/touched", "w")\n'
        for path in ("__init__.py", "_helper.py", ".venv/x.py", "node_modules/x.py", "__pycache__/x.py", ".git/x.py"):
            self.write(path, trap)
        self.write("plain.py", trap.replace("WORKFLOW_NAME", "NAME"))
        self.write("inner.py", "def f():\n    " + trap.replace("\n", "\n    "))
        self.workflow_file("deep/er/good.py", "good")
        self.workflow_file("_private/also.py", "also")
        self.workflow_file("venv/third.py", "third")
        found = self.host().discover()
        self.assertEqual((named(found), found["problems"]), (["also", "good", "third"], []))
        self.assertFalse(os.path.exists(f"{self.base}/touched"))
        self.workflow_file(".hidden/h.py", "hidden")
        self.assertIn("hidden", named(self.host(walk_all=True).discover()))
        self.assertTrue(os.path.exists(f"{self.base}/touched"))

    def test_every_broken_file_is_reported_and_stops_no_other(self) -> None:
        """Conformance 22, 24, 25, 111, 112."""
        helper = self.write("_help.py", "def f():\n    return 1 / 0\n")
        self.write("a_syntax.py", 'WORKFLOW_NAME = "a"\ndef (:\n')
        self.write("b_encoding.py", b'WORKFLOW_NAME = "b"\nX = "\xff"\n')
        self.workflow_file("c_exit.py", "c", "import sys\nsys.exit(2)\n")
        self.workflow_file("d_import.py", "d", "import _help\n_help.f()\n")
        self.workflow_file("e_none.py", "e", "X = 1\n")
        self.write("f_computed.py", 'WORKFLOW_NAME = "f" + str(1)\n')
        self.workflow_file("g_mismatch.py", "g", GOOD + "for WORKFLOW_NAME in ('other',): pass\n")
        first = self.workflow_file("h_first.py", "h")
        self.workflow_file("i_second.py", "h")
        self.workflow_file("j_cron.py", "j", GOOD + 'CRON = "* * * * *"\n')
        self.workflow_file("k_webhooks.py", "k", GOOD + 'WEBHOOKS = [{"slug": ""}, 5]\nSCHEDULE = "x"\n')
        self.write("l_other.py", "def (:\n")
        found = self.host().discover()
        self.assertEqual(named(found), ["h", "j", "k"])
        self.assertEqual(
            kinds(found),
            [
                ("computed_name", "f_computed.py"),
                ("duplicate_name", "i_second.py"),
                ("encoding", "b_encoding.py"),
                ("exit", "c_exit.py"),
                ("import", "_help.py"),
                ("name_mismatch", "g_mismatch.py"),
                ("no_handler", "e_none.py"),
                ("schedule", "k_webhooks.py"),
                ("shorthand", "j_cron.py"),
                ("syntax", "a_syntax.py"),
                ("webhook", "k_webhooks.py"),
                ("webhook", "k_webhooks.py"),
            ],
        )
        by_kind = {problem["kind"]: problem for problem in found["problems"]}
        self.assertEqual((by_kind["syntax"]["line"], by_kind["encoding"]["line"]), (2, 2))
        imported = by_kind["import"]
        self.assertEqual((imported["path"], imported["line"], imported["workflow_name"]), (helper, 2, "d"))
        self.assertEqual(imported["source_path"], os.path.join(self.dir, "d_import.py"))
        self.assertIn("ZeroDivisionError", imported["message"])
        self.assertIn("d_import.py", imported["traceback"])
        self.assertIn(first, by_kind["duplicate_name"]["message"])
        self.assertEqual({p["kind"] for p in found["problems"] if p["severity"] == "warning"}, {"shorthand"})

    def test_a_name_that_is_not_allowed_is_never_imported(self) -> None:
        """Conformance 26."""
        self.workflow_file("a.py", "a", f"open({self.base!r} + '/touched', 'w')\n")
        self.workflow_file("b.py", "b")
        found = self.host(allow=["b"]).discover()
        self.assertEqual((named(found), found["problems"]), (["b"], []))
        self.assertFalse(os.path.exists(f"{self.base}/touched"))

    def test_modules_beside_and_above_are_importable_and_later_roots_come_first(self) -> None:
        """Conformance 20, 21, 114."""
        self.write("slack/shared.py", "VALUE = 'shared'\n")
        more = "import helper\nfrom workflows.slack.shared import VALUE\nasync def handler(inp, ctx): return [VALUE, helper.W]\n"
        self.workflow_file("slack/sync.py", "sync", more)
        self.write("helper.py", "W = 'first'\n")
        self.write("../second/helper.py", "W = 'second'\n")
        second = os.path.join(self.base, "second")
        host = self.host(dirs=[self.dir, "/nowhere/at/all", second])
        found = host.discover()
        self.assertEqual(found["problems"], [])
        files = {os.path.relpath(path, self.base) for path in found["files"]}
        self.assertEqual(files, {"workflows/slack/shared.py", "workflows/slack/sync.py", "second/helper.py"})
        self.assertEqual(host.run(name="sync").value, ["shared", "second"])

    def test_a_real_services_api_answers_for_what_is_not_loaded_yet(self) -> None:
        self.write("../services/api/api/__init__.py", "")
        self.write("../services/api/api/extra.py", "X = 'real'\n")
        self.write("../services/api/api/workflow_engine.py", "1 / 0\n")
        more = "from api.extra import X\nfrom api.workflow_engine import Delivery\nfrom api.metrics import set_gauge\n"
        self.workflow_file("w.py", "w", more + "async def handler(inp, ctx): return X\n")
        self.assertEqual(self.host().run().value, "real")

    def test_metadata_comes_in_every_spelling(self) -> None:
        """Conformance 31, 74."""
        head = "from api.webhooks import WebhookSpec, HmacAuth, BearerAuth, HeaderTriggerKey\n" + GOOD
        spec = 'WebhookSpec(slug="s", auth=HmacAuth(secret_ref="K"), trigger_key=HeaderTriggerKey("X-Id"))'
        plain = (
            '{"slug": "s", "auth": {"type": "hmac", "secret_ref": "K", "signature_header": "X-Webhook-Signature",'
            ' "algorithm": "sha256", "signature_prefix": "sha256=", "encoding": "hex"},'
            ' "trigger_key": {"type": "header", "header": "X-Id"}}'
        )
        spellings = {"object": spec, "many": f"[{spec}]", "pair": f"({spec},)", "plain": plain}
        for name, text in spellings.items():
            self.workflow_file(f"{name}.py", name, f"{head}WEBHOOKS = {text}\n")
        more = 'WEBHOOKS = [{"slug": "a", "auth": "none"}, {"slug": "b"}, {"slug": "c", "auth": {"secret_ref": "K"}}]\n'
        more += 'SCHEDULE = [{"cron": "0 9 * * *"}, {"interval_seconds": 5}]\nWORKFLOW_PRINCIPAL = True\n'
        self.workflow_file("other.py", "other", GOOD + more)
        found = self.host().discover()
        by_name = {workflow["workflow_name"]: workflow for workflow in found["workflows"]}
        for name in spellings:
            self.assertEqual(by_name[name]["webhooks"], by_name["plain"]["webhooks"], name)
        self.assertEqual(by_name["plain"]["webhooks"][0]["trigger_key"], {"type": "header", "header": "X-Id"})
        other = by_name["other"]
        self.assertEqual([hook["auth"] for hook in other["webhooks"]], [{"type": "none"}, {"type": "none"}])
        self.assertEqual([item["schedule_id"] for item in other["schedule"]], ["other", "other-2"])
        self.assertIs(other["principal"], True)
        self.assertEqual(kinds(found), [("webhook", "other.py")])

    def test_shorthands_of_the_first_version_come_in_the_words_of_a_schedule(self) -> None:
        """Conformance 98: the engine honours them when it is told to."""
        self.workflow_file("cron.py", "cron", GOOD + 'CRON = "0 9 * * *"\n')
        self.workflow_file("interval.py", "interval", GOOD + "import datetime\nINTERVAL = datetime.timedelta(minutes=5)\n")
        self.workflow_file("both.py", "both", GOOD + 'CRON = "* * * * *"\nSCHEDULE = {"interval_seconds": 5}\n')
        found = self.host().discover()
        said = {workflow["workflow_name"]: workflow["v1_schedule"] for workflow in found["workflows"]}
        self.assertEqual(said, {"cron": {"cron": "0 9 * * *"}, "interval": {"interval_seconds": 300}, "both": None})
        self.assertEqual(kinds(found), [("shorthand", "cron.py"), ("shorthand", "interval.py")])

    def test_declarations_and_what_is_wrong_with_them_have_the_line_they_begin_at(self) -> None:
        more = 'WEBHOOKS = [{"slug": "a"}]\nSCHEDULE: list = [\n    5,\n    {"interval_seconds": 60},\n]\n'
        path = self.workflow_file("lines.py", "lines", GOOD + more)
        with open(path, encoding="utf-8") as file:
            begins = {line.split()[0].strip(":"): number for number, line in enumerate(file, 1) if line[:1].isupper()}
        found = self.host().discover()
        lines = {"webhook": begins["WEBHOOKS"], "schedule": begins["SCHEDULE"]}
        self.assertEqual(found["workflows"][0]["lines"], lines)
        self.assertEqual([problem["line"] for problem in found["problems"]], [lines["schedule"]])

    def test_the_input_schema_tells_types_defaults_and_what_is_required(self) -> None:
        more = """
from __future__ import annotations
import enum
from dataclasses import dataclass, field
from typing import Literal, Optional
class Color(enum.Enum):
    RED = "red"
@dataclass
class Inner:
    x: int
@dataclass
class Input:
    inner: Inner
    name: str = "n"
    many: list[Inner] = field(default_factory=list)
    maybe: Optional[float] = None
    kind: Literal["a", "b"] = "a"
    color: Color = Color.RED
    table: dict[str, int] = field(default_factory=dict)
    anything: object = None
async def handler(inp, ctx):
    "What it does.\\n\\nMore."
"""
        self.write("w.py", more + 'WORKFLOW_NAME = "w"\n')
        (workflow,) = self.host().discover()["workflows"]
        self.assertEqual(workflow["description"], "What it does.")
        schema = workflow["input_schema"]
        inner = {"type": "object", "title": "Inner", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
        properties = schema["properties"]
        self.assertEqual((schema["required"], properties["inner"]), (["inner"], inner))
        self.assertEqual(properties["many"], {"type": "array", "items": inner, "default": []})
        self.assertEqual(properties["maybe"], {"anyOf": [{"type": "number"}, {"type": "null"}], "default": None})
        self.assertEqual(properties["kind"], {"enum": ["a", "b"], "default": "a"})
        self.assertEqual(properties["table"]["additionalProperties"], {"type": "integer"})

    def test_the_reported_files_are_the_loaded_ones_with_their_hashes(self) -> None:
        path = self.workflow_file("w.py", "w")
        found = self.host().discover()
        self.assertEqual(list(found["files"]), [path])
        self.assertRegex(found["files"][path], "^[0-9a-f]{64}$")

    def test_a_process_imports_once(self) -> None:
        count = f"{self.base}/count"
        self.workflow("return 1", head=f"open({count!r}, 'a').write('x')")
        host = self.host()
        host.discover()
        host.discover()
        host.run()
        with open(count, encoding="utf-8") as stream:
            self.assertEqual(stream.read(), "x")


if __name__ == "__main__":
    unittest.main()
