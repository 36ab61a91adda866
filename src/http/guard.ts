// The door of every route, before any key: a request must name a host that is ours (a foreign name that resolves to this machine is
// DNS rebinding), and must not come from a foreign page. Keys are keys.ts's matter.
import { ChironError } from "../core/errors.ts";
import type { Bindings } from "./deps.ts";

const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;
const LOOPBACK_PEER = /^(?:127\.|::1$|::ffff:127\.)/;
const FORWARDED = ["forwarded", "x-forwarded-for", "x-real-ip"];

/** Refuses a request by its Host, Origin and Sec-Fetch headers; throws ChironError forbidden. */
export type Guard = (request: Request) => void;

/** A guard that knows the loopback names and these hosts. */
export function createGuard(hosts: readonly string[]): Guard {
  const known = new Set(hosts.map((host) => host.trim().toLowerCase()).filter((host) => host !== ""));
  return (request) => {
    const host = (request.headers.get("host") ?? new URL(request.url).host).toLowerCase();
    checkHost(host, known);
    checkOrigin(request, host);
  };
}

function checkHost(host: string, known: ReadonlySet<string>): void {
  if (LOOPBACK_HOST.test(host) || known.has(host) || known.has(host.replace(/:\d{1,5}$/, ""))) return;
  throw new ChironError("forbidden", "the Host header names a host that this server does not answer for", {
    hint: "Add it to allowed_hosts in section [server] of chiron.toml, or for webhooks alone set public_url in [webhooks]; or use a loopback name.",
  });
}

function checkOrigin(request: Request, host: string): void {
  const { headers } = request;
  const origin = headers.get("origin");
  if (origin !== null && hostOf(origin) !== host) throw foreign();
  const site = headers.get("sec-fetch-site");
  if (site === null || site === "same-origin" || site === "none") return;
  // A link on a foreign page may open a page here: the browser shows it and the foreign page learns nothing.
  const opensPage = headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
  if (!opensPage || (request.method !== "GET" && request.method !== "HEAD")) throw foreign();
}

/** Host and port of a web origin, as a Host header spells them; null for an opaque or malformed one. */
function hostOf(origin: string): string | null {
  const match = /^https?:\/\/([^/?#@\s]+)$/i.exec(origin);
  return match ? match[1]!.toLowerCase() : null;
}

function foreign(): ChironError {
  return new ChironError("forbidden", "requests from another origin's pages are refused", {
    hint: "Call the API from a server or a command line, or from a page that this server serves.",
  });
}

/** Whether the request was made on this machine and not passed on by a proxy or a tunnel. */
export function isLocal(request: Request, env: Bindings): boolean {
  if (FORWARDED.some((name) => request.headers.has(name))) return false;
  if (!env.incoming) return true;
  return LOOPBACK_PEER.test(env.incoming.socket.remoteAddress ?? "");
}
