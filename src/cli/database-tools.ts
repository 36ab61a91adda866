// What the `chiron db` commands need of a store beside its transitions: what it is made with, how healthy it is, its contents.
import type { Config } from "../config/config.ts";
import type { TransferSource, TransferTarget } from "../ports/store-transfer.ts";
import type { Diagnosis } from "./examination.ts";

export type StoreKind = Config["storeKind"];

/** One file of SQL, a transaction of its own. */
export interface PlannedSql {
  readonly schema: string;
  readonly name: string;
  readonly sql: string;
}

export interface MigrationPlan {
  readonly location: string;
  /** What the store lacks, in the order in which it runs; none: it is up to date. */
  readonly steps: readonly PlannedSql[];
}

/** A file, or a connection string. */
export interface StoreAddress {
  readonly kind: StoreKind;
  readonly place: string;
}

export interface DatabaseTools {
  /** Everything that a new store of this kind is made with. Needs no store. */
  allSql(kind: StoreKind, config: Config): Promise<readonly PlannedSql[]>;
  /** Changes nothing. */
  plan(config: Config): Promise<MigrationPlan>;
  migrate(config: Config): Promise<void>;
  /** Changes nothing. */
  examine(config: Config): Promise<readonly Diagnosis[]>;
  openSource(address: StoreAddress): Promise<TransferSource>;
  openTarget(address: StoreAddress): Promise<TransferTarget>;
}
