// Fetches a task's bundle from a server, or from the store itself, as the file that it is.
import type { Client } from "./client.ts";
import { runPath } from "./wire-run.ts";

export async function fetchBundle(client: Client, id: string, full: boolean): Promise<Buffer> {
  const response = await client.open(`${runPath(id, "bundle")}?data=${full ? "full" : "redacted"}`);
  return Buffer.from(await response.arrayBuffer());
}

export interface WireImported {
  readonly task_id: string;
  readonly workflow_name: string;
  readonly status: string;
  readonly original_status: string;
  readonly redacted: boolean;
}

export async function sendBundle(client: Client, file: Uint8Array): Promise<WireImported> {
  return (await client.upload("/api/workflows/bundles", file)) as unknown as WireImported;
}
