// API keys: only their hashes are here. When a key was last used is noted to the minute, so that a request costs no commit.
import { ChironError } from "../../src/core/errors.ts";
import type { KeyStore } from "../../src/ports/store.ts";
import type { ApiKey } from "../../src/ports/store-types.ts";
import { packText } from "./codec.ts";
import { isDuplicate } from "./errors.ts";
import { NOTES } from "./admin.ts";
import type { Session } from "./session.ts";
import { unpackText } from "../rows/stored-text.ts";

const NOTE_EVERY_MS = 60_000;
const NOTE_WAIT_MS = 1_000;

const COLUMNS = "id, name, scope, chiron.ms(created_at) as created_at, chiron.ms(last_used_at) as last_used_at";
const ADD = `insert into chiron.api_keys (id, name, scope, hash, created_at) values ($1, $2, $3, $4, absurd.current_time())
  returning ${COLUMNS}`;
const BY_HASH = `select ${COLUMNS} from chiron.api_keys where hash = $1`;
const LIST = `select ${COLUMNS} from chiron.api_keys k order by k.created_at, k.id`;
const REVOKE = "delete from chiron.api_keys where id = $1 returning id";
// The database's clock decides whether the last note is old enough.
const NOTE_USE = `update chiron.api_keys set last_used_at = absurd.current_time()
  where id = any ($1) and (last_used_at is null or last_used_at <= absurd.current_time() - make_interval(secs => $2))`;

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

type NewKey = Parameters<KeyStore["add"]>[0];

export function createKeys({ sender, gatherer }: Session): KeyStore {
  const add = gatherer.lane<NewKey, ApiKey>({
    width: 1,
    inFlight: 1,
    async send([key]) {
      const { id, name, scope, hash } = key!;
      try {
        const rows = await sender.commit<KeyRow>(ADD, () => [id, packText(name), scope, hash], false);
        return [keyOf(rows[0]!)];
      } catch (error) {
        if (!isDuplicate((error as ChironError).cause)) throw error;
        throw new ChironError("conflict", `an API key ${id} is there already`, { cause: error });
      }
    },
  });
  const noteUse = gatherer.lane<string, null>({
    width: 1_000,
    inFlight: 1,
    laterMs: NOTE_WAIT_MS,
    async send(ids) {
      await sender.commit(NOTE_USE, () => [[...new Set(ids)], NOTE_EVERY_MS / 1_000], true);
      return ids.map(() => null);
    },
  });
  const revoke = gatherer.lane<string, boolean>({
    width: 1,
    inFlight: 1,
    async send([id]) {
      let sentBefore = false;
      const values = (again: boolean): readonly unknown[] => {
        sentBefore = again;
        return [id];
      };
      const gone = await sender.commit(REVOKE, values, true);
      // Of a call that was sent twice the first may have done it.
      return [gone.length > 0 || sentBefore];
    },
  });
  return {
    add: async (key) => (await add([key]))[0]!,
    async findByHash(hash) {
      const [row] = await sender.read<KeyRow>(BY_HASH, [hash]);
      if (!row) return null;
      // A store that cannot write this may still answer reads: the request that used the key must not fail for it.
      noteUse([row.id], { keys: [NOTES] }).catch(() => undefined);
      return keyOf(row);
    },
    list: async () => (await sender.read<KeyRow>(LIST, [])).map(keyOf),
    revoke: async (id) => (await revoke([id]))[0]!,
  };
}
