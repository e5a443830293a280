// SPDX-License-Identifier: MIT
// The socket to the server. The first is opened in the head of the page (early.ts), so that the
// handshake goes on while the browser still builds the rest of it.

import { tab } from "./store.ts";

export interface Early { socket: WebSocket; heard: (string | ArrayBuffer)[] }
declare global { interface Window { early?: Early } }

export function newSocket(): Early {
  const key = tab?.getItem("bitloom-key"); // where the server asks for one: see /account
  const url = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/api/lanes`;
  const socket = new WebSocket(url,
    key ? ["bitloom.lanes.1", "bitloom.key." + key] : "bitloom.lanes.1");
  const heard: Early["heard"] = []; // before somebody listens
  socket.binaryType = "arraybuffer";
  socket.onmessage = (event) => heard.push(event.data);
  return { socket, heard };
}

// The one that was opened early, once; then new ones.
export function takeSocket(): Early {
  const taken = window.early ?? newSocket();
  delete window.early;
  return taken;
}
