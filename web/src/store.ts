// SPDX-License-Identifier: MIT
// Sessions that this browser remembers: the newest few, within a bound, each under its own key.

const PREFIX = "loom.session.", MOST_SESSIONS = 20, MOST_CHARS = 1 << 20;

function available(of: () => Storage): Storage | null {
  try {
    return of();
  } catch {
    return null; // switched off: nothing is remembered
  }
}

const storage = available(() => localStorage);
export const tab = available(() => sessionStorage); // of this tab alone

export interface Kept { id: string; when: number; title: string; operations: number }

export const newId = (): string => Math.random().toString(36).slice(2, 10);

export function keptSessions(): Kept[] {
  const kept: Kept[] = [];
  for (const key of Object.keys(storage ?? {}).filter((k) => k.startsWith(PREFIX))) {
    const value = storage?.getItem(key) ?? "";
    try {
      const about = JSON.parse(value.slice(0, value.indexOf("\n")));
      kept.push({ ...about, id: key.slice(PREFIX.length) });
    } catch {
      storage?.removeItem(key);
    }
  }
  return kept.sort((a, b) => b.when - a.when);
}

export function loadKept(id: string): string | null {
  const value = storage?.getItem(PREFIX + id);
  return value ? value.slice(value.indexOf("\n") + 1) : null;
}

export function forget(id: string): void { storage?.removeItem(PREFIX + id); }

const charsOf = (id: string): number => storage?.getItem(PREFIX + id)?.length ?? 0;

// The newest sessions that fit stay; false where this one does not.
export function keep(id: string, log: string, text: string, operations: number): boolean {
  const title = text.trim().slice(-60) || "(no text)";
  const value = JSON.stringify({ when: Date.now(), title, operations }) + "\n" + log;
  if (value.length > MOST_CHARS) return false;
  let room = MOST_CHARS - value.length;
  keptSessions().filter((k) => k.id !== id).forEach((k, i) => {
    room -= charsOf(k.id);
    if (room < 0 || i >= MOST_SESSIONS - 1) forget(k.id);
  });
  return write(PREFIX + id, value);
}

function write(key: string, value: string): boolean {
  try {
    storage?.setItem(key, value);
    return storage !== null;
  } catch {
    return false; // full
  }
}

// What this browser remembers beside sessions: "hint", "keys".
export const recall = (name: string): string | null => storage?.getItem("loom." + name) ?? null;
export const remember = (name: string, value: string): boolean => write("loom." + name, value);
