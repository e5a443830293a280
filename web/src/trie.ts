// SPDX-License-Identifier: MIT
// The tree of continuations, grown from beam frames. A node is one byte; its share of the height
// of its parent is its probability among the siblings that still have lanes.

import type { Frame } from "./frame.ts";

export interface Node {
  parent: Node | null;
  byte: number;
  bits: number;   // cost of this byte
  total: number;  // cost of the path from the root
  depth: number;
  lanes: number;  // living lanes at or below
  children: Node[];
}

export function newRoot(): Node {
  return { parent: null, byte: 0, bits: 0, total: 0, depth: 0, lanes: 1, children: [] };
}

export class Trie {
  root = newRoot();
  lanes: Node[] = [this.root]; // node of each lane of the last frame

  grow(frame: Frame): void {
    const before = this.lanes, next: Node[] = [];
    for (let i = 0; i < frame.byte.length; i++) {
      const parent = before[frame.step === 1 ? 0 : frame.parent[i]];
      const node: Node = {
        parent, byte: frame.byte[i], bits: frame.bits[i], total: parent.total + frame.bits[i],
        depth: parent.depth + 1, lanes: 0, children: [],
      };
      parent.children.push(node);
      next.push(node);
    }
    this.lanes = next;
    this.count();
  }

  // Counts living lanes anew: those that ended take their whole dead branch with them.
  private count(): void {
    const clear = (node: Node): void => {
      node.lanes = 0;
      node.children.forEach(clear);
    };
    clear(this.root);
    for (const leaf of this.lanes)
      for (let n: Node | null = leaf; n; n = n.parent) n.lanes++;
    const prune = (node: Node): void => {
      node.children = node.children.filter((c) => c.lanes > 0);
      node.children.forEach(prune);
    };
    prune(this.root);
  }

  // The node reached by these bytes, or null.
  find(path: Uint8Array): Node | null {
    let node: Node | null = this.root;
    for (const byte of path) node = node?.children.find((c) => c.byte === byte) ?? null;
    return node;
  }
}

export function pathOf(node: Node): Uint8Array {
  const bytes = new Uint8Array(node.depth);
  for (let n: Node = node; n.parent; n = n.parent) bytes[n.depth - 1] = n.byte;
  return bytes;
}

// Children by probability, the likeliest first.
export function ranked(node: Node): Node[] {
  return [...node.children].sort((a, b) => a.bits - b.bits);
}

export function likeliest(node: Node): Node | null {
  return node.children.reduce<Node | null>((best, c) => (!best || c.bits < best.bits ? c : best), null);
}

// Share of a child among its living siblings.
export function shares(node: Node): Map<Node, number> {
  const sum = node.children.reduce((s, c) => s + 2 ** -c.bits, 0);
  return new Map(node.children.map((c) => [c, 2 ** -c.bits / sum]));
}
