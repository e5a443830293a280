// SPDX-License-Identifier: MIT
// The flow view: the tree on a canvas. Text runs to the right, height is probability. Zooming in
// on a branch also moves along the text that all of the window shares.

import { hueOf, isDark, onScheme } from "./colour.ts";
import { layOut, nodeAt, type Run, sharedColumns, visible } from "./layout.ts";
import { toLabel } from "./text.ts";
import { type Node, pathOf } from "./trie.ts";
import { Zoom } from "./zoom.ts";

// Sizes in columns: a line of text, its letters, what is high enough for them; ADVANCE is how wide
// a letter is for its size. In pixels: small letters and what is high enough for those.
const LINE = 1.6, LETTERS = 1.4, LARGE_LABEL = 1.5, ADVANCE = 0.602;
const LEAST_COLUMN = 6.5, MOST_COLUMN = 17; // pixels
const SMALL = 10, LEAST_LABEL = 10, LEAST_LINE = 16;
const LEAST_HEIGHT = 0.4, MARGIN = 6, DRAG = 4, CONTEXT_COLUMNS = 4;
const FONT = 'ui-monospace, "DejaVu Sans Mono", monospace';

export interface FlowEvents {
  hover(node: Node | null): void;
  commit(node: Node): void;
  prune(node: Node): void;
  changed(): void; // it wants to be drawn anew
}

export interface Picture {
  root: Node | null;
  cursor: Node | null;
  columns: number;
  isDimmed: boolean;
}

interface Box {
  run: Run;
  hue: number;
  isOnPath: boolean;
  x: number; y: number; width: number; height: number; // in pixels of the window
}

export class Flow {
  readonly zoom = new Zoom();
  private runs: Run[] = [];
  private context: CanvasRenderingContext2D;
  private picture: Picture = { root: null, cursor: null, columns: 64, isDimmed: false };
  private path = new Set<Node>(); // from the root to the marked branch
  private width = 0;
  private height = 0;
  private left = 0;   // columns that are scrolled away
  private column = 9; // width in pixels
  private isDark = false;
  private fingers = new Map<number, PointerEvent>();
  private moved = 0;

  constructor(private canvas: HTMLCanvasElement, private events: FlowEvents) {
    this.context = canvas.getContext("2d", { alpha: false })!;
    canvas.addEventListener("pointermove", (e) => this.move(e));
    canvas.addEventListener("pointerleave", (e) => e.pointerType === "mouse" && events.hover(null));
    canvas.addEventListener("pointerdown", (e) => {
      this.fingers.set(e.pointerId, e);
      if (this.fingers.size === 1) this.moved = 0;
    });
    for (const name of ["pointerup", "pointercancel"] as const)
      addEventListener(name, (e) => this.fingers.delete(e.pointerId));
    canvas.addEventListener("click", (e) => {
      const node = this.moved < DRAG ? this.under(e) : null;
      if (node) events.commit(node);
    });
    canvas.addEventListener("contextmenu", (e) => {
      const node = this.under(e);
      e.preventDefault();
      if (node) events.prune(node);
    });
    canvas.addEventListener("wheel", (e) => {
      // the browser's zoom and the page's scrolling stay theirs
      if (e.ctrlKey || (this.zoom.isWhole && e.deltaY > 0)) return;
      e.preventDefault();
      this.zoomBy(2 ** (-e.deltaY / 240), this.partOf(e));
    }, { passive: false });
    new ResizeObserver(([entry]) => {
      this.width = entry.contentRect.width;
      this.height = entry.contentRect.height;
      events.changed();
    }).observe(canvas);
    onScheme(events.changed);
  }

  zoomBy(factor: number, at = 0.5): void {
    this.zoom.by(factor, at);
    this.canvas.style.touchAction = this.zoom.isWhole ? "pan-y" : "none";
    this.events.changed();
  }

  // Zooms around the marked branch, where there is one.
  zoomAtCursor(factor: number): void {
    const head = this.picture.cursor, run = head && this.runOf(head);
    const middle = run ? (run.y + run.height / 2) / this.pixels() : NaN;
    const at = (middle - this.zoom.top) * this.zoom.scale;
    this.zoomBy(factor, at >= 0 && at <= 1 ? at : 0.5);
  }

  reset(): void {
    this.zoom.reset();
    this.zoomBy(1);
  }

  // So that the marked branch is seen.
  reveal(): void {
    const run = this.picture.cursor && this.runOf(this.picture.cursor), pixels = this.pixels();
    if (run) this.zoom.reveal(run.y / pixels, (run.y + run.height) / pixels);
  }

  private runOf(node: Node): Run | null {
    const find = (runs: Run[]): Run | null => {
      for (const run of runs) {
        if (isWithin(run, node)) return run;
        const below = find(run.runs);
        if (below) return below;
      }
      return null;
    };
    return find(this.runs);
  }

  private pixels(): number { return this.height * this.zoom.scale; }

  private partOf(e: MouseEvent): number {
    const box = this.canvas.getBoundingClientRect();
    return (e.clientY - box.top) / box.height;
  }

