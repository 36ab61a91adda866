// The page's files as the API serves them. Where they lie, on disk or inside a binary, is assets.ts's matter.

export interface PageFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same, compressed; null where that gains nothing. */
  readonly gzipped: Uint8Array<ArrayBuffer> | null;
  readonly type: string;
}

export interface PageFiles {
  /** Null while the page has not been built. */
  shell(): PageFile | null;
  /** A file whose name carries the hash of its content. */
  asset(name: string): PageFile | null;
}
