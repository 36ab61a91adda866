// Moves everything from one store into another that is empty, checks it there, and keeps it only when nothing differs. What is
// interrupted or differs leaves the target as it was, so a copy is started again and never resumed.
import { ChironError } from "../core/errors.ts";
import {
  TRANSFER_KINDS,
  type TransferKind,
  type TransferRows,
  type TransferSource,
  type TransferTarget,
} from "../ports/store-transfer.ts";
import { RowDigest } from "./row-digest.ts";

export interface CopiedKind {
  readonly kind: TransferKind;
  readonly rows: number;
  readonly digest: string;
}

/** Throws conflict when the target holds something, check_failed when the copy differs. Both stores stay open. */
export async function copyStore(
  source: TransferSource,
  target: TransferTarget,
  onProgress: (kind: TransferKind, rows: number) => void = () => undefined,
): Promise<CopiedKind[]> {
  if (!(await target.isEmpty())) {
    throw new ChironError("conflict", `${target.location} is not empty`, {
      hint: "Copy into a new store; two stores cannot be merged.",
    });
  }
  const copied: CopiedKind[] = [];
  for (const kind of TRANSFER_KINDS) copied.push(await copyKind(kind, source, target, onProgress));
  for (const sent of copied) {
    const found = await digestOf(sent.kind, target);
    if (found.rows === sent.rows && found.digest === sent.digest) continue;
    throw new ChironError(
      "check_failed",
      `the copy differs: ${sent.rows} ${sent.kind} were sent, ${found.rows} are there`,
      {
        hint: "Nothing was kept in the target. Please report this with the two digests.",
        details: { sent, found },
      },
    );
  }
  await target.commit();
  return copied;
}

async function copyKind<K extends TransferKind>(
  kind: K,
  source: TransferSource,
  target: TransferTarget,
  onProgress: (kind: TransferKind, rows: number) => void,
): Promise<CopiedKind> {
  const sum = new RowDigest();
  for await (const batch of source.read(kind)) {
    const rows = batch.map((row) => givenBack(row));
    for (const row of rows) sum.add(row);
    await target.write(kind, rows);
    onProgress(kind, sum.count);
  }
  return { kind, rows: sum.count, digest: sum.digest };
}

/** What a store holds of one kind, as a copy of it would show. */
export async function digestOf(kind: TransferKind, source: TransferSource): Promise<CopiedKind> {
  const sum = new RowDigest();
  for await (const batch of source.read(kind)) for (const row of batch) sum.add(givenBack(row));
  return { kind, rows: sum.count, digest: sum.digest };
}

/** A claim means nothing in another store: what runs is pending there, as after a graceful stop. */
function givenBack<Row extends TransferRows[TransferKind]>(row: Row): Row {
  return "state" in row && row.state === "running" ? { ...row, state: "pending" } : row;
}
