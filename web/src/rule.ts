// SPDX-License-Identifier: MIT
// The constraint field: a pattern or a list of words that what grows must keep to, and ready-made
// ones. The server's error stands under it.

import { by, setAttribute, setText } from "./dom.ts";
import type { Constraint } from "./session.ts";

const READY: [string, string][] = [
  ["no digits", "[^0-9]*"],
  ["one word a line", "([A-Za-z']+\\n)*"],
  ["verse of short lines", "([^\\n]{4,32}\\n)*"],
];

const writtenOut = (constraint: Constraint): string =>
  "words" in constraint ? constraint.words.join(" ") : constraint.pattern;

export class Rule {
  private kind = by<HTMLSelectElement>("rule-kind");
  private field = by<HTMLInputElement>("rule");
  private error = by("rule-error");
  private ready: HTMLButtonElement[];
  private shown = "null"; // the constraint, as JSON

  constructor(private apply: (constraint: Constraint | null) => void, leave: () => void) {
    this.ready = READY.map(([name, pattern]) => this.newReady(name, { pattern }));
    this.field.addEventListener("keydown", (e) => {
      if (e.key === "Enter") apply(this.read());
      else if (e.key === "Escape") leave();
      else return;
      e.preventDefault();
    });
    by("rule-apply").addEventListener("click", () => apply(this.read()));
    by("rule-none").addEventListener("click", () => apply(null));
  }

  private newReady(name: string, constraint: { pattern: string }): HTMLButtonElement {
    const button = document.createElement("button");
    button.textContent = name;
    button.className = "chip";
    button.dataset.pattern = constraint.pattern;
    button.addEventListener("click", () =>
      this.apply(button.getAttribute("aria-pressed") === "true" ? null : constraint));
    by("rule-ready").append(button);
    return button;
  }

  private read(): Constraint | null {
    const value = this.field.value;
    if (!value.trim()) return null;
    if (this.kind.value === "pattern") return { pattern: value };
    return { words: value.split(/[\s,]+/).filter(Boolean) };
  }

  // What is half typed stays as long as the constraint does.
  show(constraint: Constraint | null): void {
    if (this.shown === JSON.stringify(constraint)) return;
    this.shown = JSON.stringify(constraint);
    const isWords = constraint !== null && "words" in constraint;
    if (constraint) this.kind.value = isWords ? "words" : "pattern";
    this.field.value = constraint ? writtenOut(constraint) : "";
    for (const button of this.ready)
      setAttribute(button, "aria-pressed",
                   String(!isWords && button.dataset.pattern === this.field.value));
    by<HTMLButtonElement>("rule-none").disabled = !constraint;
    this.showError("");
  }

  showError(message: string): void {
    setText(this.error, message);
    setAttribute(this.field, "aria-invalid", String(message !== ""));
  }

  focus(): void { this.field.focus(); }
}
