/** An authority and certificates signed by it, made by openssl for one test. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificates {
  readonly directory: string;
  /** Path of the authority's certificate. */
  readonly ca: string;
  /** @param name its common name; for 127.0.0.1 and localhost where it is a server's */
  issue(name: string): { readonly cert: string; readonly key: string };
  remove(): void;
}

/** Why there can be none here, or undefined. */
export function opensslMissing(): string | undefined {
  try {
    openssl(['version']);
    return undefined;
  } catch {
    return 'no openssl on the PATH';
  }
}

export function makeAuthority(): Certificates {
  const directory = mkdtempSync(join(tmpdir(), 'cutpoint-certificates-'));
  const at = (name: string) => join(directory, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const days = ['-days', '2'];
  openssl([
    'req',
    '-x509',
    ...newKey,
    ...days,
    '-subj',
    '/CN=test authority',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.crt'),
  ]);
  writeFileSync(at('names.cnf'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  return {
    directory,
    ca: at('ca.crt'),
    issue: (name) => {
      const [key, request, cert] = [at(`${name}.key`), at(`${name}.csr`), at(`${name}.crt`)];
      openssl(['req', ...newKey, '-subj', `/CN=${name}`, '-keyout', key, '-out', request]);
      const signer = [
        '-CA',
        at('ca.crt'),
        '-CAkey',
        at('ca.key'),
        '-CAcreateserial',
        '-extfile',
        at('names.cnf'),
      ];
      openssl(['x509', '-req', ...days, '-in', request, ...signer, '-out', cert]);
      return { cert, key };
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** What MQTT.js and the broker inside want: the text, not the path. */
export function pem(path: string): string {
  return readFileSync(path, 'utf8');
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
