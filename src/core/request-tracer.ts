// How the door tells whoever traces requests about each one it serves. Neither knows the other.

export interface ServedRoute {
  readonly method: string;
  /** With `{name}` for a path parameter. */
  readonly path: string;
}

/** Answers what `answer` does; everything that happens meanwhile belongs to this request. */
export type RequestTracer = (
  route: ServedRoute,
  request: Request,
  answer: () => Promise<Response>,
) => Promise<Response>;
