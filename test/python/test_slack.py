"""Slack in the host: what a clicked message shows, whoever changes it, and looking for a message."""

from __future__ import annotations

import unittest
from typing import Any

from harness import Folder

MESSAGE: dict[str, Any] = {"channel": "C1", "ts": "1.5", "text": "?", "blocks": []}
CLICKED: dict[str, Any] = {"v": 1, "click": {"kind": "slack_button", "action": "yes", "message": MESSAGE}}


class Feedback(Folder):
    """A run that a click started."""

    def steps(self, body: str, value: Any = CLICKED, recorded: Any = ()) -> tuple[list[str], list[str], str]:
        """Steps recorded, states shown, and how the run ended."""
        self.workflow(body)
        host = self.host()
        last = host.run(value, recorded=recorded, answers={"ctx.slack_button": {"ok": True}})
        shown = [call.value["state"] for call in host.kinds("call") if call["type"] == "ctx.slack_button"]
        return [put["step"] for put in host.kinds("put")], shown, last["t"]

    def test_processing_then_updated(self) -> None:
        steps, shown, end = self.steps("return await ctx.step('a', lambda: 1)")
        self.assertEqual(steps, ["$slack_button.processing:1", "a", "$slack_button.updated"])
        self.assertEqual((shown, end), (["processing", "updated"], "result"))

    def test_a_failure_brings_the_buttons_back(self) -> None:
        steps, shown, end = self.steps("raise RuntimeError('no')")
        self.assertEqual(steps, ["$slack_button.processing:1", "$slack_button.restore:1"])
        self.assertEqual((shown, end), (["processing", "restore"], "error"))

    def test_a_handler_that_cancels_itself_or_exits_has_failed(self) -> None:
        for body in ("raise asyncio.CancelledError()", "sys.exit(3)"):
            _, shown, end = self.steps(body)
            self.assertEqual((shown, end), (["processing", "restore"], "error"), body)

    def test_what_the_workflow_says_itself_stays(self) -> None:
        steps, shown, _ = self.steps("await ctx.update_slack('C1', '1.5', 'mine'); await ctx.update_slack('C1', '1.5', 'again')")
        self.assertEqual(steps, ["$slack_button.processing:1", "$slack_button.updated"])
        self.assertEqual(shown, ["processing"])
        _, shown, _ = self.steps("await ctx.update_slack('C1', '1.5', 'mine'); raise ValueError('late')")
        self.assertEqual(shown, ["processing"])
        _, shown, _ = self.steps("await ctx.update_slack('C1', '9.9', 'another')")
        self.assertEqual(shown, ["processing", "updated"])

    def test_a_replay_changes_nothing(self) -> None:
        processing = ("$slack_button.processing:1", "step", {"ok": True})
        steps, shown, _ = self.steps("return 1", recorded=[processing])
        self.assertEqual((steps, shown), (["$slack_button.updated"], ["updated"]))
        updated = ("$slack_button.updated", "step", {"by": "workflow"})
        steps, shown, _ = self.steps("return 1", recorded=[processing, updated])
        self.assertEqual((steps, shown), ([], []))
        steps, shown, _ = self.steps("raise ValueError('x')", recorded=[processing, updated])
        self.assertEqual((steps, shown), ([], []))

    def test_only_a_click_with_its_message_shows_anything(self) -> None:
        values: list[Any] = [None, [1], {"click": "yes"}, {"click": {"kind": "slack_button"}}, {"click": {"message": MESSAGE}}]
        for value in values:
            steps, shown, _ = self.steps("return 1", value=value)
            self.assertEqual((steps, shown), ([], []), value)


class Messages(Folder):
    """Messages beside clicks."""

    def test_a_message_is_looked_for_without_disturbing_the_keys_of_posts(self) -> None:
        self.workflow("""
            await ctx.post_to_slack("C1", "one")
            found = await ctx.find_slack_message("C1", "k", "1.0")
            await ctx.post_to_slack("C1", "two")
            return found
        """)
        host = self.host()
        last = host.run(answers={"ctx.find_slack_message": {"found": False, "channel": "C1"}})
        self.assertEqual(last.value, {"found": False, "channel": "C1"})
        calls = host.kinds("call")
        self.assertEqual([call["ordinal"] for call in calls], ["1", "1", "2"])
        self.assertEqual(calls[1].value, {"channel": "C1", "client_msg_id": "k", "thread_ts": "1.0"})

    def test_a_button_whose_value_would_be_too_long_is_refused_with_its_size(self) -> None:
        self.workflow("""
            good = {"channel": "C1", "text": "t", "workflow": "w", "buttons": {"ok": "OK"}}
            await ctx.slack_buttons("fits", **good, input="x" * 1200)
            try:
                await ctx.slack_buttons("not", **good, input="x" * 1400)
            except ValueError as error:
                return str(error)
        """)
        host = self.host()
        self.assertIn("of 2000 bytes", host.run().value)
        self.assertEqual(len(host.kinds("call")), 1)


if __name__ == "__main__":
    unittest.main()
