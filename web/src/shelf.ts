// SPDX-License-Identifier: MIT
// Where sessions come from and go to: this browser, files, links; and the dialog with all of that.

import { by } from "./dom.ts";
import { readLog, writeLog } from "./log.ts";
import { Session } from "./session.ts";
import { download, fromFragment, isFragment, toFragment } from "./share.ts";
import { forget, keep, keptSessions, loadKept, newId, tab } from "./store.ts";

const TAB = "loom.tab"; // the session of this tab, in sessionStorage

export interface ShelfEvents {
  opened(session: Session): void;
  asked(): Session; // the session as it is, all typing counted
  tree(): string;
  say(message: string): void;
  refuse(message: string): void;
}

const today = (): string => new Date().toISOString().slice(0, 10);

export class Shelf {
  private id = newId();
  private dialog = by<HTMLDialogElement>("sessions");

  constructor(private events: ShelfEvents) {
    const onClick = (id: string, work: () => void): void => by(id).addEventListener("click", work);
    onClick("sessions-open", () => this.show());
    onClick("save-log", () =>
      download(`${today()}.loomlog.json`, "application/jsonl", writeLog(events.asked())));
    onClick("save-text", () => download(`${today()}.txt`, "text/plain", events.asked().now.text));
    onClick("save-tree", () => download(`${today()}.tree.json`, "application/json", events.tree()));
    onClick("open-log", () => by("file").click());
    onClick("share", () => void this.share());
    onClick("new", () => {
      this.take(new Session(events.asked().model), newId());
      this.dialog.close();
    });
    by("file").addEventListener("change", () => void this.openFile());
    addEventListener("hashchange", () => void this.openLink());
  }

  // What this tab begins with: a link, its own session before a reload, or nothing.
  async begin(): Promise<boolean> {
    if (isFragment(location.hash)) return this.openLink();
    const id = tab?.getItem(TAB), log = id && loadKept(id);
    return Boolean(log) && this.open(log as string, "the session of this tab", id as string);
  }

  // After every operation. A session that another tab went on with is left to that.
  written(session: Session): void {
    if (isFragment(location.hash)) history.replaceState(null, "", location.pathname);
    const other = keptSessions().find((k) => k.id === this.id);
    if (other && other.operations >= session.operations.length) this.id = newId();
    tab?.setItem(TAB, this.id);
    if (!keep(this.id, writeLog(session), session.now.text, session.operations.length))
      this.events.say("This browser cannot keep the session (too long, or storage is off): "
        + "save it as a file.");
  }

  private take(session: Session, id: string): void {
    this.id = id;
    this.events.opened(session);
  }

  private open(log: string, name: string, id = newId()): boolean {
    try {
      this.take(readLog(log), id);
      return true;
    } catch (error) {
      this.events.refuse(`${name}: ${(error as Error).message}`);
      return false;
    }
  }

  private async openLink(): Promise<boolean> {
    if (!isFragment(location.hash)) return false;
    try {
      return this.open(await fromFragment(location.hash), "the link");
    } catch (error) {
      this.events.refuse((error as Error).message);
      return false;
    }
  }

  private async openFile(): Promise<void> {
    const input = by<HTMLInputElement>("file"), file = input.files?.[0];
    if (!file) return;
    this.open(await file.text(), file.name);
    input.value = "";
    this.dialog.close();
  }

  private async share(): Promise<void> {
    history.replaceState(null, "", await toFragment(writeLog(this.events.asked())));
    this.dialog.close();
    try {
      await navigator.clipboard.writeText(location.href);
      const { length } = location.href;
      this.events.say(`The link is copied: ${length} characters hold the whole session.`);
    } catch {
      this.events.say("The link stands in the address bar; it holds the whole session.");
    }
  }

  private show(): void {
    this.events.asked();
    const rows = keptSessions().map(({ id, title, when, operations }) => {
      const row = document.createElement("li"), open = document.createElement("button");
      const drop = document.createElement("button"), day = new Date(when).toLocaleString();
      open.textContent = `… ${title}`;
      open.title = open.textContent;
      open.className = "kept";
      const small = document.createElement("small");
      small.textContent = `${day} · ${operations} operations`;
      open.append(small);
      open.addEventListener("click", () => {
        this.open(loadKept(id) ?? "", title, id);
        this.dialog.close();
      });
      drop.textContent = "×";
      drop.setAttribute("aria-label", `forget ${title}`);
      drop.addEventListener("click", () => {
        forget(id);
        this.show();
      });
      row.append(open, drop);
      return row;
    });
    by("kept").replaceChildren(...rows);
    by("kept-none").hidden = rows.length > 0;
    if (!this.dialog.open) this.dialog.showModal();
  }
}