  private under(e: MouseEvent): Node | null {
    const x = e.clientX - this.canvas.getBoundingClientRect().left - MARGIN;
    const column = Math.floor(x / this.column + this.left);
    const part = this.partOf(e) / this.zoom.scale + this.zoom.top;
    return nodeAt(this.runs, column, part * this.pixels());
  }

  private move(e: PointerEvent): void {
    const before = this.fingers.get(e.pointerId);
    if (!before) return this.events.hover(this.under(e));
    const other = [...this.fingers.values()].find((f) => f.pointerId !== e.pointerId);
    this.moved += Math.hypot(e.clientX - before.clientX, e.clientY - before.clientY);
    if (other) {
      const now = Math.abs(e.clientY - other.clientY);
      const then = Math.abs(before.clientY - other.clientY);
      this.zoomBy(Math.max(now, 20) / Math.max(then, 20), this.partOf(other));
    } else if (this.moved >= DRAG) {
      this.zoom.pan((before.clientY - e.clientY) / this.height);
      this.events.changed();
    }
    this.fingers.set(e.pointerId, e);
  }

  draw(picture: Picture): void {
    this.picture = picture;
    this.path.clear();
    for (let n = picture.cursor; n; n = n.parent) this.path.add(n);
    const { canvas, context: c, width, height } = this, scale = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const even = (width - 2 * MARGIN) / picture.columns;
    this.column = Math.min(MOST_COLUMN, Math.max(LEAST_COLUMN, even));
    this.isDark = isDark();
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.fillStyle = this.isDark ? "#14161a" : "#f7f6f2"; // the page's
    c.fillRect(0, 0, width, height);
    const line = Math.max(LEAST_LINE, LINE * this.column);
    this.runs = picture.root ? layOut(picture.root, this.pixels(), line) : [];
    if (!picture.root) return;
    const top = this.zoom.top * this.pixels();
    this.left = Math.max(0, sharedColumns(this.runs, top, top + height) - CONTEXT_COLUMNS);
    c.globalAlpha = picture.isDimmed ? 0.45 : 1;
    const boxes = visible(this.runs, top, top + height, LEAST_HEIGHT)
      .map((run) => this.boxOf(run, picture.root!, top))
      .filter((b) => b.x + b.width > 0 && b.x < width);
    for (const box of boxes) this.drawBox(box);
    this.drawLabels(boxes);
    c.globalAlpha = 1;
  }

  // The part of a run that is in the window, so that the label of a branch higher than it is seen.
  private boxOf(run: Run, root: Node, top: number): Box {
    const y = Math.max(run.y - top, 0), bottom = Math.min(run.y + run.height - top, this.height);
    const isOnPath = this.path.has(run.head);
    const x = MARGIN + (run.x - this.left) * this.column;
    return { run, hue: hueOf(run.head, root), isOnPath, x, y,
             width: run.length * this.column, height: bottom - y };
  }

  private drawBox({ run, hue, isOnPath, x, y, width, height }: Box): void {
    const c = this.context, stripe = (run.head.depth % 2) * 3;
    const light = this.isDark ? 20 + stripe + (isOnPath ? 12 : 0)
                              : 91 - stripe - (isOnPath ? 14 : 0);
    c.fillStyle = `hsl(${hue} ${this.isDark ? 34 : 52}% ${light}%)`;
    c.fillRect(x, y, Math.max(width - 1, 1), Math.max(height - 1, 0.7));
    if (!run.head.isPinned) return;
    c.fillStyle = this.isDark ? "#f2c14e" : "#9a6a00";
    c.fillRect(x, y + Math.max(height - 3, 0), Math.max(width - 1, 1), Math.min(2, height));
  }

  // By font, as setting one costs more than a label.
  private drawLabels(boxes: Box[]): void {
    const c = this.context, large = Math.max(SMALL, LETTERS * this.column);
    const labelled = boxes.filter((b) => b.height >= LEAST_LABEL);
    c.textBaseline = "middle";
    for (const isBold of [false, true])
      for (const size of [large, SMALL]) {
        const isLarge = (b: Box): boolean => b.height >= LARGE_LABEL * this.column;
        const some = labelled.filter((b) => b.isOnPath === isBold)
          .filter((b) => isLarge(b) === (size === large));
        if (!some.length) continue;
        c.font = `${isBold ? 600 : 400} ${size}px ${FONT}`;
        c.letterSpacing = `${Math.max(0, this.column - ADVANCE * size)}px`; // one letter a column
        for (const box of some) this.drawLabel(box);
      }
  }

  private drawLabel({ run, hue, isOnPath, x, y, width, height }: Box): void {
    const c = this.context, label = toLabel(pathOf(run.tail, run.head.parent));
    c.fillStyle = this.isDark ? `hsl(${hue} 40% ${isOnPath ? 96 : 84}%)`
                              : `hsl(${hue} 60% ${isOnPath ? 10 : 22}%)`;
    if (label.length <= run.length) c.fillText(label, x, y + height / 2);
    else c.fillText(label, x, y + height / 2, width); // bytes that are no letters
  }
}

function isWithin(run: Run, node: Node): boolean {
  if (node.depth > run.tail.depth || node.depth < run.head.depth) return false;
  let n: Node | null = run.tail;
  while (n && n.depth > node.depth) n = n.parent;
  return n === node;
}
