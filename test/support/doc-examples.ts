// Runs the examples of a documentation page: files are written, commands run in a real shell beside a real `chiron dev`, and what they print
// is compared with the page. A code block whose first line is a comment with a path is that file; in ```console blocks lines after "$ " are
// commands and the others their output. Ids, times and ports differ from run to run and match each other; "…" matches anything.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { makeProject, startChiron, type Chiron, type Project } from "./chiron-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Example {
  readonly line: number;
  readonly command: string;
  readonly output: readonly string[];
}

type Block =
  | { readonly kind: "file"; readonly name: string; readonly text: string }
  | { readonly kind: "console"; readonly examples: readonly Example[] };

/** The page's files and commands, in order. A block under `<!-- not run -->` is left out. */
function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  const lines = page.split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const language = /^```(\w+)/.exec(lines[at]!)?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf("```", at + 1);
    const content = lines.slice(at + 1, end);
    const skipped = lines[at - 1]?.trim() === "<!-- not run -->";
    const name = /^(?:#|\/\/) (\S*[./]\S*)$/.exec(content[0] ?? "")?.[1];
    if (!skipped && language === "console") blocks.push({ kind: "console", examples: examplesOf(content, at + 2) });
    else if (!skipped && name !== undefined)
      blocks.push({ kind: "file", name, text: `${content.slice(1).join("\n")}\n` });
    at = end;
  }
  return blocks;
}

function examplesOf(content: readonly string[], firstLine: number): Example[] {
  const examples: { line: number; command: string; output: string[] }[] = [];
  content.forEach((text, index) => {
    if (text.startsWith("$ ")) examples.push({ line: firstLine + index, command: text.slice(2), output: [] });
    else examples.at(-1)?.output.push(text);
  });
  return examples.map((one) => ({ ...one, output: one.output.filter((text) => text.trim() !== "") }));
}

export interface Failed {
  readonly example: string;
  /** The first line of the page that the output does not have. */
  readonly missing: string;
  readonly printed: string;
}

/** Runs the whole page and answers what differs. Ends everything it started. */
export async function runExamples(page: string): Promise<{ readonly ran: number; readonly failed: Failed[] }> {
  const file = path.join(ROOT, page);
  const project = makeProject();
  let server: Chiron | null = null;
  let ran = 0;
  const failed: Failed[] = [];
  try {
    const bin = writeShim(project);
    for (const block of blocksOf(fs.readFileSync(file, "utf8"))) {
      if (block.kind === "file") project.write(block.name, block.text);
      else
        for (const { line, command, output } of block.examples) {
          ran += 1;
          if (command.startsWith("chiron dev")) {
            server = await startChiron(project);
            continue;
          }
          const printed = await shell(command, project.dir, bin);
          const missing = firstMissing(output, printed);
          if (missing !== null) failed.push({ example: `${page}:${line} ${command}`, missing, printed });
        }
    }
  } finally {
    await server?.kill("SIGTERM");
    project.remove();
  }
  return { ran, failed };
}

/** A `chiron` for the shell. */
function writeShim(project: Project): string {
  const file = project.write(
    ".bin/chiron",
    `#!/bin/sh\nexec "${process.execPath}" "${path.join(ROOT, "scripts/chiron.mjs")}" "$@"\n`,
  );
  fs.chmodSync(file, 0o755);
  return path.dirname(file);
}

function shell(command: string, cwd: string, bin: string): Promise<string> {
  const env = { PATH: `${bin}:${process.env["PATH"] ?? ""}`, HOME: process.env["HOME"] ?? cwd, NO_COLOR: "1" };
  const child = spawn("bash", ["-c", `{ ${command}\n} 2>&1`], { cwd, env, stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  return new Promise((resolve) => child.on("close", () => resolve(printed)));
}

/** Lines of the page must stand in the output in their order; more may stand between them. */
function firstMissing(wanted: readonly string[], printed: string): string | null {
  const lines = printed.split("\n").map(timeless);
  let from = 0;
  for (const line of wanted) {
    const pattern = patternOf(line);
    const at = lines.findIndex((one, index) => index >= from && pattern.test(one));
    if (at < 0) return line;
    from = at + 1;
  }
  return null;
}

function patternOf(line: string): RegExp {
  const parts = timeless(line).split("…");
  return new RegExp(`^${parts.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join(".*")}$`);
}

/** The line without what is different each time, and with single blanks: columns are as wide as their ids. */
function timeless(line: string): string {
  return line
    .replaceAll(/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/g, "<uuid>")
    .replaceAll(/\b[0-9a-f]{12}\b/g, "<id>")
    .replaceAll(/\b(?:localhost|127\.0\.0\.1):\d+/g, "<host>")
    .replaceAll(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z?/g, "<time>")
    .replaceAll(/\b(?:\d+(?:\.\d+)?(?:ms|s|m|h|d)(?: \d+[a-z]+)?(?: ago)?|now)\b/g, "<ago>")
    .replaceAll(/\s+/g, " ")
    .trimEnd();
}
