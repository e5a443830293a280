// SPDX-License-Identifier: MIT
// Elements by name, and writing to them only where something changes: a write of the same costs
// the browser a layout.

export const by = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

export function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node: Element, name: string, value: string): void {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}
