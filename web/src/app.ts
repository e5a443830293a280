// SPDX-License-Identifier: MIT
// The loom: a text, its 512 continuations, and the hand of a person on them. Every act is an
// operation of the session; what it changes is asked of the server, and all views follow.

import { type Choice, listChoices, listPins } from "./choices.ts";
import { Connection, type Model } from "./connection.ts";
import { Curious } from "./curious.ts";
import { Flow } from "./flow.ts";
import type { Frame } from "./frame.ts";
import { by, setAttribute, setText } from "./dom.ts";
import { endOfLine, endOfWord, ghostOf, wholeCharacter } from "./ghost.ts";
import { type Binding, describe, listen } from "./keys.ts";
import { type Act, List } from "./list.ts";
import { Paper } from "./paper.ts";
import { Rule } from "./rule.ts";
import {
  carryPath, continuationsOf, type ModelName, MOST_PRUNED, type Operation, requestOf, Session,
  type Settings,
} from "./session.ts";
import { Shelf } from "./shelf.ts";
import { recall, remember } from "./store.ts";
import { count, difference, toBinary, toBytes, toLabel, toText } from "./text.ts";
import { Timing } from "./timing.ts";
import { writeTree } from "./tree.ts";
import { findBelow, isBelow, likeliest, type Node, pathOf, ranked } from "./trie.ts";
import { Weaver } from "./weaver.ts";

const SLIDERS = ["temperature", "diversity", "steps", "width", "seed"] as const;
const HOW_TO = matchMedia("(hover: none)").matches
  ? "Tap a continuation to take it; two fingers zoom."
  : "Click a continuation to take it, right-click to prune it; the wheel zooms.";
const READING_MS = 400, WORDS_MS = 120, N_CHOICES = 9, MOST_COSTS = 1024;
const state = by("state"), marks = document.body.dataset; // marks: what tests and styles wait for

let session = new Session(null);
let model: Model | null = null;
let cursor: Node | null = null;      // the marked branch
let elsewhere = -1;                  // or the marked pin, where that is of another text
let listed: Choice[] = [], pinned: Choice[] = [];
let isPaused = false, isRunning = false, hasBegun = false;
let scheduled: "nothing" | "tree" | "all" = "nothing";
let askedAt = 0, readingTimer = 0, wordsAt = 0;
let latest: Frame | null = null;     // received, but not drawn yet

const weaver = new Weaver(), timing = new Timing();

// ------------------------------------------------------------------------------ the server

const connection = new Connection({
  connected: () => void begin(),
  greeted(greeting) {
    model = curious.model = greeting;
    if (session.model && session.model.sha256 !== model.sha256) open(session);
    session.model ??= nameOf(model);
    by("model").textContent = `${model.name} · ${count(model.n_ands)} AND gates · `
      + `${model.n_state_bits} bits of memory a lane`;
  },
  closed() { say("The server is gone; trying again …", true); },
  frame(frame, data) {
    timing.measure(() => {
      const path = cursor && here() ? toBinary(pathOf(cursor, here())) : "";
      const before = here();
      weaver.grow(frame, session.now);
      if (before !== here()) cursor = path && here() ? findBelow(here()!, path) : null;
      curious.grow(frame, data);
    });
    if (frame.step === 1) marks.firstFrameMs = (performance.now() - askedAt).toFixed(0);
    clearTimeout(readingTimer);
    latest = frame;
    draw(performance.now() - wordsAt >= WORDS_MS || frame.step === 1);
  },
  ended(reason) {
    clearTimeout(readingTimer);
    isRunning = false;
    weaver.settle();
    sayLatest();
    marks.print = curious.print;
    marks.frameMs = timing.quantile(0.5).toFixed(2);
    marks.frameP95Ms = timing.quantile(0.95).toFixed(2);
    if (reason === "exhausted")
      say("Nothing is left that the constraint and what you pruned allow; undo brings it back.");
    render();
    marks.ended = reason;
    const words = listed.slice(0, 5).map((c) => toText(c.path).trim());
    speak(words.length ? "Next words: " + words.join(", ") : "");
  },
  failed(message, field) {
    clearTimeout(readingTimer);
    isRunning = false;
    if (field === "pattern" || field === "words") rule.showError(message);
    if (field === "pattern_bytes") rule.showError(`${message}; “Set” lets it begin here.`);
    say(message, true);
    marks.ended = "failed";
    draw();
  },
  stats(stats) { curious.told(stats); },
});

