// SPDX-License-Identifier: MIT
// The constraint field: a pattern or a list of words that what grows must keep to, and ready-made
// ones. The server's error stands under it.

import type { Constraint } from "./session.ts";

const READY: [string, string][] = [
  ["no digits", "[^0-9]*"],
  ["one word a line", "([A-Za-z']+\\n)*"],
  ["verse of short lines", "([^\\n]{4,32}\\n)*"],
];

export class Rule {
  private kind = document.getElementById("rule-kind") as HTMLSelectElement;
  private field = document.getElementById("rule") as HTMLInputElement;
  private error = document.getElementById("rule-error") as HTMLElement;
  private ready: HTMLButtonElement[];

  constructor(private apply: (constraint: Constraint | null) => void, leave: () => void) {
    this.ready = READY.map(([name, pattern]) => this.newReady(name, { pattern }));
    this.field.addEventListener("keydown", (e) => {
      if (e.key === "Enter") apply(this.read());
      else if (e.key === "Escape") leave();
      else return;
      e.preventDefault();
    });
    document.getElementById("rule-apply")!.addEventListener("click", () => apply(this.read()));
    document.getElementById("rule-none")!.addEventListener("click", () => apply(null));
  }

  private newReady(name: string, constraint: { pattern: string }): HTMLButtonElement {
    const button = document.createElement("button");
    button.textContent = name;
    button.className = "chip";
    button.dataset.pattern = constraint.pattern;
    button.addEventListener("click", () =>
      this.apply(button.getAttribute("aria-pressed") === "true" ? null : constraint));
    document.getElementById("rule-ready")!.append(button);
    return button;
  }

  private read(): Constraint | null {
    const value = this.field.value;
    if (!value.trim()) return null;
    return this.kind.value === "words" ? { words: value.split(/[\s,]+/).filter(Boolean) } : { pattern: value };
  }

  show(constraint: Constraint | null): void {
    const isWords = constraint !== null && "words" in constraint;
    if (constraint) this.kind.value = isWords ? "words" : "pattern";
    this.field.value = !constraint ? "" : isWords ? constraint.words.join(" ") : (constraint as { pattern: string }).pattern;
    for (const button of this.ready)
      button.setAttribute("aria-pressed", String(!isWords && button.dataset.pattern === this.field.value));
    (document.getElementById("rule-none") as HTMLButtonElement).disabled = !constraint;
    this.showError("");
  }

  showError(message: string): void {
    this.error.textContent = message;
    this.field.setAttribute("aria-invalid", String(message !== ""));
  }

  focus(): void { this.field.focus(); }
}
