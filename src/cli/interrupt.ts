// Ctrl-C for commands that wait: the first one ends the waiting, the second one the process. So does a reader of the output that went away.

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
export const INTERRUPTED_EXIT = 130;

/** Runs `work` with a signal that aborts at the first Ctrl-C, or when nobody reads the output any more. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED_EXIT);
    controller.abort();
  };
  const unread = (): void => controller.abort();
  for (const name of SIGNALS) process.on(name, stop);
  process.stdout.on("error", unread);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) process.removeListener(name, stop);
    process.stdout.removeListener("error", unread);
  }
}
