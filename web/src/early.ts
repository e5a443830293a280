// SPDX-License-Identifier: MIT
// The script in the head of the page: see socket.ts.

import { newSocket } from "./socket.ts";

window.early = newSocket();
