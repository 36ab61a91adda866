#!/usr/bin/env node
// The launcher: finds a usable Node before anything native is loaded, then runs src/main.ts with it.
import fs from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { findNode, NO_NODE } from "./find-node.mjs";
import { runNode } from "./run-node.mjs";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const exe = findNode();
if (!exe) {
  console.error(NO_NODE);
  process.exit(1);
}
if (exe === fs.realpathSync(process.execPath)) {
  const { enableCompileCache } = await import("node:module");
  enableCompileCache?.();
  process.argv[1] = main;
  await import(pathToFileURL(main).href);
} else {
  runNode(exe, ["--disable-warning=ExperimentalWarning", fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
}
