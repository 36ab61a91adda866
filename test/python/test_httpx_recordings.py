"""Answers to httpx, plain and async, are recorded, played and stubbed; httpx.test.ts brings interpreters that have it, or httpx2 and openai."""

from __future__ import annotations

import http.server
import importlib.util
import json
import os
import socketserver
import threading
import unittest
from typing import Any

from harness import Extended, Folder, Frame


class _Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/moved"):
            self._answer(302, b"", [("Location", "/a")])
        elif self.path.startswith("/missing"):
            self._answer(404, b"none", [])
        elif self.path.startswith("/events"):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._chunk(b"data: 1\n\n")
            self._chunk(b"data: [DONE]\n\n")
            # A stream that ends when its reader has had enough.
            self.rfile.read(1)
        elif self.path.startswith("/broken"):
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
        else:
            body = json.dumps({"asked": len(self.asked)}).encode()
            self._answer(200, body, [("Content-Type", "application/json"), ("Set-Cookie", "session=hidden")])

    def do_HEAD(self) -> None:
        self.asked.append(self.path)
        self._answer(200, b"", [("X-Size", "5")])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(f"{self.path} {body.decode()}")
        if self.path == "/chat/completions":
            self._chat(streamed=json.loads(body).get("stream", False))
        else:
            self._answer(201, b"made", [])

    def _chat(self, *, streamed: bool) -> None:
        said = {"role": "assistant", "content": "hello"}
        about = {"id": "1", "created": 1, "model": "m", "object": "chat.completion"}
        if not streamed:
            choice = {"index": 0, "finish_reason": "stop", "message": said}
            self._answer(200, json.dumps({**about, "choices": [choice]}).encode(), [("Content-Type", "application/json")])
            return
        event = {**about, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": said}]}
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._chunk(f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n".encode())
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _answer(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


IMPORT = "import httpx" if importlib.util.find_spec("httpx") else "import httpx2 as httpx"
INSTALLED = importlib.util.find_spec("httpx") or importlib.util.find_spec("httpx2")


class _WithService(Folder):
    def setUp(self) -> None:
        super().setUp()
        _Service.asked = []
        self.server = _Server(("127.0.0.1", 0), _Service)
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.file = os.path.join(self.base, "http.jsonl")
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def played(self, body: str, mode: str, head: str = IMPORT) -> tuple[Frame, Extended]:
        """Run a handler; what the host tells to keep is written as the runtime writes it."""
        self.workflow(body, head=f"BASE = {self.url!r}\n{head}")
        host = self.host(http={"file": self.file, "mode": mode})
        end = host.run()
        with open(self.file, "a", encoding="utf-8") as stream:
            for frame in host.kinds("http"):
                stream.write(frame.texts[0] + "\n")
        return end, host

    def same_without_the_service(self, body: str, head: str = IMPORT) -> Any:
        """Record, then play with nobody asked; what both gave."""
        first, _ = self.played(body, "once", head)
        asked = list(_Service.asked)
        again, host = self.played(body, "none", head)
        self.assertEqual(again.get("message"), None)
        self.assertEqual(again.value, first.value)
        self.assertEqual(_Service.asked, asked)
        self.assertEqual(host.kinds("http"), [])
        return first.value


@unittest.skipUnless(INSTALLED, "httpx is not installed for this interpreter")
@unittest.skipIf(os.environ.get("CHIRON_TEST_FLAGS"), "installed packages are not found under -S")
class HttpxRecordings(_WithService):
    def test_a_plain_client_is_recorded_once_and_then_played(self) -> None:
        body = """
        with httpx.Client(base_url=BASE, follow_redirects=True) as client:
            said = [client.get("/a", params={"token": "abc"}).json(), client.get("/moved").json(), client.get("/missing").status_code]
            answer = client.post("/x", json={"a": 1, "b": [2]})
            return [*said, answer.status_code, answer.reason_phrase, answer.text, client.head("/h").headers["x-size"]]
        """
        value = self.same_without_the_service(body)
        self.assertEqual(value, [{"asked": 1}, {"asked": 3}, 404, 201, "Created", "made", "5"])
        with open(self.file, encoding="utf-8") as stream:
            text = stream.read()
        self.assertNotIn("token=abc", text)
        self.assertNotIn("hidden", text)

    def test_an_async_client_is_recorded_for_the_run_that_asks(self) -> None:
        body = """
        async with httpx.AsyncClient(base_url=BASE) as client:
            answers = await asyncio.gather(client.get("/a"), client.get("/b"))
            return sorted(answer.json()["asked"] for answer in answers)
        """
        _, host = self.played(body, "once")
        self.assertEqual([frame.value["task_id"] for frame in host.kinds("http")], ["task-1", "task-1"])
        self.assertEqual(self.played(body, "none")[0].value, [1, 2])
        self.assertEqual(len(_Service.asked), 2)

    def test_an_import_inside_the_handler_is_in_time(self) -> None:
        body = f"{IMPORT}\nreturn httpx.get(BASE + '/a').json()"
        self.assertEqual(self.same_without_the_service(body, head=""), {"asked": 1})

    def test_a_stream_is_kept_as_far_as_its_reader_wanted_it(self) -> None:
        body = """
        async with httpx.AsyncClient() as client, client.stream("GET", BASE + "/events") as answer:
            said = []
            async for line in answer.aiter_lines():
                if line == "data: [DONE]":
                    return said
                said.append(line)
        """
        self.assertEqual(self.same_without_the_service(body), ["data: 1", ""])

    def test_an_answer_that_breaks_is_not_kept(self) -> None:
        body = "return httpx.get(BASE + '/broken').text"
        end, host = self.played(body, "once")
        self.assertEqual(end["name"], "RemoteProtocolError")
        self.assertEqual(host.kinds("http"), [])

    def test_what_urllib_recorded_is_played_to_httpx(self) -> None:
        self.played("return urllib.request.urlopen(BASE + '/a?x=1').read().decode()", "once", "import urllib.request")
        self.assertEqual(self.played("return httpx.get(BASE + '/a?x=1').json()", "none")[0].value, {"asked": 1})

    def test_what_is_not_recorded_is_named(self) -> None:
        open(self.file, "w").close()
        for call in ("httpx.get(BASE + '/a')", "await httpx.AsyncClient().get(BASE + '/a')"):
            end, _ = self.played(f"return {call}", "none")
            self.assertEqual(end["name"], "RecordingMissing")
            self.assertIn(f"GET {self.url}/a is not recorded in {self.file} (call 1); chiron dev --record records it", end["message"])
        self.assertEqual(_Service.asked, [])

    def test_stubs_answer_httpx_too(self) -> None:
        self.workflow(f"return httpx.get('{self.url}/a').json()", head=IMPORT)
        host = self.host()
        host.stubs = {"http": [{"url": f"{self.url}/a", "body": {"stubbed": True}}]}
        self.assertEqual(host.run().value, {"stubbed": True})
        self.assertEqual(_Service.asked, [])

    def test_a_refused_connection_is_httpx_own_error(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        end, _ = self.played("return httpx.get(BASE + '/a').text", "once")
        self.assertEqual(end["name"], "ConnectError")


@unittest.skipUnless(importlib.util.find_spec("openai"), "openai is not installed for this interpreter")
@unittest.skipIf(os.environ.get("CHIRON_TEST_FLAGS"), "installed packages are not found under -S")
class OpenaiRecordings(_WithService):
    def test_its_clients_are_recorded_and_played(self) -> None:
        body = """
        plain, later = (client(base_url=BASE, api_key="key") for client in (openai.OpenAI, openai.AsyncOpenAI))
        ask = {"model": "m", "messages": [{"role": "user", "content": "q"}]}
        answers = [plain.chat.completions.create(**ask), await later.chat.completions.create(**ask)]
        streamed = [part async for part in await later.chat.completions.create(**ask, stream=True)]
        streamed += plain.chat.completions.create(**ask, stream=True)
        return [*(answer.choices[0].message.content for answer in answers), *(part.choices[0].delta.content for part in streamed)]
        """
        self.assertEqual(self.same_without_the_service(body, "import openai"), ["hello"] * 4)


if __name__ == "__main__":
    unittest.main()
