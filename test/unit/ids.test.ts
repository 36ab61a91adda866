import fc from "fast-check";
import { expect, test } from "vitest";
import { createIdSource, isUuid } from "../../src/core/ids.ts";

const zeros = (size: number): Uint8Array => new Uint8Array(size);

test("ids rise strictly within one millisecond and have the form of UUIDv7", () => {
  const source = createIdSource(() => 1_700_000_000_000, zeros);
  const ids = Array.from({ length: 10_000 }, () => source.next());
  for (const [index, id] of ids.entries()) {
    expect(isUuid(id)).toBe(true);
    expect(id[14]).toBe("7");
    expect("89ab").toContain(id[19]);
    if (index > 0) expect(id > ids[index - 1]!).toBe(true);
  }
});

test("ids carry the time and rise strictly whatever the clock does", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 45 }), { minLength: 2, maxLength: 50 }), (times) => {
      let at = 0;
      const source = createIdSource(() => times[Math.min(at++, times.length - 1)]!, zeros);
      const ids = times.map(() => source.next());
      expect(Number.parseInt(ids[0]!.replace("-", "").slice(0, 12), 16)).toBe(times[0]);
      for (let index = 1; index < ids.length; index += 1) expect(ids[index]! > ids[index - 1]!).toBe(true);
    }),
  );
});

test("a text that is not a UUID is not taken for one", () => {
  for (const text of ["", "abc", "00000000-0000-0000-0000-00000000000", "g0000000-0000-0000-0000-000000000000"]) {
    expect(isUuid(text)).toBe(false);
  }
});
