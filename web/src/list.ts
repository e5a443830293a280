// SPDX-License-Identifier: MIT
// The choice list: a listbox of ranked next words and of pins, for keyboard and screen reader. The
// small signs in a row are for a mouse only; keys and the buttons below the list do the same.

import type { Choice } from "./choices.ts";
import { setAttribute, setText } from "./dom.ts";
import { percent, toLabel } from "./text.ts";

export type Act = "take" | "prune" | "pin" | "boost" | "damp";

export interface ListEvents {
  act(act: Act, choice: Choice): void;
  mark(choice: Choice): void;
}

const SIGNS = '<span class="acts" aria-hidden="true">' + [
  ["boost", "likelier (+)", "+"], ["damp", "less likely (-)", "−"], ["pin", "pin (p)", "⚲"],
  ["prune", "prune (x)", "×"],
].map(([act, title, sign]) => `<span data-act="${act}" title="${title}">${sign}</span>`).join("")
  + "</span>";

export class List {
  private shown: Choice[] = [];
  private marked = -1;

  constructor(private box: HTMLElement, private words: HTMLElement, private pins: HTMLElement,
              private events: ListEvents) {
    const choiceAt = (e: Event): Choice | undefined => {
      const row = (e.target as HTMLElement).closest<HTMLElement>("[role=option]");
      return row ? this.shown[Number(row.dataset.at)] : undefined;
    };
    box.addEventListener("click", (e) => {
      const choice = choiceAt(e), act = (e.target as HTMLElement).dataset.act as Act | undefined;
      if (choice) events.act(act ?? "take", choice);
    });
    box.addEventListener("mousemove", (e) => {
      const choice = choiceAt(e);
      if (choice && this.shown[this.marked] !== choice) events.mark(choice);
    });
  }

  get choice(): Choice | null { return this.shown[this.marked] ?? null; }

  at(index: number): Choice | undefined {
    return this.shown[index]?.pin === -1 ? this.shown[index] : undefined;
  }

  // `marked` is the number of the marked one among words and pins together, or -1.
  show(words: Choice[], pins: Choice[], marked: number): void {
    this.shown = [...words, ...pins];
    this.marked = marked;
    this.fill(this.words, words, 0);
    this.fill(this.pins, pins, words.length);
    this.pins.hidden = !pins.length;
    if (marked < 0) this.box.removeAttribute("aria-activedescendant");
    else setAttribute(this.box, "aria-activedescendant", `choice-${marked}`);
  }

  private fill(group: HTMLElement, choices: Choice[], first: number): void {
    while (group.children.length < choices.length) group.append(newRow());
    while (group.children.length > choices.length) group.lastChild?.remove();
    const most = this.shown[0]?.share || 1;
    choices.forEach((choice, i) =>
      showRow(group.children[i], choice, first + i, first + i === this.marked, most));
  }

  // Moves the mark by rows; the first mark is the first row.
  move(by: number): void {
    const last = this.shown.length - 1;
    this.marked = this.marked < 0 ? 0 : Math.max(0, Math.min(last, this.marked + by));
    if (this.choice) this.events.mark(this.choice);
    document.getElementById(`choice-${this.marked}`)?.scrollIntoView({ block: "nearest" });
  }

  focus(): void { this.box.focus(); }
}

function newRow(): HTMLElement {
  const row = document.createElement("div");
  row.setAttribute("role", "option");
  row.innerHTML = '<kbd></kbd><span class="words"></span><span class="boost"></span>'
    + `<span class="share"></span><span class="spoken"></span>${SIGNS}`;
  return row;
}

// `most` is the largest share of the list.
function showRow(row: Element, choice: Choice, at: number, isMarked: boolean, most: number): void {
  const isPinned = choice.pin >= 0, isElsewhere = isPinned && !choice.node;
  const label = toLabel(choice.path), bits = `${(-Math.log2(choice.share)).toFixed(1)} bits`;
  const boost = choice.boost ? (choice.boost > 0 ? "+" : "−") + Math.abs(choice.boost) : "";
  const share = isElsewhere ? "elsewhere" : isPinned ? bits : percent(choice.share);
  setAttribute(row, "data-at", String(at));
  setAttribute(row, "id", `choice-${at}`);
  setAttribute(row, "aria-selected", String(isMarked));
  row.classList.toggle("pinned", isPinned);
  row.classList.toggle("before", label.startsWith("·")); // the dots are drawn, not spoken
  row.classList.toggle("behind", label.endsWith("·"));
  setAttribute(row, "style", `--share: ${isPinned ? 0 : (choice.share / most).toFixed(2)}`);
  const words = label.replace(/^·|·$/g, "");
  const texts = [isPinned ? "⚲" : String(at + 1), isElsewhere ? "… " + words.slice(-40) : words,
                 boost, share, isPinned ? "pinned" : ""];
  setAttribute(row.children[0], "aria-hidden", String(isPinned)); // a sign; the last text says it
  texts.forEach((text, i) => setText(row.children[i], text));
}
