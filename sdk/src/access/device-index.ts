/** A devices file as it is asked during operation: who logs in, with what rights, and which key holds at a time. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { parseKey } from '../transport/sealing-keys.ts';
import { matchesFilter } from '../transport/topic-filter.ts';
import { type DeviceEntry, type Devices, type LoginEntry, loginsOf, namesOf } from './devices.ts';
import { isPassword, parsePasswordHash } from './password.ts';
import { rightsByLogin } from './topic-rights.ts';

export interface DeviceIndex {
  /** Whether the login is known and the password its own. */
  isLogin(id: string, password: string): Promise<boolean>;
  /** Whether a certificate with this common name may log in. */
  isKnown(id: string): boolean;
  mayPublish(login: string, topic: string): boolean;
  /** The filter as it stands: what it covers in part or would cover besides is not granted. */
  maySubscribe(login: string, filter: string): boolean;
  /** Whether a message on this topic may reach the login. */
  mayReceive(login: string, topic: string): boolean;
  /** The key, if the device has it and it holds at this time, in milliseconds since 1970. */
  sealingKey(device: string, keyId: string, atMs: number): Uint8Array<ArrayBuffer> | undefined;
}

/** @param gateways that devices may write to, besides those in the file */
export function createDeviceIndex(file: Devices, gateways: readonly string[] = []): DeviceIndex {
  const rights = new Map(
    [...rightsByLogin(file, gateways)].map(([login, { publish, subscribe }]) => [
      login,
      { publish: rule(publish), subscribe: new Set(subscribe), receive: rule(subscribe) },
    ]),
  );
  const logins = new Map<string, LoginEntry>(loginsOf(file).map((entry) => [entry.id, entry]));
  const devices = new Map<string, DeviceEntry>(
    file.devices.flatMap((entry) => namesOf(entry).map((name) => [name, entry] as const)),
  );
  return {
    isLogin: async (id, password) => {
      const entry = logins.get(id);
      if (entry?.password !== undefined) return isSame(password, entry.password);
      const known = entry?.passwordHash === undefined ? undefined : parsePasswordHash(entry.passwordHash);
      return known === undefined ? false : await isPassword(password, known);
    },
    isKnown: (id) => logins.has(id),
    mayPublish: (login, topic) => rights.get(login)?.publish(topic) ?? false,
    maySubscribe: (login, filter) => rights.get(login)?.subscribe.has(filter) ?? false,
    mayReceive: (login, topic) => rights.get(login)?.receive(topic) ?? false,
    sealingKey: (device, keyId, atMs) => {
      const found = devices.get(device)?.keys.find(({ id }) => id === keyId);
      if (!found) return undefined;
      const hasBegun = found.notBefore === undefined || Date.parse(found.notBefore) <= atMs;
      const isOver = found.notAfter !== undefined && Date.parse(found.notAfter) <= atMs;
      return hasBegun && !isOver ? parseKey(found.key, `key ${keyId}`) : undefined;
    },
  };
}

/** Exact topics by a look-up, which is nearly all of them; filters one after the other. */
function rule(filters: readonly string[]): (topic: string) => boolean {
  const exact = new Set(filters);
  const wild = filters.filter((filter) => /[+#]/.test(filter));
  // A topic with a wildcard in it is none, and must not pass for a filter that stands in the list.
  return (topic) =>
    !/[+#]/.test(topic) && (exact.has(topic) || wild.some((filter) => matchesFilter(filter, topic)));
}

/** In a time that does not depend on how much of it is right. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
