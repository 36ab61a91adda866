// Test projects, cheapest first. Tests share a worker where they can (no isolation), because most of their time is start-up.
import { defineConfig } from "vitest/config";

const project = (name: string, timeoutMs: number, extra: object = {}) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    ...extra,
  },
});

export default defineConfig({
  test: {
    isolate: false,
    maxWorkers: 2,
    projects: [
      project("unit", 10_000),
      project("contract", 20_000),
      project("scenario", 60_000),
      project("python", 120_000),
      project("postgres", 60_000),
      project("fault", 120_000),
      project("browser", 60_000, { globalSetup: "test/browser/build-page.ts" }),
    ],
  },
});
