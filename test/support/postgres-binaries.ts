// Whether a system PostgreSQL is there, so that a test can say why it is skipped; the search is the product's own.
export { hasSystemBinaries } from "../../adapters/postgres/private-binaries.ts";
