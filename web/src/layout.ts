// SPDX-License-Identifier: MIT
// Where the tree is drawn: one column per byte, height by probability. Nodes without a branch
// between them become one run of text.
//
// 512 lanes share a few hundred pixels, so by probability alone no line could be read. The
// likeliest lanes therefore get at least the height of a line of text; all others share what is
// left by probability. A run is as high as its lanes together.

import { type Node, sumOf, tailOf, weightOf } from "./trie.ts";

export interface Run {
  head: Node; // its first node
  tail: Node; // its last node
  first: number; // the byte with which its branch leaves the root
  length: number;
  x: number;  // in columns, from the root
  y: number;  // in pixels
  height: number;
  share: number;
  runs: Run[];
}

const LABELLED_PART = 0.8;

function newRun(head: Node, share: number, root: Node, first: number): Run {
  const tail = tailOf(head);
  return { head, tail, first, length: tail.depth - head.depth + 1, x: head.depth - root.depth - 1,
           y: 0, height: 0, share, runs: runsBelow(tail, share, root, first) };
}

const byByte = (a: Run, b: Run): number => a.head.byte - b.head.byte; // stable while growing

function runsBelow(node: Node, share: number, root: Node, first?: number): Run[] {
  const { children } = node, part = children.length ? share / (sumOf(children, weightOf) || 1) : 0;
  const runs = children.map((child) =>
    newRun(child, part * weightOf(child), root, first ?? child.byte));
  return runs.length > 1 ? runs.sort(byByte) : runs;
}

function leavesOf(runs: Run[], found: Run[] = []): Run[] {
  for (const run of runs) {
    if (run.runs.length) leavesOf(run.runs, found);
    else found.push(run);
  }
  return found;
}

const sum = (list: number[]): number => list.reduce((a, b) => a + b, 0);

// Pinned leaves come first, so that they have a line whatever their probability.
function heightenLeaves(leaves: Run[], pixels: number, line: number): void {
  leaves.sort((a, b) =>
    a.head.isPinned === b.head.isPinned ? b.share - a.share : a.head.isPinned ? -1 : 1);
  const nLabelled = Math.floor(LABELLED_PART * pixels / line);
  const high = leaves.slice(0, nLabelled).map((l) => Math.max(l.share * pixels, line));
  const highSum = sum(high), lowSum = sum(leaves.slice(nLabelled).map((l) => l.share * pixels));
  const highScale = Math.min(1, (lowSum > 0 ? 0.9 : 1) * pixels / (highSum || 1));
  const lowScale = lowSum > 0 ? (pixels - highSum * highScale) / lowSum : 0;
  const stretch = lowSum > 0 ? 1 : pixels / (highSum * highScale || 1);
  leaves.forEach((leaf, i) => {
    leaf.height = i < nLabelled ? high[i] * highScale * stretch : leaf.share * pixels * lowScale;
  });
}

function place(runs: Run[], top: number): number {
  let y = top;
  for (const run of runs) {
    run.y = y;
    if (run.runs.length) run.height = place(run.runs, y) - y;
    y += run.height;
  }
  return y;
}

// `line`: the height of a line of text, in pixels like the whole.
export function layOut(root: Node, pixels: number, line: number): Run[] {
  const runs = runsBelow(root, 1, root);
  heightenLeaves(leavesOf(runs), pixels, line);
  place(runs, 0);
  return runs;
}

// Those that touch top..bottom; runs lower than `least` pixels are left out with all below them.
export function visible(runs: Run[], top: number, bottom: number, least: number,
                        found: Run[] = []): Run[] {
  for (const run of runs) {
    if (run.height < least || run.y >= bottom || run.y + run.height <= top) continue;
    found.push(run);
    visible(run.runs, top, bottom, least, found);
  }
  return found;
}

// How many columns of text all that is between top and bottom has in common.
export function sharedColumns(runs: Run[], top: number, bottom: number): number {
  const run = runs.find((r) => r.y <= top && r.y + r.height >= bottom);
  return run ? Math.max(run.x + run.length, sharedColumns(run.runs, top, bottom)) : 0;
}

export function nodeAt(runs: Run[], column: number, y: number): Node | null {
  const run = runs.find((r) => y >= r.y && y < r.y + r.height);
  if (!run || column < run.x) return null;
  if (column >= run.x + run.length) return nodeAt(run.runs, column, y);
  let node = run.head;
  for (let i = run.x; i < column; i++) node = node.children[0];
  return node;
}
