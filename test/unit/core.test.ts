import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "../../src/core/duration.ts";
import { ERROR_CODES, errorInfo } from "../../src/core/errors.ts";
import { parsePythonEventName, pythonEventName } from "../../src/core/keys.ts";
import { nearest } from "../../src/core/nearest.ts";
import { queueOf } from "../../src/core/queues.ts";
import { ATTEMPT_BACKOFF, backoffCeilingMs, backoffDelayMs, mayRetry } from "../../src/core/retry.ts";
import { STATES, TERMINAL_STATES, isTerminal, mayBecome } from "../../src/core/states.ts";

test("terminal states never change again and no other state is a dead end", () => {
  for (const state of STATES) {
    expect(isTerminal(state)).toBe((TERMINAL_STATES as readonly string[]).includes(state));
    for (const next of STATES) if (isTerminal(state)) expect(mayBecome(state, next)).toBe(false);
    if (!isTerminal(state)) expect(mayBecome(state, "cancelled")).toBe(true);
  }
});

test("the delay before a retry lies between 0 and a ceiling that doubles from 1 s to 60 s", () => {
  expect([1, 2, 3, 6, 7, 50, 10_000].map((attempt) => backoffCeilingMs(ATTEMPT_BACKOFF, attempt))).toEqual([
    1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000,
  ]);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.double({ min: 0, max: 0.999999999, noNaN: true }),
      (attempt, random) => {
        const delay = backoffDelayMs(ATTEMPT_BACKOFF, attempt, random);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(backoffCeilingMs(ATTEMPT_BACKOFF, attempt));
      },
    ),
  );
});

test("the last attempt is not retried", () => {
  expect(mayRetry(1, 1)).toBe(false);
  expect(mayRetry(4, 5)).toBe(true);
  expect(mayRetry(5, 5)).toBe(false);
});

test("durations are read in the units people write", () => {
  expect(parseDuration("500ms")).toBe(500);
  expect(parseDuration("1h30m")).toBe(5_400_000);
  expect(parseDuration("90")).toBe(90_000);
  expect(parseDuration("30d")).toBe(2_592_000_000);
  for (const wrong of ["", "x", "5 parsecs", "-1s", "1h x"]) expect(parseDuration(wrong)).toBeNull();
});

test("durations are shown short", () => {
  expect([12, 3_400, 310_000, 7_380_000, 349_200_000].map(formatDuration)).toEqual([
    "12ms",
    "3.4s",
    "5m 10s",
    "2h 3m",
    "4d 1h",
  ]);
});

test("a Python wait's event name goes back and forth", () => {
  expect(pythonEventName("order.paid", 'a"b')).toBe('python:["order.paid","a\\"b"]');
  fc.assert(
    fc.property(fc.string(), fc.string(), (eventType, correlationId) => {
      expect(parsePythonEventName(pythonEventName(eventType, correlationId))).toEqual({ eventType, correlationId });
    }),
  );
  expect(parsePythonEventName("python:[1,2]")).toBeNull();
  expect(parsePythonEventName("python:[")).toBeNull();
});

test("the nearest names come first and far ones not at all", () => {
  const known = ["nightly_report", "hello", "github_issue_triage", "fan_out"];
  expect(nearest("nigthly_report", known)).toEqual(["nightly_report"]);
  expect(nearest("issue", known)).toEqual(["github_issue_triage"]);
  expect(nearest("zzzzzzzz", known)).toEqual([]);
});

test("workflow names go to the reference's queues", () => {
  expect(queueOf("anything")).toBe("centaur_workflows");
  expect(queueOf("slack_sync")).toBe("centaur_workflows_slack_live");
  expect(queueOf("linear_sync")).toBe("centaur_workflows_etl");
  expect(queueOf("slack_backfill")).toBe("centaur_workflows_etl_backfill");
});

test("every error code has a status and an exit code that says failure", () => {
  for (const code of ERROR_CODES) {
    expect(errorInfo(code).status).toBeGreaterThanOrEqual(400);
    expect(errorInfo(code).exit).toBeGreaterThan(0);
  }
});
