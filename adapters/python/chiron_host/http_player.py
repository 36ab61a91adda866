"""Puts recorded answers behind http.client, and with it behind urllib and requests: a connection gets a stand-in for its socket, which
gathers the request and connects only when the answer is not recorded. Clients with sockets of their own (httpx, aiohttp) are not seen."""

from __future__ import annotations

import http.client
import importlib.abc
import importlib.machinery
import importlib.util
import io
import socket
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Protocol, cast

from .http_tape import Request

_LIBRARY = "urllib3.connection"
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
    """From now on every connection of http.client, and of urllib3 whenever it is imported, asks the tape first."""
    _patch(http.client.HTTPConnection, tape)
    _patch(http.client.HTTPSConnection, tape)
    if _LIBRARY in sys.modules:
        _patch_library(sys.modules[_LIBRARY], tape)
    else:
        sys.meta_path.insert(0, _Hook(tape))


def _patch_library(module: ModuleType, tape: Tape) -> None:
    for name in ("HTTPConnection", "HTTPSConnection"):
        _patch(getattr(module, name), tape)


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
        self._request = b""
        self._real: Any = None
        self._timeout: Any = connection.timeout

    def sendall(self, data: Any) -> None:
        """Part of a request."""
        self._request += bytes(data)

    def makefile(self, mode: str, *args: Any, **kwargs: Any) -> Any:
        """The answer to what was sent."""
        sent, self._request = self._request, b""
        played, keep = self._tape.play(_parse(sent, self._origin()))
        if played is not None:
            return io.BytesIO(played)
        real = self._connected()
        real.sendall(sent)
        return io.BufferedReader(_Listener(real, keep))

    def settimeout(self, value: Any) -> None:
        """Kept for the connection that may come."""
        self._timeout = value
        if self._real is not None:
            self._real.settimeout(value)

    def close(self) -> None:
        """End the connection, if there is one."""
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
                self._real = connection.sock
            finally:
                connection._chiron_connecting = False
                connection.sock = self
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


def _parse(sent: bytes, origin: str) -> Request:
    head, _, body = sent.partition(b"\r\n\r\n")
    first, *headers = head.decode("latin-1").split("\r\n")
    method, target, *_ = [*first.split(" "), "", ""]
    if any(line.lower().replace(" ", "") == "transfer-encoding:chunked" for line in headers):
        body = _unchunked(body)
    # A request through a proxy names the whole address.
    return Request(method, target if "://" in target else origin + target, body)


def _unchunked(body: bytes) -> bytes:
    parts: list[bytes] = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        if length == 0:
            break
        parts.append(rest[:length])
        body = rest[length + 2 :]
    return b"".join(parts)


class _Hook(importlib.abc.MetaPathFinder):
    """Patches the library right after its import, whenever that is."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._looking = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module as others find it, with one thing to do more."""
        if fullname != _LIBRARY or self._looking:
            return None
        self._looking = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._looking = False
        loader: Any = None if spec is None else spec.loader
        if loader is None:
            return None
        execute, tape = loader.exec_module, self._tape

        def exec_module(module: ModuleType) -> None:
            execute(module)
            _patch_library(module, tape)

        loader.exec_module = exec_module
        return spec
