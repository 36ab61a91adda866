"""Started by signed deliveries; does as little as a run can."""

from api.workflow_engine import WorkflowContext

WORKFLOW_NAME = "bench_hook"
WEBHOOKS = {
    "slug": "bench",
    "auth": {"type": "github", "secret_ref": "BENCH_HOOK_SECRET"},
    "trigger_key": {"type": "header", "header": "X-GitHub-Delivery"},
}


async def handler(inp: object, ctx: WorkflowContext) -> None:
    return None
