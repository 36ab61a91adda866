// What bodies and routes the API refuses, and that every refusal wears the envelope.
import { afterEach, beforeEach, expect, test } from "vitest";
import { toJsonText } from "../../src/core/json-text.ts";
import * as answers from "../../src/http/answers.ts";
import { BODY_LIMIT, DEPTH_LIMIT } from "../../src/http/body.ts";
import { claim, openApi, read, type Api } from "./http-fixture.ts";

let api: Api;
beforeEach(async () => {
  api = await openApi();
});
afterEach(() => api.close());

const RUNS = "/api/workflows/runs";
const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

test.each([
  ["nothing", ""],
  ["blanks", "  \n"],
  ["broken JSON", '{"workflow_name":"order"'],
  ["an open string", '{"workflow_name":"ord'],
  ["a trailing word", '{"workflow_name":"order"} x'],
  ["an array", '[{"workflow_name":"order"}]'],
  ["a string", '"order"'],
  ["null", "null"],
  ["NaN", '{"workflow_name":"order","input":NaN}'],
  ["no name", "{}"],
  ["an empty name", '{"workflow_name":""}'],
  ["a blank name", '{"workflow_name":" \\t"}'],
  ["a name that is a number", '{"workflow_name":1}'],
  ["a name with NUL", '{"workflow_name":"a\\u0000b"}'],
  ["a name with half a surrogate pair", '{"workflow_name":"\\ud800"}'],
  ["a name of 257 characters", JSON.stringify({ workflow_name: "a".repeat(257) })],
  ["a key of 513 characters", JSON.stringify({ workflow_name: "order", idempotency_key: "k".repeat(513) })],
  ["a key that is an object", '{"workflow_name":"order","idempotency_key":{}}'],
  ["no attempts", '{"workflow_name":"order","max_attempts":0}'],
  ["half an attempt", '{"workflow_name":"order","max_attempts":1.5}'],
  ["attempts without bound", '{"workflow_name":"order","max_attempts":1e400}'],
  ["strict_input as a word", '{"workflow_name":"order","strict_input":"yes"}'],
  ["too deep an input", `{"workflow_name":"order","input":${nested(DEPTH_LIMIT)}}`],
  ["a million open brackets", "[".repeat(1_000_000)],
])("a create body of %s is 400 in the envelope", async (_what, body) => {
  const answer = await read(await api.post(RUNS, body), answers.ErrorAnswer, 400);
  expect(answer.code).toBe("bad_request");
  expect(await api.store.reads.list({ limit: 1 })).toEqual([]);
});

test("bytes that are not UTF-8 are 400", async () => {
  const headers = { "content-type": "application/json" };
  const body = new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]);
  await read(await api.app.request(RUNS, { method: "POST", headers, body }), answers.ErrorAnswer, 400);
});

test("an input at the limit of nesting is stored as it came", async () => {
  const input = nested(DEPTH_LIMIT - 1);
  expect((await api.post(RUNS, `{"workflow_name":"order","input":${input}}`)).status).toBe(200);
  expect((await claim(api)).input).toBe(input);
});

test("of a repeated key the last one counts, for the check and for the value", async () => {
  const body = '{"workflow_name":"secret","input":1,"workflow_name":"order","input":2}';
  expect((await api.post(RUNS, body)).status).toBe(200);
  expect((await claim(api)).input).toBe(toJsonText(2));
});

test("a byte order mark in front is no mistake", async () => {
  expect((await api.post(RUNS, '\ufeff{"workflow_name":"order"}')).status).toBe(200);
});

test.each(["application/json", "application/json; charset=utf-8", "application/vnd.x+json", "text/json", undefined])(
  "content type %s is read",
  async (type) => {
    const body = new TextEncoder().encode('{"workflow_name":"order"}');
    const headers = type === undefined ? {} : { "content-type": type };
    expect((await api.app.request(RUNS, { method: "POST", headers, body })).status).toBe(200);
  },
);

test.each(["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/jsonp"])(
  "content type %s is 415 with a hint",
  async (type) => {
    const response = await api.post(RUNS, '{"workflow_name":"order"}', { "content-type": type });
    const answer = await read(response, answers.ErrorAnswer, 415);
    expect(answer.hint).toContain("content-type: application/json");
  },
);

test("a compressed body is 415", async () => {
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  await read(await api.post(RUNS, "{}", headers), answers.ErrorAnswer, 415);
});

test("a body beyond the limit is 413, announced or not", async () => {
  const body = `{"workflow_name":"order","input":"${"x".repeat(BODY_LIMIT)}"}`;
  await read(await api.post(RUNS, body), answers.ErrorAnswer, 413);
  const headers = { "content-type": "application/json", "content-length": String(BODY_LIMIT + 1) };
  await read(await api.post(RUNS, "{}", headers), answers.ErrorAnswer, 413);
});

test("an unknown route is 404 and a wrong method 405 with Allow", async () => {
  for (const path of ["/", "/api", "/api/workflows/runs/", "/api/workflows/actions/x", "/api/webhooks"]) {
    await read(await api.post(path, {}), answers.ErrorAnswer, 404);
  }
  const put = await api.app.request(RUNS, { method: "PUT" });
  expect(put.headers.get("allow")).toBe("POST, GET, HEAD");
  await read(put, answers.ErrorAnswer, 405);
  const options = await api.app.request(`${RUNS}/x/cancel`, { method: "OPTIONS" });
  expect(options.headers.get("allow")).toBe("POST");
  await read(options, answers.ErrorAnswer, 405);
});

test("an id with NUL or beyond all lengths is 400", async () => {
  await read(await api.get(`${RUNS}/a%00b`), answers.ErrorAnswer, 400);
  await read(await api.get(`${RUNS}/${"a".repeat(300)}`), answers.ErrorAnswer, 400);
});

test("an unexpected fault is 500 with a fixed text, and its message goes to the bus only", async () => {
  const broken = await openApi({
    catalog: { current: () => JSON.parse("{"), reload: () => Promise.reject(new Error("at /x")) },
  });
  for (const response of [await broken.get("/api/workflows"), await broken.post("/api/workflows/reload")]) {
    const answer = await read(response, answers.ErrorAnswer, 500);
    expect(answer).toEqual({ ok: false, error: "internal server error", code: "internal" });
  }
  expect(broken.events).toMatchObject([{ type: "service.error", service: "http" }, { type: "service.error" }]);
  expect(JSON.stringify(broken.events[1])).toContain("at /x");
  await broken.close();
});
