"""An HTTP/1.1 request as it goes into a socket, piece by piece: when it is whole, and what it asks."""

from __future__ import annotations

from .http_tape import Request

_END = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"
_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"})
"""Without a length these have no body; of others it ends where the answer is asked for."""


class Sent:
    """What was sent so far of one request."""

    def __init__(self) -> None:
        self.content = bytearray()
        self._head: list[str] = []
        self._start = 0

    def add(self, data: bytes) -> None:
        """The next piece."""
        looked = max(0, len(self.content) - len(_END))
        self.content += data
        if not self._start:
            end = self.content.find(_END, looked)
            if end >= 0:
                self._start = end + len(_END)
                self._head = self.content[:end].decode("latin-1").split("\r\n")

    def whole(self) -> bool:
        """Whether nothing more can come. False also where only the sender knows."""
        if not self._start:
            return False
        if self._chunked():
            return self.content.endswith(_LAST_CHUNK) and _unchunked(self._body())[1]
        length = self._header("content-length")
        if length.isdecimal():
            return len(self.content) - self._start >= int(length)
        return self._head[0].partition(" ")[0].upper() in _BODILESS

    def request(self, origin: str) -> Request:
        """What it asks of the server at `origin`."""
        method, target, *_ = [*(self._head or [""])[0].split(" "), "", ""]
        body = _unchunked(self._body())[0] if self._chunked() else self._body()
        # A request through a proxy names the whole address.
        return Request(method, target if "://" in target else origin + target, body)

    def _body(self) -> bytes:
        return bytes(self.content[self._start :])

    def _chunked(self) -> bool:
        return self._header("transfer-encoding").lower() == "chunked"

    def _header(self, wanted: str) -> str:
        for line in self._head[1:]:
            name, _, value = line.partition(":")
            if name.strip().lower() == wanted:
                return value.strip()
        return ""


def _unchunked(body: bytes) -> tuple[bytes, bool]:
    """The content, and whether its end is there."""
    parts: list[bytes] = []
    at = 0
    while (end := body.find(b"\r\n", at)) >= 0:
        length = int(body[at:end].split(b";")[0] or b"0", 16)
        if length == 0:
            return b"".join(parts), True
        parts.append(body[end + 2 : end + 2 + length])
        at = end + 2 + length + 2
    return b"".join(parts), False
