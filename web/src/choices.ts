// SPDX-License-Identifier: MIT
// The ranked list of continuations to the next word boundary.

import { endsWord } from "./text.ts";
import { type Node, pathOf, shares } from "./trie.ts";

export interface Choice {
  node: Node;
  path: Uint8Array;
  share: number; // of all that is drawn
}

// Walks down until a word ends, a branch stops growing, or it has become too improbable to list.
export function listChoices(root: Node, limit: number): Choice[] {
  const found: Choice[] = [];
  const walk = (node: Node, share: number): void => {
    if (share < 0.002) return;
    const path = pathOf(node);
    if (node !== root && (endsWord(path) || node.children.length === 0)) {
      found.push({ node, path, share });
      return;
    }
    for (const [child, part] of shares(node)) walk(child, share * part);
  };
  walk(root, 1);
  return found.sort((a, b) => b.share - a.share).slice(0, limit);
}
