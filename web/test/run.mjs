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
    contents: ["choices", "frame", "history", "layout", "text", "trie"]
      .map((m) => `export * from "./src/${m}.ts";`).join("\n"),
    resolveDir: join(import.meta.dirname ?? new URL("..", import.meta.url).pathname, import.meta.dirname ? ".." : "."),
  },
  bundle: true, format: "esm", outfile: out, logLevel: "error",
});
const m = await import(out);

function frame(step, lanes) { // [[parent, bits, letter], ...]
  return { id: 1, step, parent: Uint16Array.from(lanes, (l) => l[0]),
           bits: Float64Array.from(lanes, (l) => l[1]),
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
  assert.deepEqual([f.id, f.step, f.parent[0], f.bits[0], f.byte[0]], [77, 3, 5, 2, 97]);
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
  assert.equal(trie.find(m.toBytes("ax")), trie.lanes[0]);
});

test("choices stop at word ends and are ranked", () => {
  const trie = new m.Trie();
  trie.grow(frame(1, [[0, 1, "a"], [0, 2, "t"]]));
  trie.grow(frame(2, [[0, 0, " "], [1, 0, "o"]]));
  trie.grow(frame(3, [[0, 0, "b"], [1, 0, " "]]));
  const found = m.listChoices(trie.root, 9).map((c) => m.toText(c.path));
  assert.deepEqual(found, ["a ", "to "]);
});

test("pieces cover the height and keep the order of bytes", () => {
  const trie = new m.Trie();
  trie.grow(frame(1, [[0, 1, "b"], [0, 1, "a"], [0, 3, "c"]]));
  const pieces = m.layOut(trie.root, 300, 0.4);
  assert.deepEqual(pieces.map((p) => String.fromCharCode(...p.bytes)), ["a", "b", "c"]);
  assert.ok(Math.abs(pieces.reduce((s, p) => s + p.height, 0) - 300) < 1e-6);
  assert.equal(m.pieceAt(pieces, 0, 299), pieces[2]);
});

test("labels show what cannot be seen", () => {
  assert.equal(m.toLabel(m.toBytes("a\nb ")), "a⏎b·");
  assert.equal(m.toLabel(Uint8Array.of(0xc3)), "‹c3›");
  assert.equal(m.endsWord(m.toBytes(" the ")), true);
  assert.equal(m.endsWord(m.toBytes(" th")), false);
});

test("undo and redo", () => {
  const h = new m.History(1);
  h.push(2);
  h.push(3);
  assert.ok(h.undo() && h.undo() && !h.undo());
  assert.equal(h.now, 1);
  assert.ok(h.redo());
  h.push(9);
  assert.ok(!h.redo());
});
