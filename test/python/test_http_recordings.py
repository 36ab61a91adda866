"""HTTP answers are recorded and played for whoever uses http.client: urllib, and requests where it is installed."""

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
        if self.path.startswith("/missing"):
            self._answer(404, b"none", [])
        elif self.path.startswith("/chunks"):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        elif self.path.startswith("/bytes"):
            self._answer(200, bytes(range(256)), [])
        else:
            body = json.dumps({"asked": len(self.asked)}).encode()
            self._answer(200, body, [("Content-Type", "application/json"), ("Set-Cookie", "session=hidden")])

    def do_POST(self) -> None:
        if "Content-Length" in self.headers:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        else:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        self.asked.append(f"{self.path} {body.decode()}")
        self._answer(201, b"made", [])

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


ASK = "import urllib.request, urllib.error, json\ndef get(path):\n    with urllib.request.urlopen(BASE + path) as answer:\n        return answer.read()\n"


class Recordings(Folder):
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

    def played(self, body: str, mode: str, head: str = ASK) -> tuple[Frame, Extended]:
        """Run a handler; what the host tells to keep is written as the runtime writes it."""
        self.workflow(body, head=f"BASE = {self.url!r}\n{head}")
        host = self.host(http={"file": self.file, "mode": mode})
        end = host.run()
        with open(self.file, "a", encoding="utf-8") as stream:
            for frame in host.kinds("http"):
                stream.write(frame.texts[0] + "\n")
        return end, host

    def test_an_answer_is_recorded_once_and_then_played_without_the_service(self) -> None:
        body = "return [get('/a?token=abc').decode(), get('/a?token=abc').decode(), get('/chunks').decode(), list(get('/bytes'))[-1]]"
        first, _ = self.played(body, "once")
        asked = list(_Service.asked)
        self.assertEqual(first.value, ['{"asked": 1}', '{"asked": 2}', "abcde", 255])
        again, host = self.played(body, "none")
        self.assertEqual(again.value, first.value)
        self.assertEqual(_Service.asked, asked)
        self.assertEqual(host.kinds("http"), [])
        with open(self.file, encoding="utf-8") as stream:
            text = stream.read()
        self.assertNotIn("token=abc", text)
        self.assertNotIn("hidden", text)

    def test_bodies_tell_requests_apart_and_json_is_compared_as_json(self) -> None:
        post = ASK + "def post(text):\n    with urllib.request.urlopen(BASE + '/x', data=text.encode()) as answer:\n        return [answer.status, answer.read().decode()]\n"
        self.played("""return [post('{"a": 1, "b": 2}'), post('plain')]""", "once", post)
        end, _ = self.played("""return post('{"b":2,"a":1}')""", "none", post)
        self.assertEqual(end.value, [201, "made"])
        missing, _ = self.played("return post('other')", "none", post)
        self.assertEqual(missing["name"], "RecordingMissing")
        self.assertIn(f"POST {self.url}/x is not recorded in {self.file} (call 1); chiron dev --record records it", missing["message"])
        self.assertEqual(len(_Service.asked), 2)

    def test_an_error_answer_is_an_answer(self) -> None:
        body = """
        try:
            get('/missing')
        except urllib.error.HTTPError as error:
            return [error.code, error.read().decode()]
        """
        self.assertEqual(self.played(body, "once")[0].value, [404, "none"])
        self.assertEqual(self.played(body, "none")[0].value, [404, "none"])
        self.assertEqual(len(_Service.asked), 1)

    maxDiff = None

    def test_all_asks_anew(self) -> None:
        self.played("return get('/a').decode()", "once")
        self.assertEqual(self.played("return get('/a').decode()", "all")[0].value, '{"asked": 2}')
        self.assertEqual(self.played("return get('/a').decode()", "none")[0].value, '{"asked": 2}')

    def test_a_connection_serves_several_requests(self) -> None:
        head = "import http.client\n"
        body = """
        connection = http.client.HTTPConnection(BASE.removeprefix("http://"))
        said = []
        for path in ("/a", "/b"):
            connection.request("GET", path)
            said.append(connection.getresponse().read().decode())
        connection.close()
        return said
        """
        first, _ = self.played(body, "once", head)
        self.assertEqual(self.played(body, "none", head)[0].value, first.value)

    def test_in_a_thread_the_request_is_still_the_runs(self) -> None:
        _, host = self.played("return (await asyncio.to_thread(get, '/a')).decode()", "once")
        (frame,) = host.kinds("http")
        self.assertEqual((frame.value["task_id"], frame.value["workflow_name"]), ("task-1", "w"))

    def test_a_failure_to_connect_looks_as_it_does_without_recording(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        head = ASK + "import http.client\n"
        body = """
        said = []
        for data in (None, b"x", iter([b"a", b"b"])):
            try:
                urllib.request.urlopen(urllib.request.Request(BASE, data=data))
            except OSError as error:
                said.append([type(error).__name__, type(getattr(error, "reason", None)).__name__])
        connection = http.client.HTTPConnection(BASE.removeprefix("http://"))
        try:
            connection.request("GET", "/")
        except OSError as error:
            said.append(type(error).__name__)
        return [*said, connection.sock is None]
        """
        recorded, host = self.played(body, "once", head)
        self.assertEqual(recorded.value, [["URLError", "ConnectionRefusedError"]] * 3 + ["ConnectionRefusedError", True])
        self.assertEqual(host.kinds("http"), [])
        self.assertEqual(self.host().run().value, recorded.value)

    def test_a_body_sent_in_chunks_is_one_request(self) -> None:
        # The first chunk ends as the last one of a body does.
        head = ASK + "def post():\n    request = urllib.request.Request(BASE + '/x', data=iter([b'10\\r\\n', b'end']))\n    with urllib.request.urlopen(request) as answer:\n        return answer.read().decode()\n"
        self.assertEqual(self.played("return post()", "once", head)[0].value, "made")
        self.assertEqual(self.played("return post()", "none", head)[0].value, "made")
        self.assertEqual(len(_Service.asked), 1)

    @unittest.skipUnless(importlib.util.find_spec("requests"), "requests is not installed for this interpreter")
    @unittest.skipIf(os.environ.get("CHIRON_TEST_FLAGS"), "installed packages are not found under -S")
    def test_requests_is_recorded_and_played(self) -> None:
        body = """
        import requests
        session = requests.Session()
        said = [session.get(BASE + "/a").json(), session.get(BASE + "/chunks").text, session.post(BASE + "/x", json={"a": 1}).status_code]
        session.close()
        return said
        """
        first, _ = self.played(body, "once")
        self.assertEqual(first.value, [{"asked": 1}, "abcde", 201])
        self.assertEqual(self.played(body, "none")[0].value, first.value)
        self.assertEqual(len(_Service.asked), 3)


if __name__ == "__main__":
    unittest.main()
