// SPDX-License-Identifier: MIT
// A picture of the tree as numbers and labels, and how it is painted. The page makes sheets; who
// paints them (easel.ts) is perhaps a thread of its own, so a sheet holds plain data only.

export interface Sheet {
  width: number; height: number; // in pixels of the page
  scale: number;                 // pixels of the screen for one of those
  column: number;                // the width of a byte of text
  isDark: boolean;
  isDimmed: boolean;
  boxes: Float32Array;           // FIELDS a box: x, y, width, height, hue, kind
  labels: string;                // a line each box, empty where none can be read
}

export const FIELDS = 6;
export const STRIPED = 1, ON_PATH = 2, PINNED = 4; // bits of a box's kind

// Sizes in columns: letters, what is high enough for them; ADVANCE is how wide a letter is for its
// size. In pixels: small letters.
const LETTERS = 1.4, LARGE_LABEL = 1.5, ADVANCE = 0.602, SMALL = 10;
const FONT = 'ui-monospace, "DejaVu Sans Mono", monospace';

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

export function paint(c: Context, sheet: Sheet): void {
  const { width, height, scale, isDark, boxes } = sheet, { canvas } = c;
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
  c.setTransform(scale, 0, 0, scale, 0, 0);
  c.fillStyle = isDark ? "#14161a" : "#f7f6f2"; // the page's
  c.fillRect(0, 0, width, height);
  c.globalAlpha = sheet.isDimmed ? 0.45 : 1;
  for (let at = 0; at < boxes.length; at += FIELDS) paintBox(c, sheet, at);
  paintLabels(c, sheet);
  c.globalAlpha = 1;
}

function paintBox(c: Context, { boxes, isDark }: Sheet, at: number): void {
  const [x, y, width, height, hue, kind] = boxes.subarray(at, at + FIELDS);
  const stripe = kind & STRIPED ? 3 : 0, isOnPath = kind & ON_PATH;
  const light = isDark ? 20 + stripe + (isOnPath ? 12 : 0) : 91 - stripe - (isOnPath ? 14 : 0);
  c.fillStyle = `hsl(${hue} ${isDark ? 34 : 52}% ${light}%)`;
  c.fillRect(x, y, Math.max(width - 1, 1), Math.max(height - 1, 0.7));
  if (!(kind & PINNED)) return;
  c.fillStyle = isDark ? "#f2c14e" : "#9a6a00";
  c.fillRect(x, y + Math.max(height - 3, 0), Math.max(width - 1, 1), Math.min(2, height));
}

// By font, as setting one costs more than a label.
function paintLabels(c: Context, sheet: Sheet): void {
  const { boxes, column } = sheet, large = Math.max(SMALL, LETTERS * column);
  const labels = sheet.labels.split("\n");
  c.textBaseline = "middle";
  for (const bold of [0, ON_PATH])
    for (const size of [large, SMALL]) {
      const some = labels.flatMap((label, i) => {
        const height = boxes[i * FIELDS + 3], kind = boxes[i * FIELDS + 5];
        const isLarge = height >= LARGE_LABEL * column;
        return label && (kind & ON_PATH) === bold && isLarge === (size === large) ? i : [];
      });
      if (!some.length) continue;
      c.font = `${bold ? 600 : 400} ${size}px ${FONT}`;
      c.letterSpacing = `${Math.max(0, column - ADVANCE * size)}px`; // one letter a column
      for (const i of some) paintLabel(c, sheet, labels[i], i);
    }
}

function paintLabel(c: Context, { boxes, column, isDark }: Sheet, label: string, i: number): void {
  const [x, y, width, height, hue, kind] = boxes.subarray(i * FIELDS, (i + 1) * FIELDS);
  const isOnPath = kind & ON_PATH, isFitting = label.length * column <= width + 0.5;
  c.fillStyle = isDark ? `hsl(${hue} 40% ${isOnPath ? 96 : 84}%)`
                       : `hsl(${hue} 60% ${isOnPath ? 10 : 22}%)`;
  if (isFitting) c.fillText(label, x, y + height / 2);
  else c.fillText(label, x, y + height / 2, width); // bytes that are no letters
}
