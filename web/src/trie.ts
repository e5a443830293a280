// SPDX-License-Identifier: MIT
// The tree of continuations, grown from beam frames. A node is one byte; its share of the height
// of its parent is its probability among the siblings that have lanes, boosts counted in.
//
// A boost of b bits makes all that begins with a path 2^b times as likely. Its ancestors grow by
// what that adds to them (`lift`), so that shares of siblings, multiplied along a path, are right.

import type { Frame } from "./frame.ts";

export interface Node {
  parent: Node | null;
  byte: number;
  bits: number;   // cost of this byte
  odds: number;   // 2^-bits
  total: number;  // cost of the path from the root
  depth: number;
  lanes: number;  // living lanes at or below
  boost: number;  // bits that a person made it likelier
  lift: number;   // how much likelier it is by boosts of it and below it
  isPinned: boolean; // stays although no lane may live below
  children: Node[];
  tail: Node | null; // a node below, with no branch up to it: where tailOf() got to
}

function newNode(parent: Node | null, byte: number, bits: number, lanes: number): Node {
  return { parent, byte, bits, odds: 2 ** -bits, total: (parent?.total ?? 0) + bits,
           depth: parent ? parent.depth + 1 : 0, lanes, boost: 0, lift: 1, isPinned: false,
           children: [], tail: null };
}

export class Trie {
  root = newNode(null, 0, 0, 1);
  lanes: Node[] = [this.root]; // node of each lane of the last frame
  private marked: Node[] = [];

  grow(frame: Frame): void {
    const before = this.lanes, next: Node[] = new Array(frame.byte.length);
    const nGrown = new Uint16Array(before.length);
    for (let i = 0; i < next.length; i++) {
      const lane = frame.step === 1 ? 0 : frame.parent[i];
      next[i] = Trie.child(before[lane], frame.byte[i], frame.cost[i] / 256);
      nGrown[lane]++;
    }
    this.lanes = next;
    // a lane became nGrown lanes; where that is none, its dead branch goes
    for (let i = 0; i < before.length; i++) Trie.recount(before[i], nGrown[i] - 1);
  }

  private static child(parent: Node, byte: number, bits: number): Node {
    const known = parent.isPinned ? parent.children.find((c) => c.byte === byte) : undefined;
    if (known) {
      known.lanes++;
      return known;
    }
    const node = newNode(parent, byte, bits, 1);
    parent.children.push(node);
    return node;
  }

  private static recount(leaf: Node, change: number): void {
    if (change === 0) return;
    for (let node: Node | null = leaf; node; node = node.parent) {
      node.lanes += change;
      if (node.lanes === 0 && !node.isPinned && node.parent)
        node.parent.children.splice(node.parent.children.indexOf(node), 1);
    }
  }

  // Takes back all boosts and pins.
  unmark(): void {
    for (const node of this.marked) {
      node.boost = 0;
      node.lift = 1;
      node.isPinned = false;
      node.tail = null;
    }
    for (const node of this.marked.reverse())
      if (node.lanes === 0 && node.parent)
        node.parent.children = node.parent.children.filter((c) => c !== node);
    this.marked = [];
  }

  boost(root: Node, path: string, bits: number): void {
    const node = findBelow(root, path);
    if (!node) return;
    node.boost = bits;
    for (let n: Node | null = node; n && n !== root; n = n.parent) {
      n.lift = 2 ** n.boost * liftBelow(n);
      this.marked.push(n);
    }
  }

  // Costs in 1/256 bit. Where the beam lacks the path, it is added without lanes.
  pin(root: Node, path: string, costs: number[]): void {
    let node = root;
    for (let i = 0; i < path.length; i++) {
      const byte = path.charCodeAt(i);
      let child = node.children.find((c) => c.byte === byte);
      if (!child) {
        child = newNode(node, byte, (costs[i] ?? 0) / 256, 0);
        node.children.push(child);
      }
      child.isPinned = true;
      child.tail = null;
      this.marked.push(child);
      node = child;
    }
    root.isPinned = true;
    this.marked.push(root);
  }
}

// The last node of the unbranched run that begins with a node. A node that has children gets no
// more, except by pins, which forget what they cross: so a run once known only grows.
export function tailOf(head: Node): Node {
  let tail = head.tail ?? head;
  while (tail.children.length === 1) tail = tail.children[0];
  head.tail = tail;
  return tail;
}

// The node reached from `root` by these bytes, or null.
export function findBelow(root: Node, path: string): Node | null {
  let node: Node | null = root;
  for (let i = 0; i < path.length && node; i++) {
    const byte = path.charCodeAt(i);
    node = node.children.find((c) => c.byte === byte) ?? null;
  }
  return node;
}

// The bytes from `root`, or from the root of all, to a node.
export function pathOf(node: Node, root: Node | null = null): Uint8Array {
  const from = root?.depth ?? 0, bytes = new Uint8Array(Math.max(0, node.depth - from));
  for (let n: Node = node; n.parent && n.depth > from; n = n.parent)
    bytes[n.depth - from - 1] = n.byte;
  return bytes;
}

export function isBelow(node: Node | null, root: Node): boolean {
  while (node && node !== root) node = node.parent;
  return node === root;
}

const bareWeightOf = (node: Node): number => (node.lanes > 0 ? node.odds : 0);
export const weightOf = (node: Node): number => node.lift * bareWeightOf(node);

export function sumOf(nodes: Node[], value: (node: Node) => number): number {
  let sum = 0;
  for (const node of nodes) sum += value(node);
  return sum;
}

function liftBelow(node: Node): number {
  const bare = sumOf(node.children, bareWeightOf);
  return bare > 0 ? sumOf(node.children, weightOf) / bare : 1;
}

// Children by probability, the likeliest first.
export function ranked(node: Node): Node[] {
  return [...node.children].sort((a, b) => weightOf(b) - weightOf(a));
}

export function likeliest(node: Node): Node | null {
  let best: Node | null = null;
  for (const child of node.children) if (!best || weightOf(child) > weightOf(best)) best = child;
  return best;
}
