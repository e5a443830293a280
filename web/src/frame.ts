// SPDX-License-Identifier: MIT
// The binary frame of one beam step (docs/formats/websocket.md): who continues whom, by which byte,
// at what cost.

export interface Frame {
  id: number;
  step: number;
  parent: Uint16Array; // lane of the step before
  cost: Uint16Array;   // of the byte, in 1/256 bit
  byte: Uint8Array;
}

export function decodeFrame(data: ArrayBuffer): Frame {
  const view = new DataView(data);
  if (data.byteLength < 12 || view.getUint8(0) !== 1) throw new Error("not a beam frame");
  const n = view.getUint16(2, true);
  if (data.byteLength !== 12 + 5 * n) throw new Error("a beam frame of another length");
  return { // typed arrays are little endian wherever browsers run, as the frame is
    id: view.getUint32(4, true), step: view.getUint32(8, true),
    parent: new Uint16Array(data, 12, n), cost: new Uint16Array(data, 12 + 2 * n, n),
    byte: new Uint8Array(data, 12 + 4 * n, n),
  };
}
