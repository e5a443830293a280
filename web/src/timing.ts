// SPDX-License-Identifier: MIT
// Main-thread time of the last animation frames: what receiving and drawing a step cost together.

const N_KEPT = 512;

export class Timing {
  private kept: number[] = [];
  private running = 0;

  // Counts the work into the animation frame under way.
  measure(work: () => void): void {
    const began = performance.now();
    work();
    this.running += performance.now() - began;
  }

  endFrame(): void {
    this.kept.push(this.running);
    if (this.kept.length > N_KEPT) this.kept.shift();
    this.running = 0;
  }

  // Milliseconds that a part (0.5: the median) of the frames did not exceed.
  quantile(part: number): number {
    const sorted = [...this.kept].sort((a, b) => a - b);
    return sorted[Math.floor(part * (sorted.length - 1))] ?? 0;
  }
}
