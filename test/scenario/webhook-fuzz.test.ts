// Malformed deliveries over raw sockets against the real process: no 5xx, no run, no secret anywhere. CHIRON_FUZZ_DELIVERIES sets how many
// (10,000 by default); CHIRON_FUZZ_SEED repeats a failure.
import { createHmac, randomInt } from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const COUNT = Number(process.env["CHIRON_FUZZ_DELIVERIES"] ?? 10_000);
const SEED = Number(process.env["CHIRON_FUZZ_SEED"] ?? randomInt(2 ** 31));
const AT_ONCE = 16;

/** Each is long and odd enough to be found wherever it lands. */
const SECRETS: Readonly<Record<string, string>> = {
  HMAC_SECRET: "fuzz-hmac-7f1c0d9e2b",
  TOKEN_SECRET: "fuzz-token-51aa90cc3e",
  BASIC_SECRET: "fuzz-user:fuzz-pass-88d1e0",
  STRIPE_SECRET: "whsec-fuzz-stripe-0a1b2c",
  STANDARD_SECRET: `whsec_${Buffer.from("fuzz standard webhooks key 32b..").toString("base64")}`,
};

const WORKFLOW = `
WORKFLOW_NAME = "fuzzed"
WEBHOOKS = [
    {"slug": "github", "auth": {"type": "github", "secret_ref": "HMAC_SECRET"}},
    {"slug": "stripe", "auth": {"type": "stripe", "secret_ref": "STRIPE_SECRET"}},
    {"slug": "standard", "auth": {"type": "standard_webhooks", "secret_ref": "STANDARD_SECRET"}},
    {"slug": "bearer", "auth": {"type": "bearer", "secret_ref": "TOKEN_SECRET"}},
    {"slug": "basic", "auth": {"type": "basic", "secret_ref": "BASIC_SECRET"}},
    {"slug": "query", "auth": {"type": "query", "secret_ref": "TOKEN_SECRET", "parameter": "key"}},
    {"slug": "twilio", "auth": {"type": "twilio", "secret_ref": "HMAC_SECRET"}, "allowed_content_types": ["application/x-www-form-urlencoded"]},
    {"slug": "never", "filter": {"source": "body", "key": "a.b.c", "op": "equals", "value": "no such delivery"}},
]


async def handler(inp, ctx):
    return "ran"
`;
const SLUGS = [
  "github",
  "stripe",
  "standard",
  "bearer",
  "basic",
  "query",
  "twilio",
  "never",
  "nobody",
  "%2e%2e",
  "a/b",
  "",
];

/** The same numbers for the same seed (mulberry32). */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = ReturnType<typeof createRandom>;

const BODIES: readonly ((random: Random) => Buffer)[] = [
  (random) => Buffer.from(Array.from({ length: random(200) }, () => random(256))),
  (random) => Buffer.from('{"a":'.repeat(random(2_000))),
  (random) => Buffer.from(`[${"[".repeat(random(200))}`),
  () => Buffer.from('{"__proto__":{"x":1},"constructor":{"prototype":{"y":1}},"a":{"b":{"c":1}}}'),
  () => Buffer.from('{"a":1e999,"b":-0,"c":"\\ud800","a":{"b":{"c":"x"}}}'),
  (random) => Buffer.from(`payload=${"%".repeat(random(50))}{}`),
  (random) => Buffer.from(`${"a=1&".repeat(random(500))}__proto__=2`),
  () => Buffer.from("\ufeff{}"),
  () => Buffer.alloc(0),
  (random) => Buffer.alloc(random(20) === 0 ? 1_048_577 : 1_000, 34),
];

const VALUES: readonly ((random: Random) => string)[] = [
  () => "",
  () => "sha256=",
  (random) => `sha256=${"0".repeat(random(130))}`,
  (random) => `t=${random(2 ** 30)},v1=${"f".repeat(64)}`,
  () => "t=1,t=2,v1=,v1=é,,,===",
  () => "v1,AAAA v1, v2,xx v1,====",
  () => "Bearer",
  () => "Basic !!!!",
  () => "Basic Zm9v",
  (random) => "x".repeat(random(9_000)),
  () => "99999999999999999999",
  () => "-1",
  () => "1e9",
  (random) => Array.from({ length: random(40) }, () => String.fromCharCode(0x80 + random(0x80))).join(""),
];

