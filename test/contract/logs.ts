// Log lines of runs.
import { expect } from "vitest";
import type { LogLine } from "../../src/ports/store-types.ts";
import type { Case } from "./case.ts";
import { json } from "./given.ts";

export function logsContract(test: Case): void {
  test("lines come back in order, by task and by run, after a cursor", async (given) => {
    const first = await given.running();
    const line = (message: string, fields: Partial<LogLine> = {}): LogLine => ({
      taskId: first.taskId,
      runId: first.runId,
      at: given.clock.now(),
      level: "info",
      source: "log",
      message,
      fields: null,
      ...fields,
    });
    const appended = given.store.logs.append([line("one"), line("two \ud800\u0000", { fields: json({ a: 1 }) })]);
    await given.fail(first, 0);
    await appended;
    const second = await given.claimOne();
    const more = given.store.logs.append([
      line("three", { runId: second.runId, level: "error", source: "stderr" }),
      line("of another task", { taskId: (await given.task()).taskId }),
    ]);
    await given.complete(second);
    await more;
    const lines = await given.store.logs.list(first.taskId, { limit: 10 });
    expect(lines.map(({ message }) => message)).toEqual(["one", "two \ud800\u0000", "three"]);
    expect(lines[1]).toEqual({ ...line("two \ud800\u0000", { fields: json({ a: 1 }) }), id: lines[1]!.id });
    const after = lines[0]!.id;
    const ids = lines.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    const { taskId } = first;
    expect(await given.store.logs.list(taskId, { after, limit: 1 })).toEqual([lines[1]]);
    expect(await given.store.logs.list(taskId, { runId: second.runId, limit: 10 })).toEqual([lines[2]]);
  });

  test("lines without a transaction to ride along with are written after a moment", async (given) => {
    const { taskId, runId } = await given.running();
    const fields = { taskId, runId, at: 1, level: "debug", source: "stdout", message: "alone", fields: null } as const;
    const appended = given.store.logs.append([fields]);
    given.clock.move(1_000);
    await appended;
    expect(await given.store.logs.list(taskId, { limit: 10 })).toMatchObject([{ message: "alone" }]);
  });
}
