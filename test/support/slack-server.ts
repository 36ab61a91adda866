// A server that stands for Slack: notes every request and answers as it is told, else like Slack does when all is well.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SlackRequest {
  readonly method: string;
  readonly token: string | undefined;
  // Tests look into bodies of every shape.
  // eslint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export type SlackReply = (request: SlackRequest, response: ServerResponse) => void;

export interface SlackServer {
  readonly url: string;
  readonly requests: SlackRequest[];
  /** Answers the next request this way, then goes on as before. */
  next(reply: SlackReply): void;
  /** Resolves with the n-th request, from 1, past or to come. */
  request(n: number): Promise<SlackRequest>;
  close(): Promise<void>;
}

export function reply(status: number, body: unknown, headers: Record<string, string> = {}): SlackReply {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const type = typeof body === "string" ? "text/html" : "application/json";
  return (_request, response) => response.writeHead(status, { "content-type": type, ...headers }).end(text);
}

export async function startSlack(): Promise<SlackServer> {
  const requests: SlackRequest[] = [];
  const replies: SlackReply[] = [];
  const waiting: { n: number; resolve: (request: SlackRequest) => void }[] = [];
  const server: Server = createServer((incoming, response) => {
    void read(incoming).then((body) => {
      const method = (incoming.url ?? "").replace(/^\/api\//, "");
      const request = { method, token: incoming.headers.authorization, body: JSON.parse(body) as unknown };
      requests.push(request);
      (replies.shift() ?? accept)(request, response);
      for (const one of waiting) if (requests.length >= one.n) one.resolve(requests[one.n - 1]!);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`,
    requests,
    next: (one) => void replies.push(one),
    request: (n) =>
      new Promise((resolve) => {
        if (requests.length >= n) resolve(requests[n - 1]!);
        else waiting.push({ n, resolve });
      }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

let posted = 0;

function accept({ method, body }: SlackRequest, response: ServerResponse): void {
  const { channel, text, ts } = body as Record<string, string>;
  if (method === "chat.postMessage") posted += 1;
  const answers: Record<string, object> = {
    "chat.postMessage": { ok: true, channel, ts: `1700000000.${String(posted).padStart(6, "0")}`, message: { text } },
    "chat.update": { ok: true, channel, ts, text, message: { text } },
  };
  reply(200, answers[method] ?? { ok: false, error: "unknown_method" })({ method, token: undefined, body }, response);
}

async function read(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}
