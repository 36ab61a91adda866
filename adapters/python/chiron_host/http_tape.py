"""Recorded answers to HTTP requests: what makes two requests the same, and which answer is whose. The runtime writes the file, and masks it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from .guard import current_run

_SECRET_NAMES = re.compile(r"key|token|secret|password|passwd|signature|credential|^sig$", re.IGNORECASE)
_OF_CONNECTION = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})
_DROPPED = _OF_CONNECTION | {"set-cookie"}
"""Of an answer: what belongs to its connection, and cookies, which are secrets."""
_MAX_SHOWN = 10_000


class RecordingMissing(RuntimeError):
    """A request that may not go out, and whose answer is not recorded."""


class Request(NamedTuple):
    """A whole request."""

    method: str
    url: str
    body: bytes

    def place(self) -> tuple[str, str]:
        """Its key, and its address without secrets."""
        parts = urlsplit(self.url)
        query = [(k, "***" if _SECRET_NAMES.search(k) else v) for k, v in parse_qsl(parts.query, keep_blank_values=True)]
        shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, urlencode(query, safe="*"), ""))
        text = "\n".join((self.method, shown, _comparable(self.body)))
        for name, stand_in in (("task_id", "<task_id>"), ("run_id", "<run_id>")):
            own = getattr(current_run.get(), name, "")
            text = text.replace(own, stand_in) if own else text
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:24], shown


class Tape:
    """The answers of one file. `mode`: once, all or none, as for agents and tools."""

    def __init__(self, file: str, mode: str, keep: Callable[[dict[str, Any]], None]) -> None:
        self.file = file
        self._mode = mode
        self._keep = keep
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], int] = {}
        self._answers: dict[tuple[str, int], dict[str, Any]] = {}
        with suppress(FileNotFoundError), open(file, encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    self._read(line, f"{file}:{number}")

    def _read(self, line: str, where: str) -> None:
        try:
            entry = json.loads(line)
            self._answers[entry["key"], entry["n"]] = entry
        except (ValueError, KeyError, TypeError) as error:
            raise RuntimeError(f"the recording {where} cannot be used: {error!r}; remove the line and record it again") from None

    def wanted(self) -> bool:
        """Every request is recorded or played."""
        return True

    def play(self, request: Request) -> tuple[bytes | None, Callable[[bytes], None]]:
        """The recorded answer as its bytes, or None and where the real one goes. Raises RecordingMissing."""
        key, shown = request.place()
        run: Any = current_run.get()
        task = str(getattr(run, "task_id", ""))
        with self._lock:
            n = self._counts[task, key] = self._counts.get((task, key), 0) + 1
            found = None if self._mode == "all" else self._answers.get((key, n))
        if found is not None:
            return _as_bytes(found), _ignore
        if self._mode == "none":
            raise RecordingMissing(
                f"{request.method} {shown} is not recorded in {self.file} (call {n}); chiron dev --record records it"
            )

        def keep(answer: bytes) -> None:
            told = _told(answer, request.method)
            if told is None:
                return
            about = {"key": key, "n": n, "method": request.method, "url": shown, "request_body": _shown(request.body)}
            entry = {**about, "workflow_name": str(getattr(run, "workflow_name", "")), "task_id": task, **told}
            with self._lock:
                self._answers[key, n] = entry
            self._keep(entry)

        return None, keep


def _ignore(_: bytes) -> None:
    """A played answer is not recorded again."""


def _comparable(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), sort_keys=True)
    except ValueError:
        return body.decode("utf-8", "surrogateescape")


def _shown(body: bytes) -> str | None:
    try:
        text = body.decode()
    except ValueError:
        return None
    return text[:_MAX_SHOWN] if text else None


class _Bytes:
    """As much of a socket as reading an answer needs."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, mode: str) -> io.BytesIO:
        """The answer."""
        return io.BytesIO(self._content)


def _told(answer: bytes, method: str) -> dict[str, Any] | None:
    """An answer as it is stored; None for one that was not read to its end."""
    try:
        status, reason, given, body = read_answer(answer, method)
    except (http.client.HTTPException, OSError, ValueError):
        return None
    headers = [[name, value] for name, value in given if name.lower() not in _DROPPED]
    told = {"status": status, "reason": reason, "headers": headers}
    try:
        return {**told, "body": body.decode()}
    except UnicodeDecodeError:
        return {**told, "body_base64": base64.b64encode(body).decode()}


def read_answer(answer: bytes, method: str) -> tuple[int, str, list[tuple[str, str]], bytes]:
    """Status, reason, headers and body of an answer's bytes."""
    response = http.client.HTTPResponse(_Bytes(answer), method=method)  # pyright: ignore[reportArgumentType]
    response.begin()
    return response.status, response.reason, response.getheaders(), response.read()


def answer_bytes(status: int, reason: str, headers: Iterable[Sequence[str]], body: bytes) -> bytes:
    """An answer as it comes from a connection that ends with it."""
    own = [(name, value) for name, value in headers if name.lower() not in _OF_CONNECTION]
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in own)]
    # An answer to HEAD says how long the body would be, and has none.
    lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace") + body


def _as_bytes(entry: dict[str, Any]) -> bytes:
    body = entry["body"].encode() if "body" in entry else base64.b64decode(entry["body_base64"])
    return answer_bytes(entry["status"], entry["reason"], entry["headers"], body)
