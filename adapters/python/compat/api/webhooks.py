"""Webhook declarations as objects; they register the same webhook as the dict form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "BearerAuth",
    "HeaderTriggerKey",
    "HmacAuth",
    "RegisteredWebhook",
    "StaticTriggerKey",
    "WebhookSpec",
]


@dataclass(frozen=True)
class HeaderTriggerKey:
    """The idempotency key comes from a header."""

    header: str

    def as_spec(self) -> dict[str, Any]:
        """The dict form."""
        return {"type": "header", "header": self.header}


@dataclass(frozen=True)
class StaticTriggerKey:
    """The idempotency key is always this one."""

    value: str

    def as_spec(self) -> dict[str, Any]:
        """The dict form."""
        return {"type": "static", "value": self.value}


@dataclass(frozen=True)
class HmacAuth:
    """The sender signs the body with a shared secret."""

    secret_ref: str
    signature_header: str = "X-Webhook-Signature"
    algorithm: str = "sha256"
    signature_prefix: str = "sha256="
    encoding: str = "hex"

    @classmethod
    def github(cls, secret_ref: str = "GITHUB_WEBHOOK_SECRET") -> HmacAuth:
        """What GitHub sends."""
        return cls(secret_ref, signature_header="X-Hub-Signature-256")

    def as_spec(self) -> dict[str, Any]:
        """The dict form."""
        return {"type": "hmac", **self.__dict__}


@dataclass(frozen=True)
class BearerAuth:
    """The sender shows a token."""

    secret_ref: str
    header: str = "Authorization"
    scheme: str = "Bearer"

    def as_spec(self) -> dict[str, Any]:
        """The dict form."""
        return {"type": "bearer", **self.__dict__}


@dataclass(frozen=True)
class WebhookSpec:
    """A webhook of a workflow."""

    slug: str
    auth: Any = None
    provider: str | None = None
    trigger_key: Any = None
    allowed_methods: Sequence[str] | None = None
    allowed_content_types: Sequence[str] | None = None
    filter: Any = None

    def as_spec(self) -> dict[str, Any]:
        """The dict form, without what was not given."""
        return {name: value for name, value in self.__dict__.items() if value is not None}


@dataclass(frozen=True)
class RegisteredWebhook:
    """A webhook together with the workflow that declares it."""

    workflow_name: str
    source_path: str
    spec: Any
