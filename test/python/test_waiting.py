"""Waits, suspension, freezing and cancellation in the extended protocol."""

import unittest

from harness import Folder


class Waiting(Folder):
    def test_a_sleep_asks_to_be_suspended_and_goes_on_when_resolved(self) -> None:
        self.workflow(
            """
            from datetime import timedelta
            await ctx.sleep("nap", timedelta(seconds=1.5))
            return "up"
            """
        )
        host = self.host()
        host.start()
        suspend = host.until("suspend")
        self.assertEqual(suspend["waits"], [{"step": "nap", "kind": "sleep", "target": None, "delay_ms": 1500}])
        host.send("null", t="resolved", r=1, q=suspend["q"], steps=["nap"], kinds=["sleep"])
        self.assertEqual(host.until("result").value, "up")

    def test_a_sleep_of_nothing_is_recorded_and_returns(self) -> None:
        """Conformance 48."""
        self.workflow(
            """
            from datetime import timedelta
            await ctx.sleep("a", timedelta(-1))
            return "up"
            """
        )
        host = self.host()
        self.assertEqual(host.run().value, "up")
        self.assertEqual([(put["step"], put.texts) for put in host.kinds("put")], [("a", ["null"])])

    def test_sleep_until_sends_the_instant_and_takes_naive_times_as_utc(self) -> None:
        """Conformance 48."""
        self.workflow('from datetime import datetime\nawait ctx.sleep_until("b", datetime(2100, 1, 1))')
        host = self.host()
        host.start()
        (wait,) = host.until("suspend")["waits"]
        self.assertEqual((wait["delay_ms"], wait["until_ms"]), (None, 4102444800000))

    def test_an_event_gives_its_payload_and_a_timeout_is_a_catchable_error(self) -> None:
        """Conformance 50, 51."""
        self.workflow(
            """
            try:
                await ctx.wait_for_event("first", "approved", "order-1", timeout=60)
            except RuntimeError as error:
                return [str(error), await ctx.wait_for_event("second", "approved", "é")]
            """
        )
        host = self.host()
        host.start(recorded=[("first", "timeout", None)])
        suspend = host.until("suspend")
        self.assertEqual(suspend["waits"][0]["target"], 'python:["approved","\\u00e9"]')
        host.send('{"ok":1}', t="resolved", r=1, q=suspend["q"], steps=["second"], kinds=["event"])
        message, payload = host.until("result").value
        self.assertTrue(message.startswith("timed out waiting for event"), message)
        self.assertEqual(payload, {"ok": 1})

    def test_a_null_payload_is_not_a_timeout(self) -> None:
        """Invariant 15."""
        self.workflow('return await ctx.wait_for_event("e", "t", "c", timeout=1)')
        self.assertIsNone(self.host().run(recorded=[("e", "event", None)]).value)

    def test_waits_of_a_gather_go_out_together_after_the_steps_beside_them(self) -> None:
        self.workflow(
            """
            async def deep():
                await asyncio.gather(ctx.step("a", lambda: 1))
                return await ctx.step("b", lambda: 2)
            async def nested():
                return (await asyncio.gather(deep()))[0]
            return await asyncio.gather(ctx.sleep("s", 9), nested(), ctx.wait_for_event("e", "t", "c"))
            """
        )
        host = self.host()
        host.start()
        for name in ("a", "b"):
            frame = host.next()
            self.assertEqual((frame["t"], frame["step"]), ("put", name))
            host.send(t="ok", r=1, q=frame["q"])
        suspend = host.next()
        self.assertEqual([wait["step"] for wait in suspend["waits"]], ["s", "e"])
        host.send("5", t="resolved", r=1, q=suspend["q"], steps=["e"], kinds=["event"])
        again = host.next()
        self.assertEqual([wait["step"] for wait in again["waits"]], ["s"])
        host.send("null", t="resolved", r=1, q=again["q"], steps=["s"], kinds=["sleep"])
        self.assertEqual(host.until("result").value, [None, 2, 5])

    def test_a_wait_inside_a_step_body_suspends_too(self) -> None:
        self.workflow('return await ctx.step("outer", lambda: ctx.wait_for_event("e", "t", "c"))')
        host = self.host()
        host.start()
        suspend = host.until("suspend")
        host.send("7", t="resolved", r=1, q=suspend["q"], steps=["e"], kinds=["event"])
        put = host.until("put")
        self.assertEqual((put["step"], put.texts), ("outer", ["7"]))

    def test_a_refused_suspension_fails_the_wait(self) -> None:
        self.workflow('await ctx.sleep("s", 5)')
        host = self.host()
        host.start()
        host.send(t="no", r=1, q=host.until("suspend")["q"], error="too many waits")
        self.assertEqual(host.until("error", r=1)["message"], "too many waits")

    def test_nothing_of_a_frozen_run_ever_runs_again(self) -> None:
        trace = f"{self.base}/trace"
        self.workflow(
            f"""
            def note(text):
                with open({trace!r}, "a") as stream:
                    stream.write(text + "\\n")
            async def ticking():
                try:
                    while True:
                        await asyncio.sleep(0.001)
                        note("tick")
                finally:
                    note("finally of a task")
            task = asyncio.create_task(ticking())
            try:
                await asyncio.gather(ctx.sleep("s", 100), ctx.wait_for_event("e", "t", "c"))
            except BaseException as error:
                note(f"except {{error!r}}")
            finally:
                note("finally")
            """,
            "frozen",
        )
        self.workflow("import gc\ngc.collect()\nawait asyncio.sleep(0.1)\nreturn 'neighbour'")
        host = self.host()
        for r, end in ((1, "frozen"), (2, "drop")):
            host.start(r, "frozen")
            host.until("suspend", r=r)
            host.send(t=end, r=r)
        host.send(t="ping", at=5)
        self.assertEqual(host.until("pong"), {"t": "pong", "at": 5, "frozen": 2})
        with open(trace, "a+", encoding="utf-8") as stream:
            stream.truncate(0)
        host.start(3)
        self.assertEqual(host.until("result", r=3).value, "neighbour")
        with open(trace, encoding="utf-8") as stream:
            self.assertEqual(stream.read(), "")

    def test_cancel_runs_the_finally_blocks_and_fails_ctx_calls(self) -> None:
        self.workflow(
            """
            try:
                await ctx.agent_turn("hello")
            finally:
                print("cleaning up")
                await ctx.step("late", lambda: 1)
            """
        )
        host = self.host()
        host.start()
        host.until("call")
        host.send(t="cancel", r=1)
        host.until("ended")
        self.assertEqual(host.messages(source="stdout"), ["cleaning up"])
        self.assertEqual(host.kinds("put"), [])

    def test_a_cancelled_wait_leaves_the_next_suspension(self) -> None:
        self.workflow(
            """
            first = asyncio.create_task(ctx.wait_for_event("a", "t", "1"))
            other = asyncio.create_task(ctx.wait_for_event("b", "t", "2"))
            await asyncio.wait({first, other}, return_when=asyncio.FIRST_COMPLETED)
            other.cancel()
            await ctx.sleep("s", 9)
            """
        )
        host = self.host()
        host.start()
        suspend = host.until("suspend")
        host.send("1", t="resolved", r=1, q=suspend["q"], steps=["a"], kinds=["event"])
        self.assertEqual([wait["step"] for wait in host.until("suspend")["waits"]], ["s"])


