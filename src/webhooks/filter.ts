// Which deliveries a webhook wants (reference behaviour, section 6.6). Only texts match; what is absent or of another kind does not.

export type FilterNode =
  | { readonly any: readonly FilterNode[] }
  | { readonly all: readonly FilterNode[] }
  | {
      readonly source: "header" | "body";
      readonly key: string;
      readonly op: "equals" | "contains" | "prefix";
      readonly value: string;
    }
  | {
      readonly source: "header" | "body";
      readonly key: string;
      readonly op: "in";
      readonly values: readonly string[];
    };

export interface Filtered {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export function passes(node: FilterNode, delivery: Filtered): boolean {
  if ("any" in node) return node.any.some((one) => passes(one, delivery));
  if ("all" in node) return node.all.every((one) => passes(one, delivery));
  const actual = node.source === "header" ? headerOf(delivery, node.key) : bodyText(delivery.body, node.key);
  if (actual === null) return false;
  switch (node.op) {
    case "equals":
      return actual === node.value;
    case "in":
      return node.values.includes(actual);
    case "contains":
      return actual.includes(node.value);
    case "prefix":
      return actual.trimStart().startsWith(node.value);
  }
}

/** The first leaf that keeps the delivery out, in words for the owner; null when it passes. */
export function whyNot(node: FilterNode, delivery: Filtered): string | null {
  if (passes(node, delivery)) return null;
  if ("all" in node) return node.all.map((one) => whyNot(one, delivery)).find((why) => why !== null) ?? null;
  if ("any" in node) return `none of: ${node.any.map((one) => whyNot(one, delivery)).join("; ")}`;
  const wanted = node.op === "in" ? node.values.map(quote).join(", ") : quote(node.value);
  const actual = node.source === "header" ? headerOf(delivery, node.key) : bodyText(delivery.body, node.key);
  const found = actual === null ? "it is absent or not a text" : `it is ${quote(actual)}`;
  return `${node.source} ${node.key} ${node.op} ${wanted}, but ${found}`;
}

function quote(text: string): string {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(shown);
}

function headerOf({ headers }: Filtered, name: string): string | null {
  const lower = name.toLowerCase();
  return Object.hasOwn(headers, lower) ? headers[lower]! : null;
}

/** Through objects only, by dots. */
function bodyText(body: unknown, path: string): string | null {
  let value = body;
  for (const part of path.split(".")) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, part)) return null;
    value = (value as Record<string, unknown>)[part];
  }
  return typeof value === "string" ? value : null;
}
