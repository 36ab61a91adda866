// Stands between a store and its server on a unix socket, and cuts the line at the moments that hurt: when a statement has been
// committed and the answer is on its way, before a statement arrives, or not at all but silently.
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import type { TestServer } from "../support/postgres-server.ts";

export type Fault = "answer lost" | "statement lost" | "silence";

export interface Proxy {
  /** The same database through the proxy. */
  address(connectionString: string): string;
  /** The next statement meets this fault; settles when it has. */
  next(fault: Fault): Promise<void>;
  close(): Promise<void>;
}

const SOCKET = ".s.PGSQL.5432";

export async function startProxy(server: TestServer): Promise<Proxy> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pgx-"));
  const open = new Set<net.Socket>();
  let armed: { readonly fault: Fault; readonly met: () => void } | null = null;
  const take = (fault: Fault): boolean => {
    if (armed?.fault !== fault) return false;
    armed.met();
    armed = null;
    return true;
  };
  const front = net.createServer((client) => {
    const back = net.connect(path.join(server.host, SOCKET));
    const cut = (): void => void [client, back].map((socket) => socket.destroy());
    let silent = false;
    for (const socket of [client, back]) {
      open.add(socket);
      socket.on("error", cut).on("close", () => {
        open.delete(socket);
        cut();
      });
    }
    client.on("data", (data) => {
      if (take("statement lost")) return cut();
      silent ||= take("silence");
      if (!silent) back.write(data);
    });
    back.on("data", (data) => {
      // What arrives here was committed: a statement's whole answer comes in one piece behind its commit.
      if (take("answer lost")) return cut();
      client.write(data);
    });
  });
  await new Promise<void>((resolve) => front.listen(path.join(folder, SOCKET), resolve));
  return {
    address: (connectionString) =>
      connectionString.replace(encodeURIComponent(server.host), encodeURIComponent(folder)),
    next: (fault) => new Promise((met) => (armed = { fault, met })),
    async close() {
      const closed = new Promise((resolve) => front.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}
