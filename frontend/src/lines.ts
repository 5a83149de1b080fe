/** What can be said of lines without drawing them. */

// Quantities whose zero means something: it is shown unless the values are far from it.
const FROM_ZERO = new Set(["W", "var", "VA", "A", "%"]);

/** The places of values that have none beside them. */
export function alone(values: ArrayLike<number | null | undefined>): number[] {
  const isThere = (index: number): boolean => values[index] !== null && values[index] !== undefined;
  return Array.from({ length: values.length }, (_, index) => index).filter((index) => isThere(index) && !isThere(index - 1) && !isThere(index + 1));
}

/** From where to where an axis goes. */
export function rangeOf(unit: string, min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const padding = (max - min || Math.abs(max) * 0.02 || 1) * 0.07;
  const isFromZero = FROM_ZERO.has(unit);
  const low = isFromZero && min >= 0 && min < 0.6 * max ? 0 : min - padding;
  const high = isFromZero && max <= 0 && max > 0.6 * min ? 0 : max + padding;
  return [low, high];
}
