// A real load of workflow folders with a store that is thrown away: nothing of the project's store is opened or made.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Config } from "../config/config.ts";
import type { Runtime, Wiring } from "./wiring.ts";

export async function withScratchRuntime<T>(
  wiring: Wiring,
  config: Config,
  body: (runtime: Runtime) => T | Promise<T>,
): Promise<T> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-check-"));
  try {
    const scratch: Config = { ...config, storeKind: "sqlite", storePath: path.join(folder, "check.db") };
    const runtime = await wiring.openRuntime(scratch, { work: false, load: true, watch: false, mode: "local" });
    try {
      return await body(runtime);
    } finally {
      await runtime.close();
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
