"""Puts recorded answers behind http.client, and with it behind urllib and requests: a connection gets a stand-in for its socket, which
gathers the request and connects only when the answer is not recorded, as soon as the request is whole. httpx has its own (http_httpx);
other clients with sockets of their own (aiohttp) are not seen."""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol, cast

from .after_import import after_import
from .http_sent import Sent
from .http_tape import Request

Connect = Callable[[Any], None]


class Tape(Protocol):
    """Where answers come from: recordings (http_tape) or stubs."""

    def wanted(self) -> bool:
        """Whether requests of this moment are its business: others connect as ever."""
        ...

    def play(self, request: Request) -> tuple[bytes | None, Callable[[bytes], None]]:
        """The answer as its bytes, or None and where the real one goes."""
        ...


def install(tape: Tape) -> None:
    """From now on every connection of http.client, and of urllib3 and httpx whenever they are imported, asks the tape first."""

    def patch_connections(module: ModuleType) -> None:
        for name in ("HTTPConnection", "HTTPSConnection"):
            _patch(getattr(module, name), tape)

    def patch_transports(module: ModuleType) -> None:
        from .http_httpx import patch_httpx

        patch_httpx(module, tape)

    patch_connections(http.client)
    after_import("urllib3.connection", patch_connections)
    after_import("httpx", patch_transports)
    after_import("httpx2", patch_transports)


def _patch(owner: type[Any], tape: Tape) -> None:
    original = cast("Connect | None", vars(owner).get("connect"))
    if original is None:
        return

    def connect(self: Any) -> None:
        if getattr(self, "_chiron_connecting", False) or not tape.wanted():
            original(self)
            return
        self.sock = _Player(self, original, tape)
        # urllib3 warns about connections that were not verified; this one is when it is made.
        if hasattr(self, "is_verified"):
            self.is_verified = True

    owner.connect = connect


class _Player:
    """A socket until the request is whole; then a recorded answer, or the connection that was asked for."""

    def __init__(self, connection: Any, connect: Connect, tape: Tape) -> None:
        self._connection = connection
        self._connect = connect
        self._tape = tape
        self._sent = Sent()
        self._answer: Any = None
        self._real: Any = None
        self._timeout: Any = connection.timeout

    def sendall(self, data: Any) -> None:
        """Part of a request."""
        self._sent.add(bytes(data))
        # Not later: whoever connects late would see a failure to connect where no client expects one.
        if self._sent.whole():
            self._ask()

    def makefile(self, mode: str, *args: Any, **kwargs: Any) -> Any:
        """The answer to what was sent."""
        if self._answer is None:
            self._ask()
        answer, self._answer = self._answer, None
        return answer

    def _ask(self) -> None:
        sent, self._sent = self._sent, Sent()
        played, keep = self._tape.play(sent.request(self._origin()))
        if played is not None:
            self._answer = io.BytesIO(played)
            return
        real = self._connected()
        real.sendall(sent.content)
        self._answer = io.BufferedReader(_Listener(real, keep))

    def settimeout(self, value: Any) -> None:
        """Kept for the connection that may come."""
        self._timeout = value
        if self._real is not None:
            self._real.settimeout(value)

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._answer is not None:
            self._answer.close()
        if self._real is not None:
            self._real.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._connected(), name)

    def _connected(self) -> Any:
        if self._real is None:
            connection = self._connection
            connection._chiron_connecting = True
            try:
                self._connect(connection)
                self._real, connection.sock = connection.sock, self
            except BaseException:
                connection.sock = None
                raise
            finally:
                connection._chiron_connecting = False
            if self._timeout is not socket.getdefaulttimeout() and isinstance(self._timeout, (int, float)):
                self._real.settimeout(self._timeout)
        return self._real

    def _origin(self) -> str:
        connection = self._connection
        scheme = "https" if isinstance(connection, http.client.HTTPSConnection) else "http"
        host = getattr(connection, "_tunnel_host", None) or connection.host
        port = getattr(connection, "_tunnel_port", None) or connection.port
        standard = {"http": 80, "https": 443}[scheme]
        return f"{scheme}://{host}" + ("" if port in (None, standard) else f":{port}")


class _Listener(io.RawIOBase):
    """Reads from the socket and remembers it; at the end the whole answer goes to `keep`."""

    def __init__(self, real: Any, keep: Callable[[bytes], None]) -> None:
        # A connection may be closed before its answer is read: this keeps the socket open until then.
        self._real = real.makefile("rb", buffering=0)
        self._keep = keep
        self._heard = bytearray()

    def readable(self) -> bool:
        """It is only read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """What the socket has."""
        count: int = self._real.readinto(buffer) or 0
        self._heard += memoryview(buffer)[:count]
        return count

    def close(self) -> None:
        """The reader has what it wants."""
        if not self.closed:
            self._real.close()
            self._keep(bytes(self._heard))
        super().close()
