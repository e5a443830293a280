// SPDX-License-Identifier: MIT
// Tests of the modules without a page: node test/run.mjs. Bundles them first, as Node.js reads no
// TypeScript.

import { build } from "esbuild";
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const out = join(mkdtempSync(join(tmpdir(), "loom-")), "modules.mjs");
await build({
  stdin: {
    contents: ["choices", "frame", "ghost", "layout", "log", "session", "share", "text", "tree", "trie",
               "weaver", "zoom"]
      .map((m) => `export * from "./src/${m}.ts";`).join("\n"),
    resolveDir: new URL("..", import.meta.url).pathname,
  },
  bundle: true, format: "esm", outfile: out, logLevel: "error",
});
const m = await import(out);

function frame(step, lanes) { // [[parent, bits, letter], ...]
  return { id: 1, step, parent: Uint16Array.from(lanes, (l) => l[0]),
           cost: Uint16Array.from(lanes, (l) => 256 * l[1]),
           byte: Uint8Array.from(lanes, (l) => l[2].charCodeAt(0)) };
}

test("a frame is decoded as the protocol says", () => {
  const view = new DataView(new ArrayBuffer(12 + 5 * 2));
  [[0, 1]].forEach(([at, v]) => view.setUint8(at, v));
  view.setUint16(2, 2, true);
  view.setUint32(4, 77, true);
  view.setUint32(8, 3, true);
  view.setUint16(12, 5, true);
  view.setUint16(16, 512, true);
  view.setUint8(20, 97);
  const f = m.decodeFrame(view.buffer);
  assert.deepEqual([f.id, f.step, f.parent[0], f.cost[0], f.byte[0]], [77, 3, 5, 512, 97]);
  assert.throws(() => m.decodeFrame(new ArrayBuffer(13)));
});

test("lanes that end take their branch with them", () => {
  const trie = new m.Trie();
  trie.grow(frame(1, [[0, 1, "a"], [0, 1, "b"]]));
  trie.grow(frame(2, [[0, 1, "x"], [0, 2, "y"]]));
  assert.equal(trie.root.children.length, 1);
  assert.equal(trie.root.lanes, 2);
  assert.equal(m.toText(m.pathOf(trie.lanes[1])), "ay");
  assert.equal(trie.lanes[1].total, 3);
  assert.equal(m.likeliest(trie.root.children[0]), trie.lanes[0]);
  assert.equal(m.findBelow(trie.root, "ax"), trie.lanes[0]);
});

test("choices stop at word ends and are ranked", () => {
  const trie = new m.Trie();
  trie.grow(frame(1, [[0, 1, "a"], [0, 2, "t"]]));
  trie.grow(frame(2, [[0, 0, " "], [1, 0, "o"]]));
  trie.grow(frame(3, [[0, 0, "b"], [1, 0, " "]]));
  const found = m.listChoices(trie.root, 9).map((c) => m.toText(c.path));
  assert.deepEqual(found, ["a ", "to "]);
});

test("runs cover the height and keep the order of bytes", () => {
  const trie = new m.Trie();
  trie.grow(frame(1, [[0, 1, "b"], [0, 1, "a"], [0, 3, "c"]]));
  const runs = m.layOut(trie.root, 300, 16);
  assert.deepEqual(runs.map((r) => String.fromCharCode(r.head.byte)), ["a", "b", "c"]);
  assert.ok(Math.abs(runs.reduce((s, r) => s + r.height, 0) - 300) < 1e-6);
  assert.equal(m.nodeAt(runs, 0, 299), runs[2].head);
  assert.equal(m.nodeAt(runs, 1, 299), null);
  assert.deepEqual(m.visible(runs, runs[1].y + 1, runs[1].y + 2, 0.4), [runs[1]]);
  assert.equal(m.sharedColumns(runs, runs[1].y + 1, runs[1].y + 2), 1);
  assert.equal(m.sharedColumns(runs, 0, 300), 0);
});

