"""Puts recorded answers in front of httpx's network transports, plain and async, and with it behind what is built on httpx (openai).

A real answer goes on to its reader as it comes, and is kept when it was read to its end; a stream without a length (server-sent events) that
its reader leaves early is kept as far as it was read. Transports that do not use the network (httpx.MockTransport, ASGI) are not seen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Protocol

from .http_tape import Request, answer_bytes, read_answer

_MAX_KEPT = 32 << 20
"""Of a longer answer nothing is kept; it still goes on to its reader."""


class Tape(Protocol):
    """Where answers come from; see http_player."""

    def wanted(self) -> bool:
        """Whether requests of this moment are its business."""
        ...

    def play(self, request: Request) -> tuple[bytes | None, Callable[[bytes], None]]:
        """The answer as its bytes, or None and where the real one goes."""
        ...


def patch_httpx(httpx: Any, tape: Tape) -> None:
    """From now on its transports ask the tape first."""
    streams = _streams(httpx)
    _patch_plain(httpx, tape, streams[0])
    _patch_async(httpx, tape, streams[1])


def _patch_plain(httpx: Any, tape: Tape, stream: Callable[..., Any]) -> None:
    original = httpx.HTTPTransport.handle_request

    def handle_request(self: Any, request: Any) -> Any:
        if not tape.wanted():
            return original(self, request)
        request.read()
        played, keep = tape.play(_asked(request))
        if played is not None:
            return _answer(httpx, played, request.method)
        response = original(self, request)
        response.stream = stream(response.stream, _Heard(response, request.method, keep))
        return response

    httpx.HTTPTransport.handle_request = handle_request


def _patch_async(httpx: Any, tape: Tape, stream: Callable[..., Any]) -> None:
    original = httpx.AsyncHTTPTransport.handle_async_request

    async def handle_async_request(self: Any, request: Any) -> Any:
        if not tape.wanted():
            return await original(self, request)
        await request.aread()
        played, keep = tape.play(_asked(request))
        if played is not None:
            return _answer(httpx, played, request.method)
        response = await original(self, request)
        response.stream = stream(response.stream, _Heard(response, request.method, keep))
        return response

    httpx.AsyncHTTPTransport.handle_async_request = handle_async_request


def _asked(request: Any) -> Request:
    url = request.url
    # As http.client puts it: no user, no fragment, a port only where it is not the scheme's.
    origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
    return Request(request.method, origin + url.raw_path.decode("ascii"), request.content)


def _answer(httpx: Any, played: bytes, method: str) -> Any:
    status, reason, headers, body = read_answer(played, method)
    extensions = {"http_version": b"HTTP/1.1", "reason_phrase": reason.encode("latin-1", "replace")}
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body), extensions=extensions)


class _Heard:
    """What was read of an answer."""

    def __init__(self, response: Any, method: str, keep: Callable[[bytes], None]) -> None:
        self._reason = response.extensions.get("reason_phrase", b"").decode("latin-1")
        self._response = response
        self._method = method
        self._keep: Callable[[bytes], None] | None = keep
        self._body = bytearray()

    def add(self, chunk: bytes) -> None:
        """The next piece."""
        if self._keep is not None:
            self._body += chunk
            if len(self._body) > _MAX_KEPT:
                self.drop()

    def drop(self) -> None:
        """It broke, or is too long: it is no answer to play."""
        self._keep = None
        self._body.clear()

    def left(self) -> None:
        """Its reader closes it; whoever did not hear all of a known length, or nothing at all, has no whole answer."""
        length = self._response.headers.get("content-length", "")
        bodiless = self._method == "HEAD" or self._response.status_code in (204, 304)
        if not bodiless and (len(self._body) < int(length) if length.isdecimal() else not self._body):
            self.drop()
        self.ended()

    def ended(self) -> None:
        """There is no more of it."""
        keep, self._keep = self._keep, None
        if keep is not None:
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._response.headers.raw]
            keep(answer_bytes(self._response.status_code, self._reason, headers, bytes(self._body)))


def _streams(httpx: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The streams of answers that are to be kept; httpx wants them to be of its own classes."""

    class Plain(httpx.SyncByteStream):
        def __init__(self, real: Any, heard: _Heard) -> None:
            self._real = real
            self._heard = heard

        def __iter__(self) -> Iterator[bytes]:
            chunks = iter(self._real)
            while (chunk := self._next(chunks)) is not None:
                yield chunk
            self._heard.ended()

        def _next(self, chunks: Iterator[bytes]) -> bytes | None:
            try:
                chunk = next(chunks, None)
            except BaseException:
                self._heard.drop()
                raise
            self._heard.add(chunk or b"")
            return chunk

        def close(self) -> None:
            self._heard.left()
            self._real.close()

    class Async(httpx.AsyncByteStream):
        def __init__(self, real: Any, heard: _Heard) -> None:
            self._real = real
            self._heard = heard

        async def __aiter__(self) -> AsyncIterator[bytes]:
            chunks = aiter(self._real)
            while (chunk := await self._next(chunks)) is not None:
                yield chunk
            self._heard.ended()

        async def _next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
            try:
                chunk = await anext(chunks, None)
            except BaseException:
                self._heard.drop()
                raise
            self._heard.add(chunk or b"")
            return chunk

        async def aclose(self) -> None:
            self._heard.left()
            await self._real.aclose()

    return Plain, Async
