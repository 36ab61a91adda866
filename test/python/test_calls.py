"""Calls that reach outside: agents, tools, Slack; their ordinals are equal on every replay."""

import unittest

from harness import Folder


class Calls(Folder):
    def test_ordinals_count_by_kind_and_within_a_step(self) -> None:
        """Conformance 55, D9."""
        self.workflow(
            """
            await ctx.step("a", lambda: ctx.agent_turn("inside"))
            await ctx.agent_turn("one")
            await ctx.post_to_slack("C1", "hello", thread_ts="1.2")
            await ctx.run_agent("label", text="two")
            await ctx.call_tool("t", "m", {"x": 1})
            await ctx.tools.x.y(a=1)
            await ctx.tools.x.y({"b": 2})
            await ctx.update_slack("C1", "1.2", "new")
            """
        )
        first, again = self.host(), self.host()
        first.run()
        again.run(recorded=[("a", "step", None)])
        calls = [(call["type"], call["ordinal"]) for call in first.kinds("call")]
        wanted = [
            ("ctx.agent_turn", "a/1"),
            ("ctx.agent_turn", "1"),
            ("ctx.post_to_slack", "1"),
            ("ctx.agent_turn", "2"),
            ("ctx.call_tool", "1"),
            ("ctx.call_tool", "2"),
            ("ctx.call_tool", "3"),
            ("ctx.update_slack", "2"),
        ]
        self.assertEqual(calls, wanted)
        self.assertEqual([(call["type"], call["ordinal"]) for call in again.kinds("call")], wanted[1:])
        values = [call.value for call in again.kinds("call")]
        self.assertEqual(values[1], {"channel": "C1", "text": "hello", "args": {"thread_ts": "1.2"}})
        self.assertEqual(values[4], {"tool": "x", "method": "y", "args": {"a": 1}})
        self.assertEqual(values[6], {"message": {"channel": "C1", "ts": "1.2", "text": "new"}})

    def test_agent_defaults_sit_beneath_the_arguments(self) -> None:
        """Conformance 99."""
        body = 'await ctx.agent_turn("hi", model="mine")'
        self.workflow(body, head='AGENT_DEFAULTS = {"model": "default", "harness": "codex"}')
        host = self.host()
        host.run()
        self.assertEqual(host.kinds("call")[0].value, {"model": "mine", "harness": "codex", "text": "hi"})

    def test_two_calls_of_a_gather_are_in_flight_at_once(self) -> None:
        """Conformance 17, D10."""
        self.workflow('return await asyncio.gather(ctx.agent_turn("a"), ctx.call_tool("t", "m"))')
        host = self.host()
        host.start()
        calls = [host.until("call"), host.until("call")]
        for number, call in reversed(list(enumerate(calls))):
            host.send(str(number), t="ok", r=1, q=call["q"])
        self.assertEqual(host.until("result").value, [0, 1])

    def test_start_agent_returns_at_once_and_reads_like_the_result_once_awaited(self) -> None:
        self.workflow(
            """
            handle = ctx.start_agent("name", text="go")
            await ctx.step("meanwhile", lambda: 1)
            result = await handle
            return [result["result_text"], handle["result_text"], handle.get("status"), (await handle) is result]
            """
        )
        host = self.host()
        answer = {"result_text": "done", "status": "completed"}
        result = host.run(answers={"ctx.agent_turn": answer})
        self.assertEqual(result.value, ["done", "done", "completed", True])
        self.assertEqual([f["t"] for f in host.seen if f["t"] in ("call", "put")], ["call", "put"])

    def test_a_refused_call_is_a_runtime_error_the_handler_can_catch(self) -> None:
        """Conformance 12."""
        self.workflow('try:\n    await ctx.agent_turn("x")\nexcept RuntimeError as error:\n    return str(error)')
        host = self.host()
        host.start()
        host.send(t="no", r=1, q=host.until("call")["q"], error="unsupported context request type x")
        self.assertEqual(host.until("result").value, "unsupported context request type x")

    def test_wrong_agents_fail_before_anything_is_asked(self) -> None:
        """Conformance 101."""
        self.workflow(
            """
            one = {"name": "a", "text": "x"}
            cases = ["x", [1], [{"text": "x"}], [one, one], [{**one, "thread_key": "t"}], [], [{**one, "name": str(n)} for n in range(33)]]
            errors = []
            for agents in cases:
                try:
                    await ctx.run_agents(agents)
                except (TypeError, ValueError) as error:
                    errors.append(type(error).__name__)
            for concurrency in ("2", 17):
                try:
                    await ctx.run_agents([one], max_concurrency=concurrency)
                except (TypeError, ValueError) as error:
                    errors.append(type(error).__name__)
            await ctx.run_agents([one], max_concurrency=2)
            return errors
            """
        )
        host = self.host()
        wanted = ["TypeError"] * 3 + ["ValueError"] * 4 + ["TypeError", "ValueError"]
        self.assertEqual(host.run().value, wanted)
        (call,) = host.kinds("call")
        self.assertEqual(call.value, {"agents": [{"name": "a", "text": "x"}], "max_concurrency": 2})

    def test_slack_buttons_are_checked_before_anything_is_posted(self) -> None:
        """Conformance 105."""
        self.workflow(
            """
            from api.workflow_engine import Button
            good = {"channel": "C1", "text": "t", "workflow": "w", "buttons": {"ok": Button("OK", "primary")}}
            bad = [{"channel": "#x"}, {"text": "t" * 3001}, {"buttons": {}}, {"buttons": {"a b": Button("x")}},
                   {"buttons": {"a": Button("x" * 76)}}, {"buttons": {"a": Button("x", "red")}}, {"input": "x" * 2000},
                   {"buttons": {str(n): Button("x") for n in range(6)}}]
            errors = 0
            for change in bad:
                try:
                    await ctx.slack_buttons("n", **{**good, **change})
                except ValueError:
                    errors += 1
            await ctx.slack_buttons("ask", **good, input={"a": 1}, thread_ts="1.2")
            return errors
            """
        )
        host = self.host()
        self.assertEqual(host.run().value, 8)
        (call,), (put,) = host.kinds("call"), host.kinds("put")
        self.assertEqual((put["step"], call["ordinal"]), ("ask.post", "ask.post/1"))
        self.assertEqual(call.value["args"]["blocks"][1]["elements"][0]["action_id"], "ok")

    def test_compat_modules_import_and_their_calls_never_fail(self) -> None:
        """Conformance 28, 29, 30."""
        self.workflow(
            """
            from api.workflow_engine import WorkflowContext, Delivery, Button, ButtonClick, duration_seconds
            from api.runtime_control import canonical_json, decode_jsonb, ControlPlaneError
            import api.vm_metrics, api.metrics, api.app, api.webhooks, api.workflow_db, api.heartbeat, centaur_sdk
            from api.integrations.gsuite.calendar import CalendarClient
            from api.integrations.linear import LinearClient
            api.vm_metrics.record_etl_items_seen(3, source="slack")
            api.vm_metrics.workflow_counter("x", 1)
            api.metrics.increment_metric("n", 2, labels={"a": "b"})
            await ctx.step("s", lambda: api.app.get_tool_manager().call_tool("t", "m", {"a": 1}))
            try:
                LinearClient()
            except RuntimeError as error:
                refused = str(error)
            error = ControlPlaneError("CODE", "text", 409)
            return [canonical_json({"b": 1, "a": 2}), decode_jsonb('{"a":1}', None), decode_jsonb("{", 5), str(error),
                    error.to_dict()["status_code"], centaur_sdk.secret("NOT_SET", "d"), refused, isinstance(ctx, WorkflowContext)]
            """
        )
        host = self.host()
        value = host.run().value
        self.assertEqual(value[:3], ['{"a":2,"b":1}', {"a": 1}, 5])
        self.assertIn("CODE", value[3])
        self.assertEqual((value[4:6], value[7]), ([409, "d"], True))
        self.assertEqual([(m["name"], m["value"]) for m in host.kinds("metric")][-1], ("n", 2))
        self.assertEqual(host.kinds("call")[0]["ordinal"], "s/1")


