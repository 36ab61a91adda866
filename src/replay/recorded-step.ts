// A place in a task's record as a person names it: `#3` or 3 for the third thing recorded, else a step's name.
import { ChironError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Checkpoint } from "../ports/store-types.ts";

/** The recorded step, sleep or wait that is meant. Throws ChironError bad_request with the names that are nearest. */
export function recordedStep(checkpoints: readonly Checkpoint[], text: string): Checkpoint {
  const named = checkpoints.find(({ name }) => name === text);
  if (named) return named;
  const number = /^#?(\d{1,9})$/.exec(text.trim())?.[1];
  const numbered = number === undefined ? undefined : checkpoints.find(({ seq }) => seq === Number(number));
  if (numbered) return numbered;
  throw new ChironError("bad_request", `the task has recorded no step ${text}`, { hint: hintFor(checkpoints, text) });
}

const MOST_NAMES = 10;

function hintFor(checkpoints: readonly Checkpoint[], text: string): string {
  if (checkpoints.length === 0) return "It has recorded nothing.";
  const names = checkpoints.map(({ name }) => name);
  const near = nearest(text, names);
  if (near.length > 0) return `Did you mean ${near.join(" or ")}?`;
  const shown = checkpoints.slice(0, MOST_NAMES).map(({ seq, name }) => `#${seq} ${name}`);
  const all = `${shown.join(", ")}${names.length > MOST_NAMES ? " …" : ""}`;
  return `It has recorded ${all}. A step that failed is not recorded: what goes on after all that is begins with it.`;
}
