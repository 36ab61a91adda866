"""The baseline protocol, as an engine that knows nothing else would use it."""

import json
import os
import signal
import subprocess
import unittest

from harness import COMMAND, Folder, environment

START = json.dumps({"type": "workflow.start", "run_id": "R", "task_id": "T", "workflow_name": "w", "input": {"a": 1}})


class Baseline(Folder):
    def test_discovery_is_one_line_and_exit_0_in_both_spellings(self) -> None:
        """Conformance 1, 2, 14."""
        path = self.workflow("return 1", head='print("loud"); os.write(1, b"raw"); WEBHOOKS = {"slug": "s"}; SCHEDULE = {"cron": "x"}')
        self.write("bad.py", 'WORKFLOW_NAME = "bad"\nimport nothing_there\n')
        answers = [self.baseline('{"type":"%s"}\n' % kind) for kind in ("workflow.discover", "discover")]
        self.assertEqual(answers[0].out, answers[1].out)
        (message,) = answers[0].messages
        self.assertEqual((answers[0].code, message["type"]), (0, "workflow.discovery"))
        (workflow,) = message["workflows"]
        spec = {"slug": "s", "auth": {"type": "none"}}
        self.assertEqual(workflow["webhooks"], [{"workflow_name": "w", "source_path": path, "spec": spec}])
        schedule = {"cron": "x", "schedule_id": "w", "workflow_name": "w", "source_path": path}
        self.assertEqual((workflow["schedule"], workflow["principal"]), (schedule, None))
        self.assertEqual(message["problems"][0]["kind"], "import")
        self.assertIn("workflow_load_error path=", answers[0].err)
        self.assertIn("loud", answers[0].err)

    def test_a_last_line_without_newline_counts(self) -> None:
        """Conformance 4."""
        self.workflow("return 1")
        self.assertEqual(self.baseline('{"type":"discover"}').messages[0]["type"], "workflow.discovery")
        self.assertEqual(self.baseline(START).messages[0]["result"], 1)

    def test_garbage_ends_the_process(self) -> None:
        """Conformance 5."""
        for text in ("nonsense\n", "[1]\n", "\n"):
            ended = self.baseline(text)
            self.assertEqual(ended.code, 1)
            self.assertTrue(ended.messages[0]["message"].startswith("invalid workflow host input"))

    def test_an_unknown_type_does_not(self) -> None:
        """Conformance 6."""
        ended = self.baseline('{"type":"what"}\n{"type":"ctx.response","request_id":"9"}\n{"type":"discover"}\n')
        self.assertEqual([m["type"] for m in ended.messages], ["host.error", "host.error", "workflow.discovery"])
        self.assertEqual((ended.messages[0]["message"], ended.code), ("unknown message type 'what'", 0))

    def test_a_run_at_the_end_of_input_still_gives_its_result(self) -> None:
        """Conformance 8, 10, 15."""
        self.workflow('print("noise"); os.system("echo noise"); await asyncio.sleep(0.05)\nreturn inp')
        ended = self.baseline(START + "\n")
        (message,) = ended.messages
        wanted = {"workflow_run_id": "R", "run_id": "R", "workflow_task_id": "T", "task_id": "T"}
        self.assertEqual(message, {"type": "workflow.result", **wanted, "workflow_name": "w", "result": {"a": 1}})
        self.assertEqual((ended.code, ended.err.count("noise")), (0, 2))

    def test_steps_take_two_requests_and_a_second_start_is_refused(self) -> None:
        """Conformance 7, 9."""
        self.workflow('return [await ctx.step("a", lambda: 1, step_kind="k"), await ctx.step("b", lambda: 2)]')
        host = self.baseline_process()
        host.start()
        get = host.next()
        self.assertEqual(get, {"type": "ctx.step.get", "request_id": "1", "step": "a", "step_kind": "k"})
        host.start()
        refused = host.next()
        self.assertEqual(refused, {"type": "workflow.error", "message": "workflow host already has an active workflow"})
        host.answer(get, {"done": False, "checkpoint_name": "a"})
        put = host.next()
        self.assertEqual((put["type"], put["checkpoint_name"], put["value"]), ("ctx.step.put", "a", 1))
        host.answer(put, 1)
        host.answer(host.next(), {"done": True, "checkpoint_name": "b", "value": "recorded"})
        self.assertEqual(host.next()["result"], [1, "recorded"])
        self.assertEqual(host.ended(), 0)

    def test_requests_have_the_references_shapes(self) -> None:
        """Conformance 12, 13, 17."""
        self.workflow(
            """
            ctx.log("hello", n=1)
            turns = await asyncio.gather(ctx.agent_turn("a", model="m"), ctx.call_tool("t", "m"))
            await ctx.sleep("s", 2)
            await ctx.wait_for_event("e", "type", "id", timeout=3)
            started = await ctx.start_workflow("child", {"x": 1}, idempotency_key="k")
            try:
                await ctx.post_to_slack("C", "text")
            except RuntimeError as error:
                return [turns, started, str(error)]
            """
        )
        host = self.baseline_process()
        host.start()
        log = host.next()
        self.assertEqual(log, {"type": "ctx.log", "message": "hello", "fields": {"n": 1}})
        both = [host.next(), host.next()]
        self.assertEqual(both[0], {"type": "ctx.agent_turn", "request_id": "1", "args": {"model": "m", "text": "a"}})
        self.assertEqual(both[1], {"type": "ctx.call_tool", "request_id": "2", "tool": "t", "method": "m", "args": {}})
        for number, request in enumerate(both):
            host.answer(request, number)
        sleep = host.next()
        self.assertEqual(sleep, {"type": "ctx.sleep", "request_id": "3", "step": "s", "duration_seconds": 2.0})
        host.answer(sleep, {"slept": True})
        event = host.next()
        self.assertEqual((event["event_type"], event["correlation_id"], event["timeout_seconds"]), ("type", "id", 3.0))
        host.answer(event, None)
        start = host.next()
        self.assertEqual((start["workflow_name"], start["input"], start["idempotency_key"]), ("child", {"x": 1}, "k"))
        host.answer(start, {"task_id": "T2"})
        slack = host.next()
        host.send(type="ctx.response", request_id=slack["request_id"], ok=False, error="no token")
        self.assertEqual(host.next()["result"], [[0, 1], {"task_id": "T2"}, "no token"])

    def test_large_lines_pass(self) -> None:
        """Conformance 3."""
        self.workflow('return len(inp["x"]) + len(await ctx.call_tool("t", "m"))')
        host = self.baseline_process()
        host.start(value={"x": "x" * 131072})
        host.answer(host.next(), "y" * 131072)
        self.assertEqual(host.next()["result"], 262144)

    def test_failures_and_exits_are_workflow_errors(self) -> None:
        """Conformance 11, 111."""
        path = self.workflow('if inp["a"] == 1: raise ValueError("boom")\nsys.exit(3)')
        ended = self.baseline(START)
        self.assertEqual((ended.messages[0]["message"], ended.code), ("boom", 0))
        self.assertIn(f'{path}", line 5', ended.messages[0]["traceback"])
        self.assertIn("sys.exit(3)", self.baseline(START.replace('"a": 1', '"a": 2')).messages[0]["message"])
        self.assertIn("nobody", self.baseline(START.replace('"w"', '"nobody"')).messages[0]["message"])

    def test_the_code_of_a_suspended_handler_does_not_go_on(self) -> None:
        self.workflow('try:\n    await ctx.sleep("s", 5)\nfinally:\n    open(os.environ["TRACE"], "w")')
        trace = f"{self.base}/trace"
        host = self.baseline_process(TRACE=trace)
        host.start()
        host.next()
        host.input.close()
        self.assertEqual(host.ended(), 0)
        self.assertFalse(os.path.exists(trace))

    def test_input_may_be_a_file_or_nothing(self) -> None:
        """Conformance 110."""
        self.workflow("return 1")
        request = self.write("../request.json", '{"type":"discover"}\n')
        for path, lines in ((request, 1), (os.devnull, 0)):
            with open(path, "rb") as stream:
                env = environment(WORKFLOW_DIRS=self.dir)
                done = subprocess.run(COMMAND, stdin=stream, capture_output=True, env=env, timeout=20, check=True)
            self.assertEqual(len(done.stdout.splitlines()), lines)

    def test_enable_modes(self) -> None:
        """Conformance 26."""
        self.workflow("return 1")
        self.workflow("return 1", "v")
        allowed = {"WORKFLOW_ENABLE_MODE": " AllowList ", "WORKFLOW_ALLOWED_NAMES": "x, v"}
        found = self.baseline('{"type":"discover"}', **allowed).messages[0]["workflows"]
        self.assertEqual([workflow["workflow_name"] for workflow in found], ["v"])
        refused = self.baseline('{"type":"discover"}', WORKFLOW_ENABLE_MODE="some")
        self.assertEqual(refused.messages[0]["type"], "host.error")

    def test_sigterm_ends_the_process(self) -> None:
        """Conformance 18."""
        self.workflow('await ctx.agent_turn("x")')
        host = self.baseline_process()
        host.start()
        host.next()
        host.process.send_signal(signal.SIGTERM)
        self.assertEqual(host.ended(2.0), -signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
