// SPDX-License-Identifier: MIT
// A server with the tiny model, and ways to ask it.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { BITLOOM_BIN: program, BITLOOM_MODEL: model } = process.env;
const server = spawn(program, ["serve", model, "--listen", "127.0.0.1:0"]);
export const url = await new Promise((resolve) => server.stderr.on("data", (text) => {
  const match = /listening on (\S+)/.exec(text);
  if (match) resolve(match[1]);
}));
const port = Number(new URL(url).port);

export const stop = () => new Promise((resolve) => {
  server.on("exit", resolve);
  server.kill("SIGTERM");
});

export async function ask(path, body, headers = {}) {
  const isRaw = typeof body === "string" || body instanceof Uint8Array;
  const answer = await fetch(url + path, body === undefined ? {} : {
    method: "POST", body: isRaw ? body : JSON.stringify(body), headers });
  const text = await answer.text();
  let json;
  try { json = JSON.parse(text); } catch { json = undefined; }
  return { status: answer.status, headers: answer.headers, text, json };
}

export const complete = async (body) => (await ask("/v1/completions", body)).json;

// The events of a stream as they came, without [DONE], which must be the last.
export async function stream(path, body) {
  const { text, headers } = await ask(path, { ...body, stream: true });
  const events = text.split("\n\n").filter(Boolean).map((e) => e.replace(/^data: /, ""));
  return { isDone: events.pop() === "[DONE]", type: headers.get("content-type"),
           events: events.map((e) => JSON.parse(e)) };
}

export async function metric(name) {
  const { text } = await ask("/metrics");
  return Number(text.split("\n").find((line) => line.startsWith(name + " ")).split(" ")[1]);
}

export async function untilIdle() {
  for (let i = 0; i < 200; i++) {
    if (await metric("bitloom_activities") === 0 && await metric("bitloom_lanes_busy") === 0
        && await metric("llamacpp:requests_processing") === 0)
      return true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return false;
}

// Bytes as they stand on the wire; ends when the server is silent or closes.
export function wire(pieces, silence = 400) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1");
    let text = "", timer = setTimeout(() => socket.destroy(), 10 * silence);
    socket.on("data", (data) => {
      text += data.toString("latin1");
      clearTimeout(timer);
      timer = setTimeout(() => socket.destroy(), silence);
    });
    socket.on("error", reject);
    socket.on("close", () => { clearTimeout(timer); resolve(text); });
    (async () => {
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((next) => setTimeout(next, 30));
      }
    })();
  });
}

export const head = (method, path, headers = {}) =>
  `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`
  + Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join("") + "\r\n";
export const post = (path, body) => {
  const text = JSON.stringify(body);
  return head("POST", path, { "Content-Length": Buffer.byteLength(text) }) + text;
};
export const statuses = (text) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((m) => Number(m[1]));

// Natural logarithm of the probability that the logic itself gives all bytes but the first.
export function score(bytes) {
  const folder = mkdtempSync(join(tmpdir(), "bitloom-"));
  writeFileSync(join(folder, "text"), bytes);
  const { bits_per_byte, n_bytes } = JSON.parse(execFileSync(program,
    ["score", model, "--text", join(folder, "text"), "--warm", "100000", "--json", "-q"]));
  rmSync(folder, { recursive: true });
  return -bits_per_byte * n_bytes * Math.LN2;
}

export const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
export const bytesOf = (choice) => Buffer.from(choice.bytes_b64, "base64");