const curious = new Curious(by<HTMLDetailsElement>("curious"), timing, () => connection.askStats());

function say(message: string, isBad = false): void {
  setText(state, message);
  state.classList.toggle("bad", isBad);
}

function speak(message: string): void { by("spoken").textContent = message; }

function notice(message: string): void {
  by("notice").textContent = message;
  by("notice").hidden = !message;
}

// Asks for what grows from the present, unless that is what grows already.
function weave(isForced = false): void {
  const request = requestOf(session.now);
  if (!connection.isOpen || isPaused || (!isForced && !weaver.isNew(request))) return;
  delete marks.ended;
  delete marks.firstFrameMs;
  rule.showError("");
  weaver.ask(request, session.now.bytes);
  connection.beam(request);
  isRunning = true;
  clearTimeout(readingTimer);
  readingTimer = window.setTimeout(() => say("Reading your text …"), READING_MS);
}

// ----------------------------------------------------------------------------- the session

const here = (): Node | null => weaver.rootAt(session.now.bytes);

function act(operation: Operation): void {
  paper.flush();
  if (!session.append(operation)) return;
  shelf.written(session);
  apply();
}

// Shows the present everywhere.
function apply(): void {
  const { now } = session;
  askedAt = performance.now();
  const root = here();
  if (!cursor || !root || cursor === root || !isBelow(cursor, root)) cursor = null;
  elsewhere = -1;
  paper.show(now.text);
  rule.show(now.constraint);
  for (const name of SLIDERS)
    by<HTMLInputElement>(name).value = String(now[name]);
  setAttribute(by("diversity"), "aria-valuetext", `${now.diversity} bits`);
  setAttribute(by("steps"), "aria-valuetext", `${now.steps} bytes`);
  by<HTMLButtonElement>("undo").disabled = !session.canUndo;
  by<HTMLButtonElement>("redo").disabled = !session.canRedo;
  weave();
  draw();
}

const nameOf = (of: Model | null): ModelName | null => of && { name: of.name, sha256: of.sha256 };

// Opens a session. One of another model keeps its text and settings here, but none of its marks.
function open(opened: Session): void {
  const isForeign = opened.model && model && opened.model.sha256 !== model.sha256;
  const { text, temperature, diversity, width, steps, seed, constraint } = opened.now;
  const own = nameOf(model);
  const start = {
    text, temperature, diversity, width, steps, seed, ...(constraint && { constraint }),
  };
  session = isForeign ? new Session(own, start) : opened;
  session.model ??= own;
  notice(isForeign ? `This session was woven with the model ${opened.model!.name} `
    + `(${opened.model!.sha256.slice(0, 8)}); here is ${own!.name} (${own!.sha256.slice(0, 8)}). `
    + "Its text and settings are kept; what grows is other, and prunes, pins and boosts are left "
    + "out." : "");
  cursor = null;
  flow.reset();
  apply();
}

// With a connection; what model is behind it is perhaps not known yet.
async function begin(): Promise<void> {
  if (hasBegun) return weave(true);
  hasBegun = true;
  paper.flush(); // typed before there was a connection
  if (!session.operations.length && await shelf.begin()) return;
  apply();
}

// ------------------------------------------------------------------------------- steering

function take(node: Node): void {
  const root = here();
  if (!root || !isBelow(node, root) || node === root) return;
  const text = toText(pathOf(wholeCharacter(node, root), root));
  cursor = null;
  flow.zoom.reset();
  act({ op: "commit", text });
  speak("Took " + text.trim());
}

function takePin(choice: Choice): void {
  if (choice.node) return take(choice.node);
  act({ op: "edit", ...difference(session.now.text, toText(choice.path)) });
}

