// Signed values of buttons (reference behaviour, section 8.5): what a click may start is in the button, and nobody but this installation
// can make or change one. `v1.<base64url payload>.<hmac>`, valid for a bounded time.
import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { ChironError } from "../../core/errors.ts";
import { NULL_JSON, parseJson, sliceMembers, type JsonText } from "../../core/json-text.ts";

/** Slack's limit for a button's value, in bytes. */
const VALUE_LIMIT = 2_000;
const VERSION = "v1";
const KEY_PURPOSE = "chiron slack button v1";

export interface ButtonPayload {
  readonly group: string;
  /** The task that posted the button. */
  readonly taskId: string;
  readonly workflow: string;
  readonly action: string;
  readonly channel: string;
  readonly expiresAt: number;
  readonly input: JsonText;
}

export interface ButtonValues {
  /** Throws bad_request for a payload that Slack would not take. */
  sign(payload: Omit<ButtonPayload, "expiresAt">): string;
  /** Throws bad_request for what is no value at all, forbidden for one that was changed, made elsewhere, or has expired. */
  verify(value: string): ButtonPayload;
}

export function createButtonValues(secret: string, ttlMs: number, now: () => number): ButtonValues {
  const key = Buffer.from(hkdfSync("sha256", secret, "", KEY_PURPOSE, 32));
  const mac = (text: string): Buffer => createHmac("sha256", key).update(text).digest();
  return {
    sign({ group, taskId, workflow, action, channel, input }) {
      // The input's text stands in it as it is: its numbers come back as they were.
      const fields = {
        g: group,
        t: taskId,
        w: workflow,
        a: action,
        c: channel,
        x: Math.floor((now() + ttlMs) / 1_000),
      };
      const payload = `${JSON.stringify(fields).slice(0, -1)},"i":${input}}`;
      const text = `${VERSION}.${Buffer.from(payload.toWellFormed()).toString("base64url")}`;
      const value = `${text}.${mac(text).toString("base64url")}`;
      if (value.length <= VALUE_LIMIT) return value;
      throw new ChironError(
        "bad_request",
        `slack_buttons: the value of button ${action} has ${value.length} bytes; Slack takes ${VALUE_LIMIT}`,
        {
          hint: "Make the input smaller: pass an id, and load the rest in the workflow that the click starts.",
        },
      );
    },
    verify(value) {
      const [version, payload, signature, ...more] = value.split(".");
      const isValue = version === VERSION && payload && signature !== undefined && more.length === 0;
      if (!isValue || value.length > VALUE_LIMIT)
        throw new ChironError("bad_request", "the button's value is none of this API's");
      const given = Buffer.from(signature, "base64url");
      const wanted = mac(`${version}.${payload}`);
      // Also against another spelling of the same bytes: base64url has some.
      const isOurs = given.length === wanted.length && timingSafeEqual(given, wanted);
      if (!isOurs || given.toString("base64url") !== signature) {
        throw new ChironError("forbidden", "the button's value was changed, or was signed with another key");
      }
      const read = payloadOf(Buffer.from(payload, "base64url").toString("utf8") as JsonText);
      if (read.expiresAt > now()) return read;
      throw new ChironError(
        "forbidden",
        `the button ${read.action} has expired at ${new Date(read.expiresAt).toISOString()}`,
      );
    },
  };
}

/** Of a payload whose signature held. */
function payloadOf(text: JsonText): ButtonPayload {
  const members = sliceMembers(text);
  const fields = parseJson(text) as { g: string; t: string; w: string; a: string; c: string; x: number };
  const { g: group, t: taskId, w: workflow, a: action, c: channel, x } = fields;
  return { group, taskId, workflow, action, channel, expiresAt: x * 1_000, input: members.get("i") ?? NULL_JSON };
}