class Pool(Folder):
    FAKE = """
    tries = []
    class Pool:
        async def close(self):
            print("closed")
        def terminate(self):
            print("terminated")
        async def fetchval(self, query):
            return query
    async def create_pool(dsn, *, min_size):
        print("begins with", min_size)
        tries.append(dsn)
        if min_size and len(tries) < 3:
            raise OSError("refused")
        return Pool()
    """

    def test_a_pool_is_made_at_start_after_retries_and_closed_at_the_end(self) -> None:
        self.write("../lib/asyncpg.py", self.FAKE)
        self.workflow("return await ctx._pool.fetchval('q')", head="sys.path.insert(0, os.path.dirname(__file__) + '/../lib')")
        host = self.host(env={"DATABASE_URL": "postgres://x"})
        host.discover()
        self.assertEqual(host.run().value, "q")
        self.assertEqual(len([line for line in host.messages(source="chiron") if "try" in line]), 2)
        self.assertEqual(host.messages(source="stdout"), [*["begins with 1"] * 3, "closed"])

    def test_a_workflow_that_does_not_name_the_pool_opens_no_connection(self) -> None:
        self.write("../lib/asyncpg.py", self.FAKE)
        self.workflow("return await getattr(ctx, '_po' + 'ol').fetchval('q')", head="sys.path.insert(0, os.path.dirname(__file__) + '/../lib')")
        host = self.host(env={"DATABASE_URL": "postgres://x"})
        host.discover()
        self.assertEqual(host.run().value, "q")
        self.assertEqual(host.messages(source="stdout"), ["begins with 0", "closed"])

    def test_without_a_database_the_pool_is_none_and_one_line_says_why(self) -> None:
        self.workflow("return ctx._pool")
        self.workflow("return 1", "other")
        host = self.host()
        self.assertIsNone(host.run().value)
        self.assertEqual(host.messages(), ["ctx._pool is None: DATABASE_URL is not set"])
        host.run(name="other")
        self.assertEqual(len(host.messages()), 1)


if __name__ == "__main__":
    unittest.main()
