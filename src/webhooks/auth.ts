// A webhook's `auth` in its one normal form, and the provider that it means. Reading what a file declares into this form is the catalog's
// matter (reference behaviour, section 6.3).
import type { Provider } from "./provider.ts";
import { basic, bearer, genericHmac, queryToken } from "./providers/generic.ts";
import { type ProviderName, providerNamed } from "./providers.ts";

interface Guarded {
  /** The name of an environment variable, or of several while a secret is exchanged: any of them verifies, the first one signs. */
  readonly secret_ref: string | readonly string[];
}

export type WebhookAuth =
  | { readonly type: "none" }
  | (Guarded & {
      readonly type: "hmac";
      readonly signature_header: string;
      readonly algorithm: "sha1" | "sha256";
      readonly signature_prefix: string;
      readonly encoding: "hex" | "base64";
    })
  | (Guarded & { readonly type: "bearer"; readonly header: string; readonly scheme: string })
  | (Guarded & { readonly type: "basic" })
  | (Guarded & { readonly type: "query"; readonly parameter: string })
  | (Guarded & { readonly type: ProviderName });

/** Who signs deliveries of this webhook; null: nobody does. */
export function providerOf(auth: WebhookAuth): Provider | null {
  switch (auth.type) {
    case "none":
      return null;
    case "hmac": {
      const { signature_header: header, signature_prefix: prefix, algorithm, encoding } = auth;
      return genericHmac({ header, prefix, algorithm, encoding });
    }
    case "bearer":
      return bearer(auth.header, auth.scheme);
    case "basic":
      return basic;
    case "query":
      return queryToken(auth.parameter);
    default:
      return providerNamed(auth.type);
  }
}

/** The variables that hold this webhook's secrets, the one in use first. */
export function secretRefsOf(auth: WebhookAuth): readonly string[] {
  if (auth.type === "none") return [];
  return typeof auth.secret_ref === "string" ? [auth.secret_ref] : auth.secret_ref;
}
