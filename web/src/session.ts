// SPDX-License-Identifier: MIT
// A session: where it began, and every operation since. The page's state is what the operations
// make of the beginning, so that undo, sharing, recovery and tests are one mechanism; the format
// is docs/formats/session.md.
//
// A mark (prune, pin, boost) belongs to the text before it. It is kept as the whole text that it
// ends, in bytes; it counts where the present text is a beginning of that, and again after undo.

import { type Carried, carry, toBinary, toBytes, uncarry } from "./text.ts";

export interface Settings {
  temperature: number; diversity: number; width: number; steps: number; seed: number;
}
export type Constraint = { pattern: string } | { words: string[] };
export interface Start extends Settings { text: string; constraint?: Constraint }
export interface ModelName { name: string; sha256: string }

export type Operation =
  | { op: "edit"; at: number; remove: number; insert: string }
  | { op: "commit"; text: string }
  | { op: "prune" } & Carried
  | { op: "pin"; costs: number[] } & Carried
  | { op: "unpin"; pin: number }
  | { op: "boost"; bits: number } & Carried
  | { op: "constrain" } & Partial<{ pattern: string; words: string[] }>
  | { op: "set" } & Partial<Settings>
  | { op: "undo" } | { op: "redo" };

export interface Pin {
  from: string;    // the text when it was pinned, a binary string
  path: string;    // how it went on, a binary string
  costs: number[]; // of each byte of the path, in 1/256 bit
}

export interface Loom extends Settings {
  text: string;
  bytes: string; // the text as a binary string
  pruned: string[];
  pins: Pin[];
  boosts: ReadonlyMap<string, number>; // bits that a branch is likelier than the model says
  constraint: Constraint | null;
  heldFrom: number; // where in the text the constraint begins to read
}

export const BEGINNING: Start = {
  text: "It was a ", temperature: 0.5, diversity: 0, width: 512, steps: 96, seed: 1,
};
export const MOST_PRUNED = 64; // the server's limit
const MOST_MARKS = 256, MOST_BITS = 64, MOST_UNDO = 1000; // older ones are forgotten

const withText = (now: Loom, text: string): Loom =>
  ({ ...now, text, bytes: toBinary(toBytes(text)) });

export function loomOf(start: Start): Loom {
  const { constraint, ...rest } = start;
  return withText({ ...rest, bytes: "", pruned: [], pins: [], boosts: new Map(),
                    constraint: constraint ?? null, heldFrom: start.text.length }, start.text);
}

const newest = <T>(marks: T[], mark: T): T[] => [...marks.slice(1 - MOST_MARKS), mark];

type Change = Exclude<Operation, { op: "undo" | "redo" }>;

function boosted(now: Loom, whole: string, bits: number): ReadonlyMap<string, number> {
  const sum = Math.max(-MOST_BITS, Math.min(MOST_BITS, (now.boosts.get(whole) ?? 0) + bits));
  const others = [...now.boosts].filter(([other]) => other !== whole).slice(1 - MOST_MARKS);
  return new Map(sum === 0 ? others : [...others, [whole, sum]]);
}

function edited(now: Loom, at: number, remove: number, insert: string): Loom {
  const moved = Math.max(at, now.heldFrom - remove) + insert.length;
  const heldFrom = at >= now.heldFrom ? now.heldFrom : moved;
  const text = now.text.slice(0, at) + insert + now.text.slice(at + remove);
  return withText({ ...now, heldFrom }, text);
}

function changed(now: Loom, change: Change): Loom {
  switch (change.op) {
    case "edit": return edited(now, change.at, change.remove, change.insert);
    case "commit": return withText(now, now.text + change.text);
    case "prune": return { ...now, pruned: newest(now.pruned, now.bytes + uncarry(change)) };
    case "pin": {
      const pin = { from: now.bytes, path: uncarry(change), costs: change.costs };
      return { ...now, pins: newest(now.pins, pin) };
    }
    case "unpin": return { ...now, pins: now.pins.filter((_, i) => i !== change.pin) };
    case "boost": return { ...now, boosts: boosted(now, now.bytes + uncarry(change), change.bits) };
    case "constrain": {
      const { op: _, ...constraint } = change;
      const isNone = constraint.pattern === undefined && constraint.words === undefined;
      return { ...now, constraint: isNone ? null : constraint as Constraint,
               heldFrom: now.text.length };
    }
    case "set": {
      const { op: _, ...settings } = change;
      return { ...now, ...settings };
    }
  }
}

export class Session {
  operations: Operation[] = [];
  now: Loom;
  private past: Loom[] = [];
  private future: Loom[] = [];

  constructor(public model: ModelName | null, public start: Start = BEGINNING,
              operations: Operation[] = [], public began = new Date().toISOString()) {
    this.now = loomOf(start);
    operations.forEach((o) => this.append(o));
  }

  get canUndo(): boolean { return this.past.length > 0; }
  get canRedo(): boolean { return this.future.length > 0; }

  // Does the operation and writes it down; undo and redo with nothing to do are not written.
  append(operation: Operation): boolean {
    if (operation.op === "undo" || operation.op === "redo") {
      const isBack = operation.op === "undo";
      const [from, to] = isBack ? [this.past, this.future] : [this.future, this.past];
      const other = from.pop();
      if (!other) return false;
      to.push(this.now);
      this.now = other;
    } else {
      this.past.push(this.now);
      if (this.past.length > MOST_UNDO) this.past.shift();
      this.now = changed(this.now, operation);
      this.future = [];
    }
    this.operations.push(operation);
    return true;
  }
}

// What is behind the present text in those of the wholes that begin with it.
export const continuationsOf = (wholes: string[], bytes: string): string[] =>
  wholes.filter((w) => w.length > bytes.length && w.startsWith(bytes))
    .map((w) => w.slice(bytes.length));

export interface BeamRequest extends Settings {
  text: string;
  avoid_base64: string[];
  pattern?: string;
  words?: string[];
  pattern_bytes?: number;
}

// All that decides which frames the server sends.
export function requestOf(now: Loom): BeamRequest {
  const { text, temperature, diversity, width, steps, seed } = now;
  const nHeld = now.constraint ? toBytes(text.slice(now.heldFrom)).length : 0;
  return { text, width, steps, temperature, diversity, seed, ...now.constraint,
           ...(nHeld && { pattern_bytes: nHeld }),
           avoid_base64: continuationsOf(now.pruned, now.bytes).slice(-MOST_PRUNED).map(btoa) };
}

export const carryPath = (path: Uint8Array): Carried => carry(toBinary(path));
