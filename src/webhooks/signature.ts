// The parts of signatures: strict decoding, keyed hashes, comparison in constant time. Nothing here decides what is signed.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

export type Encoding = "hex" | "base64";
export type Algorithm = "sha1" | "sha256";

export function hmac(algorithm: Algorithm, key: string | Buffer, ...parts: readonly (string | Buffer)[]): Buffer {
  const digest = createHmac(algorithm, key);
  for (const part of parts) digest.update(part);
  return digest.digest();
}

/** The bytes a signature text stands for; null unless it is exactly their one spelling (hex may be upper case). */
export function decode(text: string, encoding: Encoding): Buffer | null {
  if (encoding === "hex") return /^(?:[0-9a-f]{2})+$/i.test(text) ? Buffer.from(text, "hex") : null;
  const bytes = Buffer.from(text, "base64");
  return bytes.length > 0 && bytes.toString("base64") === text ? bytes : null;
}

/** Whether two byte strings are equal, in a time that tells nothing about where they differ. */
export function sameBytes(given: Buffer, wanted: Buffer): boolean {
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** The same for texts of any length: their lengths are not told either. */
export function sameText(given: string, wanted: string): boolean {
  return timingSafeEqual(sha256(given), sha256(wanted));
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
