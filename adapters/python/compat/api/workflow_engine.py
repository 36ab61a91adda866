"""What a workflow file imports: the context's type and the value types around it."""

from chiron_host.context import WorkflowContext
from chiron_host.durations import duration_seconds
from chiron_host.failures import ChildWorkflowError, NonRetryableError
from chiron_host.policy import RetryPolicy
from chiron_host.slack_buttons import Button
from chiron_host.values import ButtonClick, Delivery

__all__ = [
    "Button",
    "ButtonClick",
    "ChildWorkflowError",
    "Delivery",
    "NonRetryableError",
    "RetryPolicy",
    "WorkflowContext",
    "duration_seconds",
]
