// The store's contract on a real Postgres, and what of it a database that many processes share cannot promise.
import { storeContract } from "./contract.ts";
import { useLab } from "./postgres-lab.ts";
import type { ServerOptions } from "../support/postgres-server.ts";

export function postgresContract(name: string, options: ServerOptions): void {
  const lab = useLab(options);
  storeContract({
    name,
    open: () => lab.open(),
    skip: [
      {
        test: "no read sees what is not committed",
        reason: "a read runs beside the commit, on a connection of its own, and may see it once it is committed",
      },
    ],
  });
}
