"""Canonical JSON and the control plane's error type."""

import json
from typing import Any

__all__ = ["ControlPlaneError", "canonical_json", "decode_jsonb"]


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; anything JSON does not know becomes its str()."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def decode_jsonb(value: Any, fallback: Any = None) -> Any:
    """The value of a jsonb column, which drivers give as text or already decoded; `fallback` for null and for broken text."""
    if value is None:
        return fallback
    if isinstance(value, (str, bytes, bytearray)):
        try:
            return json.loads(value)
        except ValueError:
            return fallback
    return value


class ControlPlaneError(Exception):
    """An error with a code, a message and an HTTP status."""

    def __init__(self, code: str, message: str = "", status_code: int = 400) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message
        self.status_code = status_code

    def to_dict(self) -> dict[str, Any]:
        """The error as an API answers it."""
        return {"code": self.code, "message": self.message, "status_code": self.status_code}
