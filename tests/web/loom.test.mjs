// SPDX-License-Identifier: MIT
// Steering on the page, in a real browser against a real server: by mouse, and every operation by
// keyboard alone.

import assert from "node:assert/strict";
import {
  after, browser, data, ended, firstWord, fresh, pins, press, rows, run, seen, serve, server, text,
} from "./browser.mjs";

const BEGINNING = "It was a ";

await run({
  async "typing grows 512 lanes"() {
    const page = await fresh();
    await page.locator("#text").pressSequentially("old ", { delay: 20 });
    await page.waitForFunction(() => !document.body.dataset.ended);
    await ended(page);
    assert.equal(await data(page, "lanes"), "512");
    assert.equal(await data(page, "step"), "96");
    assert.deepEqual(page.errors, []);
    await page.close();
  },

  async "a click takes a choice, and undo takes it back"() {
    const page = await fresh(), before = await seen(page);
    await after(page, () => page.locator("#choices [role=option]").first().click());
    const taken = (await text(page)).slice(BEGINNING.length);
    assert.equal(taken.split(/\W/)[0], before.rows[0].split(/\W/)[0]);
    await after(page, () => page.click("#undo"));
    assert.deepEqual(await seen(page), before);
    await page.close();
  },

  async "the mouse prunes, pins and boosts a row"() {
    const page = await fresh(), row = page.locator("#choices [role=option]").first();
    const word = await firstWord(page);
    for (const sign of ["boost", "pin", "prune"]) {
      await row.hover();
      await after(page, () => row.locator(`[data-act=${sign}]`).click());
      if (sign === "boost") assert.match((await rows(page))[0], /\+1$/);
    }
    assert.notEqual(await firstWord(page), word);
    assert.match((await pins(page))[0], new RegExp(`^${word}, .* bits`));
    assert.equal(await text(page), BEGINNING);
    await page.close();
  },

  async "a click in the tree takes its branch; the wheel zooms, a drag takes nothing"() {
    const page = await fresh(), box = await page.locator("#flow").boundingBox();
    const x = box.x + 60, y = box.y + box.height / 2;
    await page.mouse.move(x, y);
    await page.waitForFunction(() => /bits/.test(document.querySelector("#info").textContent));
    const whole = await page.locator("#flow").screenshot();
    await after(page, () => page.mouse.wheel(0, -400));
    assert.notDeepEqual(await page.locator("#flow").screenshot(), whole);
    await page.mouse.down();
    await page.mouse.move(x, y + 80, { steps: 4 });
    await page.mouse.up();
    assert.equal(await text(page), BEGINNING);
    await after(page, () => page.click("#zoom-all"));
    await after(page, () => page.mouse.click(x, y));
    assert.notEqual(await text(page), BEGINNING);
    await page.close();
  },

  async "the tree looks the same where the page must paint it itself"() {
    let usual = null;
    for (const forgo of [() => {},
                         () => delete HTMLCanvasElement.prototype.transferControlToOffscreen,
                         () => { window.Worker = class { constructor() { throw Error("no"); } }; },
                         () => { URL.createObjectURL = () => "blob:nothing"; }]) {
      const context = await browser.newContext({ viewport: { width: 800, height: 600 } });
      await context.addInitScript(forgo);
      const page = await fresh({ context }), box = await page.locator("#flow").boundingBox();
      // but for the last row: the window ends within a pixel
      const clip = { x: Math.ceil(box.x), y: Math.ceil(box.y), width: 400, height: 400 };
      let picture = await page.screenshot({ clip }), before = null;
      // the thread that paints tells nobody when it is seen
      for (let i = 0; i < 50 && !picture.equals(usual ?? before ?? Buffer.of()); i++) {
        await page.waitForTimeout(200);
        before = picture;
        picture = await page.screenshot({ clip });
      }
      usual ??= picture;
      assert.ok(picture.equals(usual), `${forgo}`);
      assert.deepEqual(page.errors, []);
      await context.close();
    }
  },

  async "keys take, undo and redo"() {
    const page = await fresh(), before = await seen(page);
    await press(page, "Escape", "2");
    const taken = await text(page);
    assert.ok(taken.startsWith(BEGINNING + before.rows[1].split(",")[0]));
    await press(page, "u");
    assert.deepEqual(await seen(page), before);
    await press(page, "U");
    assert.equal(await text(page), taken);
    await press(page, "Control+z");
    assert.equal(await text(page), BEGINNING);
    await press(page, "Control+Shift+Z");
    assert.equal(await text(page), taken);
    await press(page, "ArrowDown", "ArrowDown", "Enter");
    assert.ok((await text(page)).length > taken.length);
    assert.deepEqual(page.errors, []);
    await page.close();
  },

  async "keys mark, prune, pin and boost"() {
    const page = await fresh();
    await press(page, "Escape", "ArrowDown", "ArrowDown");
    const word = (await rows(page))[1].split(",")[0];
    assert.equal(await page.getAttribute("#choices", "aria-activedescendant"), "choice-1");
    await press(page, "p", "+", "+", "+");
    assert.equal(await firstWord(page), word);
    await press(page, "-", "-", "-", "-", "-", "-");
    assert.ok((await rows(page)).every((row) => !/\+\d$/.test(row)));
    await press(page, "x");
    assert.ok((await rows(page)).every((row) => row.split(",")[0] !== word));
    assert.equal((await pins(page))[0].split(",")[0], word);
    await press(page, "r"); // whatever grows
    assert.equal((await pins(page))[0].split(",")[0], word);
    await press(page, "1");
    assert.match((await pins(page))[0], /elsewhere/);
    await press(page, ...Array(12).fill("ArrowDown"), "Enter");
    assert.equal(await text(page), BEGINNING + word + " ");
    await press(page, "Control+z", ...Array(12).fill("ArrowDown"), "p");
    assert.deepEqual(await pins(page), []);
    await page.close();
  },

  async "keys walk and zoom the tree"() {
    const page = await fresh();
    await press(page, "Escape", "g", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowUp",
                "ArrowLeft");
    assert.match(await page.textContent("#info"), /bits/);
    await press(page, "z", "z", "Z", "0", "ArrowRight", "ArrowRight", "ArrowRight", "Enter");
    assert.notEqual(await text(page), BEGINNING);
    await page.close();
  },

  async "the grey continuation is taken by word and by line"() {
    const page = await fresh();
    const ghost = await page.textContent("#mirror .ghost");
    await press(page, "ArrowRight");
    const word = (await text(page)).slice(BEGINNING.length);
    assert.ok(word && (ghost + "\n").startsWith(word), `${ghost} / ${word}`);
    await press(page, "End");
    assert.ok((await text(page)).length > BEGINNING.length + word.length);
    await press(page, "Home", "ArrowRight"); // not at the end: the caret moves
    assert.ok(await page.evaluate(() => document.querySelector("#text").selectionStart) > 0);
    await page.close();
  },

  async "an edit in the middle is read again, and undone"() {
    const page = await fresh(), before = await seen(page);
    await press(page, "Control+Home");
    await page.keyboard.type("Once. ");
    await page.waitForFunction(() => !document.body.dataset.ended);
    await ended(page);
    assert.equal(await text(page), "Once. " + BEGINNING);
    assert.notEqual(await data(page, "print"), before.print);
    await press(page, "Control+z");
    assert.deepEqual(await seen(page), before);
    await page.close();
  },

  async "a constraint holds; a wrong one says where"() {
    const page = await fresh();
    await press(page, "Escape", "/");
    await page.keyboard.type("[a-z");
    await press(page, "Enter");
    assert.match(await page.textContent("#rule-error"), /column 1/);
    assert.equal(await page.getAttribute("#rule", "aria-invalid"), "true");
    await press(page, "Control+a");
    await page.keyboard.type("(cat )+");
    await press(page, "Enter");
    assert.equal(await page.textContent("#rule-error"), "");
    assert.deepEqual(await rows(page), ["cat, 100 %, "]);
    await page.selectOption("#rule-kind", "words");
    await page.fill("#rule", "dog, cat");
    await press(page, "Enter");
    for (const row of await rows(page)) assert.match(row, /^\W*(dog|cat)/i);
    await after(page, () => page.click("text=no digits"));
    assert.equal(await page.inputValue("#rule"), "[^0-9]*");
    await press(page, "Escape", "u", "u", "u", "u");
    assert.equal(await page.inputValue("#rule"), "");
    await page.close();
  },

  async "a constraint goes on over what is taken; what is typed must keep to it"() {
    const page = await fresh();
    await press(page, "Escape", "/");
    await page.keyboard.type("(sea ship|sea shore) and .*");
    await press(page, "Enter");
    await press(page, "Escape", "1");
    assert.equal(await text(page), BEGINNING + "sea ");
    assert.ok((await rows(page)).every((row) => /^sh(ip|ore),/.test(row)));
    await press(page, "1", "u");
    assert.equal(await text(page), BEGINNING + "sea ");
    const before = await seen(page);
    await after(page, () => page.reload().then(() => ended(page)));
    assert.deepEqual(await seen(page), before);
    await page.focus("#text");
    await page.keyboard.press("Control+End");
    await page.keyboard.type("boat ");
    await page.locator("#rule-error:not(:empty)").waitFor();
    assert.match(await page.textContent("#rule-error"), /^the last 9 bytes .* “Set” lets it begin/);
    await after(page, () => page.click("#rule-apply"));
    assert.equal(await page.textContent("#rule-error"), "");
    assert.equal(await firstWord(page), "sea");
    await page.close();
  },

  async "settings, a new seed and pause have keys"() {
    const page = await fresh(), before = await seen(page);
    await press(page, "Escape", "r");
    assert.notDeepEqual(await rows(page), before.rows);
    await press(page, "u", "a", ...Array(12).fill("ArrowRight"));
    assert.equal(await page.inputValue("#temperature"), "1.1");
    assert.notDeepEqual(await rows(page), before.rows);
    const narrow = await rows(page);
    await press(page, "d", ...Array(8).fill("ArrowRight"));
    assert.equal(await page.inputValue("#diversity"), "2");
    assert.notDeepEqual(await rows(page), narrow);
    await after(page, () => page.selectOption("#width", "64"));
    assert.equal(await data(page, "lanes"), "64");
    await page.focus("#choices");
    await page.keyboard.press(" ");
    assert.equal(await page.textContent("#pause"), "Go");
    await press(page, " ", ...Array(21).fill("u"));
    assert.deepEqual(await seen(page), before);
    await page.close();
  },

  async "losing the server is said, and cured when it is back"() {
    const page = await fresh();
    server.kill();
    await page.waitForFunction(() => /gone/.test(document.querySelector("#state").textContent));
    const again = await serve(new URL(server.url).host);
    await page.waitForFunction(() => !/gone/.test(document.querySelector("#state").textContent),
                               null, { timeout: 20000 });
    await ended(page);
    await page.close();
    again.kill();
  },
});
