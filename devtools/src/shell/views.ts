// The views of the page, in the order of the bar; `key` follows g.

export const VIEWS = [
  { name: "runs", label: "Runs", key: "r" },
  { name: "stream", label: "Stream", key: "s" },
  { name: "webhooks", label: "Webhooks", key: "w" },
  { name: "schedules", label: "Schedules", key: "c" },
  { name: "outbox", label: "Outbox", key: "o" },
  { name: "problems", label: "Workflows", key: "p" },
] as const;
