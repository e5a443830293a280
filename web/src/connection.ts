// SPDX-License-Identifier: MIT
// The connection to the server: one WebSocket that comes back by itself, and the beam on it.

import { decodeFrame, type Frame } from "./frame.ts";
import type { BeamRequest } from "./session.ts";
import { takeSocket } from "./socket.ts";

export interface Model {
  name: string;
  sha256: string;
  n_state_bits: number;
  n_ands: number;
  n_lut3: number;
}

export interface Stats { steps: number; step_us: number; lanes_busy: number; sessions: number }

export interface Listener {
  connected(): void;
  greeted(model: Model): void;
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

  constructor(private listener: Listener) {
    queueMicrotask(() => this.open()); // the listener may want what is not built yet
  }

  private open(): void {
    const { socket, heard } = takeSocket();
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = () => this.closed();
    socket.onopen = () => this.opened(socket);
    if (socket.readyState === WebSocket.OPEN) this.opened(socket);
    else if (socket.readyState !== WebSocket.CONNECTING) this.closed();
    heard.forEach((data) => this.receive(data));
  }

  private opened(socket: WebSocket): void {
    this.socket = socket;
    this.wait = FIRST_WAIT_MS;
    this.listener.connected();
  }

  private closed(): void {
    if (this.socket) this.listener.closed();
    this.socket = null;
    setTimeout(() => this.open(), this.wait);
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT_MS);
  }

  private receive(data: string | ArrayBuffer): void {
    if (typeof data !== "string") {
      const frame = decodeFrame(data);
      if (frame.id === this.beamId) this.listener.frame(frame, data);
      return;
    }
    const answer = JSON.parse(data);
    if (answer.type === "hello") this.listener.greeted(answer.model);
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

  get isOpen(): boolean { return this.socket !== null; }

  // Starts a beam, which replaces the one before.
  beam(request: BeamRequest): void { this.beamId = this.send({ op: "beam", ...request }); }

  cancel(): void { this.send({ op: "cancel", beam: this.beamId }); }
  askStats(): void { this.send({ op: "stats" }); }
}
