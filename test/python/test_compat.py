"""A census of the compat modules: a workflow file for each row of the reference's list, and each symbol behaves."""

import os
import time
import unittest
from typing import Any

from harness import Folder

ROWS: dict[str, tuple[str, str, Any]] = {
    "workflow_engine": (
        "from api.workflow_engine import WorkflowContext, Delivery, Button, ButtonClick, duration_seconds\nfrom datetime import timedelta",
        """
        click = ButtonClick(id="1", action="yes", user_id="U", team_id="T", channel_id="C", message_ts="1.1", action_ts="1.2")
        delivery = Delivery(channel="C1", thread_ts="1.0", mode="thread", metadata={"a": 1})
        return [isinstance(ctx, WorkflowContext), delivery.metadata, Button(label="Yes", style="primary").label, click.action,
                duration_seconds(timedelta(minutes=2)), duration_seconds(3)]
        """,
        [True, {"a": 1}, "Yes", "yes", 120, 3],
    ),
    "runtime_control": (
        "from api.runtime_control import canonical_json, decode_jsonb, ControlPlaneError\nimport datetime",
        """
        error = ControlPlaneError("not_found", "no such thread", 404)
        return [canonical_json({"b": 1, "a": [datetime.date(2026, 1, 2)]}), decode_jsonb('{"a": 1}', {}), decode_jsonb(None, 7),
                decode_jsonb("{", []), decode_jsonb({"b": 2}, {}), error.to_dict(), "not_found" in str(error)]
        """,
        [
            '{"a":["2026-01-02"],"b":1}',
            {"a": 1},
            7,
            [],
            {"b": 2},
            {"code": "not_found", "message": "no such thread", "status_code": 404},
            True,
        ],
    ),
    "app": (
        """
        from api.app import (bind_context_rpc, reset_context_rpc, resolve_tool_shim, call_tool_shim, get_tool_manager,
                             WorkflowToolManager, WorkflowToolMethod, WorkflowToolProxy, WorkflowTools)
        """,
        """
        async def rpc(tool, method, args):
            return [tool, method, args]
        manager = get_tool_manager()
        token = bind_context_rpc(rpc)
        bound = [await call_tool_shim("a", "b", {"c": 1}), await manager.call_tool_raw("a", "b"), await resolve_tool_shim("a").b(c=2),
                 await resolve_tool_shim("a", "b")({"c": 3}), await WorkflowTools().a.b(), await WorkflowToolMethod("a", "b")(),
                 await WorkflowToolProxy("a").b(), await WorkflowToolManager().call_tool("a", "b", {})]
        reset_context_rpc(token)
        inside = await ctx.step("inside", lambda: get_tool_manager().call_tool("text", "shout", {"word": "hi"}))
        return [bound, inside]
        """,
        [
            [
                ["a", "b", {"c": 1}],
                ["a", "b", {}],
                ["a", "b", {"c": 2}],
                ["a", "b", {"c": 3}],
                ["a", "b", {}],
                ["a", "b", {}],
                ["a", "b", {}],
                ["a", "b", {}],
            ],
            "answered",
        ],
    ),
    "metrics": (
        "from api.metrics import set_metric_rpc, get_metric_rpc, increment_metric, set_gauge, observe_histogram, record_anything_else",
        """
        increment_metric("hits", labels={"lane": "a"})
        set_gauge("depth", 3)
        observe_histogram("took", 0.5, {"lane": "b"})
        record_anything_else(2, source="x")
        taken = []
        set_metric_rpc(lambda *args: taken.append(args))
        increment_metric("elsewhere", 4)
        same = get_metric_rpc() is not None
        set_metric_rpc(None)
        return [same, taken[0][:3]]
        """,
        [True, ["counter", "elsewhere", 4]],
    ),
    "vm_metrics": (
        """
        import api.vm_metrics
        from api.vm_metrics import (record_etl_items_seen, record_etl_items_enqueued, record_etl_items_upserted, record_etl_items_deleted,
            record_etl_items_failed, record_company_context_documents_changed, observe_company_context_document_size,
            set_company_context_projection_lag, record_slack_etl_rate_limit, record_slack_archive_import_files,
            observe_slack_archive_import_seconds, set_slack_archive_import_pending, record_slack_retention_deleted,
            set_slack_retention_lag, set_etl_active_scopes, set_etl_failed_scopes, set_etl_scope_sync_freshness_seconds,
            set_etl_backfill_jobs, set_etl_backfill_job_age_seconds)
        """,
        """
        record_etl_items_seen(source="slack", count=3)
        observe_company_context_document_size(1200, kind="page")
        set_etl_backfill_job_age_seconds(job_id=9, seconds=12.5)
        api.vm_metrics.record_what_nobody_wrote()
        return True
        """,
        True,
    ),
    "workflow_db": (
        "from api.workflow_db import WorkflowDatabase, MigrationError",
        """
        class Pool:
            async def fetchval(self, query): return query
            async def execute(self, query): return "done"
        db = WorkflowDatabase(Pool())
        try:
            await ctx.db.fetch("select 1")
        except RuntimeError as error:
            missing = str(error)
        try:
            await db.migrate("migrations", schema="s")
        except MigrationError as error:
            refused = str(error)
        return [await db.fetchval("q"), await db.execute("e"), missing, refused]
        """,
        [
            "q",
            "done",
            "there is no database: set DATABASE_URL and install asyncpg",
            "the migrations of migrations cannot be applied: the program sqlx is not installed",
        ],
    ),
    "heartbeat": (
        "from api.heartbeat import HeartbeatState",
        "state = HeartbeatState()\nstate.beat()\nreturn state.last_beat > 0",
        True,
    ),
    "integrations": (
        """
        from api.integrations.gsuite.calendar import CalendarClient
        from api.integrations.gsuite.drive import DriveClient
        from api.integrations.linear import LinearClient
        """,
        """
        said = []
        for client in (CalendarClient, DriveClient, LinearClient):
            try:
                client("token")
            except RuntimeError as error:
                said.append("not available here" in str(error))
        return said
        """,
        [True, True, True],
    ),
    "webhooks": (
        """
        from api.webhooks import HeaderTriggerKey, HmacAuth, BearerAuth, WebhookSpec, RegisteredWebhook
        WEBHOOKS = [
            WebhookSpec("gh", HmacAuth.github("GH_SECRET"), "github", HeaderTriggerKey("X-GitHub-Delivery"), ["POST"], ["application/json"]),
            WebhookSpec(slug="plain", auth=BearerAuth("TOKEN_VAR")),
            WebhookSpec(slug="own", auth=HmacAuth(secret_ref="S", signature_header="X-S", algorithm="sha1", signature_prefix="", encoding="base64")),
        ]
        """,
        """
        one = RegisteredWebhook("w", "/w.py", WEBHOOKS[0])
        return [one.spec.slug, WEBHOOKS[1].auth.header, WEBHOOKS[1].auth.scheme]
        """,
        ["gh", "Authorization", "Bearer"],
    ),
    "sdk": (
        """
        from centaur_sdk import (secret, Table, render_text_table, ToolContext, current_thread_key, get_tool_context, set_tool_context,
                                 reset_tool_context, save_attachment, save_attachment_from_path)
        """,
        """
        token = set_tool_context(ToolContext(thread_key="slack:C1"))
        thread = current_thread_key()
        reset_tool_context(token)
        stored = save_attachment("a.txt", "content")
        copied = save_attachment_from_path(stored, "b.txt")
        return [secret("CENSUS"), secret("NOT_SET", "fallback"), secret("NOT_SET"), thread, get_tool_context(),
                render_text_table(["a"], [["b"]]).split(), Table(["a"], [["b"]]).render().split()[0], open(copied).read()]
        """,
        ["value", "fallback", "", "slack:C1", None, ["a", "-", "b"], "a", "content"],
    ),
}


