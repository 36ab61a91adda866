// Fixture files: the same bytes back, no secret and nobody's data in them, and what was not replaced is found.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createFakes } from "../../src/webhooks/fakes.ts";
import { disguise, fixtureHeaders, parseFixture, printFixture, type Fixture } from "../../src/webhooks/fixture.ts";
import { lintText } from "../../src/webhooks/fixture-lint.ts";
import { rewriteStrings } from "../../src/webhooks/json-strings.ts";
import { PROVIDER_NAMES, providerNamed } from "../../src/webhooks/providers.ts";
import { passesLuhn } from "../../src/webhooks/reshape.ts";

const fixture = (body: string | Buffer, more: Partial<Fixture> = {}): Fixture => ({
  slug: "hook",
  method: "POST",
  query: "",
  headers: { "content-type": "application/json" },
  body: Buffer.from(body),
  ...more,
});
// In parts, so that no scanner takes this file for a leak.
const TOKENS = [
  `ghp_${"a1B2c3D4e5".repeat(4)}`,
  `xoxb${"-12345678901-abcdefGHIJ12"}`,
  `sk_${"live_4eC39HqLyjWDarjtT1zdp7dc"}`,
  `AKIA${"IOSFODNN7ABCDEFG"}`,
  `eyJ${"hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"}`,
  `glpat${"-aBcDeFgHiJkLmNoPqRsT1"}`,
];

describe("a file", () => {
  test.each([
    ["JSON", '{"a":1,"b":["x"]}'],
    ["JSON with its own blanks", '{ "a" : 1 }\n'],
    ["numbers beyond a double", '{"n":12345678901234567890}'],
    ["members in an order that objects lose", '{"b":1,"2":2,"1":1}'],
    ["a form", "payload=%7B%7D&a=1"],
    ["nothing", ""],
    ["bytes", Buffer.from([0, 255, 128])],
  ])("gives back %s as it was", (_what, body) => {
    const one = fixture(body, { query: "a=1&b=%20" });
    expect(parseFixture(printFixture(one), "x")).toEqual(one);
  });

  test.each([
    ["[]", "no JSON object"],
    ["{", "JSON"],
    ['{"body":1,"body_text":""}', "both there"],
    ['{"headers":{"a":1}}', "headers"],
    ['{"slug":1}', "slug"],
    ['{"body_base64":{}}', "body_base64"],
  ])("that is %s is refused by name", (text, said) => {
    expect(() => parseFixture(text, "dir/x.delivery.json")).toThrow(said);
    expect(() => parseFixture(text, "dir/x.delivery.json")).toThrow("dir/x.delivery.json");
  });

  test("keeps the sender's headers, not those of the way or of the signature", () => {
    const headers = { host: "a", "x-forwarded-for": "1.2.3.4", "x-sig": "[redacted]", "x-github-event": "push" };
    expect(fixtureHeaders(headers)).toEqual({ "x-github-event": "push" });
  });
});

test("texts are replaced where they stand, and everything else stays to the byte", () => {
  const text = '{ "a" : [1e3, "x", {"b":"x\\"y", "a":12345678901234567890}], "k\\u0000": "" }';
  const paths: string[] = [];
  const visit = (value: string, path: readonly string[]) => (paths.push(path.join(".")), value === "x" ? "Z" : value);
  expect(rewriteStrings(text, visit)).toBe(text.replace('"x",', '"Z",'));
  expect(paths).toEqual(["a", "a.b", "k\u0000"]);
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const whole = JSON.stringify(value);
      expect(rewriteStrings(whole, (one) => one)).toBe(whole);
      expect(() => JSON.parse(rewriteStrings(whole, (one) => `${one}"\\\n`))).not.toThrow();
    }),
  );
});

