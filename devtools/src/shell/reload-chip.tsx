// Whether the files on disk are what serves: green with the version, red with what does not load.
import { catalog } from "./catalog.ts";
import { duration } from "./times.ts";

export function ReloadChip() {
  const known = catalog.value;
  if (!known) return null;
  const errors = known.problems.filter(({ severity }) => severity === "error").length;
  const warnings = known.problems.length - errors;
  const served = `${known.workflows.length} workflow${known.workflows.length === 1 ? "" : "s"}`;
  const title = `version ${known.generation.slice(0, 12)}, loaded in ${duration(known.load_ms)}`;
  const parts = [errors > 0 ? `✘ ${errors} not loaded` : `✔ ${served}`, warnings > 0 ? `! ${warnings}` : ""];
  return (
    <a class={`badge reload ${errors > 0 ? "bad" : ""}`} href="/problems" title={title} aria-label="Reload state">
      {parts.filter(Boolean).join("  ")}
    </a>
  );
}
