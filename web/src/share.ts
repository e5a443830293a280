// SPDX-License-Identifier: MIT
// Sessions as links and files. A link carries the whole session in its fragment, which browsers do
// not send to any server.

const MARK = "#log=", MOST_BYTES = 4 << 20;

async function through(stream: CompressionStream | DecompressionStream, data: Uint8Array,
                       most: number): Promise<Uint8Array> {
  const source = new Blob([data as BlobPart]).stream() as ReadableStream<BufferSource>;
  const pair = stream as ReadableWritablePair<Uint8Array, BufferSource>;
  const reader = source.pipeThrough(pair).getReader();
  const parts: Uint8Array[] = [];
  for (let n = 0, part; !(part = await reader.read()).done; parts.push(part.value)) {
    n += part.value.length;
    if (n > most) throw new Error(`the link unpacks to more than ${most} bytes`);
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

// The fragment of a link: deflated, in the base64 of URLs.
export async function toFragment(log: string): Promise<string> {
  const bytes = new TextEncoder().encode(log);
  const packed = await through(new CompressionStream("deflate-raw"), bytes, Infinity);
  let binary = "";
  for (const byte of packed) binary += String.fromCharCode(byte);
  return MARK + btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export const isFragment = (fragment: string): boolean => fragment.startsWith(MARK);

export async function fromFragment(fragment: string): Promise<string> {
  try {
    const binary = atob(fragment.slice(MARK.length).replaceAll("-", "+").replaceAll("_", "/"));
    const packed = Uint8Array.from(binary, (c) => c.charCodeAt(0));
    const log = await through(new DecompressionStream("deflate-raw"), packed, MOST_BYTES);
    return new TextDecoder().decode(log);
  } catch (error) {
    const why = (error as Error).message || "cannot be unpacked";
    throw new Error(`the link is damaged or cut off (${why})`);
  }
}

export function download(name: string, type: string, content: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
