// Starts a Node program in place of this process where the platform allows it, else as a child that gets this
// process's signals and ends with it.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import path from "node:path";

/** Runs `exe args…`; never returns to the caller's next statement in a meaningful way: this process becomes the program. */
export function runNode(exe, args) {
  const env = { ...process.env, PATH: path.dirname(exe) + path.delimiter + process.env.PATH };
  if (typeof process.execve === "function" && process.platform !== "win32") {
    process.execve(exe, [exe, ...args], env);
    return;
  }
  // The channel tells the program that this launcher is gone, also after kill -9: no runtime outlives its launcher.
  const child = spawn(exe, args, {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...env, CHIRON_LAUNCHER: "1" },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
}
