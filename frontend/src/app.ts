/** What every view is given. */

import type { Alarm, FastEvent, House, Meter } from "./api.ts";
import type { Times } from "./format.ts";
import type { Live } from "./live.ts";
import type { Connection } from "./stream.ts";
import type { Zone } from "./zone.ts";

export interface App {
  house: House;
  zone: Zone;
  times: Times;
  live: Live;
  fast: FastEvent | null;
  alarms: Alarm[] | null;
  connection: Connection;
  /** Calls back when `fast`, `alarms` or `connection` is another. Gives what ends that. */
  listen(callback: () => void): () => void;
  /** Says something to screen readers, once. */
  announce(text: string): void;
}

export interface Mounted {
  element: HTMLElement;
  /** The same view with other parameters. */
  update(parameters: URLSearchParams): void;
  destroy(): void;
}

export type MakeView = (app: App, parameters: URLSearchParams) => Mounted;

/** The meter that the address names, else the first. */
export function meterOf(app: App, parameters: URLSearchParams): Meter | undefined {
  const name = parameters.get("meter");
  return app.house.meters.find((meter) => meter.name === name) ?? app.house.meters[0];
}
