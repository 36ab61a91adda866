// [replay] of chiron.toml.
import { z } from "zod";

export const replaySchema = z.strictObject({
  on_reload: z.boolean().optional(),
});
