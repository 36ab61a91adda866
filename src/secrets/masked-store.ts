// A store that is told no secrets by accident: log lines and failures are masked on their way in. Inputs, results and recorded steps are the
// user's data and stay as they are, because a workflow must get back what it stored.
import type { JsonText } from "../core/json-text.ts";
import { NO_MASK, type Mask } from "../core/redaction.ts";
import type { Store } from "../ports/store.ts";
import type { Failure } from "../ports/store-types.ts";
import { withMethod } from "./with-method.ts";

export function maskedStore(store: Store, mask: Mask): Store {
  if (mask === NO_MASK) return store;
  return {
    ...store,
    logs: withMethod(store.logs, "append", (lines) =>
      store.logs.append(
        lines.map((line) => ({
          ...line,
          message: mask(line.message),
          fields: line.fields === null ? null : (mask(line.fields) as JsonText),
        })),
      ),
    ),
    progress: withMethod(store.progress, "fail", (requests) =>
      store.progress.fail(requests.map((request) => ({ ...request, failure: maskedFailure(request.failure, mask) }))),
    ),
  };
}

function maskedFailure(failure: Failure, mask: Mask): Failure {
  const { message, traceback } = failure;
  return {
    ...failure,
    message: mask(message),
    ...(traceback === undefined ? {} : { traceback: mask(traceback) }),
  };
}
