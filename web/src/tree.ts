// SPDX-License-Identifier: MIT
// The tree as JSON (docs/formats/session.md): runs of text with their cost and lanes.

import type { Model } from "./connection.ts";
import { type Loom, requestOf } from "./session.ts";
import { type Carried, carry, toBinary } from "./text.ts";
import { type Node, pathOf, ranked } from "./trie.ts";

export const TREE_FORMAT = "bitloom.tree.1";

type Branch = Carried
  & { bits: number; lanes: number; pinned?: true; boost?: number; children?: Branch[] };

function branchOf(head: Node): Branch {
  let tail = head;
  while (tail.children.length === 1 && !tail.boost) tail = tail.children[0];
  const above = head.parent!;
  const branch: Branch = { ...carry(toBinary(pathOf(tail, above))),
                           bits: Number((tail.total - above.total).toFixed(4)), lanes: tail.lanes };
  if (tail.isPinned) branch.pinned = true;
  if (tail.boost) branch.boost = tail.boost;
  if (tail.children.length) branch.children = ranked(tail).map(branchOf);
  return branch;
}

export function writeTree(root: Node, now: Loom, model: Model | null): string {
  const tree = {
    format: TREE_FORMAT, model: model && { name: model.name, sha256: model.sha256 },
    request: requestOf(now), children: ranked(root).map(branchOf),
  };
  return JSON.stringify(tree) + "\n";
}
