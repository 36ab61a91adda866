// What a scenario file may say: deliveries, runs and events at virtual times, stand-ins for the outside, and expectations. The published
// JSON Schema is made from this. Reading files is load.ts's matter, what expectations mean is matchers.ts's.
import { z } from "zod";
import { parseDuration } from "../core/duration.ts";
import { SIGN_MODES } from "../webhooks/sign-mode.ts";

const duration = z
  .union([z.string(), z.number()])
  .refine((value) => parseDuration(String(value)) !== null, "is not a duration such as 500ms, 90s, 5m or 7d")
  .describe("Virtual time: 500ms, 90s, 5m, 36h, 7d or sums such as 1h30m; a bare number is seconds.");

const id = z
  .string()
  .regex(/^[A-Za-z_][\w-]*$/, "is not an id: letters, digits, _ and -, a letter first")
  .describe('A name for {$ref: "id.body.run_id"} and ${id.body.run_id}.');

const expected = z.unknown();
const text = z.string().min(1);

const AnswerExpectation = z
  .strictObject({ status: expected, headers: expected, body: expected })
  .partial()
  .describe("What the HTTP answer must be.");

const PathSet = z
  .strictObject({ path: text, value: z.unknown().optional(), remove: z.literal(true).optional() })
  .refine((one) => "value" in one !== (one.remove === true), "has either a value or remove: true");

const Delivery = z.strictObject({
  id: id.optional(),
  hook: text.optional().describe("Slug of the webhook."),
  sample: z
    .union([text, z.literal(true)])
    .optional()
    .describe("A sample of the webhook's sender; true: its first."),
  fixture: text.optional().describe("A delivery in a file beside this one, as chiron hooks record writes them."),
  body: z.unknown().optional().describe("Sent as JSON; a text as it is."),
  body_file: text.optional().describe("A file beside this one, sent as it is."),
  body_raw: z.string().optional(),
  body_base64: z.base64().optional(),
  patch: z
    .union([z.array(PathSet), z.record(z.string(), z.unknown())])
    .optional()
    .describe("Changes to a JSON body: an object to merge (null removes), or a list of {path, value}."),
  headers: z
    .record(z.string(), z.union([z.string(), z.number(), z.null()]))
    .optional()
    .describe("null removes one."),
  query: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  method: text.optional(),
  sign: z.enum(SIGN_MODES).optional().describe("auto: as the sender would, now."),
  same_as: id.optional().describe("Everything as in that delivery, signed anew."),
  repeat: z.int().min(1).max(1_000).optional().describe("How many times it is sent."),
  delay: duration.optional().describe("Virtual time after the delivery before; after the start for the first."),
  expect: z
    .union([AnswerExpectation, z.array(AnswerExpectation)])
    .optional()
    .describe("One for all repetitions, or a list with one for each."),
});

const Run = z.strictObject({
  id: id.optional(),
  workflow: text.optional(),
  input: z.unknown().optional(),
  idempotency_key: text.optional(),
  max_attempts: z.int().min(1).max(1_000).optional(),
  delay: duration.optional(),
  expect: AnswerExpectation.optional(),
});

const Event = z
  .strictObject({
    id: id.optional(),
    name: text.optional(),
    type: text.optional(),
    correlation: z.union([z.string(), z.number()]).optional(),
    payload: z.unknown().optional(),
    delay: duration.optional(),
    expect: AnswerExpectation.optional(),
  })
  .refine(
    ({ name, type, correlation }) =>
      name === undefined
        ? type !== undefined && correlation !== undefined
        : type === undefined && correlation === undefined,
    "has either a name, or a type and a correlation",
  );

const StepError = z.union([
  z.string().transform((message) => ({ message })),
  z.strictObject({ message: z.string(), type: text.optional(), retryable: z.boolean().optional() }),
]);
const StepStub = z
  .strictObject({ result: z.unknown().optional(), error: StepError.optional() })
  .refine((one) => "result" in one !== (one.error !== undefined), "has either a result or an error");
const ToolStub = z
  .strictObject({
    when: z.record(z.string(), z.unknown()).optional(),
    answer: z.unknown().optional(),
    error: z.string().optional(),
  })
  .refine((one) => "answer" in one !== (one.error !== undefined), "has either an answer or an error");
const AgentStub = z
  .strictObject({
    match: z.string().optional(),
    contains: z.string().optional(),
    harness: text.optional(),
    workflow: text.optional(),
    agent: text.optional(),
    text: z.string().optional(),
    lines: z.array(z.string()).optional(),
    error: z.string().optional(),
  })
  .refine((one) => (one.text === undefined) !== (one.error === undefined), "has either a text or an error");
