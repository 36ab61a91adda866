import { postgresContract } from "./postgres-contract.ts";

postgresContract("Postgres 18", { prefer: "embedded" });
