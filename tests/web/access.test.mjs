// SPDX-License-Identifier: MIT
// Whom the page may not leave out: axe-core in light and dark, on a desk and on a phone; focus that
// is seen and gets everywhere by Tab; what a screen reader is told. BITLOOM_SHOTS=FOLDER keeps
// pictures.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, fresh, press, require, run } from "./browser.mjs";

const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const { BITLOOM_SHOTS: shots } = process.env;
const DESK = { width: 1440, height: 900 }, PHONE = { width: 390, height: 844 };
const WALL = { width: 2560, height: 1440 };

async function findings(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(" | ")}`);
}

const tests = {
  async "axe finds nothing with a pin, an error and the panel open, nor in the dialogs"() {
    for (const colorScheme of ["light", "dark"])
      for (const viewport of [DESK, PHONE]) {
        const page = await fresh({ colorScheme, viewport });
        await press(page, "Escape", "ArrowDown", "p", "+", "b", "/");
        await page.keyboard.type("[");
        await press(page, "Enter");
        assert.deepEqual(await findings(page), [], `${colorScheme} ${viewport.width}`);
        for (const key of ["s", "?"]) {
          await press(page, "Escape", key);
          assert.deepEqual(await findings(page), [], `${colorScheme} ${viewport.width} ${key}`);
        }
        await page.close();
      }
  },

  async "nothing scrolls sideways, from phone to wall"() {
    for (const viewport of [{ width: 320, height: 640 }, PHONE, DESK, WALL]) {
      const page = await fresh({ viewport });
      await press(page, "Escape", "b");
      const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(scrollWidth <= viewport.width, `${scrollWidth} in ${viewport.width}`);
      await page.close();
    }
  },

  async "Tab gets through the page and out again, and focus is seen"() {
    const page = await fresh(), visited = [];
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      const focus = await page.evaluate(() => {
        const at = document.activeElement, style = getComputedStyle(at);
        if (at === document.body) return null;
        return { name: at.id || at.textContent, outline: style.outlineStyle };
      });
      if (!focus) break;
      assert.notEqual(focus.outline, "none", focus.name);
      visited.push(focus.name);
    }
    for (const name of ["choices", "rule", "flow", "zoom-in", "temperature"])
      assert.ok(visited.includes(name), name);
    assert.ok(visited.length < 50, visited.join());
    await page.close();
  },

  async "a screen reader is told the choices and what was done"() {
    const page = await fresh();
    assert.match(await page.textContent("#spoken"), /^Next words: \w+/);
    await press(page, "Escape", "ArrowDown", "p");
    assert.match(await page.textContent("#spoken"), /^Pinned \w+/);
    const tree = await page.locator("#choices").ariaSnapshot();
    assert.match(tree, /listbox "Next words"/);
    assert.match(tree, /option "1 \w+ [\d.]+ %" \[selected\]/);
    await press(page, "g", "ArrowRight", "ArrowDown");
    assert.match(await page.textContent("#spoken"), /bits$/);
    await page.close();
  },

  async "keys without Ctrl can be switched off, and the first hint is seen once"() {
    const page = await fresh();
    assert.ok(await page.isVisible("#hint"));
    await page.click("#hint-done");
    await press(page, "Escape", "?");
    await page.uncheck("#keys-on");
    await press(page, "Escape", "Escape", "1");
    assert.equal(await page.inputValue("#text"), "It was a ");
    await page.reload();
    await after(page, () => page.waitForFunction(() => document.body.dataset.ended));
    assert.ok(!await page.isVisible("#hint"));
    await page.close();
  },
};

if (shots)
  tests["pictures for people to look at"] = async () => {
    for (const [name, viewport] of Object.entries({ desk: DESK, phone: PHONE, wall: WALL }))
      for (const colorScheme of ["light", "dark"]) {
        const page = await fresh({ viewport, colorScheme });
        await page.screenshot({ path: join(shots, `${name}-${colorScheme}.png`) });
        await page.close();
      }
  };

await run(tests);
