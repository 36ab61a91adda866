// The file of recorded answers, one JSON object a line: small to compare, safe to append to, and the answers stay the text they were. Of
// two lines for one call the later stands.
import fs from "node:fs";
import path from "node:path";
import { ChironError, messageOf } from "../../core/errors.ts";
import { sliceMembers, type JsonText } from "../../core/json-text.ts";

export interface Recorded {
  readonly key: string;
  /** The how-manieth equal call of its task, from 1. */
  readonly n: number;
  readonly type: string;
  /** For a person: `tool github.search`. */
  readonly what: string;
  /** Who answered when it was recorded. */
  readonly by: string;
  readonly workflowName: string;
  readonly taskId: string;
  readonly ordinal: string;
  readonly at: string;
  readonly request: JsonText;
  readonly answer: JsonText;
  readonly progress: readonly string[];
}

const VALUES = ["request", "answer"] as const;

export class Tape {
  readonly file: string;
  readonly #byKey = new Map<string, Recorded[]>();

  /** Reads what is there. Throws ChironError config_invalid for a file that is no recording. */
  constructor(file: string) {
    this.file = file;
    let text = "";
    try {
      text = fs.readFileSync(file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw unusable(file, messageOf(error));
    }
    text.split("\n").forEach((line, at) => {
      if (line.trim() !== "") this.#put(parseLine(line, file, at + 1));
    });
  }

  find(key: string, n: number): Recorded | null {
    return this.#byKey.get(key)?.find((one) => one.n === n) ?? null;
  }

  /** What one task has recorded under a key, in order. */
  ordinalsOf(key: string, taskId: string): string[] {
    const own = (this.#byKey.get(key) ?? []).filter((one) => one.taskId === taskId);
    return own.toSorted((a, b) => a.n - b.n).map((one) => one.ordinal);
  }

  /** How many answers there are for calls that a person would call the same. */
  countOf(what: string): number {
    return [...this.#byKey.values()].flat().filter((one) => one.what === what).length;
  }

  /** On disk when it answers. Throws ChironError store_unwritable. */
  add(recorded: Recorded): void {
    const { request, answer, ...rest } = recorded;
    const line = `${JSON.stringify(rest).slice(0, -1)},"request":${request},"answer":${oneLine(answer)}}\n`;
    try {
      fs.mkdirSync(path.dirname(this.file), { recursive: true });
      fs.appendFileSync(this.file, line, { mode: 0o600 });
    } catch (error) {
      throw new ChironError("store_unwritable", `the recording ${this.file} cannot be written: ${messageOf(error)}`);
    }
    this.#put(recorded);
  }

  #put(recorded: Recorded): void {
    const others = (this.#byKey.get(recorded.key) ?? []).filter((one) => one.n !== recorded.n);
    this.#byKey.set(recorded.key, [...others, recorded]);
  }
}

/** Line breaks in a JSON text are white space. */
function oneLine(text: JsonText): string {
  return text.replace(/[\r\n]+/g, " ");
}

function parseLine(line: string, file: string, at: number): Recorded {
  try {
    const value = JSON.parse(line) as Partial<Recorded>;
    const texts = sliceMembers(line);
    if (typeof value.key !== "string" || !VALUES.every((name) => texts.has(name)))
      throw new Error("it is no recording");
    const [request, answer] = VALUES.map((name) => texts.get(name)!);
    const {
      n = 1,
      progress = [],
      type = "",
      what = "",
      by = "",
      workflowName = "",
      taskId = "",
      ordinal = "",
      at: when = "",
    } = value;
    return {
      key: value.key,
      n,
      type,
      what,
      by,
      workflowName,
      taskId,
      ordinal,
      at: when,
      progress,
      request: request!,
      answer: answer!,
    };
  } catch (error) {
    throw unusable(`${file}:${at}`, messageOf(error));
  }
}

function unusable(where: string, why: string): ChironError {
  return new ChironError("config_invalid", `the recording ${where} cannot be used: ${why}`, {
    hint: "Remove the line or the file, and record it again.",
  });
}
