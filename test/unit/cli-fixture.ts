// Runs the real program against an API made of a function, and catches what it prints. No store, no Python, no socket.
import { vi } from "vitest";
import type { CommandDeps } from "../../src/cli/command.ts";
import type { DatabaseTools } from "../../src/cli/database-tools.ts";
import { createProgram } from "../../src/cli/program.ts";
import type { Runtime, Wiring } from "../../src/cli/wiring.ts";
import { loadConfig, type Environment } from "../../src/config/config.ts";

export interface Ran {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What was asked of the API: method, path and query, body. */
  readonly requests: readonly { readonly method: string; readonly path: string; readonly body: string }[];
}

export type Api = (path: string, method: string) => Response | Promise<Response>;

export const NO_API: Api = (path) => {
  throw new Error(`nothing should ask the API, but ${path} was asked for`);
};

const unasked = async (): Promise<never> => {
  throw new Error("nothing should ask the database");
};
const NO_DATABASE: DatabaseTools = {
  allSql: unasked,
  plan: unasked,
  migrate: unasked,
  examine: unasked,
  openSource: unasked,
  openTarget: unasked,
};

export function fakeWiring(api: Api, requests: { method: string; path: string; body: string }[] = []): Wiring {
  const runtime = {
    async fetch(request: Request) {
      const { pathname, search } = new URL(request.url);
      requests.push({ method: request.method, path: pathname + search, body: await request.text() });
      return api(pathname + search, request.method);
    },
    close: async () => undefined,
  } as unknown as Runtime;
  return {
    version: "9.8.7",
    assets: new URL("../../", import.meta.url).pathname,
    findPython: async () => ({ path: "/usr/bin/python3", version: "3.11.7" }),
    analyse: async () => '{"files":0,"findings":[],"declarations":[]}',
    inspectStore: async () => null,
    copyStore: async () => undefined,
    openRuntime: async () => runtime,
    openBench: unasked,
    createWatcher: () => {
      throw new Error("no command here watches");
    },
    database: NO_DATABASE,
  };
}

/** Runs `chiron ...args` in `root` and answers everything it did. */
export async function runCli(
  args: readonly string[],
  api: Api = NO_API,
  root = "/nowhere",
  more: { readonly wiring?: Partial<Wiring>; readonly env?: Environment } = {},
): Promise<Ran> {
  const printed = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      printed[name] += String(text);
      return true;
    }),
  );
  const requests: { method: string; path: string; body: string }[] = [];
  let exit = 0;
  const deps: CommandDeps = {
    wiring: { ...fakeWiring(api, requests), ...more.wiring },
    loadConfig: (flags) => loadConfig(root, { HOME: "/nowhere", ...more.env }, flags),
    exit: (code) => {
      exit = code;
    },
  };
  try {
    const program = await createProgram(deps, args[0]);
    await program.parseAsync(args, { from: "user" });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return { exit, ...printed, requests };
}

export const json = (text: string, status = 200): Response => new Response(text, { status });

/** A stream that says these events and ends. */
export function stream(...events: readonly (readonly [event: string, data: string])[]): Response {
  const text = events.map(([event, data]) => `event: ${event}\ndata: ${data}\n\n`).join("");
  return new Response(`: open\n\n${text}`, { headers: { "content-type": "text/event-stream" } });
}
