// SPDX-License-Identifier: MIT
// What the page costs: bytes on the wire (held), and, reported only, the time to the first beam and
// the main thread's time for a step in which all lanes change. For the latter a recorded beam is
// played again, so that the server does not compete for the processor. Wall-clock times include what
// else the machine does; the processor time of the main thread does not.

import assert from "node:assert/strict";
import { brotliCompressSync } from "node:zlib";
import { browser, data, ended, fresh, run, server } from "./browser.mjs";

const MOST_BYTES = 60 * 1024, BETWEEN_FRAMES_MS = 40;

async function recorded() {
  const page = await browser.newPage(), frames = [];
  let hello;
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => {
    if (typeof payload !== "string") frames.push(Buffer.from(payload));
    else if (JSON.parse(payload).type === "hello") hello = payload;
  }));
  await page.goto(server.url);
  await ended(page);
  await page.close();
  return { hello, frames };
}

const threadMs = async (session) => {
  const { metrics } = await session.send("Performance.getMetrics");
  return 1000 * metrics.find((m) => m.name === "TaskDuration").value;
};

async function play({ hello, frames }, viewport) {
  const page = await browser.newPage({ viewport });
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.routeWebSocket(/lanes/, (socket) => {
    socket.send(hello);
    socket.onMessage(async (message) => {
      const { id, op } = JSON.parse(message);
      if (op !== "beam") return;
      for (const frame of frames) {
        frame.writeUInt32LE(id, 4);
        socket.send(Buffer.from(frame));
        await new Promise((resolve) => setTimeout(resolve, BETWEEN_FRAMES_MS));
      }
      socket.send(JSON.stringify({ id, type: "beam_end", steps: frames.length, reason: "done" }));
    });
  });
  await page.goto(server.url);
  await page.waitForFunction(() => document.body.dataset.step);
  const before = await threadMs(session);
  await ended(page);
  const processor = ((await threadMs(session)) - before) / frames.length;
  const times = { processor: processor.toFixed(1), median: await data(page, "frameMs"), p95: await data(page, "frameP95Ms") };
  await page.close();
  return times;
}

await run({
  async "the page is at most 60 KiB"() {
    const page = await (await fetch(server.url)).text(), bytes = brotliCompressSync(page).length;
    console.log(`# ${page.length} bytes, ${bytes} with brotli`);
    assert.ok(bytes <= MOST_BYTES);
    assert.ok(!/(?:src|href)="(?!data:)/.test(page)); // it is all there is
  },

  async "the first beam comes soon"() {
    const times = [];
    for (let i = 0; i < 7; i++) {
      const page = await fresh();
      times.push(Number(await data(page, "firstBeamMs")));
      await page.close();
    }
    console.log(`# first beam ${times.sort((a, b) => a - b)[3]} ms after navigation (median of ${times.join(", ")})`);
  },

  async "512 lanes change in every frame"() {
    const beam = await recorded();
    assert.equal(beam.frames.at(-1).readUInt16LE(2), 512);
    for (const [width, height] of [[1440, 900], [390, 844], [2560, 1440]]) {
      const { processor, median, p95 } = await play(beam, { width, height });
      console.log(`# ${width} x ${height}: ${processor} ms of processor time a step in all; `
        + `receiving and drawing ${median} ms a frame by the clock, 95 % within ${p95} ms`);
    }
  },
});
