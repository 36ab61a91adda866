// The devtools page: its shell at every address it has views for, and its hashed files, under a policy by which it can run nothing but
// these files and talk to nobody but this server. The shell holds no data: what a person sees comes from the API, behind its keys.
import type { ApiDeps } from "./deps.ts";
import { ChironError } from "../core/errors.ts";
import { envelope } from "./errors.ts";
import type { PageFile } from "./page-files.ts";

/** Addresses that the page shows something at; the rest of an address is the page's own matter. */
const VIEWS = ["/", "/runs", "/runs/*", "/stream", "/webhooks", "/schedules", "/outbox", "/problems"];

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  vary: "accept-encoding",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** A year: another content has another name. */
const FOR_EVER = "public, max-age=31536000, immutable";

export interface PageRoute {
  readonly path: string;
  answer(request: Request): Response;
}

/** Where the page is served, and how. None where the process has no page. */
export function pageRoutes({ page }: Pick<ApiDeps, "page">): PageRoute[] {
  if (!page) return [];
  const shell = (request: Request): Response => {
    const file = page.shell();
    return file ? served(file, request, "no-cache") : notBuilt();
  };
  const asset = (request: Request): Response => {
    const name = new URL(request.url).pathname.slice("/assets/".length);
    const file = page.asset(name);
    return file ? served(file, request, FOR_EVER) : envelope(404, "not_found", "the page has no such file");
  };
  return [...VIEWS.map((path) => ({ path, answer: shell })), { path: "/assets/:name", answer: asset }];
}

function served(file: PageFile, request: Request, cache: string): Response {
  const zipped = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "") ? file.gzipped : null;
  const headers = { ...HEADERS, "cache-control": cache, "content-type": file.type };
  return new Response(
    zipped ?? file.bytes,
    zipped ? { headers: { ...headers, "content-encoding": "gzip" } } : { headers },
  );
}

function notBuilt(): Response {
  const { message, hint } = new ChironError("unavailable", "the page has not been built", {
    hint: "Run: npm run build:devtools, then load this address again. The API and the command line work without it.",
  });
  return new Response(`${message}\n\n${hint}\n`, {
    status: 503,
    headers: { ...HEADERS, "cache-control": "no-store", "content-type": "text/plain; charset=utf-8" },
  });
}
