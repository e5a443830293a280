// SPDX-License-Identifier: MIT
// Where the tree is drawn: one column per byte, height by probability. Runs of nodes without a
// branch become one piece of text.
//
// 512 lanes share a few hundred pixels, so by probability alone no line could be read. The
// likeliest lanes therefore get at least the height of a line of text; all others share what is
// left by probability. A node is as high as its lanes together.

import { type Node, shares } from "./trie.ts";

export interface Piece {
  head: Node; // first node of the run
  tail: Node; // last node of the run
  bytes: number[];
  x: number;  // in columns, from the root
  y: number;  // in pixels
  height: number;
}

const LINE = 16, LABELLED_PART = 0.8;

function leavesOf(root: Node): { leaf: Node; share: number }[] {
  const found: { leaf: Node; share: number }[] = [];
  const walk = (node: Node, share: number): void => {
    if (node.children.length === 0 && node !== root) found.push({ leaf: node, share });
    for (const [child, part] of shares(node)) walk(child, share * part);
  };
  walk(root, 1);
  return found.sort((a, b) => b.share - a.share);
}

// Pixels of every node below the root.
function heightsOf(root: Node, pixels: number): Map<Node, number> {
  const leaves = leavesOf(root), nLabelled = Math.floor(LABELLED_PART * pixels / LINE);
  const high = leaves.slice(0, nLabelled).map((l) => Math.max(l.share * pixels, LINE));
  const low = leaves.slice(nLabelled).map((l) => l.share * pixels);
  const sum = (list: number[]): number => list.reduce((a, b) => a + b, 0);
  const highSum = sum(high), lowSum = sum(low);
  const highScale = Math.min(1, (lowSum > 0 ? 0.9 : 1) * pixels / (highSum || 1));
  const lowScale = lowSum > 0 ? (pixels - highSum * highScale) / lowSum : 0;
  const stretch = lowSum > 0 ? 1 : pixels / (highSum * highScale || 1);
  const heights = new Map<Node, number>();
  leaves.forEach(({ leaf }, i) => {
    const h = i < nLabelled ? high[i] * highScale * stretch : low[i - nLabelled] * lowScale;
    for (let n: Node | null = leaf; n && n !== root; n = n.parent)
      heights.set(n, (heights.get(n) ?? 0) + h);
  });
  return heights;
}

// Pieces lower than `least` pixels are left out with all below them.
export function layOut(root: Node, pixels: number, least: number): Piece[] {
  const heights = heightsOf(root, pixels), pieces: Piece[] = [];
  const place = (head: Node, y: number, height: number): void => {
    const bytes = [head.byte];
    let tail = head;
    while (tail.children.length === 1) {
      tail = tail.children[0];
      bytes.push(tail.byte);
    }
    pieces.push({ head, tail, bytes, x: head.depth - root.depth - 1, y, height });
    spread(tail, y);
  };
  const spread = (node: Node, top: number): void => {
    let y = top;
    for (const child of [...node.children].sort((a, b) => a.byte - b.byte)) { // stable while growing
      const height = heights.get(child) ?? 0;
      if (height >= least) place(child, y, height);
      y += height;
    }
  };
  spread(root, 0);
  return pieces;
}

export function pieceAt(pieces: Piece[], column: number, y: number): Piece | null {
  return pieces.find((p) => y >= p.y && y < p.y + p.height && column >= p.x
                            && column < p.x + p.bytes.length) ?? null;
}
