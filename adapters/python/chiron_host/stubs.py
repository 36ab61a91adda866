"""What a test or a replay puts in the place of step bodies and HTTP requests of one attempt. Records nothing: run.py and http_player.py do."""

from __future__ import annotations

import builtins
import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from .failures import NonRetryableError
from .guard import current_run
from .http_tape import RecordingMissing, Request

_MISSING = object()


class Stubs:
    """The stand-ins of one attempt; made from the start frame's `stubs`, without one it holds none."""

    def __init__(self, given: object = None) -> None:
        fields: dict[str, Any] = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
        self._steps: Mapping[str, Any] = fields.get("steps") or {}
        self.http: list[dict[str, Any]] = fields.get("http") or []

    def body(self, name: str, checkpoint: str) -> Callable[[], Any] | None:
        """What runs in the place of a step's body; None: the step has no stand-in. One for `name#2` comes before one for `name`."""
        stub = self._steps.get(checkpoint, self._steps.get(name, _MISSING))
        if stub is _MISSING:
            return None
        if stub.get("error") is None:
            return lambda: stub.get("result")

        def fail() -> Any:
            raise _exception(stub["error"])

        return fail


def _exception(error: Mapping[str, Any]) -> BaseException:
    message = str(error.get("message", ""))
    if error.get("retryable") is False:
        return NonRetryableError(message)
    name = str(error.get("type") or "RuntimeError")
    known = getattr(builtins, name, None)
    if isinstance(known, type) and issubclass(known, Exception):
        try:
            return known(message)
        except TypeError:
            pass
    # A library's exception: its name is what the record shows.
    return type(name, (RuntimeError,), {})(message)


class StubbedHttp:
    """Plays the HTTP stubs of whichever attempt asks; implements http_player's Tape. Attempts without stubs have nothing to do with it."""

    def wanted(self) -> bool:
        """Whether the attempt that asks has stubs."""
        return bool(_stubs())

    def play(self, request: Request) -> tuple[bytes | None, Callable[[bytes], None]]:
        """The stub's answer as its bytes. Raises RecordingMissing where none fits."""
        stubs = _stubs()
        for stub in stubs:
            if _fits(stub, request):
                return _as_bytes(stub), _ignore
        known = ", ".join(f"{stub.get('method', 'any method')} {stub['url']}" for stub in stubs)
        raise RecordingMissing(f"{request.method} {request.url} is not stubbed: there are {known}")


def _stubs() -> list[dict[str, Any]]:
    run: Any = current_run.get()
    return [] if run is None else run.stubs.http


def _fits(stub: Mapping[str, Any], request: Request) -> bool:
    method = stub.get("method")
    if method is not None and str(method).upper() != request.method.upper():
        return False
    url = str(stub["url"])
    if url.endswith("*"):
        return request.url.startswith(url[:-1])
    return _place(url) == _place(request.url) if "?" in url else _place(url) == _place(request.url.partition("?")[0])


def _place(url: str) -> tuple[str, str, str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower(), parts.path or "/", parts.query


def _as_bytes(stub: Mapping[str, Any]) -> bytes:
    status = int(stub.get("status", 200))
    body = stub.get("body")
    content = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
    given: Mapping[str, Any] = stub.get("headers") or {}
    headers = {name.lower(): str(value) for name, value in given.items()}
    if not isinstance(body, str) and body is not None:
        headers.setdefault("content-type", "application/json")
    headers.update({"content-length": str(len(content)), "connection": "close"})
    reason = http.client.responses.get(status, "")
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {reason}\r\n{head}\r\n".encode("latin-1") + content


def _ignore(answer: bytes) -> None:
    """Answers of the network are not kept."""