function prune(node: Node): void {
  const root = here();
  if (!root || !isBelow(node, root) || node === root) return;
  const path = pathOf(node, root);
  cursor = null;
  act({ op: "prune", ...carryPath(path) });
  const n = continuationsOf(session.now.pruned, session.now.bytes).length;
  speak(`Pruned ${toText(path).trim()}`);
  if (n > MOST_PRUNED)
    say(`Only the last ${MOST_PRUNED} prunes of one place hold; the first may grow again.`);
}

function pin(node: Node): void {
  const root = here();
  if (!root || !isBelow(node, root) || node === root) return;
  if (node.depth - root.depth > MOST_COSTS) return;
  const known = pinned.find((c) => c.node === node), costs: number[] = [];
  if (known) return unpin(known.pin);
  for (let n: Node = node; n !== root && n.parent; n = n.parent)
    costs.unshift(Math.min(65535, Math.round(256 * n.bits)));
  act({ op: "pin", ...carryPath(pathOf(node, root)), costs });
  speak(`Pinned ${toText(pathOf(node, root)).trim()}`);
}

function unpin(index: number): void {
  act({ op: "unpin", pin: index });
  speak("No longer pinned");
}

function boost(node: Node, bits: number): void {
  const root = here();
  if (!root || !isBelow(node, root) || node === root) return;
  act({ op: "boost", ...carryPath(pathOf(node, root)), bits });
  speak(`${bits > 0 ? "Likelier" : "Less likely"}: ${toText(pathOf(node, root)).trim()}`);
}

const ACTS: Record<Act, (node: Node) => void> = {
  take, prune, pin, boost: (node) => boost(node, 1), damp: (node) => boost(node, -1),
};

function actOn(name: Act, choice: Choice): void {
  if (choice.pin >= 0 && name === "take") takePin(choice);
  else if (choice.pin >= 0 && (name === "pin" || name === "prune")) unpin(choice.pin);
  else if (choice.node) ACTS[name](choice.node);
}

// What Enter, x, p, + and - are about: the marked pin of another text, or the marked branch.
function actOnMarked(name: Act): void {
  if (elsewhere >= 0 && pinned[elsewhere]) actOn(name, pinned[elsewhere]);
  else if (cursor) ACTS[name](cursor);
  else say("Mark a branch first: Esc, then the arrow keys.");
}

function mark(node: Node | null, pinOfOther = -1): void {
  cursor = node;
  elsewhere = pinOfOther;
  draw();
}

function walk(key: string): void {
  const root = here();
  if (!root) return;
  const from = cursor ?? root;
  if (key === "ArrowRight") mark(likeliest(from) ?? from);
  else if (key === "ArrowLeft") mark(from.depth > root.depth + 1 ? from.parent : null);
  else {
    const siblings = ranked(from === root ? root : from.parent!);
    const at = from === root ? 0 : siblings.indexOf(from) + (key === "ArrowDown" ? 1 : -1);
    mark(siblings[Math.max(0, Math.min(siblings.length - 1, at))] ?? null);
  }
  flow.reveal();
  if (cursor)
    speak(`${toLabel(pathOf(cursor, root))}, ${(cursor.total - root.total).toFixed(1)} bits`);
}

function move(key: string): void {
  const isVertical = key === "ArrowUp" || key === "ArrowDown";
  if (document.activeElement === by("flow") || !isVertical) walk(key);
  else list.move(key === "ArrowDown" ? 1 : -1);
}

function set(settings: Partial<Settings>): void { act({ op: "set", ...settings }); }
function undo(): void { act({ op: "undo" }); }
function redo(): void { act({ op: "redo" }); }
function reroll(): void { set({ seed: (session.now.seed + 1) % 2 ** 32 }); }

function pause(): void {
  isPaused = !isPaused;
  by("pause").textContent = isPaused ? "Go" : "Pause";
  if (isPaused) connection.cancel();
  else weave(true);
}

// ---------------------------------------------------------------------------------- views

