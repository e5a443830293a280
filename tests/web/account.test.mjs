// SPDX-License-Identifier: MIT
// The owner's page in a real browser against a real server:
//   node --test tests/web/account.test.mjs     with BITLOOM_BIN, BITLOOM_MODEL (.loom) set
// BITLOOM_SHOTS=FOLDER keeps screenshots. Exit 77 (skipped) where there is no Chromium.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
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

const folder = mkdtempSync(join(tmpdir(), "bitloom-account-"));
const file = join(folder, "accounts.db");
const account = (...words) =>
  execFileSync(program, ["account", "--file", file, "-q", ...words], { encoding: "utf8" }).trim();
account("create", "ada", "--rate", "1000");
account("credit", "ada", "1000000");
const key = account("key", "ada"), second = account("key", "ada");

const server = spawn(program, ["serve", model, "--listen", "127.0.0.1:0", "--accounts", file]);
const url = await new Promise((resolve) => server.stderr.on("data", (text) => {
  const match = /listening on (\S+)/.exec(text);
  if (match) resolve(match[1]);
}));
const browser = await chromium.launch({
  executablePath: browserPath,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

await fetch(url + "/v1/completions", { method: "POST", headers: { Authorization: "Bearer " + key },
  body: JSON.stringify({ prompt: "It was a ", max_tokens: 20 }) });

async function signedIn(options = {}) {
  const page = await browser.newPage(options);
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(error.message));
  await page.goto(url + "/account");
  await page.keyboard.type(key); // the field has the focus
  await page.keyboard.press("Enter");
  await page.waitForSelector("#account:not([hidden])");
  return page;
}

const tests = {
  async "a wrong key is told and not kept"() {
    const page = await browser.newPage();
    await page.goto(url + "/account");
    await page.keyboard.type("bl_live_0");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => /unknown/.test(document.querySelector("#message").textContent));
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    await page.close();
  },

  async "the owner sees balance, use by day and keys"() {
    const page = await signedIn();
    assert.equal(await page.textContent("h1"), "Account ada");
    assert.match(await page.textContent("#facts"), /999,970/);
    assert.match(await page.textContent("#usage"), /completion130/);
    assert.equal(await page.locator("#chart rect").count(), 14);
    assert.equal(await page.locator("#keys tr").count(), 2);
    assert.deepEqual(page.errors, []);
    await page.close();
  },

  async "the use can be downloaded"() {
    const page = await signedIn();
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
    assert.match(readFileSync(await download.path(), "utf8"), /^account,hour,kind,requests,lane_steps\nada,.*completion,1,30\n/);
    await page.close();
  },

  async "the loom grows with the key of the tab"() {
    const page = await signedIn();
    await page.click("main a");
    await page.waitForFunction(() => document.body.dataset.ended === "done", null, { timeout: 30000 });
    await page.close();
  },

  async "every control has a name and is reached by the keyboard"() {
    const page = await signedIn();
    const names = [];
    for (let i = 0; i < 8; i++) {
      await page.keyboard.press("Tab");
      names.push(await page.evaluate(() => {
        const e = document.activeElement;
        return e.getAttribute("aria-label") ?? e.textContent;
      }));
    }
    for (const name of ["Sign out", "Download by hour (CSV)", "Revoke " + second.slice(0, 16)])
      assert.ok(names.includes(name), name + " is not among " + names);
    await page.close();
  },

  async "a key is revoked after a question"() {
    const page = await signedIn();
    page.on("dialog", (dialog) => dialog.accept());
    await page.click(`[aria-label="Revoke ${second.slice(0, 16)}"]`);
    await page.waitForFunction(() => /revoked/.test(document.querySelector("#keys").textContent));
    const answer = await fetch(url + "/v1/models", { headers: { Authorization: "Bearer " + second } });
    assert.equal(answer.status, 401);
    await page.close();
  },

  async "it fits a phone, in the dark too"() {
    for (const [name, options] of [["account-light", {}],
      ["account-phone-dark", { colorScheme: "dark", viewport: { width: 390, height: 844 } }]]) {
      const page = await signedIn(options);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, name);
      if (shots) await page.screenshot({ path: join(shots, name + ".png"), fullPage: true });
      await page.close();
    }
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
rmSync(folder, { recursive: true });
process.exit(nFailed ? 1 : 0);
