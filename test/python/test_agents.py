"""Agent turns as a handler sees them: defaults, aliases, handles that are awaited later, twice or not at all."""

import unittest

from harness import Folder


class Agents(Folder):
    def test_a_default_gives_way_to_every_spelling_of_its_name(self) -> None:
        self.workflow(
            """
            await ctx.agent_turn("hi", harness="amp", effort="low", model=None)
            await ctx.run_agents([{"name": "a", "prompt": "x", "harness": "pi"}])
            """,
            head='AGENT_DEFAULTS = {"harness_type": "codex", "reasoning": "high", "model": "m", "thread_key": "a:b"}',
        )
        host = self.host()
        host.run(answers={"ctx.agent_turn": {}, "ctx.run_agents": {}})
        turn, batch = [call.value for call in host.kinds("call")]
        self.assertEqual(turn, {"text": "hi", "harness": "amp", "effort": "low", "model": "m", "thread_key": "a:b"})
        self.assertEqual(
            batch["agents"], [{"name": "a", "prompt": "x", "harness": "pi", "reasoning": "high", "model": "m"}]
        )

    def test_a_delivery_and_parts_that_are_dataclasses_arrive_as_objects(self) -> None:
        self.workflow(
            """
            from dataclasses import dataclass
            from api.workflow_engine import Delivery
            @dataclass
            class Part:
                text: str
                type: str = "text"
            await ctx.agent_turn(content=[Part("a")], delivery=Delivery(channel="C1"))
            """
        )
        host = self.host()
        host.run(answers={"ctx.agent_turn": {}})
        (call,) = host.kinds("call")
        self.assertEqual(call.value["content"], [{"text": "a", "type": "text"}])
        self.assertEqual(call.value["delivery"]["channel"], "C1")

    def test_two_started_agents_are_asked_before_either_is_awaited(self) -> None:
        self.workflow(
            """
            one = ctx.start_agent("one", text="1")
            two = ctx.start_agent("two", text="2")
            before = [one.done(), two.done()]
            results = await asyncio.gather(one, two)
            return [before, results, one["n"], [one.done(), two.done()]]
            """
        )
        host = self.host()
        host.start()
        calls = [host.until("call"), host.until("call")]
        self.assertEqual([call.value["name"] for call in calls], ["one", "two"])
        for number, call in reversed(list(enumerate(calls))):
            host.send(f'{{"n":{number}}}', t="ok", r=1, q=call["q"])
        self.assertEqual(host.until("result").value, [[False, False], [{"n": 0}, {"n": 1}], 0, [True, True]])

    def test_a_time_limit_around_a_turn_abandons_it(self) -> None:
        self.workflow(
            """
            try:
                await asyncio.wait_for(ctx.agent_turn("slow"), 0.01)
            except asyncio.TimeoutError:
                return "gave up"
            """
        )
        host = self.host()
        host.start()
        call = host.until("call")
        self.assertEqual(host.until("abandon")["q"], call["q"])
        self.assertEqual(host.until("result").value, "gave up")

    def test_giving_up_a_wait_leaves_the_turn_to_be_awaited_again(self) -> None:
        self.workflow(
            """
            handle = ctx.start_agent(text="slow")
            try:
                await asyncio.wait_for(handle, 0.01)
            except asyncio.TimeoutError:
                ctx.log("gave up")
            return await handle
            """
        )
        host = self.host()
        host.start()
        call = host.until("call")
        host.until("log")
        host.send('"late"', t="ok", r=1, q=call["q"])
        self.assertEqual(host.until("result").value, "late")

    def test_a_failed_turn_fails_at_every_await_and_at_none_without_one(self) -> None:
        self.workflow(
            """
            unheard = ctx.start_agent(text="x")
            handle = ctx.start_agent(text="y")
            errors = []
            for _ in range(2):
                try:
                    await handle
                except RuntimeError as error:
                    errors.append(str(error))
            return errors
            """
        )
        host = self.host()
        host.start()
        for _ in range(2):
            host.send(t="no", r=1, q=host.until("call")["q"], error="it broke")
        self.assertEqual(host.until("result").value, ["it broke", "it broke"])

    def test_a_handle_says_that_it_was_not_awaited(self) -> None:
        self.workflow(
            """
            handle = ctx.start_agent(text="x")
            try:
                return handle["result_text"]
            except RuntimeError as error:
                return [str(error), repr(handle)]
            """
        )
        host = self.host()
        host.start()
        message, shown = host.until("result").value
        self.assertIn("await handle", message)
        self.assertEqual(shown, "<AgentHandle, not awaited>")


if __name__ == "__main__":
    unittest.main()
