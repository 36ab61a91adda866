// The page around its views: who may look, the bar on top, and which view an address means.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { get, keyWanted } from "../data/client.ts";
import type { Session } from "../data/api.ts";
import { useResource } from "../data/resource.ts";
import { RunPage } from "../run/run-page.tsx";
import { RunsPage } from "../runs/runs-page.tsx";
import { StreamPage } from "../stream/stream-page.tsx";
import { Dialogs } from "../actions/dialog.tsx";
import { OutboxPage } from "../lists/outbox-page.tsx";
import { SchedulesPage } from "../lists/schedules-page.tsx";
import { WebhooksPage } from "../lists/webhooks-page.tsx";
import { useCatalog } from "./catalog.ts";
import { onKey } from "./keys.ts";
import { ProblemsPage } from "./problems-page.tsx";
import { Login } from "./login.tsx";
import { Empty } from "./marks.tsx";
import { followLinks, path } from "./router.ts";
import { session } from "./session.ts";
import { TopBar } from "./top-bar.tsx";

const CHANGES_COUNTS = /^(?:task\.created|run\.(?:started|sleeping|completed|failed|cancelled|released|lost))$/;

export function App() {
  const loaded = useResource<Session>(
    "session",
    (signal) => get("/api/session", signal),
    ({ type }) => CHANGES_COUNTS.test(type),
  );
  useEffect(() => {
    session.value = loaded.data.value;
  }, [loaded.data.value]);
  useCatalog();
  useEffect(() => {
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  if (keyWanted.value) return <Login />;
  return (
    <div class="page" onClick={followLinks}>
      <a class="skip" href="#main">
        To the content
      </a>
      <TopBar />
      <main id="main" tabIndex={-1}>
        {view(path.value)}
      </main>
      <Dialogs />
    </div>
  );
}

const VIEWS_BY_NAME: Readonly<Record<string, () => ComponentChildren>> = {
  runs: RunsPage,
  stream: StreamPage,
  webhooks: WebhooksPage,
  schedules: SchedulesPage,
  outbox: OutboxPage,
  problems: ProblemsPage,
};

function view([name = "runs", id]: readonly string[]): ComponentChildren {
  if (name === "runs" && id !== undefined) return <RunPage key={id} id={id} />;
  const View = VIEWS_BY_NAME[name];
  if (View && id === undefined) return <View />;
  return (
    <Empty title="There is no such page">
      <p>
        The address names nothing that this page can show. <a href="/runs">All runs</a>
      </p>
    </Empty>
  );
}
