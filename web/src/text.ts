// SPDX-License-Identifier: MIT
// Bytes as people read them. The model knows bytes, not characters: a piece may end in the middle
// of a character. A *binary string* has one char (0 to 255) a byte; it compares and slices as
// bytes.

const decoder = new TextDecoder("utf-8", { fatal: true });
const lenient = new TextDecoder("utf-8");
const encoder = new TextEncoder();

export const toBytes = (text: string): Uint8Array => encoder.encode(text);

export function toBinary(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return binary;
}

export const fromBinary = (binary: string): Uint8Array =>
  Uint8Array.from(binary, (c) => c.charCodeAt(0));

export function toText(bytes: Uint8Array): string {
  return lenient.decode(bytes);
}

// As JSON carries bytes: {text} where they are characters, else {text_base64}.
export type Carried = { text: string } | { text_base64: string };

export function carry(binary: string): Carried {
  try {
    return { text: decoder.decode(fromBinary(binary)) };
  } catch {
    return { text_base64: btoa(binary) };
  }
}

export const uncarry = (carried: Carried): string =>
  "text" in carried ? toBinary(toBytes(carried.text)) : atob(carried.text_base64);

const hex = (byte: number): string => "‹" + byte.toString(16).padStart(2, "0") + "›";

function decoded(bytes: Uint8Array): string {
  let bits = 0;
  for (const byte of bytes) bits |= byte;
  if (bits < 128) return String.fromCharCode(...bytes); // a decoder costs a call
  try {
    return decoder.decode(bytes);
  } catch {
    const isPlain = (b: number): boolean => b < 127 && (b >= 32 || b === 10);
    return [...bytes].map((b) => (isPlain(b) ? String.fromCharCode(b) : hex(b))).join("");
  }
}

// For display: line ends, blanks at the edges and bytes that are no characters become visible.
export const toLabel = (bytes: Uint8Array): string =>
  decoded(bytes).replaceAll("\n", "⏎").replace(/^ | $/g, "·");

const isWordByte = (b: number): boolean =>
  (b >= 97 && b <= 122) || (b >= 65 && b <= 90) || (b >= 48 && b <= 57) || b === 39 || b >= 128;

// Does the word that `bytes` begins end before the last byte? "the " and ", " do, "th" does not.
export function endsWord(bytes: Uint8Array): boolean {
  const n = bytes.length;
  return n >= 2 && !isWordByte(bytes[n - 1]) && bytes.some(isWordByte);
}

const UNITS: [number, string][] = [[1e18, "quintillion"], [1e15, "quadrillion"], [1e12, "trillion"],
                                   [1e9, "billion"], [1e6, "million"], [1e3, "thousand"]];

// 1234567 is "1.23 million".
export function count(n: number): string {
  const [unit, name] = UNITS.find(([u]) => n >= u) ?? [1, ""];
  return n < 1000 ? String(Math.round(n)) : `${(n / unit).toPrecision(3)} ${name}`;
}

export const percent = (share: number): string =>
  `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

// Where two texts differ: `remove` characters at `at` became `insert`.
export function difference(before: string, after: string):
{ at: number; remove: number; insert: string } {
  let at = 0, tail = 0;
  const shorter = Math.min(before.length, after.length);
  while (at < shorter && before[at] === after[at]) at++;
  while (tail < shorter - at && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  return { at, remove: before.length - at - tail, insert: after.slice(at, after.length - tail) };
}
