// SPDX-License-Identifier: MIT
// Undo and redo over immutable states.

export class History<T> {
  private past: T[] = [];
  private future: T[] = [];
  constructor(public now: T) {}

  push(next: T): void {
    this.past.push(this.now);
    this.now = next;
    this.future = [];
  }

  // Replaces the present without a step to undo (typing within one pause).
  replace(next: T): void {
    this.now = next;
  }

  undo(): boolean {
    const last = this.past.pop();
    if (last === undefined) return false;
    this.future.push(this.now);
    this.now = last;
    return true;
  }

  redo(): boolean {
    const next = this.future.pop();
    if (next === undefined) return false;
    this.past.push(this.now);
    this.now = next;
    return true;
  }
}
