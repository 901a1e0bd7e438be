/**
 * Passwords of devices as brokers keep them: PBKDF2 with SHA-512, which Mosquitto and EMQX both read. Few iterations do: a
 * password here is random and long, and a broker computes this while all others wait.
 */
import { pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

export interface PasswordHash {
  readonly iterations: number;
  /** 12 letters and digits, as many as Mosquitto takes; their ASCII bytes are the salt. */
  readonly salt: string;
  readonly hash: Buffer;
}

export const ITERATIONS = 1_000;
export const HASH_BYTES = 64;
const MAX_ITERATIONS = 1_000_000;
const FORMAT = /^pbkdf2-sha512\$(\d{1,7})\$([A-Za-z0-9]{12})\$([A-Za-z0-9+/]{86}==)$/;

const derive = promisify(pbkdf2);

/** `undefined` for a text that is none. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, digits, salt, hash] = FORMAT.exec(text) ?? [];
  const iterations = Number(digits);
  if (salt === undefined || hash === undefined) return undefined;
  if (iterations < 1 || iterations > MAX_ITERATIONS) return undefined;
  return { iterations, salt, hash: Buffer.from(hash, 'base64') };
}

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(6).toString('hex');
  return {
    iterations: ITERATIONS,
    salt,
    hash: await derive(password, salt, ITERATIONS, HASH_BYTES, 'sha512'),
  };
}

export function passwordHashText({ iterations, salt, hash }: PasswordHash): string {
  return `pbkdf2-sha512$${iterations}$${salt}$${hash.toString('base64')}`;
}

/** In a time that does not depend on how much of it is right. */
export async function isPassword(given: string, { iterations, salt, hash }: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(given, salt, iterations, hash.length, 'sha512'), hash);
}
