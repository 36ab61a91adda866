"""The centaur-tools program, asked by the host itself under an engine that speaks the baseline protocol. Chiron's engine asks it on its own side."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from .json_values import encode

PROGRAM = "centaur-tools"
_MAX_ANSWER = 16 * 1024 * 1024
_SHOWN = 2_000


async def call_program(program: str, tool: str, method: str, args: dict[str, Any]) -> Any:
    """`centaur-tools call <tool> <method> -` with the arguments on its input; its answer is JSON on its output."""
    pipe = asyncio.subprocess.PIPE
    what = f"{PROGRAM} call {tool} {method}"
    text = encode(args, f"tool {tool}.{method}")[0].encode()
    child = await asyncio.create_subprocess_exec(
        program, "call", tool, method, "-", stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        _, out, err = await asyncio.gather(_feed(child, text), _read(child.stdout, what), _tail(child.stderr))
        await child.wait()
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
    if child.returncode != 0:
        raise RuntimeError(f"{what} failed: {err or f'exit status {child.returncode}'}")
    try:
        return json.loads(out) if out.strip() else None
    except ValueError:
        raise RuntimeError(f"{what} did not answer with JSON") from None


async def _feed(child: asyncio.subprocess.Process, text: bytes) -> None:
    stream = child.stdin
    if stream is None:
        return
    # A program that does not read its input may still answer.
    with suppress(BrokenPipeError, ConnectionResetError):
        stream.write(text)
        await stream.drain()
    stream.close()


async def _read(stream: asyncio.StreamReader | None, what: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    while stream is not None and (part := await stream.read(1 << 16)):
        size += len(part)
        if size > _MAX_ANSWER:
            raise RuntimeError(f"{what} answered with more than {_MAX_ANSWER} bytes")
        parts.append(part)
    return b"".join(parts)


async def _tail(stream: asyncio.StreamReader | None) -> str:
    tail = b""
    while stream is not None and (part := await stream.read(1 << 16)):
        tail = (tail + part)[-_SHOWN:]
    return tail.decode("utf-8", "replace").strip()
