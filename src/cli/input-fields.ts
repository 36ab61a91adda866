// The fields of an Input dataclass, read from its JSON Schema, and an input a person can begin with.

export interface InputField {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  /** The default as JSON, or "". */
  readonly defaultText: string;
  /** A value of the type, as JSON. */
  readonly sample: string;
}

type Schema = Readonly<Record<string, unknown>>;

const SAMPLES: Readonly<Record<string, string>> = {
  string: '"…"',
  integer: "1",
  number: "1.5",
  boolean: "true",
  array: "[]",
  object: "{}",
  null: "null",
};

/** The fields in the order of the dataclass; none for a schema that is not an object's. */
export function inputFields(schema: unknown): InputField[] {
  if (!isSchema(schema) || !isSchema(schema["properties"])) return [];
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  return Object.entries(schema["properties"]).map(([name, value]) => {
    const field = isSchema(value) ? value : {};
    const defaultText = "default" in field ? JSON.stringify(field["default"]) : "";
    return {
      name,
      type: typeText(field),
      required: required.includes(name),
      defaultText,
      sample: defaultText === "" ? sampleOf(field) : defaultText,
    };
  });
}

/** An input with every required field, or, when none is required, with the first one. */
export function sampleInput(fields: readonly InputField[]): string {
  const required = fields.filter((field) => field.required);
  const shown = required.length > 0 ? required : fields.slice(0, 1);
  return `{${shown.map(({ name, sample }) => `${JSON.stringify(name)}: ${sample}`).join(", ")}}`;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function typeText(field: Schema): string {
  const { type, anyOf, items, enum: words } = field;
  if (Array.isArray(words)) return words.map((word) => JSON.stringify(word)).join(" | ");
  if (Array.isArray(anyOf)) return anyOf.map((one) => (isSchema(one) ? typeText(one) : "any")).join(" | ");
  if (Array.isArray(type)) return type.join(" | ");
  if (type === "array" && isSchema(items)) return `array of ${typeText(items)}`;
  return typeof type === "string" ? type : "any";
}

function sampleOf(field: Schema): string {
  const { type, anyOf, enum: words } = field;
  if (Array.isArray(words) && words.length > 0) return JSON.stringify(words[0]);
  if (Array.isArray(anyOf)) return isSchema(anyOf[0]) ? sampleOf(anyOf[0]) : "null";
  const first: unknown = Array.isArray(type) ? type[0] : type;
  return (typeof first === "string" ? SAMPLES[first] : undefined) ?? "null";
}
