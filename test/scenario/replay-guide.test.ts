// The worked failure of docs/replay.md, word for word: its workflow, its repair and its commands, in their order.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, type Project } from "../support/chiron-process.ts";

const PAGE = fs.readFileSync(new URL("../../docs/replay.md", import.meta.url), "utf8");
const GUIDE = /^## A worked failure\n([^]*?)^## /m.exec(PAGE)![1]!;
const LAUNCHER = new URL("../../scripts/chiron.mjs", import.meta.url).pathname;

let project: Project;

beforeEach(() => {
  project = makeProject({ "workflows/invoice.py": /```python\n([^]*?)```/.exec(GUIDE)![1]! });
});

afterEach(() => project.remove());

interface Command {
  readonly line: string;
  readonly shown: readonly string[];
}

/** The commands of the worked failure, each with the output that the guide shows. */
function commands(): Command[] {
  const blocks = [...GUIDE.matchAll(/```console\n([^]*?)```/g)].map((block) => block[1]!);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text) => {
        const [line = "", ...shown] = text.trimEnd().split("\n");
        return { line, shown };
      }),
  );
}

function run(line: string, env: Record<string, string> = {}): string {
  const command = line.replace(/^chiron /, `"${process.execPath}" "${LAUNCHER}" `);
  const { PATH = "", HOME = "" } = process.env;
  const options = { cwd: project.dir, encoding: "utf8", env: { PATH, HOME, NO_COLOR: "1", ...env } } as const;
  const { stdout, stderr } = spawnSync("bash", ["-c", command], options);
  return stdout + stderr;
}

/** Ids differ from run to run, and columns are as wide as what is in them. */
const comparable = (text: string): string =>
  text
    .replace(/[0-9a-f-]*[0-9a-f]{12}\b/g, "ID")
    .replace(/\s+/g, " ")
    .trim();

test("the worked failure of the guide fails, is tried, repaired, retried and forked as it says", () => {
  const failure = commands();
  expect(failure.length).toBeGreaterThan(6);
  const repair = /write `([^`]+)` for `([^`]+)`/.exec(GUIDE)!;
  let runId = "";
  let repaired = false;
  for (const { line, shown } of failure) {
    // The guide repairs the code after the first replay with steps that run.
    if (!repaired && line.endsWith("$RUN --steps live")) {
      repaired = true;
      project.write("workflows/invoice.py", project.read("workflows/invoice.py").replace(repair[2]!, repair[1]!));
    }
    const printed = run(line, { RUN: runId }).split("\n").map(comparable);
    for (const expected of shown) expect(printed, line).toContain(comparable(expected));
    if (runId === "") runId = JSON.parse(run("chiron runs list --json")).runs[0].run_id as string;
  }
  expect(repaired).toBe(true);
}, 120_000);
