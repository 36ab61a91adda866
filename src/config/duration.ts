// A length of time as chiron.toml writes it.
import { z } from "zod";
import { parseDuration } from "../core/duration.ts";

/** In milliseconds. */
export const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  context.addIssue({ code: "custom", message: `"${text}" is not a duration such as 90s, 12h or 30d` });
  return z.NEVER;
});
