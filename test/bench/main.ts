// `npm run bench`: measures this checkout the way a user meets it and prints the figures beside their targets. Never fails on a figure.
//   npm run bench -- --quick            fewer and shorter rounds
//   npm run bench -- --only latency,save
//   npm run bench -- --peers            also other engines, under the same load on the same kind of store
//   npm run bench -- --store postgres   the sections that do not look into a SQLite file, on a Postgres of its own with fsync on
//   npm run bench -- --json
import { parseArgs } from "node:util";
import type { Bench, Section } from "./figures.ts";
import { fullStore } from "./full-store.ts";
import { latency } from "./latency.ts";
import { limits } from "./limits.ts";
import { messages } from "./messages.ts";
import { oneRun } from "./one-run.ts";
import { peers } from "./peers.ts";
import { makePlace } from "./place.ts";
import { asJson, asTable, describeMachine, type Report } from "./report.ts";
import { save } from "./save.ts";
import { schedules } from "./schedules.ts";
import { useStore } from "./server.ts";
import { start } from "./start.ts";
import { throughput } from "./throughput.ts";
import { webhooks } from "./webhooks.ts";

const SECTIONS: readonly Section[] = [
  limits,
  throughput,
  oneRun,
  latency,
  fullStore,
  start,
  save,
  schedules,
  webhooks,
  messages,
  peers,
];

const ON_ANY_STORE = new Set([throughput, oneRun, latency, peers].map((section) => section.name));

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    peers: { type: "boolean", default: false },
    store: { type: "string", default: "sqlite" },
  },
});

function chosen(): Section[] {
  const names = flags.only?.split(",");
  const unknown = names?.find((name) => !SECTIONS.some((section) => section.name === name));
  if (unknown !== undefined) {
    const known = SECTIONS.map((section) => section.name).join(", ");
    throw new Error(`--only ${unknown}: there is ${known}`);
  }
  const wanted = (section: Section): boolean => (names ? names.includes(section.name) : !section.onRequest);
  const onStore = (section: Section): boolean => flags.store === "sqlite" || ON_ANY_STORE.has(section.name);
  return SECTIONS.filter((section) => (wanted(section) || (flags.peers && section.onRequest)) && onStore(section));
}

function storeKind(): "sqlite" | "postgres" {
  if (flags.store === "sqlite" || flags.store === "postgres") return flags.store;
  throw new Error(`--store ${flags.store}: there is sqlite and postgres`);
}

async function measure(sections: readonly Section[]): Promise<Report> {
  useStore(storeKind());
  const place = makePlace();
  const machine = describeMachine();
  const bench: Bench = {
    dir: place.dir,
    quick: flags.quick,
    say: (text) => void process.stderr.write(`  ${text}\n`),
  };
  const done: Report["sections"][number][] = [];
  try {
    for (const section of sections) {
      process.stderr.write(`${section.title}\n`);
      done.push({ name: section.name, title: section.title, figures: await section.run(bench) });
    }
  } finally {
    place.remove();
  }
  return { ...machine, disk: place.where, quick: flags.quick, sections: done };
}

const report = await measure(chosen());
process.stdout.write(`${flags.json ? asJson(report) : asTable(report)}\n`);
