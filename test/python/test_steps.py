"""Steps of the extended protocol: recorded ones answer from memory, new ones cost one message, values are exact."""

import json
import unittest

from harness import Folder


class Steps(Folder):
    def test_a_new_step_costs_one_message_and_gives_the_callables_own_object(self) -> None:
        path = self.workflow(
            """
            value = (1, 2)
            got = await ctx.step("a", lambda: value)
            return got is value
            """
        )
        host = self.host()
        result = host.run()
        self.assertIs(result.value, True)
        (put,) = host.kinds("put")
        self.assertEqual((put["step"], put.texts[0], put["pos"]), ("a", "[1,2]", f"{path}:6"))
        self.assertGreaterEqual(put["ms"], 0)

    def test_a_recorded_step_is_not_executed_and_gives_the_round_trip_value(self) -> None:
        """Conformance 40, 49."""
        self.workflow('return await ctx.step("a", lambda: 1 / 0)')
        host = self.host()
        result = host.run(recorded=[("a", "step", [1, 2])])
        self.assertEqual(result.value, [1, 2])
        self.assertEqual(host.kinds("put"), [])

    def test_uses_of_one_name_are_numbered_across_steps_sleeps_and_waits(self) -> None:
        """Conformance 41, 42."""
        self.workflow(
            """
            await ctx.step("x", lambda: 1)
            await ctx.sleep("x", 0)
            await ctx.step("x", lambda: 3)
            await ctx.wait_for_event("x", "t", "c")
            """
        )
        host = self.host()
        host.start()
        for name in ("x", "x#2", "x#3"):
            put = host.until("put")
            self.assertEqual(put["step"], name)
            host.send(t="ok", r=1, q=put["q"])
        self.assertEqual(host.until("suspend")["waits"][0]["step"], "x#4")

    def test_bodies_may_be_sync_async_or_return_an_awaitable(self) -> None:
        self.workflow(
            """
            async def later():
                await asyncio.sleep(0)
                return 2
            one = await ctx.step("a", lambda: 1)
            two = await ctx.step("b", later)
            three = await ctx.step("c", lambda: asyncio.sleep(0, 3))
            return [one, two, three]
            """
        )
        self.assertEqual(self.host().run().value, [1, 2, 3])

    def test_a_kept_value_replaces_the_bodys_own(self) -> None:
        self.workflow('return await ctx.step("a", lambda: "mine")')
        host = self.host()
        host.start()
        put = host.until("put")
        host.send('"first"', t="kept", r=1, q=put["q"], kind="step")
        self.assertEqual(host.until("result").value, "first")

    def test_what_json_cannot_hold_fails_the_step_and_names_the_place(self) -> None:
        self.workflow(
            """
            loop = []
            loop.append(loop)
            messages = []
            values = [{"a": [float("nan")]}, {(1, 2): 3}, {1: "a", "1": "b"}, loop, float("inf")]
            for value in values:
                try:
                    await ctx.step("bad", lambda: value)
                except (ValueError, TypeError) as error:
                    messages.append(str(error))
            return messages
            """
        )
        host = self.host()
        messages = host.run().value
        self.assertEqual(host.kinds("put"), [])
        places = ["value['a'][0] is nan", "key (1, 2)", "collide", "contains itself", "value is inf"]
        for place, message in zip(places, messages, strict=True):
            self.assertIn("step 'bad'", message)
            self.assertIn(place, message)

    def test_a_value_that_changes_on_the_trip_is_stored_with_one_warning_a_name(self) -> None:
        self.workflow(
            """
            import datetime
            for _ in range(3):
                await ctx.step("t", lambda: {"when": (1,)})
            await ctx.step("d", lambda: datetime.date(2026, 1, 2))
            await ctx.step("k", lambda: {1: 2})
            await ctx.step("fine", lambda: {"a": [1, 2.5, None, True, "é"]})
            """
        )
        host = self.host()
        host.run()
        warnings = host.messages(source="chiron", level="warn")
        self.assertEqual(len(warnings), 3, warnings)
        self.assertIn("value['when'] is a tuple", warnings[0])
        self.assertEqual(host.kinds("put")[3].texts, ['"2026-01-02"'])

    def test_values_cross_exactly(self) -> None:
        self.workflow(
            """
            values = [2**80, -0.0, 1e308, "\\ud800", "tab\\t\\nline\\u2028", {"": []}, [[]], 0.1]
            for value in values:
                assert await ctx.step("v", lambda: value) is value
            return values
            """
        )
        host = self.host()
        texts = [put.texts[0] for put in (host.run(), host)[1].kinds("put")]
        self.assertEqual(texts[:3], [str(2**80), "-0.0", "1e+308"])
        self.assertEqual(json.loads(texts[3]), "\ud800")
        recorded = [("v" if n == 0 else f"v#{n + 1}", "step", json.loads(text)) for n, text in enumerate(texts)]
        self.workflow("return [await ctx.step('v', None) for _ in range(8)] + [inp]", "again")
        self.assertEqual(self.host().run("é\t\u2028", "again", recorded).texts[0].count("\n"), 0)

    def test_retries_stay_within_the_attempt_and_stop_at_the_limit(self) -> None:
        self.workflow(
            """
            from api.workflow_engine import NonRetryableError, RetryPolicy
            tries = []
            def flaky():
                tries.append(1)
                if len(tries) < 3:
                    raise OSError("not yet")
                return len(tries)
            first = await ctx.step("a", flaky, retry=RetryPolicy(limit=2, delay=0.01))
            counts = []
            for error in (OSError, NonRetryableError):
                calls = []
                def fails():
                    calls.append(1)
                    raise error("no")
                try:
                    await ctx.step("b", fails, retry={"limit": 1, "delay": 0.01, "backoff": "constant"})
                except error:
                    counts.append(len(calls))
            return [first, counts]
            """
        )
        self.assertEqual(self.host().run().value, [3, [2, 1]])

    def test_a_time_limit_ends_an_async_body(self) -> None:
        self.workflow(
            """
            ended = []
            async def slow():
                try:
                    await asyncio.sleep(60)
                finally:
                    ended.append(1)
            try:
                await ctx.step("a", slow, timeout=0.02)
            except TimeoutError as error:
                return [str(error), ended]
            """
        )
        self.assertEqual(self.host().run().value, ["step 'a' took longer than 0.02 s", [1]])

    def test_a_body_that_fails_records_nothing_and_raises_as_it_is(self) -> None:
        self.workflow('await ctx.step("a", lambda: {}["gone"])')
        host = self.host()
        error = host.run()
        self.assertEqual((error["t"], error["name"], error["message"], error["retryable"]), ("error", "KeyError", "'gone'", True))
        self.assertEqual(host.kinds("put"), [])

    def test_a_large_value_crosses_both_ways(self) -> None:
        """Conformance 3, in the extended protocol."""
        self.workflow('return len(inp["x"]) + len(await ctx.step("a", lambda: "y" * 5_000_000))')
        host = self.host()
        self.assertEqual(host.run({"x": "z" * 5_000_000}).value, 10_000_000)

    def test_sequential_steps_of_many_runs_go_on_side_by_side(self) -> None:
        self.workflow("return [await ctx.step('s', lambda: n) for n in range(20)][-1] + inp")
        host = self.host()
        for r in range(1, 51):
            host.start(r, value=r)
        results: dict[int, int] = {}
        while len(results) < 50:
            frame = host.next()
            if frame["t"] == "put":
                host.send(t="ok", r=frame["r"], q=frame["q"])
            elif frame["t"] == "result":
                results[frame["r"]] = frame.value
        self.assertEqual(results, {r: r + 19 for r in range(1, 51)})


if __name__ == "__main__":
    unittest.main()