const flow = new Flow(by<HTMLCanvasElement>("flow"), {
  hover: (node) => mark(node), commit: take, prune, changed: draw,
});
const list = new List(by("choices"), by("choices-words"), by("choices-pins"), {
  act: actOn,
  mark: (choice) => mark(choice.node, choice.node ? -1 : choice.pin),
});
const paper = new Paper(by<HTMLTextAreaElement>("text"), by("mirror"), {
  edited(edit) {
    session.append({ op: "edit", ...edit });
    shelf.written(session);
    apply();
  },
  typing: draw,
  takeWord: () => takeGhost(endOfWord),
  takeLine: () => takeGhost(endOfLine),
  leave: () => list.focus(),
});
const rule = new Rule((constraint) => act({ op: "constrain", ...constraint }), () => list.focus());
const shelf = new Shelf({
  opened: open,
  asked() {
    paper.flush();
    return session;
  },
  tree: () => { const root = here(); return root ? writeTree(root, session.now, model) : ""; },
  say,
  refuse: notice,
});

function takeGhost(end: (root: Node) => Node | null): void {
  paper.flush();
  const root = here(), node = root && end(root);
  if (node) take(node);
}

// Draws once an animation frame, however many steps arrive. While lanes grow, words that change
// with every step could not be read, and cost the browser a layout: only the tree grows with each.
function draw(isAll = true): void {
  const isScheduled = scheduled !== "nothing";
  if (isAll || !isScheduled) scheduled = isAll ? "all" : "tree";
  if (isScheduled) return;
  requestAnimationFrame(() => {
    const work = scheduled === "all" ? render : renderTree;
    scheduled = "nothing";
    timing.measure(work);
    timing.endFrame();
  });
}

function markedRow(): number {
  if (elsewhere >= 0) return listed.length + elsewhere;
  if (!cursor) return -1;
  const rows = [...listed, ...pinned], exact = rows.findIndex((c) => c.node === cursor);
  if (exact >= 0) return exact;
  return rows.findIndex((c) => c.node && (isBelow(c.node, cursor!) || isBelow(cursor, c.node)));
}

function sayLatest(): void {
  if (!latest) return;
  const lanes = latest.byte.length, { step } = latest;
  marks.lanes = String(lanes);
  marks.step = String(step);
  say(`${lanes} lanes · byte ${step} of ${session.now.steps} · ${count(curious.gates)} gates run`);
  latest = null;
}

function renderTree(): void {
  const root = here(), { now } = session;
  weaver.mark(now);
  if (cursor && (!root || !isBelow(cursor, root))) cursor = null;
  flow.draw({ root: root ?? weaver.former, cursor, columns: now.steps, isDimmed: !root });
  curious.draw();
}

function renderWords(): void {
  const root = here(), { now } = session;
  wordsAt = performance.now();
  listed = root ? listChoices(root, N_CHOICES) : listed.map((c) => ({ ...c, node: null }));
  pinned = listPins(root, now);
  list.show(listed, pinned, markedRow());
  if (listed.length) marks.firstBeamMs ??= performance.now().toFixed(0); // since navigation
  const ghostRoot = weaver.rootAt(toBinary(toBytes(paper.text)));
  paper.showGhost(ghostRoot ? ghostOf(ghostRoot) : "");
  setText(by("info"), cursor && root && cursor !== root
    ? `“${toLabel(pathOf(cursor, root))}”  ${(cursor.total - root.total).toFixed(1)} bits, `
      + `1 in ${count(2 ** (cursor.total - root.total))}`
    : HOW_TO);
  for (const id of ["take", "prune", "pin", "boost", "damp"])
    by<HTMLButtonElement>(id).disabled = !cursor && elsewhere < 0;
  document.body.classList.toggle("running", isRunning);
  sayLatest();
}

function render(): void {
  renderTree();
  renderWords();
}

// ---------------------------------------------------------------------------------- input

