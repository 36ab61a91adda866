// A session API of the tests' own (reference behaviour, section 8.6) on a real socket: executions live here, so they outlast any runtime
// that follows them. A test drives each execution by its agent script, and may break, repeat or reorder what the stream tells.
import http from "node:http";
import type { AddressInfo } from "node:net";

export interface SessionEvent {
  readonly id: number;
  readonly event: string;
  readonly data: string;
}

export interface Execution {
  readonly id: string;
  readonly key: string;
  readonly thread: string;
  status: "running" | "completed" | "failed" | "cancelled";
  readonly events: SessionEvent[];
  say(line: string): void;
  end(how: "completed" | "failed" | "cancelled", data?: object): void;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  // Tests look into bodies of every shape.
  // eslint-disable-next-line typescript/no-explicit-any
  readonly body: any;
  readonly key: string | undefined;
}

export interface SessionApi {
  readonly url: string;
  readonly asked: readonly Asked[];
  readonly executions: readonly Execution[];
  /** Called when an execution has begun. */
  agent: (execution: Execution, prompt: string) => void;
  /** Writes to one follower instead of the plain way; `open` ends with the connection. */
  stream: ((events: readonly SessionEvent[], write: (text: string) => void, hangUp: () => void) => void) | null;
  /** Answers instead, when it returns a status. */
  refuse: (asked: Asked) => { readonly status: number; readonly body?: string; readonly headers?: object } | null;
  /** Resolves when so many requests to this path's end have come. */
  until(ending: string, count?: number): Promise<Asked>;
  close(): Promise<void>;
}

export const asEvent = ({ id, event, data }: SessionEvent): string => `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`;

export async function startSessionApi(): Promise<SessionApi> {
  const asked: Asked[] = [];
  const executions: Execution[] = [];
  const followers = new Set<() => void>();
  const waiting = new Set<() => void>();
  let lastEvent = 0;
  const server = http.createServer((request, response) => void serve(request, response));

  const begin = (thread: string, key: string): Execution => {
    const events: SessionEvent[] = [];
    const push = (event: string, data: string): void => {
      events.push({ id: (lastEvent += 1), event, data });
      for (const follower of followers) follower();
    };
    const execution: Execution = {
      id: `exe-${executions.length + 1}`,
      key,
      thread,
      status: "running",
      events,
      say: (line) => push("session.output.line", line),
      end: (how, data = {}) => {
        execution.status = how;
        push(`session.execution_${how}`, JSON.stringify({ execution_id: execution.id, ...data }));
      },
    };
    executions.push(execution);
    push("session.execution_started", JSON.stringify({ execution_id: execution.id }));
    return execution;
  };

  const follow = (one: Asked, response: http.ServerResponse): void => {
    const execution = executions.find((each) => each.id === one.query["execution_id"])!;
    let after = Number(one.query["after_event_id"] ?? 0);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    const tell = (): void => {
      const fresh = execution.events.filter((event) => event.id > after);
      after = fresh.at(-1)?.id ?? after;
      if (fresh.length === 0) return;
      const write = (text: string): void => void response.write(text);
      if (api.stream) api.stream(fresh, write, () => response.destroy());
      else for (const event of fresh) write(asEvent(event));
    };
    followers.add(tell);
    response.on("close", () => followers.delete(tell));
    tell();
  };

  const serve = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const url = new URL(request.url!, "http://session");
    const one: Asked = {
      method: request.method!,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      body: text === "" ? null : JSON.parse(text),
      key: request.headers.authorization,
    };
    asked.push(one);
    for (const look of waiting) look();
    const refusal = api.refuse(one);
    if (refusal) {
      response.writeHead(refusal.status, { ...refusal.headers });
      return void response.end(refusal.body ?? "");
    }
    const [, , , encoded, action] = url.pathname.split("/");
    const thread = decodeURIComponent(encoded!);
    if (action === "events") return follow(one, response);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer(thread, action, one.body)));
  };

  const answer = (thread: string, action: string | undefined, body: Asked["body"]): object => {
    if (action === undefined) return { thread_key: thread, harness_switched: false };
    if (action === "messages")
      return { ok: true, message_ids: body.messages.map((_: unknown, index: number) => `m${index}`) };
    if (action === "interrupt") {
      const running = executions.find((one) => one.thread === thread && one.status === "running");
      running?.end("cancelled", { reason: body.reason });
      return { ok: true, interrupted: running !== undefined, execution_id: running?.id ?? null, thread_key: thread };
    }
    const known = executions.find((one) => one.key === body.idempotency_key);
    const execution = known ?? begin(thread, body.idempotency_key);
    if (!known) queueMicrotask(() => api.agent(execution, body.input_lines.join("\n")));
    return { ok: true, execution_id: execution.id, thread_key: thread, status: execution.status };
  };

  const api: SessionApi = {
    url: "",
    asked,
    executions,
    agent: (execution) => execution.end("completed", { result_text: "done" }),
    stream: null,
    refuse: () => null,
    until: (ending, count = 1) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = asked.filter((one) => one.path.endsWith(ending))[count - 1];
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(api, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}
