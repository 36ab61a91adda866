"""What workflow files may import of the runtime: the guide's surface, and what Chiron provides beyond it."""

from __future__ import annotations

# The guide promises the context; the rest of the module is what existing files take from it.
GUIDE_MODULE = "api.workflow_engine"

# Module -> names; None means any name (the module makes them up).
PROVIDED: dict[str, frozenset[str] | None] = {
    "api.workflow_engine": frozenset(
        {"WorkflowContext", "Delivery", "Button", "ButtonClick", "duration_seconds", "RetryPolicy", "NonRetryableError", "ChildWorkflowError"}
    ),
    "api.runtime_control": frozenset({"canonical_json", "decode_jsonb", "ControlPlaneError"}),
    "api.app": frozenset(
        {
            "bind_context_rpc", "reset_context_rpc", "resolve_tool_shim", "call_tool_shim", "WorkflowToolManager", "get_tool_manager",
            "WorkflowToolMethod", "WorkflowToolProxy", "WorkflowTools",
        }
    ),
    "api.metrics": None,
    "api.vm_metrics": None,
    "api.webhooks": frozenset(
        {"HeaderTriggerKey", "StaticTriggerKey", "HmacAuth", "BearerAuth", "WebhookSpec", "RegisteredWebhook"}
    ),
    "api.workflow_db": frozenset({"WorkflowDatabase", "MigrationError"}),
    "api.heartbeat": frozenset({"HeartbeatState"}),
    "api.integrations.gsuite.calendar": None,
    "api.integrations.gsuite.drive": None,
    "api.integrations.linear": None,
    "centaur_sdk": None,
}

PACKAGES = frozenset({"api", "api.integrations", "api.integrations.gsuite"})


def is_runtime_module(module: str) -> bool:
    """Whether a dotted name belongs to the runtime's own packages."""
    return module.split(".")[0] in ("api", "centaur_sdk")