const help = by<HTMLDialogElement>("help"), keysOn = by<HTMLInputElement>("keys-on");
const BINDINGS: Binding[] = [
  { keys: [..."123456789"], shown: "1 … 9", does: "take a choice of the list",
    run: (key) => { const choice = list.at(Number(key) - 1); if (choice) actOn("take", choice); } },
  { keys: [], shown: "→ End", does: "at the end of the text: take a word, or the line" },
  { keys: [], shown: "Esc", does: "from the text to the list" },
  { keys: ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"], shown: "↑ ↓ ← →",
    does: "mark a branch: rows of the list, or steps in the tree", run: move },
  { keys: ["Enter"], shown: "Enter", does: "take the marked branch",
    run: () => actOnMarked("take") },
  { keys: ["x", "Delete"], shown: "x", does: "prune it: it grows no more",
    run: () => actOnMarked("prune") },
  { keys: ["p"], shown: "p", does: "pin it: it stays, whatever grows; again: let it go",
    run: () => actOnMarked("pin") },
  { keys: ["+", "="], shown: "+", does: "twice as likely", run: () => actOnMarked("boost") },
  { keys: ["-"], shown: "-", does: "half as likely", run: () => actOnMarked("damp") },
  { keys: ["/"], shown: "/", does: "constrain what grows: a pattern, or words",
    run: () => rule.focus() },
  { keys: ["e", "t"], shown: "e", does: "edit the text, anywhere in it", run: () => paper.focus() },
  { keys: ["u"], shown: "u Ctrl-Z", does: "undo", run: undo },
  { keys: ["U"], shown: "U Ctrl-Shift-Z", does: "redo", run: redo },
  { keys: ["r"], shown: "r", does: "draw again, with a new seed", run: reroll },
  { keys: ["a"], shown: "a", does: "how adventurous", run: () => by("temperature").focus() },
  { keys: ["d"], shown: "d", does: "how diverse", run: () => by("diversity").focus() },
  { keys: [" "], shown: "space", does: "pause or go on", run: pause },
  { keys: ["g"], shown: "g", does: "to the tree", run: () => by("flow").focus() },
  { keys: ["l", "Escape"], shown: "l", does: "to the list", run: () => list.focus() },
  { keys: ["z"], shown: "z", does: "zoom in on the marked branch; also wheel and drag",
    run: () => flow.zoomAtCursor(2) },
  { keys: ["Z"], shown: "Z", does: "zoom out", run: () => flow.zoomAtCursor(0.5) },
  { keys: ["0"], shown: "0", does: "the whole tree", run: () => flow.reset() },
  { keys: ["s"], shown: "s", does: "sessions: links, files, what this browser keeps",
    run: () => by("sessions-open").click() },
  { keys: ["b"], shown: "b", does: "lanes and gates: the bits",
    run: () => by("curious").toggleAttribute("open") },
  { keys: ["?"], shown: "?", does: "this help", run: () => help.showModal() },
];

describe(BINDINGS, by<HTMLTableElement>("keys"));
keysOn.checked = recall("keys") !== "off";
keysOn.addEventListener("change", () => remember("keys", keysOn.checked ? "on" : "off"));
listen(BINDINGS, () => keysOn.checked, undo, redo);

for (const name of SLIDERS)
  by<HTMLInputElement>(name).addEventListener("change", (e) => {
    const input = e.target as HTMLInputElement;
    if (input.checkValidity() && input.value !== "") set({ [name]: Number(input.value) });
    else input.value = String(session.now[name]);
  });
const clicks: Record<string, () => void> = {
  undo, redo, reroll, pause,
  "zoom-in": () => flow.zoomAtCursor(2),
  "zoom-out": () => flow.zoomAtCursor(0.5),
  "zoom-all": () => flow.reset(),
  about: () => help.showModal(),
  "hint-done": () => {
    by("hint").hidden = true;
    remember("hint", "seen");
    paper.focus();
  },
};
for (const name of Object.keys(ACTS) as Act[]) clicks[name] = () => actOnMarked(name);
for (const [id, work] of Object.entries(clicks)) by(id).addEventListener("click", work);
by("hint").hidden = recall("hint") !== null;
by<HTMLTextAreaElement>("text").setSelectionRange(paper.text.length, paper.text.length);