describe("stand-ins", () => {
  const person = {
    sender: { login: "mona-lisa", name: "Mona Lisa", email: "mona@corp.io", avatar: "https://x.io/mona-lisa.png" },
    phone: "+49 170 1234567",
    ip: "81.2.69.142",
    card: "4242 4242 4242 4242",
    note: "Write to mona@corp.io, says mona-lisa.",
    token: TOKENS[0],
    access_token: "a8f5f167f44f4964e6c998dee827110c",
    link: "https://x.io/a?token=a8f5f167f44f4964&b=1",
    repository: { full_name: "octo-org/octo-repo" },
    sha: "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5",
  };
  const told = JSON.stringify(person);

  test("replace people and secrets, keep the shape, and are the same each time", () => {
    const [once, again] = [createFakes([]), createFakes([])].map((one) => one.body(told, "application/json"));
    expect(again).toBe(once);
    for (const gone of ["mona", "Mona", "170 1234567", "81.2.69", "4242", TOKENS[0]!, "a8f5f167"])
      expect(once).not.toContain(gone);
    const fake = JSON.parse(once!) as typeof person;
    expect(fake.sender.email).toMatch(/^[a-z]{4}@example\.com$/);
    expect(fake.note).toBe(`Write to ${fake.sender.email}, says ${fake.sender.login}.`);
    expect(fake.sender.avatar).toBe(`https://x.io/${fake.sender.login}.png`);
    expect(fake.phone).toMatch(/^\+15 55\d \d{7}$/);
    expect(passesLuhn(fake.card.replaceAll(" ", ""))).toBe(true);
    expect(fake.card).toMatch(/^(?:\d{4} ){3}\d{4}$/);
    expect(fake.ip).toMatch(/^(?:203\.0\.113|198\.51\.100)\.\d+$/);
    expect(fake.token).toMatch(/^ghp_FAKE\w{36}$/);
    expect(fake.link).toMatch(/^https:\/\/x\.io\/a\?token=FAKE\w{12}&b=1$/);
    expect([fake.sha, fake.repository]).toEqual([person.sha, person.repository]);
  });

  test("are not replaced again, and hold nothing that lint finds", () => {
    const fakes = createFakes([]);
    const once = fakes.body(told, "");
    expect(lintText(once, [])).toEqual([]);
    const next = JSON.parse(createFakes([]).body(once, "")) as typeof person;
    expect(next.token).toBe((JSON.parse(once) as typeof person).token);
    for (const token of TOKENS) expect(lintText(fakes.value("x", `a ${token} b`), [])).toEqual([]);
  });

  test("stand for the project's own secrets, and in headers, queries and forms", () => {
    const fakes = createFakes([{ name: "HOOK_SECRET", value: "open sesame" }]);
    const one = disguise(
      fixture("user_name=Steve+Miller&text=open+sesame&payload=%7B%22email%22%3A%22a%40b.io%22%7D&n=1", {
        headers: { "content-type": "application/x-www-form-urlencoded", "x-note": "open sesame" },
        query: "token=a8f5f167f44f4964&b=1",
      }),
      fakes,
    );
    const shown = printFixture(one);
    for (const gone of ["Steve", "sesame", "a%40b.io", "a8f5f167"]) expect(shown).not.toContain(gone);
    expect(shown).toContain("FAKE-HOOK_SECRET");
    expect(one.body.toString()).toMatch(/&n=1$/);
  });
});

describe("lint", () => {
  test.each(TOKENS)("finds %s by its shape, in every kind of file", (token) => {
    for (const text of [`{"a":"${token}"}`, `a: ${token}`, `{"body_text":"{\\"a\\":\\"${token}\\"}"}`])
      expect(lintText(`\n${text}`, []), text).toEqual([expect.objectContaining({ line: 2 })]);
    const base64 = Buffer.from(JSON.stringify({ a: token })).toString("base64");
    expect(lintText(`{"body_base64":"${base64}"}`, []).length).toBeGreaterThan(0);
  });

  test("finds values of fields that tell, and the project's own secrets by name", () => {
    expect(lintText('"client_secret": "q8w7e6r5t4y3u2i1"', [])).toEqual([
      { line: 1, what: "the value of client_secret" },
    ]);
    expect(lintText("text: say open sesame", [{ name: "HOOK_SECRET", value: "open sesame" }])).toEqual([
      { line: 1, what: "the value of HOOK_SECRET, a secret of this project" },
    ]);
  });

  test("leaves names of secrets, hashes, ids and stand-ins alone", () => {
    const harmless = [
      '"secret_ref": "GITHUB_WEBHOOK_SECRET"',
      '"sha": "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5"',
      '"id": "evt_1NG8Du2eZvKYlo2CUI79vXWy"',
      '"token": "xxxxxxxxxxxxxxxx1"',
      "token: ${TOKEN_1234567890}",
      '"url": "https://api.github.com/repos/octo-org/octo-repo/git/commits/59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5"',
    ];
    expect(lintText(harmless.join("\n"), [])).toEqual([]);
  });

  test("has nothing against the samples once they are disguised", () => {
    for (const name of PROVIDER_NAMES) {
      for (const { headers, body } of providerNamed(name).samples) {
        const shown = printFixture(disguise(fixture(body, { headers }), createFakes([])));
        expect(lintText(shown, []), `${name}\n${shown}`).toEqual([]);
      }
    }
  });
});
