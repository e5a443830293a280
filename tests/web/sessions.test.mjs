// SPDX-License-Identifier: MIT
// Sessions of the page: whatever way one goes - a reload, a link, a file - it comes back the same.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, browser, ended, fresh, pins, press, rows, run, seen, text } from "./browser.mjs";

async function busy(context = null) {
  const page = await fresh({ context });
  await press(page, "Escape", "ArrowDown", "p", "ArrowDown", "+", "ArrowDown", "x", "1",
              "ArrowDown", "p");
  await press(page, "/");
  await page.keyboard.type("[a-z ,.]*");
  await press(page, "Enter", "Escape", "r", "u", "r");
  await after(page, () => page.locator("#temperature").fill("0.9"));
  return page;
}

async function saved(page, button) {
  await page.click("#sessions-open");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
  await page.keyboard.press("Escape");
  return readFileSync(await download.path(), "utf8");
}

async function link(page) {
  await page.click("#sessions-open");
  await page.click("#share");
  await page.waitForFunction(() => location.hash.startsWith("#log="));
  return page.evaluate(() => location.hash);
}

async function openFile(page, log) {
  await page.click("#sessions-open");
  const file = { name: "x.loomlog.json", mimeType: "text/plain", buffer: Buffer.from(log) };
  await after(page, () => page.setInputFiles("#file", file));
  await page.waitForTimeout(200);
  await ended(page);
}

await run({
  async "a reload goes on where it was"() {
    const page = await busy(), before = await seen(page);
    assert.equal(before.pins.length, 2);
    await page.reload();
    await after(page, () => ended(page));
    assert.deepEqual(await seen(page), before);
    await press(page, "Escape", "u");
    assert.notDeepEqual(await seen(page), before);
    await page.close();
  },

  async "a link in another browser gives the same text, pins, constraint and beams"() {
    const page = await busy(), before = await seen(page);
    const other = await fresh({ hash: await link(page) });
    assert.deepEqual(await seen(other), before);
    await press(other, "Escape", "u", "U");
    assert.deepEqual(await seen(other), before);
    assert.equal(await other.evaluate(() => location.hash), ""); // what it holds is the past now
    await page.close();
    await other.close();
  },

  async "a file replays, and is written the same again"() {
    const page = await busy(), before = await seen(page), log = await saved(page, "#save-log");
    const other = await fresh();
    await openFile(other, log);
    assert.deepEqual(await seen(other), before);
    assert.equal(await saved(other, "#save-log"), log);
    const nUndone = log.trim().split("\n").length;
    await press(other, ...Array(nUndone).fill("Control+z"));
    assert.equal(await text(other), "It was a ");
    assert.deepEqual(await pins(other), []);
    await page.close();
    await other.close();
  },

  async "a damaged file or link is refused by name and line; nothing changes"() {
    const page = await busy(), before = await seen(page), log = await saved(page, "#save-log");
    await openFile(page, log + '{"op":"erase"}\n');
    assert.match(await page.textContent("#notice"),
                 /x\.loomlog\.json: line \d+: there is no operation "erase"/);
    assert.deepEqual(await seen(page), before);
    const other = await fresh({ hash: "#log=AAAA" });
    assert.match(await other.textContent("#notice"), /damaged/);
    await page.close();
    await other.close();
  },

  async "a session of another model says so, and shows its text"() {
    const page = await busy(), before = await seen(page), log = await saved(page, "#save-log");
    const other = await fresh();
    await openFile(other, log.replace(/"sha256":"\w{64}"/, `"sha256":"${"ab".repeat(32)}"`));
    assert.match(await other.textContent("#notice"), /woven with the model .* \(abababab\)/);
    assert.equal(await text(other), before.text);
    assert.equal(await other.inputValue("#rule"), before.rule);
    assert.deepEqual(await pins(other), []);
    await page.close();
    await other.close();
  },

  async "sessions of this browser are listed and opened; two tabs keep out of each other's way"() {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await busy(context), before = await seen(page);
    const other = await fresh({ context });
    assert.equal(await text(other), "It was a ");
    await press(other, "Escape", "s");
    await after(other, () => other.locator(".kept").first().click());
    assert.deepEqual(await seen(other), before);
    await press(other, "Escape", "1");
    await press(page, "Escape", "2");
    await press(page, "s");
    assert.equal(await page.locator(".kept").count(), 2);
    await context.close();
  },

  async "text and tree are saved"() {
    const page = await fresh();
    await press(page, "Escape", "ArrowDown", "p");
    assert.equal(await saved(page, "#save-text"), "It was a ");
    const tree = JSON.parse(await saved(page, "#save-tree"));
    assert.equal(tree.format, "bitloom.tree.1");
    assert.equal(tree.request.text, "It was a ");
    const lanes = ({ children, lanes: own }) =>
      (children ? children.reduce((sum, b) => sum + lanes(b), 0) : own);
    assert.equal(lanes(tree), 512);
    assert.match(JSON.stringify(tree), /"pinned":true/);
    await page.close();
  },

  async "a new session begins anew"() {
    const page = await busy();
    await page.click("#sessions-open");
    await after(page, () => page.click("#new"));
    assert.equal(await text(page), "It was a ");
    assert.deepEqual(await pins(page), []);
    assert.ok((await rows(page)).length > 1);
    await page.close();
  },
});
