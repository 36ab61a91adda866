import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../../src/config/config.ts";

let root = "";
beforeEach(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "chiron-config-")));
});
afterEach(() => fs.rmSync(root, { recursive: true }));
const config = (toml = "", flags = {}, env = {}) => {
  fs.writeFileSync(path.join(root, "chiron.toml"), toml);
  return loadConfig(root, env, flags);
};

test("tools lie inside and beside the workflow folders, and a workflow folder is none", () => {
  expect(config().tools.dirs).toEqual([path.join(root, "workflows/tools"), path.join(root, "tools")]);
  expect(config("", { dirs: ["a/flows", "a/tools"] }).tools.dirs).toEqual([
    path.join(root, "a/flows/tools"),
    path.join(root, "a/tools/tools"),
  ]);
  expect(config("[effects]\nlocal_tools = false").tools.dirs).toEqual([]);
});

test("the section names mode, stubs, program and time", () => {
  const toml = '[effects]\ntools = "stubs"\ntool_stubs = "s.yaml"\ntool_program = "bin/tools"\ntool_timeout = "90s"';
  expect(config(toml, {}, { WORKFLOW_TOOL_API_URL: " http://tools " }).tools).toMatchObject({
    mode: "stubs",
    stubs: path.join(root, "s.yaml"),
    program: path.join(root, "bin/tools"),
    timeoutMs: 90_000,
    apiUrl: "http://tools",
  });
  expect(config('[effects]\ntool_program = ""').tools.program).toBeNull();
  expect(() => config('[effects]\ntool_timeout = "soon"')).toThrow(/effects\.tool_timeout: "soon" is not a duration/);
  expect(() => config('[effects]\ntool = "stubs"')).toThrow(/unknown setting effects\.tool/);
});

test("a recording is a folder, or a file with the HTTP answers beside it; a flag wins", () => {
  expect(config().recordings).toBeNull();
  expect(config('[effects]\nrecordings = "rec"\nrecordings_mode = "none"').recordings).toEqual({
    mode: "none",
    path: path.join(root, "rec"),
    file: path.join(root, "rec/effects.jsonl"),
    httpFile: path.join(root, "rec/http.jsonl"),
  });
  const flags = { recordings: { path: "one.jsonl", mode: "all" } };
  expect(config('[effects]\nrecordings = "rec"', flags).recordings).toEqual({
    mode: "all",
    path: path.join(root, "one.jsonl"),
    file: path.join(root, "one.jsonl"),
    httpFile: path.join(root, "one.http.jsonl"),
  });
});
