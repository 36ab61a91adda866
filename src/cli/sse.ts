// Reads a stream of server-sent events: the lines of the API's live routes.

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | null;
}

/** The events of a response until it ends or its reader stops; throws when the signal aborts. Comments (keep-alives) are passed over. */
export async function* serverEvents(
  response: Response,
  signal?: AbortSignal,
): AsyncGenerator<ServerEvent, void, undefined> {
  if (!response.body) return;
  let rest = "";
  // The signal of a request ends a response that came over a socket only, not one made in this process.
  const options = signal ? { signal } : {};
  for await (const text of response.body.pipeThrough(new TextDecoderStream(), options)) {
    const blocks = (rest + text).split(/\r?\n\r?\n/);
    rest = blocks.pop()!;
    for (const block of blocks) {
      const event = parseBlock(block);
      if (event) yield event;
    }
  }
}

function parseBlock(block: string): ServerEvent | null {
  let event = "message";
  let id: string | null = null;
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const match = /^(event|data|id):? ?(.*)$/.exec(line);
    if (!match) continue;
    const [, field, value] = match as unknown as [string, string, string];
    if (field === "event") event = value;
    else if (field === "id") id = value;
    else data.push(value);
  }
  return data.length > 0 ? { event, data: data.join("\n"), id } : null;
}
