// SPDX-License-Identifier: MIT
// What keys do, as one table: the help is made of it, and nothing works that is not in it.

export interface Binding {
  keys: string[];    // as events name them; more than one for the same
  shown: string;
  does: string;
  run?(key: string): void; // none: described here, done elsewhere
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
    || target instanceof HTMLInputElement && /^(text|number)$/.test(target.type);
}

// Does `e` belong to the control that has the focus?
function isTaken(e: KeyboardEvent): boolean {
  const isPress = e.key === " " || e.key === "Enter";
  const target = e.target as HTMLElement;
  const isSliding = target instanceof HTMLInputElement && /^(Arrow|Home|End|Page)/.test(e.key);
  if (e.key === "Escape") return e.defaultPrevented;
  const isPressed = isPress && /^(BUTTON|SUMMARY|INPUT|A)$/.test(target.tagName);
  return isTyping(target) || isSliding || isPressed;
}

export function listen(bindings: Binding[], isOn: () => boolean, undo: () => void,
                       redo: () => void): void {
  document.addEventListener("keydown", (e) => {
    if (document.querySelector("dialog[open]") || e.altKey) return;
    const isPlain = !e.ctrlKey && !e.metaKey;
    const key = e.key.length === 1 && !isPlain ? e.key.toLowerCase() : e.key;
    if (!isPlain) {
      const isInField = e.target instanceof HTMLInputElement && isTyping(e.target);
      if (isInField || (key !== "z" && key !== "y")) return; // a field undoes its own typing
      e.preventDefault();
      if (key === "y" || e.shiftKey) redo(); else undo();
      return;
    }
    const binding = bindings.find((b) => b.run && b.keys.includes(key));
    if (!binding || isTaken(e) || (key.length === 1 && !isOn())) return;
    e.preventDefault();
    binding.run?.(key);
  });
}

export function describe(bindings: Binding[], table: HTMLTableElement): void {
  for (const { shown, does } of bindings) {
    const row = table.insertRow();
    for (const part of shown.split(" ")) {
      const key = document.createElement("kbd");
      key.textContent = part;
      (row.cells[0] ?? row.insertCell()).append(key, " ");
    }
    row.insertCell().textContent = does;
  }
}
