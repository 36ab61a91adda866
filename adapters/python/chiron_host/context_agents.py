"""Agent turns: ctx.agent_turn, run_agent, start_agent, run_agents. Wrong arguments fail before anything is asked."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any

from .agent_arguments import checked_agents, merged
from .answers import Reply
from .session import Session

_MAX_CONCURRENCY = 16


class AgentHandle(Mapping[str, Any]):
    """A turn that is on its way. Await it for its result, as often as is wanted; from then on it also reads like the result.

    Giving up a wait (asyncio.wait_for) does not give up the turn: it can be awaited again. A turn that nobody has awaited when the run
    ends is stopped with it.
    """

    def __init__(self, reply: Reply, label: str | None) -> None:
        self._reply = reply
        self._result: Any = None
        self._awaited = False
        self.name = label

    def __await__(self) -> Generator[Any, Any, Any]:
        if not self._awaited:
            self._result = yield from self._reply.shielded()
            self._awaited = True
        return self._result

    def done(self) -> bool:
        """Whether the agent has answered or failed."""
        return self._reply.done()

    def _ready(self) -> Mapping[str, Any]:
        if not self._awaited:
            raise RuntimeError("the agent's turn is not awaited yet: `result = await handle`")
        return self._result

    def __getitem__(self, key: str) -> Any:
        return self._ready()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ready())

    def __len__(self) -> int:
        return len(self._ready())

    def __eq__(self, other: object) -> bool:
        return self is other or (self._awaited and super().__eq__(other))

    def __hash__(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        # A Mapping has none; asyncio.gather needs one.
        return id(self)

    def __repr__(self) -> str:
        return f"<AgentHandle {self._result!r}>" if self._awaited else "<AgentHandle, not awaited>"


class AgentCalls:
    """The agent part of the context."""

    _session: Session
    _agent_defaults: dict[str, Any]

    async def agent_turn(self, text: str | None = None, **kwargs: Any) -> Any:
        """One turn of an agent; the module's AGENT_DEFAULTS sit beneath the arguments."""
        return await self._turn(text, kwargs)

    async def run_agent(self, *args: Any, text: str | None = None, **kwargs: Any) -> Any:
        """agent_turn with an optional label as the only positional argument."""
        return await self._turn(text, kwargs, self._label(args))

    def start_agent(self, *args: Any, text: str | None = None, **kwargs: Any) -> AgentHandle:
        """Begin a turn and go on; await the handle for the result."""
        label = self._label(args)
        return AgentHandle(self._turn(text, kwargs, label), label)

    async def run_agents(self, agents: list[dict[str, Any]], *, max_concurrency: int | None = None) -> Any:
        """Up to 32 turns, `max_concurrency` (4) at once; a failed one does not fail the call."""
        fields: dict[str, Any] = {"agents": checked_agents(agents, self._agent_defaults)}
        if max_concurrency is not None:
            if not isinstance(max_concurrency, int) or isinstance(max_concurrency, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError("max_concurrency must be a whole number")
            if not 1 <= max_concurrency <= _MAX_CONCURRENCY:
                raise ValueError(f"max_concurrency must be from 1 to {_MAX_CONCURRENCY}, not {max_concurrency}")
            fields["max_concurrency"] = max_concurrency
        return await self._session.ask("ctx.run_agents", "agent", fields)

    def _turn(self, text: str | None, kwargs: dict[str, Any], label: str | None = None) -> Reply:
        own = kwargs if label is None else {"name": label, **kwargs}
        args = merged(self._agent_defaults, own if text is None else {**own, "text": text})
        return self._session.ask("ctx.agent_turn", "agent", {"args": args})

    @staticmethod
    def _label(args: tuple[Any, ...]) -> str | None:
        if len(args) > 1:
            raise TypeError(f"at most one positional argument, a name, is accepted ({len(args)} were given)")
        return str(args[0]) if args else None
