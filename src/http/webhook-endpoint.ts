// The one route that the outside calls: any method, raw bytes in, and never a 5xx for what a sender sent. It has no key of its own: what a
// webhook declares guards it. Reads the body within its limit, and hands it to src/webhooks/receiver.ts.
import { createHash, randomBytes } from "node:crypto";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import type { Context } from "hono";
import { createIdSource } from "../core/ids.ts";
import { WEBHOOK_BODY_LIMIT } from "../webhooks/judge.ts";
import { receive, type Answered, type Arrived, type ReceiverDeps } from "../webhooks/receiver.ts";
import type { ApiDeps, Bindings } from "./deps.ts";
import { envelope, errorResponse } from "./errors.ts";

/** Deliveries being recorded at a time; beyond it a sender is asked to come back, which all of them do. */
const MAX_IN_FLIGHT = 2_000;
const RETRY_AFTER = { "retry-after": "1" };

type WebhookContext = Context<{ Bindings: Bindings }>;

/** Answers `/api/webhooks/{slug}`. Never rejects. */
export function webhookEndpoint(deps: ApiDeps): (context: WebhookContext) => Promise<Response> {
  const receiver = receiverOf(deps);
  let inFlight = 0;
  const bounded = async (arrived: Arrived): Promise<Answered | null> => {
    // Counted once its body is here: a slow sender holds nobody up.
    if (inFlight >= MAX_IN_FLIGHT) return null;
    inFlight += 1;
    try {
      return await receive(receiver, arrived);
    } finally {
      inFlight -= 1;
    }
  };
  return async (context) => {
    try {
      return await answer(deps, receiver, context, bounded);
    } catch (error) {
      return errorResponse(error, deps.bus);
    }
  };
}

function receiverOf({ catalog, webhooks, clock, time, engine, bus }: ApiDeps): ReceiverDeps {
  const ids = createIdSource(() => clock.now(), randomBytes);
  return {
    find: (slug) => catalog.current().webhooks.get(slug),
    secret: webhooks.secret,
    nowMs: () => clock.now(),
    worldMs: () => time?.reading().realMs ?? clock.now(),
    newId: () => ids.next(),
    record: (delivery, input) =>
      engine.deliver(
        delivery,
        input === null
          ? null
          : {
              workflowName: delivery.workflowName,
              input,
              cause: { kind: "webhook", ref: delivery.id },
              ...(delivery.key === null ? {} : { idempotencyKey: delivery.key }),
            },
      ),
    rejections: webhooks.rejections,
    told: (delivery) => bus.publish({ type: "delivery.received", ...delivery }),
  };
}

type Bounded = (arrived: Arrived) => Promise<Answered | null>;

async function answer(
  deps: ApiDeps,
  receiver: ReceiverDeps,
  context: WebhookContext,
  bounded: Bounded,
): Promise<Response> {
  const request = context.req.raw;
  const slug = context.req.param("slug") ?? "";
  // An unknown slug is answered before a byte of its body is read.
  const body = receiver.find(slug) ? await readBody(request) : Buffer.alloc(0);
  if (typeof body === "string") return envelope(400, "bad_request", body);
  const answered = await bounded({
    slug,
    request: {
      method: request.method,
      url: addressOf(request, deps.webhooks.publicUrl),
      headers: Object.fromEntries(request.headers),
      body,
    },
    bodySha256: (bytes) => createHash("sha256").update(bytes).digest("hex"),
    sourceIp: sourceIpOf(request, context.env ?? {}, deps.webhooks.trustForwarded),
  });
  if (answered === null)
    return envelope(503, "unavailable", "too many deliveries at once", "Send it again in a second.", RETRY_AFTER);
  return new Response(answered.body, {
    status: answered.status,
    headers: {
      "content-type": answered.contentType,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...(answered.deliveryId ? { "x-chiron-delivery": answered.deliveryId } : {}),
      ...(answered.status === 413 ? { connection: "close" } : {}),
      ...answered.headers,
    },
  });
}

/** As the sender addressed it: some sign that. */
function addressOf(request: Request, publicUrl: string | null): string {
  if (publicUrl === null) return request.url;
  const { pathname, search } = new URL(request.url);
  return publicUrl + pathname + search;
}

function sourceIpOf(request: Request, env: Bindings, trustForwarded: boolean): string | null {
  const forwarded = trustForwarded ? request.headers.get("x-forwarded-for")?.split(",").at(-1)?.trim() : undefined;
  const ip = forwarded || env.incoming?.socket.remoteAddress;
  return ip ? ip.replace(/^::ffff:/, "").slice(0, 64) : null;
}

/** The body, decoded. One byte more than allowed stands for all that is too large. A text: why it cannot be read. */
async function readBody(request: Request): Promise<Buffer | string> {
  const bytes = await readBytes(request);
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (typeof bytes === "string" || bytes.length === 0 || encoding === "identity" || encoding === "") return bytes;
  const decode = DECODERS[encoding];
  if (!decode) return "unsupported content-encoding: send the body as it is, or with gzip, deflate or br";
  return bytes.length > WEBHOOK_BODY_LIMIT ? bytes : decoded(bytes, decode);
}

const DECODERS: Readonly<Record<string, typeof gunzip>> = {
  gzip: gunzip,
  "x-gzip": gunzip,
  deflate: inflate,
  br: brotliDecompress,
};

function decoded(bytes: Buffer, decode: typeof gunzip): Promise<Buffer | string> {
  return new Promise((resolve) => {
    decode(bytes, { maxOutputLength: WEBHOOK_BODY_LIMIT }, (error, body) => {
      if (!error) return resolve(body);
      const tooLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
      resolve(tooLarge ? Buffer.alloc(WEBHOOK_BODY_LIMIT + 1) : "the body is not what its content-encoding says");
    });
  });
}

const CUT_SHORT = "the body ended before it was complete";

async function readBytes(request: Request): Promise<Buffer | string> {
  const announced = request.headers.get("content-length");
  try {
    if (announced !== null && Number(announced) <= WEBHOOK_BODY_LIMIT) return Buffer.from(await request.arrayBuffer());
    if (announced !== null) return Buffer.alloc(WEBHOOK_BODY_LIMIT + 1);
    if (!request.body) return Buffer.alloc(0);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of request.body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > WEBHOOK_BODY_LIMIT) break;
    }
    return Buffer.concat(chunks);
  } catch {
    return CUT_SHORT;
  }
}
