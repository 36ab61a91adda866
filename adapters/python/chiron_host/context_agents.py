"""Agent turns: ctx.agent_turn, run_agent, start_agent, run_agents. Wrong arguments fail before anything is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Iterator, Mapping
from typing import Any, cast

from .session import Session

_MAX_AGENTS = 32
_MAX_CONCURRENCY = 16
_MAX_NAME_BYTES = 128
_RESERVED = frozenset({"thread_key", "message_id", "client_message_id", "idempotency_key", "execution_idempotency_key"})


class AgentHandle(Mapping[str, Any]):
    """A turn that is on its way. Await it for its result; from then on it also reads like the result."""

    def __init__(self, reply: Awaitable[Any], label: str | None) -> None:
        self._reply = reply
        self._result: Any = None
        self._done = False
        self.name = label

    def __await__(self) -> Generator[Any, Any, Any]:
        if not self._done:
            self._result = yield from self._reply.__await__()
            self._done = True
        return self._result

    def _ready(self) -> Mapping[str, Any]:
        if not self._done:
            raise RuntimeError("the agent's turn is not awaited yet: `result = await handle`")
        return self._result

    def __getitem__(self, key: str) -> Any:
        return self._ready()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ready())

    def __len__(self) -> int:
        return len(self._ready())

    def __repr__(self) -> str:
        return f"<AgentHandle {self._result!r}>" if self._done else "<AgentHandle, not awaited>"


class AgentCalls:
    """The agent part of the context."""

    _session: Session
    _agent_defaults: dict[str, Any]

    async def agent_turn(self, text: str | None = None, **kwargs: Any) -> Any:
        """One turn of an agent; the module's AGENT_DEFAULTS sit beneath the arguments."""
        return await self._turn(text, kwargs)

    async def run_agent(self, *args: Any, text: str | None = None, **kwargs: Any) -> Any:
        """agent_turn with an optional label as the only positional argument."""
        self._label(args)
        return await self._turn(text, kwargs)

    def start_agent(self, *args: Any, text: str | None = None, **kwargs: Any) -> AgentHandle:
        """Begin a turn and go on; await the handle for the result."""
        label = self._label(args)
        return AgentHandle(self._turn(text, kwargs), label)

    async def run_agents(self, agents: list[dict[str, Any]], *, max_concurrency: int | None = None) -> Any:
        """Up to 32 turns at once; a failed one does not fail the call."""
        fields: dict[str, Any] = {"agents": _checked_agents(agents, self._agent_defaults)}
        if max_concurrency is not None:
            if not isinstance(max_concurrency, int) or isinstance(max_concurrency, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError("max_concurrency must be a whole number")
            if not 1 <= max_concurrency <= _MAX_CONCURRENCY:
                raise ValueError(f"max_concurrency must be from 1 to {_MAX_CONCURRENCY}, not {max_concurrency}")
            fields["max_concurrency"] = max_concurrency
        return await self._session.ask("ctx.run_agents", "agent", fields)

    def _turn(self, text: str | None, kwargs: dict[str, Any]) -> Awaitable[Any]:
        args = {**self._agent_defaults, **kwargs}
        if text is not None:
            args["text"] = text
        return self._session.ask("ctx.agent_turn", "agent", {"args": args})

    @staticmethod
    def _label(args: tuple[Any, ...]) -> str | None:
        if len(args) > 1:
            raise TypeError(f"at most one positional argument, a name, is accepted ({len(args)} were given)")
        return str(args[0]) if args else None


def _checked_agents(agents: object, defaults: dict[str, Any]) -> list[dict[str, Any]]:
    if not isinstance(agents, (list, tuple)):
        raise TypeError(f"agents must be a list of dicts, not {type(agents).__name__}")
    items = list(cast("list[object]", agents))
    if not 1 <= len(items) <= _MAX_AGENTS:
        raise ValueError(f"run_agents takes 1 to {_MAX_AGENTS} agents, not {len(items)}")
    names: set[str] = set()
    checked: list[dict[str, Any]] = []
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise TypeError(f"agents[{index}] must be a dict, not {type(item).__name__}")
        agent = cast("dict[str, Any]", item)
        name = agent.get("name")
        if not isinstance(name, str):
            raise TypeError(f"agents[{index}] needs a name")
        if not name or len(name.encode("utf-8", "replace")) > _MAX_NAME_BYTES:
            raise ValueError(f"agents[{index}]: a name has 1 to {_MAX_NAME_BYTES} bytes")
        if name in names:
            raise ValueError(f"agents[{index}]: the name {name!r} is used twice")
        names.add(name)
        reserved = sorted(_RESERVED & agent.keys())
        if reserved:
            raise ValueError(f"agents[{index}]: {', '.join(reserved)} may not be set in a batch")
        checked.append({**{key: value for key, value in defaults.items() if key not in _RESERVED}, **agent})
    return checked
