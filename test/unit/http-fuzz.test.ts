// Nothing a sender controls yields a 5xx or an answer outside the envelope.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openApi, type Api } from "./http-fixture.ts";

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const RUNS = "/api/workflows/runs";
const PARTS = ["checkpoints", "children", "attempts", "logs", "cancel", "retry"];

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc.constantFrom("", "\0", "-1", "\ud800", "__proto__"),
);
const anyId = fc.oneof(anyText, fc.uuid());
const path = fc.oneof(
  fc.constantFrom(RUNS, "/api/workflows", "/api/workflows/events", "/api/workflows/schedules", "/api/openapi.json"),
  anyId.map((id) => `${RUNS}/${encodeURIComponent(id.toWellFormed())}`),
  fc
    .tuple(anyId, fc.constantFrom(...PARTS))
    .map(([id, part]) => `${RUNS}/${encodeURIComponent(id.toWellFormed())}/${part}`),
  fc.webPath(),
  fc.webPath().map((tail) => `${RUNS}${tail}`),
);
const parameter = fc.constantFrom(
  "limit",
  "status",
  "cursor",
  "parent_task_id",
  "workflow_name",
  "after",
  "run_id",
  "x",
);
const query = fc.array(
  fc.tuple(parameter, fc.oneof(anyText, fc.double().map(String), fc.constantFrom("%", "%zz", "%ff%fe"))),
  { maxLength: 4 },
);
const field = fc.constantFrom(
  "workflow_name",
  "input",
  "idempotency_key",
  "max_attempts",
  "harness_type",
  "strict_input",
  "event_name",
  "event_type",
  "correlation_id",
  "payload",
  "__proto__",
);
const member = fc.oneof(fc.json(), fc.constantFrom('"order"', '"\\u0000"', "1e999", "-0", "null", '"\\ud800"', "1"));
const objectBody = fc
  .array(fc.tuple(field, member), { maxLength: 6 })
  .map((members) => `{${members.map(([name, value]) => `"${name}":${value}`).join(",")}}`);
const body = fc.oneof(
  { weight: 4, arbitrary: objectBody },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: anyText },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
);
const headers = fc.record(
  {
    "content-type": fc.constantFrom("application/json", "text/plain", "application/json;", ";", "application/x+json"),
    origin: fc.constantFrom("http://localhost", "null", "http://", "x"),
    host: fc.constantFrom("localhost", "[::1]:80", "evil", "[", ":", "a:b:c"),
    authorization: fc.constantFrom("Bearer", "Bearer x", "Basic x", ""),
    "sec-fetch-site": fc.constantFrom("same-origin", "cross-site", ""),
    "content-length": fc.constantFrom("0", "x", "-1", "99999999999"),
  },
  { requiredKeys: [] },
);

test("no request of a sender yields 5xx or leaves the envelope", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("GET", "POST", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"),
      path,
      query,
      fc.oneof(fc.constant({ "content-type": "application/json" }), headers),
      body,
      async (method, where, search, heads, content) => {
        const raw = search.map(
          ([name, value]) => `${name}=${value.startsWith("%") ? value : encodeURIComponent(value.toWellFormed())}`,
        );
        const init: RequestInit = { method, headers: heads as Record<string, string> };
        if (method !== "GET") init.body = content as NonNullable<RequestInit["body"]>;
        const response = await api.app.request(`${where}?${raw.join("&")}`, init);
        const text = await response.text();
        expect({ status: response.status < 500, text }).toMatchObject({ status: true });
        expect(api.events).toEqual([]);
        const answer = JSON.parse(text) as { ok?: boolean; error?: unknown };
        if (response.status >= 400) expect(answer).toMatchObject({ ok: false, error: expect.any(String) });
      },
    ),
    { numRuns: 1_500 },
  );
});

test("every accepted input is stored as the very text that was sent", async () => {
  await fc.assert(
    fc.asyncProperty(fc.json(), fc.constantFrom("", " ", "\n\t"), async (input, space) => {
      const sent = `{"workflow_name"${space}:${space}"order",${space}"input":${space}${input}${space}}`;
      const created = await api.post(RUNS, sent);
      expect(created.status).toBe(200);
      const { task_id } = (await created.json()) as { task_id: string };
      expect((await api.store.reads.find(task_id))?.task.input).toBe(input);
    }),
    { numRuns: 200 },
  );
});
