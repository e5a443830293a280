// SPDX-License-Identifier: MIT
// The loom: a beginning, its 512 continuations, and the hand of a person on them.

import { type Choice, listChoices } from "./choices.ts";
import { Connection, type Model } from "./connection.ts";
import { Flow } from "./flow.ts";
import { History } from "./history.ts";
import { endsWord, toBase64, toBytes, toLabel, toText } from "./text.ts";
import { likeliest, type Node, pathOf, ranked, Trie } from "./trie.ts";

// What undo goes back to. `avoid` is relative to the end of the text.
interface Loom { text: string; avoid: Uint8Array[]; temperature: number; steps: number; seed: number }

const PAUSE_MS = 120, READING_MS = 400, LANES = 512, MAX_AVOID = 64, N_CHOICES = 9;
const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const text = element<HTMLTextAreaElement>("text"), choices = element("choices");
const info = element("info"), state = element("state"), hint = element("hint");
const temperature = element<HTMLInputElement>("temperature"), steps = element<HTMLInputElement>("steps");

const history = new History<Loom>({
  text: text.value, avoid: [], temperature: Number(temperature.value), steps: Number(steps.value),
  seed: 1,
});
let trie = new Trie();     // what is drawn
let shownRoot = trie.root; // the part of it that still belongs to the text
let cursor: Node | null = null;
let isStale = false, isPaused = false, isRunning = false;
let model: Model | null = null;
let gates = 0, askedAt = 0, timer = 0, readingTimer = 0, listed: Choice[] = [];

const flow = new Flow(element<HTMLCanvasElement>("flow"), {
  hover: (node) => { cursor = node; show(); },
  commit, prune,
});

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const connection = new Connection(`${scheme}//${location.host}/api/lanes`, {
  opened(opened) {
    model = opened;
    askedAt = performance.now();
    element("model").textContent = `${model.name} · ${count(model.n_ands)} AND gates · `
      + `${model.n_state_bits} bits of memory a lane`;
    weave();
  },
  closed() { setState("the server is gone; trying again …", true); },
  frame(frame) {
    if (frame.step === 1) {
      trie = new Trie();
      shownRoot = trie.root;
      cursor = null;
      isStale = false;
      document.body.dataset.firstFrameMs = (performance.now() - askedAt).toFixed(0);
    }
    trie.grow(frame);
    gates += (model?.n_ands ?? 0) * LANES;
    document.body.dataset.lanes = String(frame.byte.length);
    document.body.dataset.step = String(frame.step);
    clearTimeout(readingTimer);
    setState(`${frame.byte.length} lanes · byte ${frame.step} of ${history.now.steps} · `
      + `${count(gates)} gate evaluations`);
    show();
  },
  ended(_id, reason) {
    isRunning = false;
    document.body.dataset.ended = reason;
    if (reason === "exhausted") setState("nothing is left that was not pruned; undo brings it back");
    show();
    element("spoken").textContent = listed.length
      ? "Next words: " + listed.slice(0, 5).map((c) => toText(c.path).trim()).join(", ") : "";
  },
  failed(message) { setState(message, true); },
});

function count(n: number): string {
  const units: [number, string][] = [[1e15, "quadrillion"], [1e12, "trillion"], [1e9, "billion"],
                                     [1e6, "million"], [1e3, "thousand"]];
  const [unit, name] = units.find(([u]) => n >= u) ?? [1, ""];
  return `${(n / unit).toPrecision(3)} ${name}`.trim();
}

function setState(message: string, isBad = false): void {
  state.textContent = message;
  state.classList.toggle("bad", isBad);
}

// Sends the present to the server; what is drawn stays, dimmed, until the first frame.
function weave(): void {
  clearTimeout(timer);
  const now = history.now;
  delete document.body.dataset.ended;
  delete document.body.dataset.firstFrameMs;
  isStale = true;
  isRunning = !isPaused && connection.beam({
    text: now.text, width: LANES, steps: now.steps, temperature: now.temperature, seed: now.seed,
    avoid_base64: now.avoid.map(toBase64),
  });
  clearTimeout(readingTimer);
  if (isRunning) readingTimer = window.setTimeout(() => setState("reading your text …"), READING_MS);
  show();
}

function change(next: Partial<Loom>): void {
  history.push({ ...history.now, ...next });
  apply();
}

function apply(): void {
  askedAt = performance.now();
  const now = history.now;
  if (text.value !== now.text) text.value = now.text;
  temperature.value = String(now.temperature);
  steps.value = String(now.steps);
  hint.hidden = true;
  weave();
}

// ------------------------------------------------------------------------------- steering

function commit(node: Node): void {
  let end: Node = node;
  // never stop in the middle of a character: go on to its last byte
  for (let next = likeliest(end); toText(pathOf(end)).endsWith("�") && next; next = likeliest(end))
    end = next;
  const path = pathOf(end).subarray(shownRoot.depth);
  const avoid = history.now.avoid
    .filter((a) => a.length > path.length && path.every((b, i) => a[i] === b))
    .map((a) => a.subarray(path.length));
  shownRoot = end;
  cursor = null;
  change({ text: history.now.text + toText(path), avoid });
}

function prune(node: Node): void {
  const path = pathOf(node).subarray(shownRoot.depth);
  if (path.length === 0) return;
  cursor = null;
  change({ avoid: [...history.now.avoid, path].slice(-MAX_AVOID) });
}

function undo(): void { if (history.undo()) apply(); }
function redo(): void { if (history.redo()) apply(); }
function reroll(): void { change({ seed: history.now.seed + 1 }); }

