// The frame of a command that only asks the API: connects, runs the body, and lets go of everything.
import { connect, type Client } from "./client.ts";
import type { CommandContext, CommonOptions } from "./command.ts";

/** Without a server the store itself is asked; nothing is worked on. `load` says whether the workflow folders matter to the answer. */
export async function withClient<T>(
  { wiring, config, output }: CommandContext,
  options: CommonOptions,
  load: boolean,
  body: (client: Client) => Promise<T>,
  { tellClock = true }: { readonly tellClock?: boolean } = {},
): Promise<T> {
  const client = await connect(wiring, config, {
    ...(options.url ? { url: options.url } : {}),
    local: { work: false, load },
  });
  try {
    const answer = await body(client);
    const clock = client.movedClock();
    if (clock && tellClock) output.note(clock.text(Date.now()));
    return answer;
  } finally {
    await client.close();
  }
}
