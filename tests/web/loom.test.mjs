// SPDX-License-Identifier: MIT
// The page in a real browser against a real server:
//   node --test tests/web/loom.test.mjs     with BITLOOM_BIN, BITLOOM_MODEL (.loom) set
// BITLOOM_SHOTS=FOLDER keeps screenshots. Exit 77 (skipped) where there is no Chromium.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const web = join(dirname(fileURLToPath(import.meta.url)), "../../web/");
const browserPath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const { BITLOOM_BIN: program, BITLOOM_MODEL: model, BITLOOM_SHOTS: shots } = process.env;
if (!browserPath || !existsSync(join(web, "node_modules/playwright-core"))) {
  console.log("skipped: needs Debian's chromium and web/node_modules (npm ci)");
  process.exit(77);
}
const { chromium } = createRequire(join(web, "package.json"))("playwright-core");

const server = spawn(program, ["serve", model, "--listen", "127.0.0.1:0"]);
const url = await new Promise((resolve) => server.stderr.on("data", (text) => {
  const match = /listening on (\S+)/.exec(text);
  if (match) resolve(match[1]);
}));
const browser = await chromium.launch({
  executablePath: browserPath,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

const ended = (page) => page.waitForFunction(() => document.body.dataset.ended === "done", null, { timeout: 30000 });
const words = (page) => page.locator("#choices .words").allTextContents();
const data = (page, name) => page.evaluate((n) => document.body.dataset[n], name);

async function fresh(options = {}) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...options });
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(error.message));
  page.on("console", (m) => m.type() === "error" && page.errors.push(m.text()));
  await page.goto(url);
  await ended(page);
  return page;
}

const tests = {
  async "typing grows 512 lanes"() {
    const page = await fresh();
    await page.locator("#text").pressSequentially("old ", { delay: 20 });
    await page.waitForFunction(() => !document.body.dataset.ended);
    await ended(page);
    assert.equal(await data(page, "lanes"), "512");
    assert.equal(await data(page, "step"), "96");
    console.log(`# first continuations ${await data(page, "firstFrameMs")} ms after the pause`);
    assert.deepEqual(page.errors, []);
    await page.close();
  },

  async "a choice becomes text, and undo takes it back"() {
    const page = await fresh();
    const before = await words(page), text = await page.inputValue("#text");
    await page.locator("#choices .take").first().click();
    await page.waitForFunction(() => document.body.dataset.firstFrameMs);
    console.log(`# first continuations ${await data(page, "firstFrameMs")} ms after a choice`);
    await page.waitForFunction((t) => document.querySelector("#text").value !== t, text);
    const after = await page.inputValue("#text");
    assert.equal(after, text + before[0].replaceAll("·", " ").replaceAll("⏎", "\n"));
    await ended(page);
    await page.click("#undo");
    await ended(page);
    assert.equal(await page.inputValue("#text"), text);
    assert.deepEqual(await words(page), before);
    await page.click("#redo");
    await ended(page);
    assert.equal(await page.inputValue("#text"), after);
    await page.close();
  },

  async "a pruned branch is gone until undo"() {
    const page = await fresh();
    const before = await words(page);
    await page.locator("#choices .prune").first().click();
    await ended(page);
    assert.ok(!(await words(page)).includes(before[0]));
    assert.equal(await page.inputValue("#text"), "It was a ");
    await page.click("#undo");
    await ended(page);
    assert.deepEqual(await words(page), before);
    await page.close();
  },

  async "everything works by keyboard"() {
    const page = await fresh();
    const first = (await words(page))[0];
    await page.keyboard.press("Escape");
    await page.keyboard.press("1");
    await ended(page);
    assert.ok((await page.inputValue("#text")).length > "It was a ".length, first);
    await page.keyboard.press("u");
    await ended(page);
    assert.equal(await page.inputValue("#text"), "It was a ");
    for (const key of ["ArrowRight", "ArrowRight", "ArrowDown", "ArrowUp", "ArrowLeft"])
      await page.keyboard.press(key);
    assert.match(await page.textContent("#info"), /bits/);
    await page.keyboard.press("x");
    await ended(page);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await ended(page);
    assert.notEqual(await page.inputValue("#text"), "It was a ");
    await page.keyboard.press("?");
    assert.ok(await page.isVisible("#help"));
    await page.keyboard.press("Escape");
    await page.keyboard.press("t");
    await page.keyboard.press("End");
    const text = await page.inputValue("#text");
    await page.keyboard.press("Tab");
    await ended(page);
    assert.ok((await page.inputValue("#text")).length > text.length);
    await page.close();
  },

  async "more adventurous means other words; drawing again too"() {
    const page = await fresh();
    const before = await words(page);
    await page.locator("#temperature").fill("1.2");
    await ended(page);
    assert.notDeepEqual(await words(page), before);
    await page.click("#undo");
    await ended(page);
    assert.deepEqual(await words(page), before);
    await page.close();
  },

  async "a click in the tree takes its branch; pictures for people to look at"() {
    const page = await fresh();
    const box = await page.locator("#flow").boundingBox();
    await page.mouse.move(box.x + 60, box.y + box.height / 2);
    await page.waitForFunction(() => /bits/.test(document.querySelector("#info").textContent));
    if (shots) await page.screenshot({ path: join(shots, "laptop-light.png") });
    await page.mouse.click(box.x + 60, box.y + box.height / 2);
    await page.waitForFunction(() => document.querySelector("#text").value !== "It was a ");
    await ended(page);
    await page.close();
    for (const [name, options] of [["laptop-dark", { colorScheme: "dark" }],
      ["phone", { viewport: { width: 390, height: 844 } }]]) {
      const other = await fresh(options);
      const isTooWide = await other.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert.equal(isTooWide, false, name);
      if (shots) await other.screenshot({ path: join(shots, name + ".png") });
      await other.close();
    }
  },

  async "losing the server is said, and cured when it is back"() {
    const page = await fresh();
    server.kill();
    await page.waitForFunction(() => /gone/.test(document.querySelector("#state").textContent));
    const port = new URL(url).port;
    const again = spawn(program, ["serve", model, "--listen", "127.0.0.1:" + port]);
    await page.waitForFunction(() => !/gone/.test(document.querySelector("#state").textContent), null, { timeout: 20000 });
    await ended(page);
    await page.close();
    again.kill();
  },
};

let nFailed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log("ok " + name);
  } catch (error) {
    nFailed++;
    console.log("not ok " + name + "\n" + error.stack);
  }
}
await browser.close();
server.kill();
process.exit(nFailed ? 1 : 0);
