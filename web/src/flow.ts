// SPDX-License-Identifier: MIT
// The flow view: the tree on a canvas. Text runs to the right, height is probability.

import { layOut, pieceAt, type Piece } from "./layout.ts";
import { toLabel } from "./text.ts";
import type { Node } from "./trie.ts";

const LABEL_HEIGHT = 10, LEAST_HEIGHT = 0.4, MARGIN = 6;

export interface FlowEvents {
  hover(node: Node | null): void;
  commit(node: Node): void;
  prune(node: Node): void;
}

export class Flow {
  private pieces: Piece[] = [];
  private context: CanvasRenderingContext2D;
  private root: Node | null = null;
  private cursor: Node | null = null;
  private isStale = false;
  private columns = 64;
  private scheduled = false;

  constructor(private canvas: HTMLCanvasElement, events: FlowEvents) {
    this.context = canvas.getContext("2d")!;
    const nodeAt = (e: MouseEvent): Node | null => {
      const box = canvas.getBoundingClientRect();
      const x = e.clientX - box.left - MARGIN;
      const column = Math.floor(x / this.columnWidth());
      const piece = pieceAt(this.pieces, column, e.clientY - box.top);
      let node = piece?.head ?? null;
      for (let i = column - (piece?.x ?? 0); node && i > 0 && node !== piece?.tail; i--)
        node = node.children[0];
      return node;
    };
    canvas.addEventListener("mousemove", (e) => events.hover(nodeAt(e)));
    canvas.addEventListener("mouseleave", () => events.hover(null));
    canvas.addEventListener("click", (e) => {
      const node = nodeAt(e);
      if (node) events.commit(node);
    });
    canvas.addEventListener("contextmenu", (e) => {
      const node = nodeAt(e);
      e.preventDefault();
      if (node) events.prune(node);
    });
    new ResizeObserver(() => this.schedule()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.schedule());
  }

  show(root: Node | null, cursor: Node | null, columns: number, isStale: boolean): void {
    Object.assign(this, { root, cursor, columns, isStale });
    this.schedule();
  }

  private columnWidth(): number {
    return Math.min(9, Math.max(6.5, (this.canvas.clientWidth - 2 * MARGIN) / this.columns));
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  private draw(): void {
    const { canvas, context: c } = this, scale = devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    c.scale(scale, scale);
    c.clearRect(0, 0, width, height);
    if (!this.root) return;
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const column = this.columnWidth();
    this.pieces = layOut(this.root, height, LEAST_HEIGHT);
    const path = new Set<Node>();
    for (let n = this.cursor; n; n = n.parent) path.add(n);
    c.globalAlpha = this.isStale ? 0.45 : 1;
    c.textBaseline = "middle";
    for (const piece of this.pieces) this.drawPiece(piece, column, isDark, path);
    c.globalAlpha = 1;
  }

  private drawPiece(p: Piece, column: number, isDark: boolean, path: Set<Node>): void {
    const c = this.context, x = MARGIN + p.x * column, { y, height: h } = p;
    const w = p.bytes.length * column, isOnPath = path.has(p.head);
    const hue = hueOf(p.head), depth = p.head.depth;
    const light = isDark ? 20 + (depth % 2) * 3 + (isOnPath ? 12 : 0)
                         : 91 - (depth % 2) * 3 - (isOnPath ? 14 : 0);
    c.fillStyle = `hsl(${hue} ${isDark ? 34 : 52}% ${light}%)`;
    c.fillRect(x, y, Math.max(w - 1, 1), Math.max(h - 1, 0.7));
    if (h < LABEL_HEIGHT) return;
    const size = Math.min(Math.max(10, h * 0.82), column * 1.55), gap = column - 0.602 * size;
    c.font = `${isOnPath ? 600 : 400} ${size}px ui-monospace, "DejaVu Sans Mono", monospace`;
    c.fillStyle = isDark ? `hsl(${hue} 40% ${isOnPath ? 96 : 84}%)` : `hsl(${hue} 60% ${isOnPath ? 10 : 22}%)`;
    c.save();
    c.beginPath();
    c.rect(x, y, w - 1, h - 1);
    c.clip();
    c.letterSpacing = `${Math.max(0, gap)}px`; // one letter a column, where the browser can
    c.fillText(toLabel(new Uint8Array(p.bytes)), x + Math.max(0, gap / 2), y + h / 2);
    c.restore();
  }
}

// One hue for everything that begins with the same byte, far from its neighbours'.
function hueOf(node: Node): number {
  let first = node;
  while (first.parent?.parent) first = first.parent;
  return (first.byte * 137.5) % 360;
}
