// What runs, as it happens: one stream of events for whatever view is shown.

import { hasKey, stream } from "./api.js";

const AGAIN_MS = 3000;
let running = null;
let listening = null;
const waiting = new Set();

// The runs that have not ended, as the stream told last; null: it has told nothing yet.
export const nowRunning = () => running;

// Resolves after the next change of any run, after so long, or when the view is left; and not
// while nobody sees the page.
export function change(signal, most_ms) {
  return new Promise((resolve) => {
    let timer;
    const done = () => {
      clearTimeout(timer);
      waiting.delete(wake);
      if (!document.hidden || signal.aborted) return resolve();
      document.addEventListener("visibilitychange", resolve, { once: true });
    };
    const wake = done;
    waiting.add(wake);
    timer = setTimeout(done, most_ms);
    signal.addEventListener("abort", done, { once: true });
  });
}

// Keeps the stream open while somebody sees the page. `connected` is told whether it is.
export async function listen(connected) {
  listening?.abort();
  const mine = listening = new AbortController();
  const told = (now) => {
    running = now.running;
    for (const wake of [...waiting]) wake();
  };
  while (!mine.signal.aborted && hasKey() && !document.hidden) {
    try {
      await stream("runs/live", mine.signal, { now: told }, () => connected(true));
    } catch (error) {
      if (mine.signal.aborted || error.problem?.status === 401) return;
      connected(false);
      await new Promise((resolve) => { setTimeout(resolve, AGAIN_MS); });
    }
  }
}

export const unlisten = () => { running = null; listening?.abort(); };