class Census(Folder):
    def test_every_row_imports_and_behaves_in_one_process(self) -> None:
        for name, (head, body, _) in ROWS.items():
            self.workflow(body, name, head)
        host = self.host(env={"CENSUS": "value", "CENTAUR_ATTACHMENTS_DIR": os.path.join(self.base, "kept"), "PATH": "/usr/bin:/bin"})
        found = host.discover()
        self.assertEqual(found["problems"], [])
        self.assertEqual({one["workflow_name"] for one in found["workflows"]}, set(ROWS))
        for name, (_, _, wanted) in ROWS.items():
            with self.subTest(name):
                end = host.run(name=name, answers={"ctx.call_tool": "answered"})
                self.assertEqual(end.value, wanted)
        (webhooks,) = [one["webhooks"] for one in found["workflows"] if one["workflow_name"] == "webhooks"]
        self.assertEqual([one["slug"] for one in webhooks], ["gh", "plain", "own"])

    def test_measurements_reach_the_runtime_with_kind_value_and_labels(self) -> None:
        """Conformance 30."""
        for name in ("metrics", "vm_metrics"):
            self.workflow(ROWS[name][1], name, ROWS[name][0])
        host = self.host(env={"NAMESPACE": "team", "ENVIRONMENT": "test"})
        started = time.monotonic()
        host.run(name="metrics")
        host.run(name="vm_metrics")
        self.assertLess(time.monotonic() - started, 5)
        place = {"namespace": "team", "environment": "test"}
        self.assertEqual(
            [(one["kind"], one["name"], one["value"], one.value) for one in host.kinds("metric")],
            [
                ("counter", "hits", 1, {**place, "lane": "a"}),
                ("gauge", "depth", 3, place),
                ("histogram", "took", 0.5, {**place, "lane": "b"}),
                ("counter", "anything_else", 2, {"source": "x"}),
                ("counter", "etl_items_seen", 3, {"source": "slack"}),
                ("histogram", "company_context_document_size", 1200, {"kind": "page"}),
                ("gauge", "etl_backfill_job_age_seconds", 12.5, {}),
                ("counter", "what_nobody_wrote", 1, {}),
            ],
        )

    def test_a_replay_measures_only_what_it_has_not_measured_before(self) -> None:
        self.workflow("ctx.metric('before')\nawait ctx.step('a', lambda: 1)\nctx.metric('after')")
        host = self.host()
        host.run(recorded=[("a", "step", 1)])
        self.assertEqual([one["name"] for one in host.kinds("metric")], ["after"])

    def test_measuring_where_no_run_is_raises_nothing(self) -> None:
        self.workflow("return True", head="from api.metrics import set_gauge\nset_gauge('at_import', 1)")
        self.assertTrue(self.host().run().value)


if __name__ == "__main__":
    unittest.main()
