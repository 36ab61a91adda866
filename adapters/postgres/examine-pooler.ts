// What `chiron db doctor` finds out with two connections: whether something between us and the server lends its sessions out by the
// transaction, and whether a notification arrives.
import { randomUUID } from "node:crypto";
import type { Check } from "./examination.ts";
import { lendsByTransaction } from "./pooler.ts";

/** Far longer than a notification takes; it comes in a millisecond or not at all. */
const PATIENCE_MS = 2_000;

export const checkPooler: Check = async (patient) => {
  if (!(await lendsByTransaction(patient))) {
    return { status: "ok", message: "none, or one that keeps a session for a connection" };
  }
  const fix = "Work is done all the same, and found by polling instead of notifications. docs/production.md has more.";
  return { status: "warn", message: "a pooler in transaction mode stands between", fix };
};

export const checkListen: Check = async (patient) => {
  const fix =
    "Runs are found by polling, a quarter of a second later at most. Give Chiron a direct address, or a pooler in session mode.";
  // Not tried there: the pooler would go on listening for us.
  if (await lendsByTransaction(patient)) return { status: "warn", message: "they do not pass the pooler", fix };
  const { connect, client } = patient;
  const listener = await connect();
  const channel = `chiron_doctor_${randomUUID().replaceAll("-", "")}`;
  let timer: NodeJS.Timeout | undefined;
  try {
    const heard = new Promise<boolean>((resolve) => {
      listener.on("notification", () => resolve(true));
      timer = setTimeout(() => resolve(false), PATIENCE_MS);
    });
    await listener.query(`listen ${channel}`);
    const sent = performance.now();
    await client.query("select pg_notify($1, '')", [channel]);
    if (await heard) return { status: "ok", message: `a notification takes ${Math.ceil(performance.now() - sent)} ms` };
    return { status: "warn", message: "notifications do not arrive", fix };
  } finally {
    clearTimeout(timer);
    await listener.end();
  }
};