const SlackStub = z.strictObject({
  channel: text.optional().describe("Absent: every channel."),
  call: z.enum(["post", "update", "find"]).optional().describe("Absent: every call."),
  error: text.describe("Slack's word for it, such as channel_not_found."),
});
const HttpStub = z.strictObject({
  method: text.optional(),
  url: text.describe("The whole address; without a query any query, with a * at the end anything that begins so."),
  status: z.int().min(200).max(599).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.unknown().optional(),
});

const oneOrMore = <T extends z.ZodType>(one: T) => z.union([one.transform((value) => [value]), z.array(one).min(1)]);

const Stubs = z
  .strictObject({
    steps: z
      .record(z.string(), oneOrMore(StepStub))
      .describe(
        "By step name, in place of its body; a list gives each attempt of the run its own, the last one stays.",
      ),
    tools: z.record(z.string(), oneOrMore(ToolStub)).describe("By tool.method or tool.*; the first that fits answers."),
    agents: z.array(AgentStub).min(1).describe("The first that fits answers."),
    slack: z.array(SlackStub).describe("Calls that Slack refuses; all others are accepted."),
    http: z.array(HttpStub).describe("Answers to HTTP requests of handlers; with any, others fail."),
  })
  .partial();

const runMembers = {
  id: expected,
  workflow: expected,
  status: expected.describe('"completed" when neither this nor failure is given.'),
  result: expected,
  input: expected,
  failure: expected.describe("{name, message} of the newest attempt."),
  steps: expected.describe("Names of the recorded steps, in order."),
  results: expected.describe("What steps recorded, by name."),
  attempts: expected,
  sleeps: expected.describe("Names of the sleeps that ended, in order."),
  waits: expected.describe("How waits ended, by name: event, task or timeout."),
  outbox: expected.describe("What this run reached outside, in order."),
  logs: expected.describe("Its log lines {level, message, fields, source}."),
  duration: expected.describe("Virtual time from its creation to its end."),
};
const RunExpectation: z.ZodType<RunExpectation> = z.lazy(() =>
  z.strictObject({ ...runMembers, children: z.union([z.int(), z.array(RunExpectation)]) }).partial(),
);
export type RunExpectation = {
  readonly [name in keyof typeof runMembers]?: unknown;
} & { readonly children?: number | readonly RunExpectation[] | undefined };

const Matcher = z.record(z.string().regex(/^\$/), z.unknown());

const Expectation = z
  .strictObject({
    run: RunExpectation.describe("There is exactly one run, and it is this."),
    runs: z
      .union([z.int(), Matcher, z.array(RunExpectation)])
      .describe("How many there are that no other run started, or each of them in the order in which they began."),
    outbox: expected.describe("What all runs reached outside, in order."),
    duration: expected.describe("Virtual time from the start to the end of the last run."),
  })
  .partial()
  .refine((one) => one.run === undefined || one.runs === undefined, "has either run or runs");

export const ScenarioSchema = z.strictObject({
  name: text,
  workflow: text.optional().describe("Of runs that name none."),
  hook: text.optional().describe("Of deliveries that name none."),
  clock: z.iso
    .datetime({ offset: true })
    .optional()
    .describe("When it begins, such as 2026-03-08T06:59:00Z; 2026-01-01T00:00:00Z when absent."),
  secrets: z.record(z.string(), z.string().nullable()).optional().describe("Made up when absent; null: not set."),
  env: z.record(z.string(), z.string()).optional().describe("Environment of the workflows."),
  deliveries: z.array(Delivery).optional(),
  runs: z.array(Run).optional(),
  events: z.array(Event).optional(),
  schedules: z.boolean().optional().describe("Make scheduled runs; needs until."),
  until: duration.optional().describe("How far virtual time goes at most: 400d when absent."),
  stubs: Stubs.optional(),
  expect: Expectation.optional(),
  matrix: z
    .record(z.string().regex(/^\w+$/), z.array(z.unknown()).min(1))
    .optional()
    .describe("The scenario once for each combination; ${matrix.name} stands for the value."),
  crash: z.literal("every-step").optional().describe("Once more for each checkpoint, with the engine gone there."),
  timeout: duration.optional().describe("Real time it may take: 30s when absent."),
  skip: z.string().optional().describe("Why it is not run."),
});

export type Scenario = z.output<typeof ScenarioSchema>;
export type DeliveryItem = z.output<typeof Delivery>;
export type RunItem = z.output<typeof Run>;
export type EventItem = z.output<typeof Event>;
export type ScenarioStubs = z.output<typeof Stubs>;

/** Milliseconds of a duration that the schema has accepted; `fallback` when there is none. */
export function msOf(value: string | number | undefined, fallback: number): number {
  return value === undefined ? fallback : (parseDuration(String(value)) ?? fallback);
}
