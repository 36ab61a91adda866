// The bar on top: which project and store this is, where the views are, and whether the page is up to date.
import { openStart } from "../actions/start-dialog.tsx";
import { post } from "../data/client.ts";
import { connection } from "../data/live.ts";
import { ClockChip } from "./clock-chip.tsx";
import { openPalette } from "./palette.tsx";
import { ReloadChip } from "./reload-chip.tsx";
import { path } from "./router.ts";
import { session } from "./session.ts";
import { VIEWS } from "./views.ts";

const CONNECTION = { connecting: "◌ connecting", live: "● live", lost: "✘ not connected" } as const;

export function TopBar() {
  const known = session.value;
  const here = path.value[0] ?? "runs";
  return (
    <header class="bar">
      <a class="brand" href="/runs">
        {known?.project || "Chiron"}
      </a>
      {known && (
        <span class="badge" title={known.store.location}>
          {known.store.kind === "sqlite" ? "SQLite" : "Postgres"}
        </span>
      )}
      {known && <ClockChip />}
      <ReloadChip />
      <nav aria-label="Views">
        {VIEWS.map(({ name, label }) => (
          <a key={name} href={`/${name}`} aria-current={here === name ? "page" : undefined}>
            {label}
          </a>
        ))}
      </nav>
      <span class="gap" />
      <button type="button" title="Ctrl K or ⌘ K" onClick={openPalette}>
        Go to…
      </button>
      {known?.read_only === false && (
        <button type="button" class="primary" onClick={() => openStart()}>
          Start…
        </button>
      )}
      {known?.read_only && (
        <span class="badge" title="Changes are made from the command line or with the API">
          read-only
        </span>
      )}
      <span class={`connection ${connection.value}`} role="status">
        {CONNECTION[connection.value]}
      </span>
      {known?.read_only && (
        <button type="button" onClick={() => void post("/api/session/logout").finally(() => location.reload())}>
          Leave
        </button>
      )}
    </header>
  );
}
