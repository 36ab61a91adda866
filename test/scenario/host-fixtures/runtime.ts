// A runtime to be killed by a test: loads the folder it is given, starts the workflow `forks`, then `idles`, and prints the processes that stand
// behind them. Its second argument is the state folder.
import { createPythonHost } from "../../../adapters/python/host.ts";
import { MemorySession, NEVER, runOf } from "./session.ts";

const [dir, stateDir, hostScript] = process.argv.slice(2) as [string, string, string];
const host = createPythonHost({
  dirs: [dir],
  hostScript,
  stateDir,
  env: process.env,
  allow: null,
  walkAll: false,
  onEvent: () => undefined,
});
const loaded = await host.load();
const end = await loaded!.host.run(runOf("forks"), new MemorySession(), NEVER);
const session = new MemorySession();
void loaded!.host.run(runOf("idles"), session, NEVER);
await session.logged("begun");
process.stdout.write(`${(end as { value: string }).value}\n`);
