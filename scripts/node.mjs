// Runs its arguments with a Node new enough for this repository.
//   node scripts/node.mjs [node options] file.ts [args]
import { findNode, NO_NODE } from "./find-node.mjs";
import { runNode } from "./run-node.mjs";

const exe = findNode();
if (!exe) {
  console.error(NO_NODE);
  process.exit(1);
}
runNode(exe, process.argv.slice(2));
