// How an attempt failed, in its own words.
import type { Failure } from "../data/api.ts";
import { LongText, visible } from "../shell/json-tree.tsx";

export function FailureView({ failure }: { readonly failure: Failure }) {
  return (
    <section class="fault" aria-label="Failure">
      <strong>{visible(failure.name)}</strong>
      {failure.crash !== undefined && <code> {visible(failure.crash)}</code>}
      <p>
        <LongText text={failure.message} />
      </p>
      {failure.traceback !== undefined && (
        <details open>
          <summary>Traceback</summary>
          <pre>
            <LongText text={failure.traceback} />
          </pre>
        </details>
      )}
    </section>
  );
}
