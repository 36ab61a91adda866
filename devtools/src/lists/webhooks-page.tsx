// Webhooks with the state of their secrets, and what came to them: each delivery with everything it was looked at for.
import type { Delivery, DeliveryPage, WebhookList } from "../data/api.ts";
import { get } from "../data/client.ts";
import { useResource } from "../data/resource.ts";
import { Chips, Choice, chosen } from "../shell/filters.tsx";
import { JsonTree, LongText, visible } from "../shell/json-tree.tsx";
import { Command, Empty, Fault } from "../shell/marks.tsx";
import { query, runPath, setQuery } from "../shell/router.ts";
import { dateTime, size } from "../shell/times.ts";

const OUTCOMES = ["accepted", "filtered", "handshake", "rejected"];
const SHOWN = 100;

export function WebhooksPage() {
  const hooks = useResource<WebhookList>(
    "hooks",
    (signal) => get("/api/workflows/webhooks", signal),
    ({ type }) => type.startsWith("catalog."),
  );
  const params = new URLSearchParams({ limit: String(SHOWN) });
  const slug = query.value.get("slug") ?? "";
  if (slug !== "") params.set("slug", slug);
  // The API takes one outcome; of several chips each is looked for in what came.
  const outcomes = chosen("outcome");
  const key = params.toString();
  const deliveries = useResource<DeliveryPage>(
    key,
    (signal) => get(`/api/workflows/deliveries?${key}`, signal),
    ({ type }) => type === "delivery.received",
  );
  const fault = hooks.fault.value ?? deliveries.fault.value;
  const webhooks = hooks.data.value?.webhooks ?? [];
  const all = deliveries.data.value?.deliveries ?? [];
  const shown = outcomes.length === 0 ? all : all.filter((one) => outcomes.includes(one.outcome === "duplicate" ? "accepted" : one.outcome)); // prettier-ignore
  const id = query.value.get("delivery");
  return (
    <section>
      <h1>Webhooks</h1>
      {fault && <Fault fault={fault} />}
      {hooks.data.value && webhooks.length === 0 && (
        <Empty title="No workflow declares a webhook">
          <p>
            A file with <code>WEBHOOKS = [...]</code> appears here as soon as it is saved.
          </p>
        </Empty>
      )}
      <ul class="plain">
        {webhooks.map((hook) => (
          <li key={hook.slug}>
            <code>{visible(hook.path)}</code> starts <strong>{visible(hook.workflow_name)}</strong>, signed{" "}
            {visible(hook.provider ?? hook.auth)}{" "}
            {hook.secrets.map((secret) => (
              <span key={secret.name} class={secret.state === "set" ? "badge" : "badge bad"}>
                {visible(secret.name)} {secret.state}
              </span>
            ))}
          </li>
        ))}
      </ul>
      <h2>Deliveries</h2>
      <div class="filters">
        <Chips name="outcome" words={OUTCOMES} />
        <Choice name="slug" label="webhook" values={webhooks.map((hook) => hook.slug)} />
        <span class="faint">the newest {SHOWN}</span>
      </div>
      {shown.length === 0 && deliveries.data.value && (
        <p class="faint">None yet, or none that fits. Whatever comes, also what is rejected, appears here.</p>
      )}
      {shown.map((one) => (
        <DeliveryRow key={one.delivery_id} delivery={one} open={one.delivery_id === id} />
      ))}
    </section>
  );
}

function DeliveryRow({ delivery, open }: { readonly delivery: Delivery; readonly open: boolean }) {
  const good = delivery.outcome !== "rejected";
  return (
    <div class="item">
      <button
        type="button"
        class="fold item-head"
        aria-expanded={open}
        onClick={() => setQuery("delivery", open ? "" : delivery.delivery_id)}
      >
        <span class={good ? "good" : "bad"}>
          {good ? "✔" : "✘"} {delivery.outcome} {delivery.status}
        </span>{" "}
        {visible(delivery.slug)}{" "}
        <span class="faint">
          {dateTime(delivery.received_at)}, {size(delivery.body_size)}
        </span>
      </button>
      {delivery.task_id !== null && <a href={runPath(delivery.task_id)}>run {delivery.task_id.slice(-12)}</a>}
      {open && <DeliveryDetail id={delivery.delivery_id} />}
    </div>
  );
}

/** Asked for alone, because only then the server looks for what would have made a signature fit. */
function DeliveryDetail({ id }: { readonly id: string }) {
  const { data, fault } = useResource<{ delivery: Delivery }>(id, (signal) =>
    get(`/api/workflows/deliveries/${id}`, signal),
  );
  if (fault.value) return <Fault fault={fault.value} />;
  if (!data.value) return <p class="faint">Loading…</p>;
  const { delivery } = data.value;
  return (
    <div class="nested">
      <ol class="plain" aria-label="Verdict">
        {delivery.checks.map((check, index) => (
          <li key={index} class={check.ok ? "" : "bad"}>
            {check.ok ? "✔" : "✘"} <strong>{visible(check.check)}</strong> <LongText text={check.detail} />
          </li>
        ))}
      </ol>
      {(delivery.near_misses ?? []).map((miss) => (
        <p key={miss} class="fault warning">
          <LongText text={miss} />
        </p>
      ))}
      {delivery.key !== null && (
        <p>
          key <code>{visible(delivery.key)}</code>{" "}
          {!delivery.same_body && <span class="bad">other bytes than the first time</span>}
        </p>
      )}
      <JsonTree label="headers" value={delivery.headers} />
      {delivery.outcome === "accepted" && (
        <Command
          text={`curl -X POST ${location.origin}/api/workflows/deliveries/${id}/replay -H 'content-type: application/json' -d '{}'`}
        />
      )}
    </div>
  );
}
