// SPDX-License-Identifier: MIT
// What the tests of the page share: a server, a browser, pages that are ready. The program and the
// model are BITLOOM_BIN and BITLOOM_MODEL (.loom). Exits with 77 (skipped) where there is no
// Chromium.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const web = join(dirname(fileURLToPath(import.meta.url)), "../../web/");
const path = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
  .find(existsSync);
if (!path || !existsSync(join(web, "node_modules/playwright-core"))) {
  console.log("skipped: needs Debian's chromium and web/node_modules (npm ci)");
  process.exit(77);
}
export const require = createRequire(join(web, "package.json"));
const { BITLOOM_BIN: program, BITLOOM_MODEL: model } = process.env;

export async function serve(listen = "127.0.0.1:0", file = model) {
  const server = spawn(program, ["serve", file, "--listen", listen]);
  server.url = await new Promise((resolve) => server.stderr.on("data", (text) => {
    const match = /listening on (\S+)/.exec(text);
    if (match) resolve(match[1] + "/");
  }));
  return server;
}

export const server = await serve();
export const browser = await require("playwright-core").chromium.launch({
  executablePath: path,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

export const ended = (page) =>
  page.waitForFunction(() => document.body.dataset.ended, null, { timeout: 30000 });
export const data = (page, name) => page.evaluate((n) => document.body.dataset[n], name);
export const text = (page) => page.inputValue("#text");
const told = (page, group) => page.locator(`#choices-${group} [role=option]`).evaluateAll((list) =>
  list.map((row) => [".words", ".share", ".boost"]
    .map((part) => row.querySelector(part).textContent).join(", ")));
export const rows = (page) => told(page, "words");
export const pins = (page) => told(page, "pins");
export const firstWord = async (page) => (await rows(page))[0].split(",")[0];

const drawn = (page) => page.evaluate(() =>
  new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

// After what `work` does has been drawn and the beam it may start has ended.
export async function after(page, work) {
  await work();
  await drawn(page);
  await ended(page);
  await drawn(page);
}

export async function press(page, ...keys) {
  for (const key of keys) await after(page, () => page.keyboard.press(key));
}

// Everything on the page by which two sessions can be compared.
export const seen = async (page) => ({
  text: await text(page), rows: await rows(page), pins: await pins(page),
  print: await data(page, "print"),
  rule: await page.inputValue("#rule"), temperature: await page.inputValue("#temperature"),
  seed: await page.inputValue("#seed"),
});

export async function fresh({ hash = "", context = null, ...options } = {}) {
  const viewport = { width: 1280, height: 800 };
  const page = await (context ? context.newPage() : browser.newPage({ viewport, ...options }));
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(error.message));
  page.on("console", (m) => m.type() === "error" && page.errors.push(m.text()));
  await page.goto(server.url + hash);
  await after(page, () => ended(page));
  return page;
}

// Runs the tests one after the other, and ends the process.
export async function run(tests) {
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
}
