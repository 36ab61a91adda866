// Who may call what. Without any key the API is open to local clients of a loopback-bound server and closed to everybody else; with
// keys every route but the probes needs one. A stored key's revocation takes effect within a second.
import { createHash, timingSafeEqual } from "node:crypto";
import { ChironError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { KeyStore } from "../ports/store.ts";
import type { ApiKey } from "../ports/store-types.ts";
import type { AuthSettings, Bindings } from "./deps.ts";
import { isLocal } from "./guard.ts";
import { keyInCookie } from "./session-cookie.ts";

export type Scope = ApiKey["scope"];
/** open: no key. local: a key that may read, or a local client. */
export type Access = Scope | "open" | "local";

/** How long an answer of the key store is believed, in ms: keeps the store out of the hot path. */
const BELIEVED_MS = 1_000;
/** Bound of the remembered keys; far above what anybody hands out. */
const REMEMBERED = 1_000;
const RANK: Record<Scope, number> = { read: 0, write: 1, admin: 2 };

/** What the store keeps of a key: SHA-256 in hex. Enough for a random key, which cannot be guessed from its hash. */
export function keyHash(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

export class Keys {
  readonly #auth: AuthSettings;
  readonly #store: KeyStore;
  readonly #clock: Clock;
  readonly #envHashes: readonly Buffer[];
  readonly #pagesOnlyRead: boolean;
  readonly #known = new Map<string, { readonly scope: Scope; readonly until: number }>();
  #stored = { any: false, until: -1 };

  /** `pagesOnlyRead`: what a page in a browser asks for may change nothing, whatever its key allows. */
  constructor(auth: AuthSettings, store: KeyStore, clock: Clock, pagesOnlyRead = false) {
    this.#pagesOnlyRead = pagesOnlyRead;
    this.#auth = auth;
    this.#store = store;
    this.#clock = clock;
    this.#envHashes = auth.envKeys.filter((key) => key.trim() !== "").map((key) => digest(key.trim()));
  }

  /** Throws ChironError unauthenticated or forbidden unless the request may have this access. */
  async check(request: Request, env: Bindings, access: Access): Promise<void> {
    if (access === "open" || env.inside) return;
    if (this.#pagesOnlyRead && (access === "write" || access === "admin") && isOfPage(request.headers)) {
      throw new ChironError("forbidden", "the page of a server only shows", {
        hint: "Use the command line or the API with a key of your own.",
      });
    }
    if (!(await this.#anyKey())) {
      if (this.#auth.loopbackOnly && isLocal(request, env)) return;
      throw new ChironError("unauthenticated", "no API key is configured, so only local clients are served", {
        hint: "Set CHIRON_API_KEY on the server and send it as Authorization: Bearer <key>.",
      });
    }
    const key = presented(request.headers);
    if (key === null) {
      if (access === "local" && isLocal(request, env)) return;
      throw new ChironError("unauthenticated", "an API key is required", {
        hint: "Send it as Authorization: Bearer <key> or as X-Api-Key: <key>.",
      });
    }
    const scope = await this.#scopeOf(key);
    if (scope === null) throw new ChironError("unauthenticated", "the API key is not valid");
    const needed = access === "local" ? "read" : access;
    if (RANK[scope] >= RANK[needed]) return;
    throw new ChironError("forbidden", `the API key's scope is ${scope}; this needs ${needed}`);
  }

  /** Throws ChironError unauthenticated for what is no key of ours. */
  async checkKey(key: string): Promise<void> {
    if ((await this.#scopeOf(key)) === null) throw new ChironError("unauthenticated", "the API key is not valid");
  }

  async #anyKey(): Promise<boolean> {
    if (this.#envHashes.length > 0) return true;
    const now = this.#clock.monotonic();
    if (now >= this.#stored.until) {
      const keys = await this.#store.list();
      this.#stored = { any: keys.length > 0, until: now + BELIEVED_MS };
    }
    return this.#stored.any;
  }

  async #scopeOf(key: string): Promise<Scope | null> {
    const given = digest(key);
    let isEnvKey = false;
    // Every key is compared, so that the time does not tell which one was near.
    for (const hash of this.#envHashes) isEnvKey = timingSafeEqual(hash, given) || isEnvKey;
    if (isEnvKey) return "admin";
    const hash = given.toString("hex");
    const now = this.#clock.monotonic();
    const known = this.#known.get(hash);
    if (known && now < known.until) return known.scope;
    this.#known.delete(hash);
    // The store notes the key's last use when it is asked for it: at most once per BELIEVED_MS.
    const stored = await this.#store.findByHash(hash);
    if (!stored) return null;
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.set(hash, { scope: stored.scope, until: now + BELIEVED_MS });
    return stored.scope;
  }
}

function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

/** Browsers say so of every request, and no script of theirs can say otherwise. */
function isOfPage(headers: Headers): boolean {
  return headers.has("sec-fetch-site") || (givenKey(headers) === null && keyInCookie(headers) !== null);
}

function presented(headers: Headers): string | null {
  return givenKey(headers) ?? keyInCookie(headers);
}

/** The key of a request: Authorization: Bearer first, then X-Api-Key (decision D1). */
function givenKey(headers: Headers): string | null {
  const bearer = /^Bearer[ \t]+(\S.*)$/i.exec(headers.get("authorization") ?? "");
  const key = (bearer?.[1] ?? headers.get("x-api-key") ?? "").trim();
  return key === "" ? null : key;
}
