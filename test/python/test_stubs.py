"""Stubs of an attempt: what stands in for step bodies and HTTP requests is recorded and seen like the real thing."""

import json
import unittest
from typing import Any

from harness import Folder

FETCH = """
    import json, urllib.request
    def fetch(url, data=None):
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=5) as answer:
            return [answer.status, answer.headers.get("x-a"), json.load(answer)]
"""


class StepStubs(Folder):
    def result(self, body: str, steps: dict[str, Any], recorded: Any = ()) -> tuple[Any, Any]:
        self.workflow(body)
        host = self.host()
        host.stubs = {"steps": steps}
        return host.run(recorded=recorded), host

    def test_a_stubbed_step_is_recorded_without_its_body(self) -> None:
        end, host = self.result('return await ctx.step("a", lambda: 1 / 0)', {"a": {"result": {"b": [1]}}})
        self.assertEqual(end.value, {"b": [1]})
        self.assertEqual([(put["step"], put.texts[0]) for put in host.kinds("put")], [("a", '{"b":[1]}')])

    def test_what_is_recorded_wins_over_a_stub(self) -> None:
        end, host = self.result('return await ctx.step("a", lambda: 1)', {"a": {"result": 2}}, [("a", "step", 3)])
        self.assertEqual((end.value, host.kinds("put")), (3, []))

    def test_the_second_use_of_a_name_may_have_its_own_stub(self) -> None:
        body = 'return [await ctx.step("a", lambda: 0), await ctx.step("a", lambda: 0), await ctx.step("b", lambda: 0)]'
        end, _ = self.result(body, {"a": {"result": 1}, "a#2": {"result": 2}})
        self.assertEqual(end.value, [1, 2, 0])

    def test_an_error_is_raised_as_what_it_names_and_is_not_tried_again(self) -> None:
        body = """
            from api.workflow_engine import RetryPolicy
            try:
                await ctx.step("a", lambda: 0, retry=RetryPolicy(limit=5, delay=60))
            except ConnectionError as error:
                return str(error)
            """
        end, host = self.result(body, {"a": {"error": {"type": "ConnectionError", "message": "no route"}}})
        self.assertEqual((end.value, host.kinds("put")), ("no route", []))

    def test_an_error_that_no_builtin_has_keeps_its_name(self) -> None:
        end, _ = self.result('await ctx.step("a", lambda: 0)', {"a": {"error": {"type": "ApiDown", "message": "x"}}})
        self.assertEqual((end["name"], end["message"], end["retryable"]), ("ApiDown", "x", True))

    def test_an_error_may_say_that_no_retry_helps(self) -> None:
        end, _ = self.result('await ctx.step("a", lambda: 0)', {"a": {"error": {"message": "x", "retryable": False}}})
        self.assertEqual((end["name"], end["retryable"]), ("NonRetryableError", False))


class HttpStubs(Folder):
    def fetched(self, call: str, http: list[dict[str, Any]]) -> Any:
        self.workflow(f"return {call}", head=FETCH)
        host = self.host()
        host.stubs = {"http": http}
        return host.run()

    def test_a_request_is_answered_by_the_first_stub_that_fits(self) -> None:
        stubs = [
            {"method": "POST", "url": "https://a.example/x", "body": "no"},
            {"url": "https://a.example/x", "status": 201, "headers": {"X-A": "1"}, "body": {"k": [1]}},
        ]
        self.assertEqual(self.fetched('fetch("https://a.example/x?q=1")', stubs).value, [201, "1", {"k": [1]}])

    def test_a_star_stands_for_the_rest_and_a_query_for_itself(self) -> None:
        stubs = [{"url": "https://a.example/x?q=2", "body": 2}, {"url": "https://a.example/*", "body": 3}]
        self.assertEqual(self.fetched('fetch("https://a.example/x?q=2")[2]', stubs).value, 2)
        self.assertEqual(self.fetched('fetch("https://a.example/x?q=1")[2]', stubs).value, 3)

    def test_a_request_that_no_stub_fits_does_not_go_out(self) -> None:
        end = self.fetched('fetch("https://a.example/x")', [{"url": "https://b.example/"}])
        self.assertEqual(end["name"], "RecordingMissing")
        self.assertIn("https://a.example/x is not stubbed", json.dumps(end["message"]))

    def test_an_attempt_without_stubs_is_left_alone_beside_one_with_them(self) -> None:
        self.workflow('return fetch("http://127.0.0.1:1/")', head=FETCH)
        host = self.host()
        host.stubs = {"http": [{"url": "http://127.0.0.1:1/", "body": 1}]}
        self.assertEqual(host.run().value[2], 1)
        host.stubs = None
        host.start(2)
        self.assertEqual(host.until("error")["name"], "URLError")


if __name__ == "__main__":
    unittest.main()
