/** The daemon's clock: ages are told by it, whatever the clock of this browser shows. */

let offsetMs = 0;

/** Takes over the daemon's time from what it has just said. */
export function setDaemonTime(ms: number): void {
  offsetMs = ms - Date.now();
}

/** A reading from the future shows that the clock known here is behind. */
export function atLeast(ms: number): void {
  if (ms > nowMs()) setDaemonTime(ms);
}

export const nowMs = (): number => Date.now() + offsetMs;

const callbacks = new Set<() => void>();
let timer: number | undefined;

/** Calls back every second while the page can be seen. Gives what ends that. */
export function everySecond(callback: () => void): () => void {
  callbacks.add(callback);
  timer ??= window.setInterval(() => {
    if (!document.hidden) for (const each of callbacks) each();
  }, 1000);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size === 0) {
      window.clearInterval(timer);
      timer = undefined;
    }
  };
}
