// SPDX-License-Identifier: MIT
// The thread that paints: says that it runs, takes the canvas, then sheet after sheet, and says
// when each is done.

import { paint, type Sheet } from "./sheet.ts";

let context: OffscreenCanvasRenderingContext2D | null = null;

self.onmessage = ({ data }: MessageEvent<OffscreenCanvas | Sheet>) => {
  if (data instanceof OffscreenCanvas) context = data.getContext("2d", { alpha: false });
  else if (context) {
    paint(context, data);
    postMessage("painted");
  }
};
postMessage("ready");
