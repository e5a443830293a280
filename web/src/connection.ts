// SPDX-License-Identifier: MIT
// The connection to the server: one WebSocket that comes back by itself, and the beam on it.

import { decodeFrame, type Frame } from "./frame.ts";
import type { BeamRequest } from "./session.ts";
import { tab } from "./store.ts";

export interface Model {
  name: string;
  sha256: string;
  n_state_bits: number;
  n_ands: number;
  n_lut3: number;
}

export interface Stats { steps: number; step_us: number; lanes_busy: number; sessions: number }

export interface Listener {
  opened(model: Model): void;
  closed(): void;
  frame(frame: Frame, data: ArrayBuffer): void;
  ended(reason: string): void;
  failed(message: string, field: string | undefined): void;
  stats(stats: Stats): void;
}

const FIRST_WAIT_MS = 250, LONGEST_WAIT_MS = 4000;

export class Connection {
  private socket: WebSocket | null = null;
  private nextId = 1;
  private wait = FIRST_WAIT_MS;
  private beamId = 0;

  constructor(private url: string, private listener: Listener) {
    this.open();
  }

  private open(): void {
    const key = tab?.getItem("bitloom-key"); // where the server asks for one: see /account
    const socket = new WebSocket(this.url,
      key ? ["bitloom.lanes.1", "bitloom.key." + key] : "bitloom.lanes.1");
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = () => {
      if (this.socket) this.listener.closed();
      this.socket = null;
      setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(2 * this.wait, LONGEST_WAIT_MS);
    };
    socket.onopen = () => {
      this.socket = socket;
      this.wait = FIRST_WAIT_MS;
    };
  }

  private receive(data: string | ArrayBuffer): void {
    if (typeof data !== "string") {
      const frame = decodeFrame(data);
      if (frame.id === this.beamId) this.listener.frame(frame, data);
      return;
    }
    const answer = JSON.parse(data);
    if (answer.type === "hello") this.listener.opened(answer.model);
    else if (answer.type === "stats") this.listener.stats(answer);
    else if (answer.type === "error" && [null, this.beamId].includes(answer.id))
      this.listener.failed(answer.message, answer.field); // others are of requests given up
    else if (answer.type === "beam_end" && answer.id === this.beamId)
      this.listener.ended(answer.reason);
  }

  private send(request: object): number {
    const id = this.nextId++;
    this.socket?.send(JSON.stringify({ id, ...request }));
    return id;
  }

  // Starts a beam, which replaces the one before. False while there is no connection.
  beam(request: BeamRequest): boolean {
    if (!this.socket) return false;
    this.beamId = this.send({ op: "beam", ...request });
    return true;
  }

  cancel(): void { this.send({ op: "cancel", beam: this.beamId }); }
  askStats(): void { this.send({ op: "stats" }); }
}
