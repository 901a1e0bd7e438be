/** The unit of the edge agent: what hardens it leaves it what it needs. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

const unit = readFileSync(
  resolve(import.meta.dirname, '../../edge-agent/deploy/cutpoint-edge.service'),
  'utf8',
);

it('leaves the agent its devices: nothing takes or filters them, also not by the way', () => {
  // systemd 245 to 252 allow /dev/rtc alone where ProtectClock is set (systemd issue 18142); JetPack 6 has 249.
  expect(unit).not.toMatch(/^(PrivateDevices|ProtectClock|DevicePolicy|DeviceAllow)=/m);
});
