// SPDX-License-Identifier: MIT
// Where the tree is drawn: columns of equal width per byte, height by probability. Runs of nodes
// without a branch become one piece of text.

import { type Node, shares } from "./trie.ts";

export interface Piece {
  head: Node;  // first node of the run
  tail: Node;  // last node of the run
  bytes: number[];
  x: number;   // in columns, from the root
  y: number;   // 0..1
  height: number;
  share: number;
}

export interface View { node: Node; minHeight: number }

// Pieces from the root of the view on; those lower than minHeight are left out with all below.
export function layOut(view: View): Piece[] {
  const pieces: Piece[] = [];
  const place = (first: Node, y: number, height: number): void => {
    const bytes = [first.byte];
    let tail = first;
    while (tail.children.length === 1) {
      tail = tail.children[0];
      bytes.push(tail.byte);
    }
    pieces.push({ head: first, tail, bytes, x: first.depth - view.node.depth - 1, y, height,
                  share: height });
    spread(tail, y, height);
  };
  const spread = (node: Node, y: number, height: number): void => {
    const parts = shares(node);
    const order = [...node.children].sort((a, b) => a.byte - b.byte); // stable while growing
    for (const child of order) {
      const part = height * (parts.get(child) ?? 0);
      if (part >= view.minHeight) place(child, y, part);
      y += part;
    }
  };
  spread(view.node, 0, 1);
  return pieces;
}

export function pieceAt(pieces: Piece[], column: number, y: number): Piece | null {
  let hit: Piece | null = null;
  for (const p of pieces)
    if (y >= p.y && y < p.y + p.height && column >= p.x && column < p.x + p.bytes.length) hit = p;
  return hit;
}
