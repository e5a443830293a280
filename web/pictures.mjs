// SPDX-License-Identifier: MIT
// Takes the pictures of README.md and docs/guide/loom.md from a server that runs with the shipped model:
// node pictures.mjs [URL], default http://127.0.0.1:8512/. The same model gives the same
// pictures, byte for byte with the same Chromium and fonts.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const url = process.argv[2] ?? "http://127.0.0.1:8512/";
const images = join(dirname(fileURLToPath(import.meta.url)), "../docs/images");
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium", args: ["--headless", "--no-sandbox"],
});

const ended = (page) => page.waitForFunction(() => document.body.dataset.ended);

async function take(name, viewport, colorScheme, keys, isTree) {
  const page = await browser.newPage({ viewport, colorScheme });
  await page.goto(url);
  await ended(page);
  await page.click("#hint-done");
  for (const key of keys) {
    if (key.length > 1 && key.startsWith("=")) await page.keyboard.type(key.slice(1));
    else await page.keyboard.press(key);
    await page.waitForTimeout(100);
    await ended(page);
  }
  if (isTree) await page.locator("#flow").evaluate((tree) => tree.scrollIntoView({ block: "center" }));
  await page.mouse.move(0, 0);
  await page.waitForTimeout(300);
  await page.screenshot({ path: join(images, name) });
  await page.close();
}

const desk = { width: 960, height: 560 }, phone = { width: 390, height: 700 };
const down = "ArrowDown";
await take("loom.png", { width: 1280, height: 720 }, "light", ["Escape"]);
await take("loom-steering.png", desk, "light", ["Escape", down, down, "p", down, "+", "+"]);
await take("loom-lanes.png", desk, "dark", ["Escape", "b", down]);
await take("loom-verse.png", phone, "light",
           ["Escape", "/", "=([A-Z][a-z ,]{8,24}\\n)*", "Enter", "Escape"], true);
await browser.close();
