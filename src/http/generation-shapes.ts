// The shapes of generations of code, in requests and answers.
import { z } from "zod";

const time = z.iso.datetime();

export const GenerationParams = z.object({
  id: z.string().max(256).describe("Id of a generation, as runs and the catalog name it."),
});

export const GenerationsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1_000).default(50).describe("How many to answer, newest first."),
});

export const SourceQuery = z.object({
  path: z.string().min(1).max(4_096).describe("Absolute path of a file, as the generation names it."),
});

const about = {
  id: z.string(),
  chiron_version: z.string(),
  python_version: z.string(),
  first_served_at: time,
  last_served_at: time.describe("Noted now and then while it serves."),
  serving: z.boolean().describe("Whether workflows of this process are served by it now."),
};

export const GenerationsAnswer = z.object({
  ok: z.literal(true),
  generations: z.array(
    z.object({
      ...about,
      files: z.int(),
      workflows: z.int(),
      runs: z.int().describe("Attempts that it ran last."),
      unfinished: z.int().describe("Unfinished tasks that began on it."),
    }),
  ),
});

export const GenerationAnswer = z.object({
  ok: z.literal(true),
  generation: z.object({
    ...about,
    dirs: z.array(z.string()),
    files: z.array(z.object({ path: z.string(), sha256: z.string() })),
    workflows: z.record(z.string(), z.string()).describe("Workflow name to the path of its file."),
  }),
});
