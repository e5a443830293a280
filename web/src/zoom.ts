// SPDX-License-Identifier: MIT
// What part of the tree's height is seen: a window [top, top + 1 / scale] of 0..1.

const MOST = 4096;

export class Zoom {
  scale = 1;
  top = 0;

  get isWhole(): boolean { return this.scale === 1; }

  // Around a point of the window, 0 (its top) to 1, which stays where it is.
  by(factor: number, at: number): void {
    const fixed = this.top + at / this.scale;
    this.scale = Math.min(MOST, Math.max(1, this.scale * factor));
    this.moveTo(fixed - at / this.scale);
  }

  // By a part of the window's height.
  pan(part: number): void { this.moveTo(this.top + part / this.scale); }

  reset(): void {
    this.scale = 1;
    this.top = 0;
  }

  // So that from..to, parts of the whole height, is seen.
  reveal(from: number, to: number): void {
    const size = 1 / this.scale;
    if (to - from > size || from < this.top) this.moveTo(from);
    else if (to > this.top + size) this.moveTo(to - size);
  }

  private moveTo(top: number): void { this.top = Math.min(1 - 1 / this.scale, Math.max(0, top)); }
}
