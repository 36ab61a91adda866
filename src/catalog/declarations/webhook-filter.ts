// The `filter` of a webhook: a tree of any, all and leaves (reference behaviour, section 6.6), checked and copied. Depth and size have
// limits, because a filter is evaluated for every delivery.
import type { FilterNode } from "../../webhooks/filter.ts";
import { error, type Fields, type Flaw, isFields } from "./problem.ts";

export const MAX_FILTER_DEPTH = 16;
export const MAX_FILTER_NODES = 500;

const LEAF = '{"source": "body", "key": "action", "op": "equals", "value": "opened"}';

export function readFilter(value: unknown): { readonly value: FilterNode } | { readonly flaw: Flaw } {
  const budget = { left: MAX_FILTER_NODES };
  const read = readNode(value, "filter", MAX_FILTER_DEPTH, budget);
  return typeof read === "string" ? { flaw: error(read, `A leaf is written: ${LEAF}`) } : { value: read };
}

/** The node, or why it is none. */
function readNode(value: unknown, at: string, depth: number, budget: { left: number }): FilterNode | string {
  budget.left -= 1;
  if (budget.left < 0) return `the filter has more than ${MAX_FILTER_NODES} nodes`;
  if (depth === 0) return `the filter is nested deeper than ${MAX_FILTER_DEPTH}`;
  if (!isFields(value)) return `${at} is not a dict`;
  const forms = ["any", "all", "source"].filter((name) => name in value);
  if (forms.length !== 1) return `${at} must be exactly one of any, all or a leaf with source`;
  if (forms[0] === "source") return readLeaf(value, at);
  const form = forms[0] as "any" | "all";
  const members = value[form];
  if (Object.keys(value).length > 1) return `${at} has other fields beside ${form}`;
  if (!Array.isArray(members) || members.length === 0) return `${at}.${form} is not a list of nodes`;
  const nodes: FilterNode[] = [];
  for (const [index, member] of members.entries()) {
    const node = readNode(member, `${at}.${form}[${index}]`, depth - 1, budget);
    if (typeof node === "string") return node;
    nodes.push(node);
  }
  return form === "any" ? { any: nodes } : { all: nodes };
}

function readLeaf(leaf: Fields, at: string): FilterNode | string {
  const { source, key, op, value, values } = leaf;
  if (source !== "header" && source !== "body") return `${at}.source is neither header nor body`;
  if (typeof key !== "string" || key.trim() === "") return `${at}.key is missing`;
  if (op === "in") {
    if (!Array.isArray(values) || !values.every((item): item is string => typeof item === "string")) {
      return `${at}.values is not a list of strings`;
    }
    return { source, key: key.trim(), op, values: [...values] };
  }
  if (op !== "equals" && op !== "contains" && op !== "prefix") {
    return `${at}.op is none of equals, in, contains, prefix`;
  }
  if (typeof value !== "string") return `${at}.value is not a string`;
  return { source, key: key.trim(), op, value };
}
