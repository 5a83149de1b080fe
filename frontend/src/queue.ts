/** Few questions at once: the daemon may run on a small computer. */

const AT_ONCE = 2;
const waiting: (() => void)[] = [];
let running = 0;

export async function queued<T>(ask: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
  try {
    return await ask();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}
