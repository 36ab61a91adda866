// Where traces go: what the standard OTEL_* variables say about it. No variable names an endpoint: no traces, and nothing of
// OpenTelemetry is loaded. Only OTLP over HTTP is spoken. The variables of the SDK itself (sampler, limits, batches, resource) are its own matter.
import { ChironError } from "../core/errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Destination {
  readonly url: URL;
  readonly encoding: "protobuf" | "json";
  readonly headers: Readonly<Record<string, string>>;
  readonly gzip: boolean;
  /** How long one export may take with its retries. */
  readonly timeoutMs: number;
  /** Files of PEM text. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

const GENERAL = "OTEL_EXPORTER_OTLP_";
const TRACES = "OTEL_EXPORTER_OTLP_TRACES_";
const DEFAULT_TIMEOUT_MS = 10_000;

/** Null: nobody asked for traces. Throws ChironError config_invalid, which names the variable, for what cannot work. */
export function traceDestination(env: Environment): Destination | null {
  const setting = (name: string): string | undefined => env[name]?.trim() || undefined;
  const either = (name: string): string | undefined => setting(TRACES + name) ?? setting(GENERAL + name);
  const isOff = setting("OTEL_SDK_DISABLED")?.toLowerCase() === "true" || setting("OTEL_TRACES_EXPORTER") === "none";
  const own = setting(`${TRACES}ENDPOINT`);
  const general = setting(`${GENERAL}ENDPOINT`);
  if (isOff || (own ?? general) === undefined) return null;
  const timeout = Number(either("TIMEOUT") ?? DEFAULT_TIMEOUT_MS);
  return {
    url: own === undefined ? below(address(`${GENERAL}ENDPOINT`, general!)) : address(`${TRACES}ENDPOINT`, own),
    encoding: encodingOf(either("PROTOCOL")),
    headers: { ...pairs(setting(`${GENERAL}HEADERS`)), ...pairs(setting(`${TRACES}HEADERS`)) },
    gzip: either("COMPRESSION") === "gzip",
    timeoutMs: timeout > 0 ? timeout : DEFAULT_TIMEOUT_MS,
    tls: {
      ...named("ca", either("CERTIFICATE")),
      ...named("cert", either("CLIENT_CERTIFICATE")),
      ...named("key", either("CLIENT_KEY")),
    },
  };
}

function named<N extends string>(name: N, value: string | undefined): { readonly [K in N]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [K in N]: string });
}

function address(variable: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new ChironError("config_invalid", `${variable} is not an http or https address: ${text}`, {
    hint: `Example: ${variable}=http://localhost:4318. Unset it, or set OTEL_SDK_DISABLED=true, to go without traces.`,
  });
}

/** The general endpoint is a base; traces have their own path below it. */
function below(base: URL): URL {
  return new URL("v1/traces", base.href.endsWith("/") ? base.href : `${base.href}/`);
}

function encodingOf(protocol = "http/protobuf"): Destination["encoding"] {
  if (protocol === "http/protobuf") return "protobuf";
  if (protocol === "http/json") return "json";
  throw new ChironError("config_invalid", `traces cannot be sent by the OTLP protocol "${protocol}"`, {
    hint: "Set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf (or http/json) and the collector's HTTP endpoint, usually port 4318.",
  });
}

/** `a=1,b=2`, percent-encoded. */
function pairs(text = ""): Record<string, string> {
  const entries = text.split(",").flatMap((pair) => {
    const at = pair.indexOf("=");
    return at > 0 ? [[pair.slice(0, at).trim(), decoded(pair.slice(at + 1).trim())] as const] : [];
  });
  return Object.fromEntries(entries);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
