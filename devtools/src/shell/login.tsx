// Asks for an API key and hands it to the server, which puts it into a cookie that no script can read. It is in no address and no storage.
import { useSignal } from "@preact/signals";
import { post, type Refusal } from "../data/client.ts";
import { Fault } from "./marks.tsx";

export function Login() {
  const key = useSignal("");
  const fault = useSignal<Refusal | null>(null);
  const enter = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      await post("/api/session/login", JSON.stringify({ key: key.value }));
      key.value = "";
      location.reload();
    } catch (error) {
      fault.value = error as Refusal;
    }
  };
  return (
    <main class="login">
      <h1>Chiron</h1>
      <form onSubmit={(event) => void enter(event)}>
        <label>
          API key
          <input
            type="password"
            autocomplete="off"
            required
            value={key.value}
            onInput={(event) => (key.value = event.currentTarget.value)}
          />
        </label>
        <button type="submit">Enter</button>
      </form>
      {fault.value && <Fault fault={fault.value} />}
      <p class="faint">
        A key that may read is enough: <code>chiron keys create --name me --scope read</code>. The browser keeps it
        until it is closed.
      </p>
    </main>
  );
}
