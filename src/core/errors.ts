// One error class with a closed set of codes, and the table that says what each code means to an HTTP client and to a shell.

export const ERROR_CODES = [
  "bad_request",
  "unauthenticated",
  "forbidden",
  "workflow_disabled",
  "not_found",
  "unknown_workflow",
  "method_not_allowed",
  "conflict",
  "too_large",
  "upstream",
  "unavailable",
  "store_owned",
  "store_corrupt",
  "store_newer",
  "store_full",
  "store_unwritable",
  "python_missing",
  "host_failed",
  "port_taken",
  "config_invalid",
  "bundle_invalid",
  "bundle_truncated",
  "bundle_tampered",
  "bundle_newer",
  "check_failed",
  "run_failed",
  "internal",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export interface ErrorInfo {
  /** HTTP status the API answers with. */
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 500 | 502 | 503;
  /** Exit code of the command line; part of its contract, see docs/cli.md. */
  readonly exit: number;
}

const TABLE: Record<ErrorCode, ErrorInfo> = {
  bad_request: { status: 400, exit: 2 },
  unauthenticated: { status: 401, exit: 4 },
  forbidden: { status: 403, exit: 4 },
  workflow_disabled: { status: 403, exit: 4 },
  not_found: { status: 404, exit: 5 },
  unknown_workflow: { status: 404, exit: 5 },
  method_not_allowed: { status: 405, exit: 2 },
  conflict: { status: 409, exit: 6 },
  too_large: { status: 413, exit: 2 },
  upstream: { status: 502, exit: 7 },
  unavailable: { status: 503, exit: 7 },
  store_owned: { status: 503, exit: 8 },
  store_corrupt: { status: 503, exit: 9 },
  store_newer: { status: 503, exit: 9 },
  store_full: { status: 503, exit: 9 },
  store_unwritable: { status: 503, exit: 9 },
  python_missing: { status: 503, exit: 10 },
  host_failed: { status: 503, exit: 10 },
  port_taken: { status: 503, exit: 11 },
  config_invalid: { status: 400, exit: 2 },
  bundle_invalid: { status: 400, exit: 2 },
  bundle_truncated: { status: 400, exit: 2 },
  bundle_tampered: { status: 400, exit: 2 },
  bundle_newer: { status: 400, exit: 2 },
  check_failed: { status: 400, exit: 3 },
  run_failed: { status: 500, exit: 3 },
  internal: { status: 500, exit: 1 },
};

export function errorInfo(code: ErrorCode): ErrorInfo {
  return TABLE[code];
}

export interface ErrorExtras {
  /** What to do next, in one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Ids and values that belong to the message, for --json and logs. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Every fault Chiron raises on purpose. The message says what happened with ids; the hint says what to do next. */
export class ChironError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, extras: ErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.name = "ChironError";
    this.code = code;
    this.hint = extras.hint;
    this.details = extras.details ?? {};
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
