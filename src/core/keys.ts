// Names and keys that are derived, in the reference's string shapes (reference behaviour, sections 2.2 and 7.2).

/** The event name that `ctx.wait_for_event(type, correlationId)` waits for: `python:["type","id"]`, compact JSON behind the prefix. */
export function pythonEventName(eventType: string, correlationId: string): string {
  return `python:${JSON.stringify([eventType, correlationId])}`;
}

/** The inverse of pythonEventName, for display; null for any other event name. */
export function parsePythonEventName(name: string): { eventType: string; correlationId: string } | null {
  if (!name.startsWith("python:[")) return null;
  try {
    const pair: unknown = JSON.parse(name.slice("python:".length));
    if (Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === "string")) {
      return { eventType: pair[0] as string, correlationId: pair[1] as string };
    }
  } catch {
    return null;
  }
  return null;
}

const withoutDashes = (id: string): string => id.replaceAll("-", "");

/** Default thread of a workflow's agent turns: the same for all turns of a task. */
export function agentThreadKey(taskId: string, workflowName: string): string {
  return `wf:${withoutDashes(taskId)}:agent:${workflowName}`;
}

/** Thread of one agent of a batch. */
export function agentBatchThreadKey(taskId: string, ordinal: string, index: number, name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return `wf:${withoutDashes(taskId)}:agent-batch:${ordinal}:${index}:${slug}`;
}

/** `ordinal` tells calls of one kind in a task apart and is the same on every replay (decision D9). */
export function clientMessageId(taskId: string, ordinal: string): string {
  return `absurd-workflow:${taskId}:${ordinal}:user`;
}

export function agentExecutionKey(messageId: string): string {
  return `absurd-workflow-agent-turn:${messageId}`;
}

export function slackClientMessageId(taskId: string, ordinal: string): string {
  return `${taskId}:slack:${ordinal}`;
}

/** The same whenever a task makes the same tool call again; the reference has none. */
export function toolCallKey(taskId: string, ordinal: string): string {
  return `absurd-workflow-tool:${taskId}:${ordinal}`;
}

/** Key of a child started without one: the reference has none, and so starts the child again on every replay. */
export function childStartKey(taskId: string, ordinal: string): string {
  return `$child:${taskId}:${ordinal}`;
}
