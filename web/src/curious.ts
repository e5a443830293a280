// SPDX-License-Identifier: MIT
// The panel for the curious: the lanes as bits, and what ran. Asks the server once a second while
// it is open.

import type { Model, Stats } from "./connection.ts";
import type { Frame } from "./frame.ts";
import { setText } from "./dom.ts";
import { Lanes } from "./lanes.ts";
import { count } from "./text.ts";
import type { Timing } from "./timing.ts";

const LANES = 512, EVERY_MS = 1000;

export class Curious {
  model: Model | null = null;
  steps = 0;          // that this page received
  private fingerprint = 0x811c9dc5; // FNV-1a of all frames of the beam
  private lanes: Lanes;
  private server: (Stats & { at: number }) | null = null;
  private perSecond = NaN;

  constructor(private panel: HTMLDetailsElement, private timing: Timing, ask: () => void) {
    this.lanes = new Lanes(panel.querySelector("canvas")!);
    setInterval(() => panel.open && ask(), EVERY_MS);
    panel.addEventListener("toggle", () => panel.open && (ask(), this.draw()));
  }

  get gates(): number { return (this.model?.n_lut3 ?? 0) * this.steps * LANES; }

  grow(frame: Frame, data: ArrayBuffer): void {
    this.steps++;
    if (frame.step === 1) this.fingerprint = 0x811c9dc5;
    for (const byte of new Uint8Array(data, 8)) // all but the id of the request
      this.fingerprint = Math.imul(this.fingerprint ^ byte, 0x01000193);
    this.lanes.grow(frame);
  }

  // The same for the same frames.
  get print(): string { return (this.fingerprint >>> 0).toString(16).padStart(8, "0"); }

  told(stats: Stats): void {
    const at = performance.now();
    if (this.server)
      this.perSecond = 1000 * (stats.steps - this.server.steps) / (at - this.server.at);
    this.server = { ...stats, at };
    this.draw();
  }

  draw(): void {
    if (!this.panel.open) return;
    this.lanes.draw();
    const { model, server, timing } = this, nLut3 = model?.n_lut3 ?? 0;
    const figures: Record<string, string> = {
      yours: `${count(this.gates)} = ${count(nLut3)} gates × ${count(this.steps)} steps`
        + ` × ${LANES} lanes`,
      server: server
        ? `${count(nLut3 * server.steps * LANES)} in ${count(server.steps)} steps` : "…",
      rate: server
        ? `${Number.isFinite(this.perSecond) ? this.perSecond.toFixed(0) : "…"} a second, `
        + `${(server.step_us / 1000).toFixed(2)} ms each` : "…",
      busy: server ? `${server.lanes_busy} of 512, for ${server.sessions} of us` : "…",
      print: this.print,
      frame: `${timing.quantile(0.5).toFixed(1)} ms, `
        + `95 % within ${timing.quantile(0.95).toFixed(1)} ms`,
    };
    for (const [name, figure] of Object.entries(figures))
      setText(this.panel.querySelector(`[data-figure=${name}]`)!, figure);
  }
}
