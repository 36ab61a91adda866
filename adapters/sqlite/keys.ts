// API keys: only their hashes are here. When a key was last used is noted to the minute, so that a request costs no commit.
import { ChironError } from "../../src/core/errors.ts";
import type { KeyStore } from "../../src/ports/store.ts";
import type { ApiKey } from "../../src/ports/store-types.ts";
import { packText } from "./codec.ts";
import { isDuplicate } from "./errors.ts";
import { prepareQuery } from "./query.ts";
import { read, type Session } from "./session.ts";
import { unpackText } from "../rows/stored-text.ts";

const NOTE_EVERY_MS = 60_000;
const NOTE_WAIT_MS = 1_000;

const COLUMNS = "id, name, scope, created_at, last_used_at";
const ADD = "INSERT INTO api_keys (id, name, scope, hash, created_at) VALUES (?, ?, ?, ?, ?)";
const BY_HASH = `SELECT ${COLUMNS} FROM api_keys WHERE hash = ?`;
const LIST = `SELECT ${COLUMNS} FROM api_keys ORDER BY created_at, id`;
const REVOKE = "DELETE FROM api_keys WHERE id = ?";
const NOTE_USE = "UPDATE api_keys SET last_used_at = ? WHERE id = ?";

interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly scope: ApiKey["scope"];
  readonly created_at: number;
  readonly last_used_at: number | null;
}

const keyOf = ({ id, name, scope, created_at, last_used_at }: KeyRow): ApiKey => ({
  id,
  name: unpackText(name),
  scope,
  createdAt: created_at,
  lastUsedAt: last_used_at,
});

export function createKeys(session: Session): KeyStore {
  const { db, clock, commits } = session;
  const add = db.prepare(ADD);
  const byHash = prepareQuery<[string], KeyRow>(db, BY_HASH);
  const list = prepareQuery<[], KeyRow>(db, LIST);
  const revoke = db.prepare(REVOKE);
  const noteUse = db.prepare(NOTE_USE);
  const used = (row: KeyRow): void => {
    const now = clock.now();
    if (row.last_used_at !== null && now - row.last_used_at < NOTE_EVERY_MS) return;
    // A store that cannot write this may still answer reads: the request that used the key must not fail for it.
    commits.addLater(() => noteUse.run(now, row.id), NOTE_WAIT_MS).catch(() => undefined);
  };
  return {
    add: ({ id, name, scope, hash }) =>
      commits.add(() => {
        const createdAt = clock.now();
        try {
          add.run(id, packText(name), scope, hash, createdAt);
        } catch (error) {
          if (isDuplicate(error))
            throw new ChironError("conflict", `an API key ${id} is there already`, { cause: error });
          throw error;
        }
        return { id, name, scope, createdAt, lastUsedAt: null };
      }),
    findByHash: (hash) =>
      read(session, () => {
        const row = byHash.get(hash);
        if (!row) return null;
        used(row);
        return keyOf(row);
      }),
    list: () => read(session, () => list.all().map(keyOf)),
    revoke: (id) => commits.add(() => revoke.run(id).changes > 0),
  };
}