class Children(Folder):
    def test_run_workflow_starts_a_child_and_waits_for_its_output(self) -> None:
        self.workflow('return await ctx.run_workflow("child", {"n": 1}, timeout=60)')
        host = self.host()
        host.start()
        call = host.until("call")
        self.assertEqual((call["type"], call["ordinal"]), ("ctx.workflow.start", "1"))
        self.assertEqual(call.value, {"workflow_name": "child", "input": {"n": 1}})
        child = '{"workflow_name":"child","task_id":"T","run_id":"R","created":true}'
        host.send(child, t="ok", r=1, q=call["q"])
        suspend = host.until("suspend")
        wait = {"step": "$wait:T", "kind": "task", "target": "T", "delay_ms": 60000}
        self.assertEqual(suspend["waits"], [wait])
        end = '{"task_id":"T","run_id":"R","workflow_name":"child","status":"completed","output":[1],"failure":null}'
        host.send(end, t="resolved", r=1, q=suspend["q"], steps=["$wait:T"], kinds=["task"])
        self.assertEqual(host.until("result").value, [1])

    def test_a_failed_child_raises_with_its_status_and_failure(self) -> None:
        self.workflow(
            """
            from api.workflow_engine import ChildWorkflowError
            for name in ("a", "b"):
                try:
                    await ctx.wait_for_workflow({"task_id": "T"}, name=name)
                except ChildWorkflowError as error:
                    failed = [error.status, error.failure["message"], error.task_id]
                except RuntimeError as error:
                    return [failed, str(error)]
            """
        )
        end = {"task_id": "T", "workflow_name": "c", "status": "failed", "output": None, "failure": {"message": "boom"}}
        result = self.host().run(recorded=[("a", "task", end), ("b", "timeout", None)])
        self.assertEqual(result.value, [["failed", "boom", "T"], "timed out waiting for workflow task T"])

    def test_the_v1_form_records_its_start_as_a_step(self) -> None:
        self.workflow(
            'return await ctx.start_workflow("go", workflow_name="c", run_input=[1], trigger_key="k", eager_start=True)'
        )
        host = self.host()
        host.run(answers={"ctx.workflow.start": {"task_id": "T"}})
        (call,) = host.kinds("call")
        self.assertEqual(call["ordinal"], "go/1")
        self.assertEqual(call.value, {"workflow_name": "c", "input": [1], "idempotency_key": "k"})
        self.assertEqual(host.kinds("put")[0]["step"], "go")


if __name__ == "__main__":
    unittest.main()
