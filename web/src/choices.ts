// SPDX-License-Identifier: MIT
// The ranked list of continuations to the next word boundary, and what is pinned.

import type { Loom } from "./session.ts";
import { endsWord, fromBinary } from "./text.ts";
import { findBelow, type Node, pathOf, sumOf, weightOf } from "./trie.ts";

export interface Choice {
  node: Node | null; // null: a pin that is not a continuation of the present text
  path: Uint8Array;  // from the end of the text
  share: number;     // of all that grows; of a pin, what the model gives it
  boost: number;     // bits, of the whole path
  pin: number;       // its number among the pins, or -1
}

const LEAST_SHARE = 0.002;

// Walks down until a word ends, a branch stops growing, or it has become too improbable to list.
export function listChoices(root: Node, limit: number): Choice[] {
  const found: Choice[] = [];
  const walk = (node: Node, share: number, boost: number): void => {
    if (share < LEAST_SHARE) return;
    const path = pathOf(node, root);
    if (node !== root && (endsWord(path) || node.children.length === 0)) {
      found.push({ node, path, share, boost, pin: -1 });
      return;
    }
    const sum = sumOf(node.children, weightOf) || 1;
    for (const child of node.children)
      walk(child, share * weightOf(child) / sum, boost + child.boost);
  };
  walk(root, 1, 0);
  return found.sort((a, b) => b.share - a.share).slice(0, limit);
}

// Those that go on from the present text have a node; the others name their whole text.
export function listPins(root: Node | null, now: Loom): Choice[] {
  return now.pins.map(({ from, path }, pin) => {
    const whole = from + path;
    const isHere = whole.length > now.bytes.length && whole.startsWith(now.bytes);
    const rest = isHere ? whole.slice(now.bytes.length) : whole;
    const node = isHere && root ? findBelow(root, rest) : null;
    const share = node && root ? 2 ** (root.total - node.total) : 0;
    return { node, path: fromBinary(rest), share, boost: 0, pin };
  });
}
