// SPDX-License-Identifier: MIT
// The connection to the server: one WebSocket that comes back by itself, and the beam on it.

import { decodeFrame, type Frame } from "./frame.ts";

export interface Model {
  name: string;
  n_state_bits: number;
  n_ands: number;
  bits_per_byte?: number;
}

export interface BeamRequest {
  text: string;
  width: number;
  steps: number;
  temperature: number;
  seed: number;
  avoid_base64: string[];
}

export interface Listener {
  opened(model: Model): void;
  closed(): void;
  frame(frame: Frame): void;
  ended(id: number, reason: string): void;
  failed(message: string): void;
}

const FIRST_WAIT_MS = 250, LONGEST_WAIT_MS = 4000;

export class Connection {
  private socket: WebSocket | null = null;
  private nextId = 1;
  private wait = FIRST_WAIT_MS;
  beamId = 0;

  constructor(private url: string, private listener: Listener) {
    this.open();
  }

  private open(): void {
    const key = sessionStorage.getItem("bitloom-key"); // where the server asks for one: see /account
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
      if (frame.id === this.beamId) this.listener.frame(frame);
      return;
    }
    const answer = JSON.parse(data);
    if (answer.type === "hello") this.listener.opened(answer.model);
    else if (answer.type === "error") this.listener.failed(answer.message);
    else if (answer.type === "beam_end" && answer.id === this.beamId)
      this.listener.ended(answer.id, answer.reason);
  }

  // Starts a beam, which replaces the one before. False while there is no connection.
  beam(request: BeamRequest): boolean {
    if (!this.socket) return false;
    this.beamId = this.nextId++;
    this.socket.send(JSON.stringify({ id: this.beamId, op: "beam", ...request }));
    return true;
  }

  cancel(): void {
    this.socket?.send(JSON.stringify({ id: this.nextId++, op: "cancel", beam: this.beamId }));
  }
}
