// SPDX-License-Identifier: MIT
// Who paints the tree: a thread of its own, so that the page's stays free for hands; or this one,
// where the browser has no such canvas. A sheet that comes while one is being painted waits, and
// only the last of those is painted.

import { paint, type Sheet } from "./sheet.ts";

declare const PAINTER: string; // painter.ts as a script; see build.mjs

export class Easel {
  private painter: Worker | null = null;
  private context: CanvasRenderingContext2D | null = null;
  private waiting: (() => Sheet) | null = null;
  private isBusy = true; // until it is known who paints

  constructor(private canvas: HTMLCanvasElement) {
    try {
      if (!canvas.transferControlToOffscreen) throw new Error("no such canvas");
      const source = URL.createObjectURL(new Blob([PAINTER], { type: "text/javascript" }));
      const painter = new Worker(source);
      painter.onerror = () => this.paintHere();
      painter.onmessage = ({ data }) => {
        if (data === "ready") this.handOver(painter);
        this.go();
      };
    } catch {
      this.paintHere();
    }
  }

  private handOver(painter: Worker): void {
    const canvas = this.canvas.transferControlToOffscreen();
    painter.postMessage(canvas, [canvas]);
    this.painter = painter;
  }

  private paintHere(): void {
    if (this.painter) return;
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.go();
  }

  // The sheet is made when its turn comes.
  show(make: () => Sheet): void {
    this.waiting = make;
    if (!this.isBusy) this.go();
  }

  private go(): void {
    const sheet = this.waiting?.();
    this.waiting = null;
    this.isBusy = sheet !== undefined && this.painter !== null;
    if (!sheet) return;
    if (this.painter) this.painter.postMessage(sheet, [sheet.boxes.buffer]);
    else if (this.context) paint(this.context, sheet);
  }
}
