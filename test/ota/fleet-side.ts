/** The fleet's side of one device: writes what shall be, waits for what is. */
import type { Transport } from '@cutpoint/sdk/gateway';

export interface Reported {
  readonly models: Readonly<Record<string, ReportedModel>>;
  readonly desired?: {
    readonly version: number;
    readonly steps: readonly { readonly state: string; readonly reason?: string }[];
  };
}

export interface ReportedModel {
  readonly version?: string;
  readonly isConfirmed: boolean;
  readonly update?: { readonly step: string };
  readonly last?: {
    readonly outcome: string;
    readonly step: string;
    readonly version: string;
    readonly reason?: string;
  };
}

export interface FleetSide {
  want(document: object): Promise<void>;
  /** The next report that is so, or the one before if it is. @throws Error after the time, with the last report */
  until(what: string, isSo: (reported: Reported) => boolean, ms?: number): Promise<Reported>;
  /** What was said of the presence of the device, in order. */
  readonly presence: readonly string[];
}

export async function fleetSide(transport: Transport, device: string): Promise<FleetSide> {
  const own = `cutpoint/edge/${device}`;
  const presence: string[] = [];
  let last: Reported | undefined;
  let look: () => void = () => {};
  await transport.subscribe(`${own}/reported`, (_topic, payload) => {
    last = JSON.parse(Buffer.from(payload).toString()) as Reported;
    look();
  });
  await transport.subscribe(`${own}/st`, (_topic, payload) => {
    presence.push((JSON.parse(Buffer.from(payload).toString()) as { state: string }).state);
  });
  return {
    presence,
    want: (document) =>
      transport.publish(`${own}/desired`, Buffer.from(JSON.stringify(document)), { retain: true }),
    until: (what, isSo, ms = 120_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`not ${what}: ${JSON.stringify(last)}`)), ms);
        look = () => {
          if (last === undefined || !isSo(last)) return;
          clearTimeout(timer);
          look = () => {};
          resolve(last);
        };
        look();
      }),
  };
}
