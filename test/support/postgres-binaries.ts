// Where tests find a PostgreSQL: the same places as the product.
export { findBinaries, hasSystemBinaries, type BinaryChoice } from "../../adapters/postgres/private-binaries.ts";
