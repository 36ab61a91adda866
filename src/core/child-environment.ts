// What of the runtime's environment a child process gets: a Python host, a tool's program. The reference hands everything down except its own
// signing secret, and workflows count on that (DATABASE_URL, SLACK_BOT_TOKEN, proxies); so this keeps all but what belongs to the runtime itself.

type Environment = Readonly<Record<string, string | undefined>>;

/** Keys to the runtime's own API: code that may run workflows must not be able to start or cancel them in its owner's name. */
const WITHHELD: ReadonlySet<string> = new Set(["CENTAUR_JWT_SIGNING_SECRET", "CENTAUR_API_KEY"]);

/** Everything with this prefix configures or unlocks the runtime; nothing with it is meant for a workflow. */
const OWN_PREFIX = "CHIRON_";

/** What an interpreter needs to start at all, also under an allow-list. */
const NEEDED: ReadonlySet<string> = new Set([
  "PATH",
  "HOME",
  "USER",
  "LANG",
  "TZ",
  "TMPDIR",
  "PYTHONPATH",
  "VIRTUAL_ENV",
]);

/** The environment of a child process. With `allow` only those names, and what an interpreter needs, are kept; withheld names never are. */
export function childEnvironment(env: Environment, allow?: readonly string[]): Record<string, string> {
  const allowed = allow && new Set(allow);
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || WITHHELD.has(name) || name.startsWith(OWN_PREFIX)) continue;
    if (allowed && !allowed.has(name) && !NEEDED.has(name) && !name.startsWith("LC_")) continue;
    kept[name] = value;
  }
  return kept;
}
