import { hasSystemBinaries } from "../support/postgres-binaries.ts";
import { describe } from "vitest";
import { postgresContract } from "./postgres-contract.ts";

describe.skipIf(!hasSystemBinaries())("where a Postgres is installed", () => {
  postgresContract("Postgres of this system", { prefer: "system" });
});
