/** Certificates of the configuration: there, readable, in their time, and key and certificate of one another. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Examination } from './examine.ts';
import { type Finding, failure, ok, warning } from './finding.ts';

const DAY_MS = 86_400_000;
const SOON_DAYS = 30;

export async function checkCertificates({ config, now }: Examination): Promise<readonly Finding[]> {
  const { ca, cert, key } = config.tls ?? {};
  const found: Finding[] = [];
  if (ca !== undefined) found.push((await readCertificate('tls.ca', ca, now())).finding);
  if (cert === undefined && key === undefined) return found;
  if (cert === undefined || key === undefined)
    return [
      ...found,
      failure('tls', 'tls.cert and tls.key belong together; one of them is missing', 'name both'),
    ];
  const own = await readCertificate('tls.cert', cert, now());
  found.push(own.finding, await checkKey(key, own.certificate));
  return found;
}

async function readCertificate(
  check: string,
  path: string,
  nowMs: number,
): Promise<{ readonly finding: Finding; readonly certificate?: X509Certificate }> {
  try {
    const certificate = new X509Certificate(await readFile(path));
    return { certificate, finding: checkTimes(check, path, { certificate, nowMs }) };
  } catch (error) {
    return {
      finding: failure(check, `${path} cannot be read: ${codeOf(error)}`, 'name a certificate in PEM'),
    };
  }
}

function checkTimes(
  check: string,
  path: string,
  { certificate, nowMs }: { readonly certificate: X509Certificate; readonly nowMs: number },
): Finding {
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  const today = new Date(nowMs).toISOString();
  if (nowMs < from)
    return failure(
      check,
      `${path} is not valid before ${certificate.validFrom}; the clock says ${today}`,
      'set the clock, or wait',
    );
  if (nowMs > to)
    return failure(
      check,
      `${path} has expired on ${certificate.validTo}; the clock says ${today}`,
      'renew it; local applications are answered meanwhile',
    );
  const days = Math.floor((to - nowMs) / DAY_MS);
  if (days < SOON_DAYS) return warning(check, `${path} expires in ${days} days`, 'renew it before that');
  return ok(check, `${path}, ${days} days left`);
}

async function checkKey(path: string, certificate: X509Certificate | undefined): Promise<Finding> {
  let key: KeyObject;
  try {
    key = createPrivateKey(await readFile(path));
  } catch (error) {
    return failure(
      'tls.key',
      `${path} cannot be read: ${codeOf(error)}`,
      'name a private key in PEM, without a password',
    );
  }
  if (certificate && !certificate.checkPrivateKey(key))
    return failure('tls.key', `${path} is not the key of tls.cert`, 'name the two that were made together');
  return ok('tls.key', path);
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}
