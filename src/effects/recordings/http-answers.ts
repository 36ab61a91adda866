// Keeps the HTTP answers that handlers got, as their host tells them: one line each, masked. The host plays them itself, because a handler
// that waits for a socket cannot wait for the runtime.
import fs from "node:fs";
import path from "node:path";
import type { JsonText } from "../../core/json-text.ts";
import type { Mask } from "../../core/redaction.ts";

/** Answers what takes one answer. It throws nothing: an answer that cannot be kept is told to `failed` and missing in the file. */
export function keepHttpAnswers(file: string, mask: Mask, failed: (error: unknown) => void): (entry: JsonText) => void {
  return (entry) => {
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.appendFileSync(file, `${mask(entry)}\n`, { mode: 0o600 });
    } catch (error) {
      failed(error);
    }
  };
}
