// The views of the page, in the order of the bar; `key` follows g.

export const VIEWS = [
  { name: "runs", label: "Runs", key: "r" },
  { name: "stream", label: "Stream", key: "s" },
  { name: "problems", label: "Workflows", key: "p" },
] as const;
