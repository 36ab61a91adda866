// From a workflow's input schema to fields, and from what was typed back to JSON text. A field that was left alone is not sent, so that
// the workflow's own default counts. Pure.

export interface Field {
  readonly name: string;
  readonly kind: "text" | "number" | "boolean" | "choice" | "json";
  readonly required: boolean;
  readonly choices: readonly string[];
  /** The default as it would be typed; empty: none. */
  readonly placeholder: string;
  readonly description: string;
}

interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
}

/** Null where the schema does not describe an object: then the input is typed as JSON. */
export function fieldsOf(schema: unknown): Field[] | null {
  const { properties, required = [] } = (schema ?? {}) as Schema;
  if (!properties) return null;
  return Object.entries(properties).map(([name, property]) => ({
    name,
    kind: kindOf(property),
    required: required.includes(name),
    choices: (property.enum ?? []).map((choice) => (typeof choice === "string" ? choice : JSON.stringify(choice))),
    placeholder: property.default === undefined ? "" : typed(property.default),
    description: property.description ?? "",
  }));
}

const typed = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

function kindOf({ type, enum: choices, anyOf }: Schema): Field["kind"] {
  if (choices?.every((choice) => typeof choice === "string")) return "choice";
  const types = [
    ...(typeof type === "string" ? [type] : (type ?? [])),
    ...(anyOf ?? []).flatMap((one) => one.type ?? []),
  ];
  const own = types.filter((one) => one !== "null");
  if (own.length !== 1) return "json";
  if (own[0] === "string") return "text";
  if (own[0] === "integer" || own[0] === "number") return "number";
  return own[0] === "boolean" ? "boolean" : "json";
}

/** The input as JSON text, numbers as they were typed. Throws SyntaxError that names the field. */
export function inputText(fields: readonly Field[], values: Readonly<Record<string, string>>): string {
  const members = fields.flatMap((field) => {
    const value = values[field.name];
    if (value === undefined || value === "") return [];
    return [`${JSON.stringify(field.name)}: ${memberText(field, value)}`];
  });
  return members.length === 0 ? "{}" : `{${members.join(", ")}}`;
}

function memberText({ name, kind }: Field, value: string): string {
  if (kind === "text" || kind === "choice") return JSON.stringify(value);
  try {
    JSON.parse(value);
    return value.trim();
  } catch {
    throw new SyntaxError(`${name} is not valid JSON: ${value.slice(0, 60)}`);
  }
}
