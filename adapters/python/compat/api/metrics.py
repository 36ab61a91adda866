"""Metrics of a workflow: they go to the runtime as ctx.metric, never to a network of their own."""

from collections.abc import Callable
from typing import Any

from chiron_host.metrics import deployment_labels, emit, emit_call

__all__ = ["get_metric_rpc", "increment_metric", "observe_histogram", "set_gauge", "set_metric_rpc"]

MetricRpc = Callable[[str, str, float, dict[str, Any]], None]

_rpc: MetricRpc | None = None


def set_metric_rpc(rpc: MetricRpc | None) -> None:
    """Send metrics somewhere else: rpc(kind, name, value, labels)."""
    global _rpc
    _rpc = rpc


def get_metric_rpc() -> MetricRpc | None:
    """What set_metric_rpc was given."""
    return _rpc


def _send(kind: str, name: str, value: float, labels: dict[str, Any]) -> None:
    (_rpc or emit)(kind, name, float(value), {**deployment_labels(), **labels})


def increment_metric(name: str, value: float = 1, labels: dict[str, Any] | None = None, **more: Any) -> None:
    """Add to a counter."""
    _send("counter", name, value, {**(labels or {}), **more})


def set_gauge(name: str, value: float, labels: dict[str, Any] | None = None, **more: Any) -> None:
    """Set a gauge."""
    _send("gauge", name, value, {**(labels or {}), **more})


def observe_histogram(name: str, value: float, labels: dict[str, Any] | None = None, **more: Any) -> None:
    """Add an observation to a histogram."""
    _send("histogram", name, value, {**(labels or {}), **more})


def __getattr__(name: str) -> Callable[..., None]:
    """The small recording functions beside these, whatever their names."""
    if not name.startswith(("record_", "observe_", "set_", "increment_", "count_")):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def record(*args: Any, **kwargs: Any) -> None:
        emit_call(name, args, kwargs)

    record.__name__ = record.__qualname__ = name
    return record
