// SPDX-License-Identifier: MIT
// Bytes as people read them. The model knows bytes, not characters: a piece may end in the middle
// of a character.

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

export const toBytes = (text: string): Uint8Array => encoder.encode(text);

export function toText(bytes: Uint8Array): string {
  return new TextDecoder("utf-8").decode(bytes);
}

// For display: line ends, blanks at the edges and bytes that are no characters become visible.
export function toLabel(bytes: Uint8Array): string {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    text = [...bytes].map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b)
      : b === 10 ? "\n" : "‹" + b.toString(16).padStart(2, "0") + "›")).join("");
  }
  return text.replaceAll("\n", "⏎").replace(/^ | $/g, "·");
}

const isWordByte = (b: number): boolean =>
  (b >= 97 && b <= 122) || (b >= 65 && b <= 90) || (b >= 48 && b <= 57) || b === 39 || b >= 128;

// Does the word that `bytes` begins end before the last byte? "the " and ", " do, "th" does not.
export function endsWord(bytes: Uint8Array): boolean {
  const n = bytes.length;
  return n >= 2 && !isWordByte(bytes[n - 1]) && bytes.subarray(0, n - 1).some(isWordByte);
}

export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
