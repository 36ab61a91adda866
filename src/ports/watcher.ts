// Tells that files changed. Says when, not what: the loader reads the folders anew.

export interface Watcher {
  /** Watches whole trees for Python files, and single files beside them. Replaces what was watched before. */
  watch(trees: readonly string[], files: readonly string[]): Promise<void>;
  /** Called for each batch of changes, with the changed paths. */
  onChange(listener: (paths: readonly string[]) => void): void;
  close(): Promise<void>;
}