test("a pin stays when the beam leaves it, and goes with its operation", () => {
  const trie = new m.Trie();
  trie.pin(trie.root, "ax", [256, 512]);
  trie.grow(frame(1, [[0, 1, "a"], [0, 1, "b"]]));
  trie.grow(frame(2, [[1, 1, "x"], [1, 2, "y"]]));
  const pin = m.findBelow(trie.root, "ax");
  assert.equal(pin.total, 3);
  assert.equal(pin.lanes, 0);
  assert.equal(m.tailOf(trie.root.children[0]), pin);
  trie.unmark();
  assert.equal(m.findBelow(trie.root, "a"), null);
  assert.equal(trie.root.lanes, 2);
});

test("a pin in the middle of a run ends the run there", () => {
  const trie = new m.Trie();
  trie.grow(frame(1, [[0, 1, "a"]]));
  trie.grow(frame(2, [[0, 1, "b"]]));
  assert.equal(m.tailOf(trie.root.children[0]).byte, 98);
  trie.pin(trie.root, "ac", [0, 0]);
  assert.equal(m.tailOf(trie.root.children[0]).byte, 97);
  trie.unmark();
  assert.equal(m.tailOf(trie.root.children[0]).byte, 98);
});

test("lanes are counted as by counting anew", () => {
  const trie = new m.Trie();
  let seed = 1, n = 1;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  for (let step = 1; step <= 40; step++) {
    const seen = new Set(), lanes = [];
    for (let i = 0; i < 60; i++) {
      const parent = random(n), letter = String.fromCharCode(97 + random(5));
      if (!seen.has(parent + letter)) lanes.push([parent, 1, letter]);
      seen.add(parent + letter);
    }
    trie.grow(frame(step, lanes));
    n = lanes.length;
  }
  const check = (node) => {
    const below = node.children.reduce((sum, c) => sum + check(c), 0);
    assert.equal(node.lanes, below || 1);
    return node.lanes;
  };
  assert.equal(check(trie.root), n);
});

test("a boost moves a choice up, by bits", () => {
  const trie = new m.Trie();
  trie.grow(frame(1, [[0, 1, "a"], [0, 2, "b"]]));
  trie.boost(trie.root, "b", 2);
  const [first] = m.listChoices(trie.root, 9);
  assert.equal(m.toText(first.path), "b");
  assert.equal(first.boost, 2);
  assert.ok(Math.abs(first.share - 2 / 3) < 1e-9);
});

test("a boost far down counts as much", () => {
  const trie = new m.Trie();
  trie.grow(frame(1, [[0, 1, "a"], [0, 1, "b"]]));
  trie.grow(frame(2, [[0, 1, "x"], [0, 1, "y"], [1, 0, "z"]]));
  trie.boost(trie.root, "ax", 2); // 1 : 1 : 2 becomes 4 : 1 : 2
  const found = m.listChoices(trie.root, 9).map((c) => [m.toText(c.path), Math.round(7 * c.share)]);
  assert.deepEqual(found, [["ax", 4], ["bz", 2], ["ay", 1]]);
  trie.unmark();
  assert.equal(m.toText(m.listChoices(trie.root, 9)[0].path), "bz");
});

test("labels show what cannot be seen", () => {
  assert.equal(m.toLabel(m.toBytes("a\nb ")), "a⏎b·");
  assert.equal(m.toLabel(Uint8Array.of(0xc3)), "‹c3›");
  assert.equal(m.endsWord(m.toBytes(" the ")), true);
  assert.equal(m.endsWord(m.toBytes(" th")), false);
});

const SHA = "0".repeat(64), MODEL = { name: "tiny", sha256: SHA };
const SETTINGS = { temperature: 0.5, diversity: 0, width: 512, steps: 96, seed: 1 };

