// SPDX-License-Identifier: MIT
// The text view: a text area that can be edited anywhere, over a copy of itself that ends in the
// grey continuation. Typing counts as an edit once the hand rests.

import { difference } from "./text.ts";

const PAUSE_MS = 120;

export interface PaperEvents {
  edited(edit: { at: number; remove: number; insert: string }): void;
  typing(): void;
  takeWord(): void;
  takeLine(): void;
  leave(): void;
}

export class Paper {
  private settled = "";
  private mirrored = "";
  private scrolled = 0;
  private isOpen = true; // is there nothing in the way of a grey continuation?
  private timer = 0;
  private isComposing = false;

  constructor(private area: HTMLTextAreaElement, private mirror: HTMLElement,
              private events: PaperEvents) {
    this.settled = area.value;
    area.addEventListener("compositionstart", () => { this.isComposing = true; });
    area.addEventListener("compositionend", () => { this.isComposing = false; this.await(); });
    area.addEventListener("input", () => this.await());
    area.addEventListener("keydown", (e) => this.key(e));
    area.addEventListener("scroll", () => { mirror.scrollTop = this.scrolled = area.scrollTop; });
    document.addEventListener("selectionchange", () => this.look());
    for (const name of ["focus", "blur"]) area.addEventListener(name, () => this.look());
  }

  get text(): string { return this.area.value; }

  private await(): void {
    clearTimeout(this.timer);
    if (!this.isComposing) this.timer = window.setTimeout(() => this.flush(), PAUSE_MS);
    this.events.typing();
  }

  // What was typed and not told yet becomes an edit now.
  flush(): void {
    clearTimeout(this.timer);
    if (this.area.value === this.settled) return;
    const edit = difference(this.settled, this.area.value);
    this.settled = this.area.value;
    this.events.edited(edit);
  }

  // Shows another text, with the caret where it changed.
  show(text: string): void {
    this.settled = text;
    if (this.area.value === text) return;
    const { at, insert } = difference(this.area.value, text);
    this.area.value = text;
    this.area.setSelectionRange(at + insert.length, at + insert.length);
    if (at + insert.length === text.length) this.area.scrollTop = this.area.scrollHeight;
  }

  private look(): void {
    const isOpen = this.isAtEnd() || document.activeElement !== this.area;
    if (isOpen !== this.isOpen) this.events.typing();
    this.isOpen = isOpen;
  }

  private isAtEnd(): boolean {
    const { area } = this;
    return area.selectionStart === area.selectionEnd && area.selectionEnd === area.value.length;
  }

  showGhost(ghost: string): void {
    const { value } = this.area, shown = this.isOpen ? ghost : "";
    const [written, , grey] = this.mirror.children;
    if (this.mirrored === value + shown) return;
    this.mirrored = value + shown;
    written.textContent = value;
    grey.textContent = shown;
    if (this.scrolled) this.mirror.scrollTop = this.scrolled; // costs a layout
  }

  private key(e: KeyboardEvent): void {
    const isPlain = !e.shiftKey && !e.ctrlKey && !e.metaKey && !e.altKey && !this.isComposing;
    if (!isPlain) return;
    if (e.key === "Escape") this.events.leave();
    else if (e.key === "ArrowRight" && this.isAtEnd()) this.events.takeWord();
    else if (e.key === "End" && this.isAtEnd()) this.events.takeLine();
    else return;
    e.preventDefault();
  }

  focus(): void { this.area.focus(); }
}
