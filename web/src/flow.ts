// SPDX-License-Identifier: MIT
// The flow view: the tree on a canvas. Text runs to the right, height is probability. Zooming in
// on a branch also moves along the text that all of the window shares.

import { hueOfByte, isDark, onScheme } from "./colour.ts";
import { Easel } from "./easel.ts";
import { layOut, nodeAt, type Run, sharedColumns, visible } from "./layout.ts";
import { FIELDS, ON_PATH, PINNED, type Sheet, STRIPED } from "./sheet.ts";
import { toLabel } from "./text.ts";
import { type Node, pathOf } from "./trie.ts";
import { Zoom } from "./zoom.ts";

// In columns: the height of a line of text. In pixels: the others.
const LINE = 1.6;
const LEAST_COLUMN = 6.5, MOST_COLUMN = 17, LEAST_LABEL = 10, LEAST_LINE = 16;
const LEAST_HEIGHT = 0.4, MARGIN = 6, DRAG = 4, CONTEXT_COLUMNS = 4;

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

export class Flow {
  readonly zoom = new Zoom();
  private runs: Run[] = [];
  private easel: Easel;
  private picture: Picture = { root: null, cursor: null, columns: 64, isDimmed: false };
  private path = new Set<Node>(); // from the root to the marked branch
  private width = 0;
  private height = 0;
  private left = 0;   // columns that are scrolled away
  private column = 9; // width in pixels
  private fingers = new Map<number, PointerEvent>();
  private moved = 0;

  constructor(private canvas: HTMLCanvasElement, private events: FlowEvents) {
    this.easel = new Easel(canvas);
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
    onScheme(() => events.changed());
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
    const even = (this.width - 2 * MARGIN) / picture.columns;
    this.column = Math.min(MOST_COLUMN, Math.max(LEAST_COLUMN, even));
    const line = Math.max(LEAST_LINE, LINE * this.column);
    this.runs = picture.root ? layOut(picture.root, this.pixels(), line) : [];
    this.easel.show(() => this.sheet());
  }

  private sheet(): Sheet {
    const { width, height, column, picture: { isDimmed } } = this;
    const top = this.zoom.top * this.pixels();
    this.left = Math.max(0, sharedColumns(this.runs, top, top + height) - CONTEXT_COLUMNS);
    const runs = visible(this.runs, top, top + height, LEAST_HEIGHT).filter((run) =>
      run.x + run.length > this.left && MARGIN + (run.x - this.left) * column < width);
    const boxes = new Float32Array(FIELDS * runs.length), labels: string[] = [];
    let at = 0;
    for (const run of runs) {
      const { head, tail } = run;
      // the part in the window, so that the label of a branch higher than it is seen
      const y = Math.max(run.y - top, 0), bottom = Math.min(run.y + run.height - top, height);
      const kind = (head.depth % 2 ? STRIPED : 0) | (this.path.has(head) ? ON_PATH : 0)
        | (head.isPinned ? PINNED : 0);
      boxes[at++] = MARGIN + (run.x - this.left) * column;
      boxes[at++] = y;
      boxes[at++] = run.length * column;
      boxes[at++] = bottom - y;
      boxes[at++] = hueOfByte(run.first);
      boxes[at++] = kind;
      labels.push(bottom - y >= LEAST_LABEL ? toLabel(pathOf(tail, head.parent)) : "");
    }
    return { width, height, scale: devicePixelRatio || 1, column, isDark: isDark(), isDimmed,
             boxes, labels: labels.join("\n") };
  }
}

function isWithin(run: Run, node: Node): boolean {
  if (node.depth > run.tail.depth || node.depth < run.head.depth) return false;
  let n: Node | null = run.tail;
  while (n && n.depth > node.depth) n = n.parent;
  return n === node;
}
