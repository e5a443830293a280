// SPDX-License-Identifier: MIT
// The 512 lanes as bits. Each column is a lane, each group of eight rows a byte that the lanes
// appended, one bit plane a row, the newest group last. A bit that is set is bright in the hue of
// its lane's branch.

import { hueOfByte, isDark, onScheme, pixel } from "./colour.ts";
import type { Frame } from "./frame.ts";

const LANES = 512, BITS = 8, GROUPS = 12, ROWS = BITS * GROUPS;

export class Lanes {
  private image = new ImageData(LANES, ROWS);
  private pixels = new Uint32Array(this.image.data.buffer);
  private branch = new Uint8Array(LANES); // first byte of each lane's continuation
  private palette = new Uint32Array(2 * 256);
  private context: CanvasRenderingContext2D;

  constructor(canvas: HTMLCanvasElement) {
    canvas.width = LANES;
    canvas.height = ROWS;
    this.context = canvas.getContext("2d")!;
    this.mix();
    onScheme(() => this.mix());
  }

  private mix(): void {
    for (let byte = 0; byte < 256; byte++) {
      this.palette[byte] = pixel(hueOfByte(byte), 0.25, isDark() ? 0.16 : 0.93);
      this.palette[256 + byte] = pixel(hueOfByte(byte), 0.55, isDark() ? 0.66 : 0.45);
    }
  }

  grow(frame: Frame): void {
    const { branch, pixels } = this, n = frame.byte.length, last = (ROWS - BITS) * LANES;
    this.branch = frame.step === 1 ? Uint8Array.from(frame.byte)
                                   : Uint8Array.from(frame.parent, (lane) => branch[lane]);
    if (frame.step === 1) pixels.fill(0);
    pixels.copyWithin(0, BITS * LANES);
    pixels.fill(0, last);
    for (let bit = 0; bit < BITS; bit++)
      for (let lane = 0; lane < n; lane++)
        pixels[last + bit * LANES + lane] =
          this.palette[((frame.byte[lane] >> (BITS - 1 - bit)) & 1) << 8 | this.branch[lane]];
  }

  draw(): void { this.context.putImageData(this.image, 0, 0); }
}
