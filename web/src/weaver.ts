// SPDX-License-Identifier: MIT
// The tree that belongs to a state: asks the server for what grows from it, and keeps the tree
// before on screen until the new one has enough to show.

import type { BeamRequest, Loom } from "./session.ts";
import type { Frame } from "./frame.ts";
import { findBelow, type Node, Trie } from "./trie.ts";

const ENOUGH_STEPS = 16;

export class Weaver {
  private shown: Trie | null = null;
  private shownBytes = "";  // the text that the root of the shown tree stands for
  private coming: Trie | null = null;
  private comingBytes = "";
  private asked = "";       // the request under way or answered, as JSON

  // Does this state need other frames than those asked for?
  isNew(request: BeamRequest): boolean { return JSON.stringify(request) !== this.asked; }

  ask(request: BeamRequest, bytes: string): void {
    this.asked = JSON.stringify(request);
    this.coming = null;
    this.comingBytes = bytes;
  }

  grow(frame: Frame, now: Loom): void {
    if (frame.step === 1) this.coming = new Trie();
    this.coming?.grow(frame);
    if (frame.step >= ENOUGH_STEPS || !this.rootAt(now.bytes)) this.settle();
  }

  // The tree under way becomes the one that is shown; without one, nothing has grown.
  settle(): void {
    this.shown = this.coming ?? new Trie();
    this.shownBytes = this.comingBytes;
    this.coming = this.shown;
  }

  // The node that stands for the end of a text (bytes), if it is in the shown tree.
  rootAt(bytes: string): Node | null {
    return this.shown && bytes.startsWith(this.shownBytes)
      ? findBelow(this.shown.root, bytes.slice(this.shownBytes.length)) : null;
  }

  // What to draw, dimmed, when the shown tree is of another text.
  get former(): Node | null { return this.shown?.root ?? null; }

  // Puts boosts and pins on the tree as the state has them.
  mark(now: Loom): void {
    const root = this.rootAt(now.bytes), at = now.bytes.length;
    this.shown?.unmark();
    if (!root) return;
    for (const { from, path, costs } of now.pins) {
      const whole = from + path, isHere = at >= from.length && at < whole.length;
      if (isHere && whole.startsWith(now.bytes))
        this.shown?.pin(root, whole.slice(at), costs.slice(at - from.length));
    }
    for (const [whole, bits] of now.boosts)
      if (whole.length > at && whole.startsWith(now.bytes))
        this.shown?.boost(root, whole.slice(at), bits);
  }
}
