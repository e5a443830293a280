// SPDX-License-Identifier: MIT
// The binary frame of one beam step (docs/formats/websocket.md): who continues whom, by which byte,
// at what cost.

export interface Frame {
  id: number;
  step: number;
  parent: Uint16Array; // lane of the step before
  bits: Float64Array;  // cost of the byte
  byte: Uint8Array;
}

export function decodeFrame(data: ArrayBuffer): Frame {
  const view = new DataView(data);
  if (data.byteLength < 12 || view.getUint8(0) !== 1) throw new Error("not a beam frame");
  const n = view.getUint16(2, true);
  if (data.byteLength !== 12 + 5 * n) throw new Error("a beam frame of another length");
  const parent = new Uint16Array(n), bits = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    parent[i] = view.getUint16(12 + 2 * i, true);
    bits[i] = view.getUint16(12 + 2 * n + 2 * i, true) / 256;
  }
  return {
    id: view.getUint32(4, true), step: view.getUint32(8, true), parent, bits,
    byte: new Uint8Array(data, 12 + 4 * n, n),
  };
}
