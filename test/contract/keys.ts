// API keys: hashes in, never out.
import { expect } from "vitest";
import type { Case } from "./case.ts";

export function keysContract(test: Case): void {
  test("a key is found by its hash, listed without it, and gone when revoked", async (given) => {
    const { keys } = given.store;
    const createdAt = given.clock.now();
    const key = { id: "k1", name: "laptop", scope: "write", createdAt, lastUsedAt: null } as const;
    expect(await keys.add({ id: "k1", name: "laptop", scope: "write", hash: "h1" })).toEqual(key);
    given.clock.move(1);
    await keys.add({ id: "k2", name: "ci", scope: "admin", hash: "h2" });
    expect(await keys.findByHash("h1")).toEqual(key);
    expect(await keys.findByHash("h3")).toBeNull();
    expect((await keys.list()).map(({ id }) => id)).toEqual(["k1", "k2"]);
    expect(await keys.revoke("k1")).toBe(true);
    expect(await keys.revoke("k1")).toBe(false);
    expect(await keys.findByHash("h1")).toBeNull();
  });

  test("the last use of a key is noted", async (given) => {
    const { keys } = given.store;
    await keys.add({ id: "k1", name: "laptop", scope: "read", hash: "h1" });
    given.clock.move(5_000);
    const usedAt = given.clock.now();
    await keys.findByHash("h1");
    await given.store.admin.ping();
    expect((await keys.list())[0]!.lastUsedAt).toBe(usedAt);
  });

  test("an id or a hash that is there already is a conflict", async (given) => {
    const { keys } = given.store;
    const key = { id: "k1", name: "laptop", scope: "read", hash: "h1" } as const;
    await keys.add(key);
    await expect(keys.add({ ...key, hash: "h2" })).rejects.toMatchObject({ code: "conflict" });
    await expect(keys.add({ ...key, id: "k2" })).rejects.toMatchObject({ code: "conflict" });
    expect(await keys.list()).toHaveLength(1);
  });
}
