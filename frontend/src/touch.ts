/** Fingers on a chart: one reads values, two zoom. */

import type uPlot from "uplot";

export interface TouchEvents {
  /** What is seen while fingers move. */
  move(min: number, max: number): void;
  /** What is seen when they have left. */
  zoom(min: number, max: number): void;
}

interface Finger {
  x: number;
  /** What was below it when it came. */
  value: number;
}

export function followTouch(plot: uPlot, events: TouchEvents): void {
  const { over } = plot;
  const fingers = new Map<number, Finger>();
  let range: [number, number] | null = null;
  const place = (event: PointerEvent): number => event.clientX - over.getBoundingClientRect().left;
  const settle = (): void => {
    for (const finger of fingers.values()) finger.value = plot.posToVal(finger.x, "x");
  };
  const isTouch = (event: PointerEvent): boolean => event.pointerType === "touch";

  over.addEventListener("pointerdown", (event) => {
    if (!isTouch(event)) return;
    fingers.set(event.pointerId, { x: place(event), value: 0 });
    settle();
  });
  over.addEventListener("pointermove", (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    finger.x = place(event);
    const [first, second] = [...fingers.values()];
    if (first && second) {
      const pixels = second.x - first.x;
      if (Math.abs(pixels) < 20) return;
      const each = (second.value - first.value) / pixels;
      if (each <= 0) return;
      const min = first.value - first.x * each;
      range = [min, min + over.clientWidth * each];
      events.move(...range);
    } else plot.setCursor({ left: finger.x, top: 10 });
  });
  const leave = (event: PointerEvent): void => {
    if (!fingers.delete(event.pointerId)) return;
    settle();
    if (range && fingers.size === 0) {
      const [min, max] = range;
      range = null;
      events.zoom(min, max);
    }
  };
  over.addEventListener("pointerup", leave);
  over.addEventListener("pointercancel", leave);
}