function busySession() {
  const session = new m.Session(MODEL, { text: "It was a ", ...SETTINGS }, [],
                                "2026-01-01T00:00:00.000Z");
  for (const operation of [
    { op: "commit", text: "dark " }, { op: "prune", text: "night" },
    { op: "pin", text: "and ", costs: [256, 512, 3, 4] }, { op: "boost", text: "h", bits: 1 },
    { op: "boost", text_base64: "gw==", bits: -2 },
    { op: "edit", at: 0, remove: 2, insert: "Da, es" },
    { op: "constrain", pattern: "[a-z ]*" }, { op: "undo" }, { op: "constrain", words: ["a", "b"] },
    { op: "set", temperature: 0.9, seed: 7 }, { op: "undo" }, { op: "redo" },
    { op: "unpin", pin: 0 }, { op: "undo" },
  ]) assert.ok(session.append(operation));
  return session;
}

test("a session follows from its log", () => {
  const session = busySession(), log = m.writeLog(session), again = m.readLog(log);
  assert.deepEqual(again.now, session.now);
  assert.equal(m.writeLog(again), log);
  assert.deepEqual(m.requestOf(again.now), m.requestOf(session.now));
  assert.equal(session.now.text, "Da, es was a dark ");
  assert.deepEqual(m.requestOf(session.now).words, ["a", "b"]);
  assert.equal(session.now.pins.length, 1);
});

test("undo takes back everything, one operation at a time", () => {
  const session = busySession(), end = session.now;
  let n = 0;
  while (session.append({ op: "undo" })) n++;
  assert.equal(n, 8);
  assert.deepEqual(session.now, m.loomOf({ text: "It was a ", ...SETTINGS }));
  while (session.append({ op: "redo" })) n--;
  assert.equal(session.now.pins.length, 0); // the last was undone already
  session.append({ op: "undo" });
  assert.deepEqual(session.now, end);
});

test("a constraint goes on over commits and edits", () => {
  const session = new m.Session(MODEL, { text: "a ", ...SETTINGS });
  const held = () => m.requestOf(session.now).pattern_bytes ?? 0;
  session.append({ op: "constrain", pattern: "[a-z ]*" });
  assert.equal(held(), 0);
  session.append({ op: "commit", text: "dürr " });
  assert.equal(held(), 6); // bytes, not characters
  session.append({ op: "edit", at: 0, remove: 1, insert: "there was" }); // before it began
  assert.equal(held(), 6);
  session.append({ op: "edit", at: 15, remove: 0, insert: "x" }); // at the end
  assert.equal(held(), 7);
  session.append({ op: "undo" });
  assert.equal(held(), 6);
  session.append({ op: "edit", at: 8, remove: 3, insert: "s d" }); // across where it began
  assert.equal(session.now.text, "there was dürr ");
  assert.equal(held(), 5);
  const again = m.readLog(m.writeLog(session));
  assert.deepEqual(m.requestOf(again.now), m.requestOf(session.now));
  session.append({ op: "constrain", pattern: "[a-z ]*" }); // anew
  assert.equal(held(), 0);
});

test("marks belong to the text before them", () => {
  const session = new m.Session(MODEL, { text: "a ", ...SETTINGS });
  session.append({ op: "prune", text: "dark night" });
  assert.deepEqual(m.requestOf(session.now).avoid_base64, [btoa("dark night")]);
  session.append({ op: "commit", text: "dark " });
  assert.deepEqual(m.requestOf(session.now).avoid_base64, [btoa("night")]);
  session.append({ op: "edit", at: 0, remove: 1, insert: "the" });
  assert.deepEqual(m.requestOf(session.now).avoid_base64, []);
});

test("a log of strangers is refused by line", () => {
  const [head] = m.writeLog(busySession()).split("\n");
  const refused = (log, message) => assert.throws(() => m.readLog(log), message);
  refused("", /empty/);
  refused("{}", /line 1: not a session/);
  refused("[1", /line 1: /);
  refused(head + "\nnull", /line 2: not a JSON object/);
  refused(head + '\n{"op":"undo"}\n{"op":"erase"}', /line 3: there is no operation "erase"/);
  refused(head + '\n{"op":"__proto__"}', /line 2: there is no operation/);
  refused(head + '\n{"op":"edit","at":-1,"remove":0,"insert":""}', /line 2: "at"/);
  refused(head + '\n{"op":"prune"}', /line 2: expected one of text, text_base64/);
  refused(head + '\n{"op":"prune","text_base64":"a"}', /line 2: "text_base64"/);
  refused(head + '\n{"op":"set","width":513}', /line 2: "width"/);
  refused(head + '\n{"op":"constrain","pattern":"a","words":["a"]}', /line 2: pattern and words/);
  refused(head.replace('"seed":1', '"seed":-1'), /line 1: "seed"/);
});

