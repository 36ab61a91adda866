// The OTEL_* variables: what makes traces, where they go, and what is refused.
import { expect, test } from "vitest";
import { traceDestination } from "../../src/telemetry/destination.ts";

test("without an endpoint there are no traces", () => {
  expect(traceDestination({})).toBeNull();
  expect(traceDestination({ OTEL_EXPORTER_OTLP_ENDPOINT: " ", OTEL_SERVICE_NAME: "orders" })).toBeNull();
});

test.for([{ OTEL_SDK_DISABLED: "TRUE" }, { OTEL_TRACES_EXPORTER: "none" }])("%o turns them off", (off) => {
  expect(traceDestination({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318", ...off })).toBeNull();
});

test.for([
  ["http://collector:4318", "http://collector:4318/v1/traces"],
  ["http://collector:4318/", "http://collector:4318/v1/traces"],
  ["https://collector/otlp", "https://collector/otlp/v1/traces"],
])("the general endpoint %s is a base", ([endpoint, url]) => {
  expect(traceDestination({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })?.url.href).toBe(url);
});

test("what is said of traces wins over what is said of everything", () => {
  const destination = traceDestination({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://everything:4318",
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://traces:9999/in",
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_HEADERS: "a=1,b=two%20words",
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: "a=2",
    OTEL_EXPORTER_OTLP_TIMEOUT: "2500",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_EXPORTER_OTLP_CERTIFICATE: "/etc/ca.pem",
  });
  expect(destination).toEqual({
    url: new URL("http://traces:9999/in"),
    encoding: "json",
    headers: { a: "2", b: "two words" },
    gzip: true,
    timeoutMs: 2_500,
    tls: { ca: "/etc/ca.pem" },
  });
});

test("what cannot work is refused by its name", () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4317" };
  expect(() => traceDestination({ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" })).toThrow(/protocol "grpc"/);
  expect(() => traceDestination({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "ftp://x" })).toThrow(
    /OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is not an http or https address/,
  );
});
