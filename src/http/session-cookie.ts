// The page's key in a cookie: for this session of the browser, unread by scripts, never sent along from another site. Guard.ts refuses
// what other pages of this host ask with it.

const NAME = "chiron_key";

/** Sets it. Only over TLS again, where it was set over TLS. */
export function keyCookie(key: string, request: Request): string {
  return `${NAME}=${encodeURIComponent(key)}${attributes(request)}`;
}

export function clearedCookie(request: Request): string {
  return `${NAME}=; Max-Age=0${attributes(request)}`;
}

function attributes(request: Request): string {
  const tls = new URL(request.url).protocol === "https:" || request.headers.get("x-forwarded-proto") === "https";
  return `; Path=/api; HttpOnly; SameSite=Strict${tls ? "; Secure" : ""}`;
}

/** The key that a request carries in it; null: none. */
export function keyInCookie(headers: Headers): string | null {
  const found = /(?:^|;\s*)chiron_key=([^;]*)/.exec(headers.get("cookie") ?? "")?.[1];
  if (!found) return null;
  try {
    return decodeURIComponent(found);
  } catch {
    return null;
  }
}
