// SPDX-License-Identifier: MIT
// The likeliest continuation, which stands grey behind the text: a word of it, or its line.

import { endsWord, toText } from "./text.ts";
import { likeliest, type Node, pathOf } from "./trie.ts";

const MOST_BYTES = 96, NEWLINE = 10;

// To the end of the line, at most.
export function endOfLine(root: Node): Node | null {
  let node = likeliest(root);
  for (let next = node; next && next.depth - root.depth <= MOST_BYTES; next = likeliest(next)) {
    node = next;
    if (next.byte === NEWLINE) break;
  }
  return node;
}

export function endOfWord(root: Node): Node | null {
  let node = likeliest(root);
  while (node && !endsWord(pathOf(node, root)) && node.children.length) node = likeliest(node);
  return node;
}

export function ghostOf(root: Node): string {
  const end = endOfLine(root);
  return end ? toText(pathOf(end, root)).replace(/\uFFFD+$|\n$/, "") : "";
}

// Goes on to the last byte of a character that the path would cut.
export function wholeCharacter(node: Node, root: Node): Node {
  const isCut = (at: Node): boolean => toText(pathOf(at, root)).endsWith("\uFFFD");
  let end = node;
  for (let next = likeliest(end); next && isCut(end); next = likeliest(end)) end = next;
  return end;
}