function pause(): void {
  isPaused = !isPaused;
  element("pause").textContent = isPaused ? "Go" : "Pause";
  if (isPaused) connection.cancel();
  else weave();
}

function moveCursor(key: string): void {
  const from = cursor ?? shownRoot;
  if (key === "ArrowRight") cursor = likeliest(from) ?? from;
  else if (key === "ArrowLeft") cursor = from.depth > shownRoot.depth + 1 ? from.parent : null;
  else {
    const siblings = ranked(from.parent ?? from);
    const at = siblings.indexOf(from) + (key === "ArrowDown" ? 1 : -1);
    cursor = siblings[Math.max(0, Math.min(siblings.length - 1, at))] ?? likeliest(from);
  }
  show();
}

// The likeliest next word, for Tab.
function acceptWord(): void {
  let node: Node | null = likeliest(shownRoot);
  while (node && !endsWord(pathOf(node).subarray(shownRoot.depth)) && node.children.length)
    node = likeliest(node);
  if (node) commit(node);
}

// ---------------------------------------------------------------------------------- views

function show(): void {
  flow.show(shownRoot, cursor, history.now.steps, isStale);
  const node = cursor;
  const path = node ? pathOf(node).subarray(shownRoot.depth) : null;
  info.textContent = path && path.length
    ? `“${toLabel(path)}”  ${((node?.total ?? 0) - shownRoot.total).toFixed(1)} bits, `
      + `1 in ${count(2 ** ((node?.total ?? 0) - shownRoot.total))}`
    : "Click a continuation to take it, right-click to prune it.";
  document.body.classList.toggle("running", isRunning);
  showChoices();
}

function showChoices(): void {
  listed = listChoices(shownRoot, N_CHOICES).map((c) => ({ ...c, path: c.path }));
  while (choices.children.length < listed.length) choices.append(newChoice(choices.children.length));
  while (choices.children.length > listed.length) choices.lastChild?.remove();
  listed.forEach((choice, i) => {
    const row = choices.children[i] as HTMLElement, label = toLabel(choice.path.subarray(shownRoot.depth));
    const percent = `${(100 * choice.share).toFixed(choice.share < 0.1 ? 1 : 0)} %`;
    row.style.setProperty("--share", String(choice.share / (listed[0].share || 1)));
    (row.querySelector(".words") as HTMLElement).textContent = label;
    (row.querySelector(".share") as HTMLElement).textContent = percent;
    (row.querySelector(".prune") as HTMLElement).setAttribute("aria-label", `prune ${label}`);
  });
}

function newChoice(i: number): HTMLElement {
  const row = document.createElement("li");
  row.innerHTML = `<button class="take"><kbd>${i + 1}</kbd><span class="words"></span>`
    + `<span class="share"></span></button><button class="prune" title="prune">×</button>`;
  row.querySelector(".take")!.addEventListener("click", () => commit(listed[i].node));
  row.querySelector(".prune")!.addEventListener("click", () => prune(listed[i].node));
  return row;
}

// ---------------------------------------------------------------------------------- input

text.addEventListener("input", () => {
  clearTimeout(timer);
  hint.hidden = true;
  timer = window.setTimeout(() => {
    const old = toBytes(history.now.text), now = toBytes(text.value);
    const isLonger = now.length >= old.length && old.every((b, i) => now[i] === b);
    const typed = now.subarray(old.length);
    const avoid = isLonger
      ? history.now.avoid.filter((a) => a.length > typed.length && typed.every((b, i) => a[i] === b))
          .map((a) => a.subarray(typed.length))
      : [];
    history.push({ ...history.now, text: text.value, avoid });
    askedAt = performance.now();
    weave();
  }, PAUSE_MS);
});

text.addEventListener("keydown", (e) => {
  if (e.key === "Tab" && !e.shiftKey && text.selectionStart === text.value.length) {
    e.preventDefault();
    acceptWord();
  } else if (e.key === "Escape") element("flow").focus();
});

document.addEventListener("keydown", (e) => {
  const inText = e.target === text, withControl = e.ctrlKey || e.metaKey;
  if (withControl && e.key.toLowerCase() === "z" && !inText) {
    e.preventDefault();
    if (e.shiftKey) redo(); else undo();
    return;
  }
  if (inText || withControl || e.altKey || e.target instanceof HTMLInputElement) return;
  const onButton = e.target instanceof HTMLButtonElement && (e.key === " " || e.key === "Enter");
  if (onButton || document.querySelector("dialog[open]")) return;
  const index = "123456789".indexOf(e.key);
  if (index >= 0 && e.key.length === 1) {
    if (listed[index]) commit(listed[index].node);
  } else if (e.key.startsWith("Arrow")) moveCursor(e.key);
  else if (e.key === "Enter" && cursor) commit(cursor);
  else if (e.key === "x" && cursor) prune(cursor);
  else if (e.key === "u") undo();
  else if (e.key === "U") redo();
  else if (e.key === "r") reroll();
  else if (e.key === " ") pause();
  else if (e.key === "?") element<HTMLDialogElement>("help").showModal();
  else if (e.key === "t") text.focus();
  else return;
  e.preventDefault();
});

temperature.addEventListener("change", () => change({ temperature: Number(temperature.value) }));
steps.addEventListener("change", () => change({ steps: Number(steps.value) }));
element("undo").addEventListener("click", undo);
element("redo").addEventListener("click", redo);
element("reroll").addEventListener("click", reroll);
element("pause").addEventListener("click", pause);
element("copy").addEventListener("click", () => void navigator.clipboard.writeText(text.value));
element("about").addEventListener("click", () => element<HTMLDialogElement>("help").showModal());
text.setSelectionRange(text.value.length, text.value.length);