test("a link holds the session", async () => {
  const log = m.writeLog(busySession()), fragment = await m.toFragment(log);
  assert.match(fragment, /^#log=[\w-]+$/);
  assert.equal(await m.fromFragment(fragment), log);
  await assert.rejects(m.fromFragment(fragment.slice(0, -40)), /damaged or cut off/);
  await assert.rejects(m.fromFragment(await m.toFragment("x".repeat(5 << 20))), /more than/);
});

test("the tree is written as branches", () => {
  const trie = new m.Trie();
  trie.grow(frame(1, [[0, 1, "a"], [0, 2, "b"]]));
  trie.grow(frame(2, [[0, 1, "x"], [1, 0.5, "y"]]));
  const session = new m.Session(MODEL, { text: "", ...SETTINGS });
  const { format, children, request } = JSON.parse(m.writeTree(trie.root, session.now, MODEL));
  assert.equal(format, "bitloom.tree.1");
  assert.equal(request.seed, 1);
  assert.deepEqual(children, [{ text: "ax", bits: 2, lanes: 1 },
                              { text: "by", bits: 2.5, lanes: 1 }]);
});

test("a new tree takes over when it has enough, and marks follow the text", () => {
  const weaver = new m.Weaver(), session = new m.Session(MODEL, { text: "a ", ...SETTINGS });
  weaver.ask(m.requestOf(session.now), session.now.bytes);
  assert.ok(!weaver.isNew(m.requestOf(session.now)));
  weaver.grow(frame(1, [[0, 1, "d"], [0, 1, "e"]]), session.now);
  const first = weaver.rootAt(session.now.bytes);
  assert.equal(first.children.length, 2);
  session.append({ op: "commit", text: "d" });
  weaver.ask(m.requestOf(session.now), session.now.bytes);
  assert.equal(weaver.rootAt(session.now.bytes), first.children[0]);
  weaver.grow(frame(1, [[0, 1, "x"]]), session.now);
  assert.equal(weaver.rootAt(session.now.bytes), first.children[0]); // one byte is not enough
  weaver.settle();
  assert.equal(weaver.rootAt(session.now.bytes).children[0].byte, 120);
  session.append({ op: "edit", at: 0, remove: 1, insert: "the" });
  assert.equal(weaver.rootAt(session.now.bytes), null);
});

test("the ghost is the likeliest line", () => {
  const trie = new m.Trie();
  [..."to be\nor"].forEach((letter, i) => trie.grow(frame(i + 1, [[0, 1, letter]])));
  assert.equal(m.ghostOf(trie.root), "to be");
  assert.equal(m.toText(m.pathOf(m.endOfWord(trie.root), trie.root)), "to ");
});

test("zooming keeps the point under the hand, within the whole", () => {
  const zoom = new m.Zoom();
  zoom.by(4, 0.5);
  assert.deepEqual([zoom.scale, zoom.top], [4, 0.375]);
  zoom.pan(-9);
  assert.equal(zoom.top, 0);
  zoom.reveal(0.9, 0.95);
  assert.ok(Math.abs(zoom.top + 0.25 - 0.95) < 1e-9);
  zoom.by(0.01, 0.2);
  assert.deepEqual([zoom.scale, zoom.top], [1, 0]);
});

test("an edit is where two texts differ", () => {
  assert.deepEqual(m.difference("abcd", "abxd"), { at: 2, remove: 1, insert: "x" });
  assert.deepEqual(m.difference("aa", "aaa"), { at: 2, remove: 0, insert: "a" });
  assert.deepEqual(m.difference("aaa", "a"), { at: 1, remove: 2, insert: "" });
});