const HEADERS = [
  "x-hub-signature-256",
  "stripe-signature",
  "webhook-id",
  "webhook-timestamp",
  "webhook-signature",
  "authorization",
  "x-twilio-signature",
  "content-type",
  "content-encoding",
  "transfer-encoding",
  "content-length",
  "expect",
  "x-forwarded-for",
  "cookie",
];

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)]!;
}

/** Mostly what is right, so that the rest is read at all. */
function mostly<T>(random: Random, right: T, odd: readonly T[]): T {
  return random(12) === 0 ? pick(random, odd) : right;
}

/** One request that no sender in its right mind would make. None of them is signed with the right secret. */
function malformed(random: Random, host: string): Buffer {
  const method = mostly(random, "POST", ["PUT", "GET", "post", "PRI", "DELETE", "P\u00d6ST"]);
  const query = pick(random, ["", "", "?key=", "?key=wrong&key=wrong", "?%", "?bodySHA256=00", "?a[]=%ff&__proto__=1"]);
  const version = mostly(random, "HTTP/1.1", ["HTTP/1.0", "HTTP/9.9", ""]);
  const body = pick(random, BODIES)(random);
  const lines = [`${method} /api/webhooks/${pick(random, SLUGS)}${query} ${version}`];
  if (random(60) !== 0) lines.push(`host: ${random(60) === 0 ? "evil.example" : host}`);
  lines.push(
    `content-type: ${mostly(random, "application/json", ["application/x-www-form-urlencoded", "text/html", ";"])}`,
  );
  for (let n = random(5); n > 0; n -= 1) lines.push(`${pick(random, HEADERS)}: ${pick(random, VALUES)(random)}`);
  if (random(3) === 0) {
    const digest = createHmac("sha256", "not the secret").update(body).digest("hex");
    lines.push(`x-hub-signature-256: sha256=${digest}`);
  }
  const announced = mostly<number | string>(random, body.length, [body.length + 10, 0, -1, "0x10"]);
  lines.push(
    random(8) === 0 ? "transfer-encoding: chunked" : `content-length: ${announced}`,
    "connection: close",
    "",
    "",
  );
  return Buffer.concat([Buffer.from(lines.join(mostly(random, "\r\n", ["\n"])), "latin1"), body]);
}

/** Sends the bytes, half-closes, and answers what came back until the server ends the connection. */
function exchange(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    // A server that has heard enough may close while we still speak.
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(Buffer.concat(chunks).toString("latin1")));
    socket.end(bytes);
  });
}

let project: Project;
let server: Chiron;

beforeAll(async () => {
  project = makeProject({ "workflows/fuzzed.py": WORKFLOW });
  server = await startChiron(project, SECRETS);
});

afterAll(async () => {
  await server.kill();
  project.remove();
});

test(
  `no malformed delivery of ${COUNT} yields a 5xx, a run, or a secret (seed ${SEED})`,
  { timeout: 300_000 },
  async () => {
    const random = createRandom(SEED);
    const { port, host } = new URL(server.url);
    const statuses = new Map<number, number>();
    const leaks = Object.values(SECRETS);
    let left = COUNT;
    const sender = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const bytes = malformed(random, host);
        const answer = await exchange(Number(port), bytes);
        const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status >= 500 || leaks.some((secret) => answer.includes(secret))) {
          throw new Error(
            `seed ${SEED}: ${JSON.stringify(bytes.toString("latin1").slice(0, 2_000))} was answered ${answer.slice(0, 500)}`,
          );
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sender));
    expect([...statuses.keys()].filter((status) => status !== 0 && (status < 200 || status >= 500))).toEqual([]);
    // Most were read as requests and judged: a fuzz test that never gets past the parser proves nothing.
    const judged = [200, 400, 401, 404, 405, 413].reduce((sum, status) => sum + (statuses.get(status) ?? 0), 0);
    expect(judged).toBeGreaterThan(COUNT / 2);
    expect(statuses.get(401) ?? 0).toBeGreaterThan(COUNT / 50);
    expect((await server.get("/api/workflows/runs")).body.runs).toEqual([]);
    const shown = JSON.stringify((await server.get("/api/workflows/deliveries?limit=200")).body);
    const state = fs
      .readdirSync(path.join(project.dir, ".chiron"))
      .filter((name) => name.startsWith("chiron.db"))
      .map((name) => fs.readFileSync(path.join(project.dir, ".chiron", name), "latin1"))
      .join("");
    const logs = JSON.stringify(server.events);
    for (const secret of leaks) {
      expect(
        [shown, state, logs].some((text) => text.includes(secret)),
        "a secret was kept",
      ).toBe(false);
    }
  },
);
