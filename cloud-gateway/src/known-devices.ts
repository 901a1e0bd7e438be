/** The devices that this gateway knows: their logins at the broker inside, and the keys they seal with. Follows the file. */
import { randomBytes } from 'node:crypto';
import { SplitError } from '@cutpoint/sdk';
import {
  createDeviceIndex,
  createGatewaySeal,
  type DeviceIndex,
  type Devices,
  followDevices,
  type GatewaySeal,
} from '@cutpoint/sdk/gateway';
import type { GatewayConfig } from './config.ts';
import type { Log } from './log.ts';

export interface KnownDevices {
  readonly index: DeviceIndex;
  /** Opens requests with the keys that hold now; `undefined` where no device has a key and none is required. */
  readonly seal: GatewaySeal | undefined;
  onChange(listener: () => void): void;
  close(): void;
}

/** @throws SplitError `options-invalid` */
export async function openKnownDevices(
  { id, namespace }: Pick<GatewayConfig, 'id' | 'namespace'>,
  path: string,
  log: Log,
): Promise<KnownDevices> {
  const listeners: (() => void)[] = [];
  let index: DeviceIndex;
  const indexOf = (devices: Devices) => {
    if (devices.namespace === namespace) return createDeviceIndex(devices, [id]);
    const text = `${path} is for namespace ${devices.namespace}, this gateway's is ${namespace}`;
    throw new SplitError('options-invalid', text);
  };
  const file = await followDevices(path, {
    onChange: (devices) => {
      index = indexOf(devices);
      for (const listener of listeners) listener();
      log.info({ path, devices: devices.devices.length }, 'the devices file was read again');
    },
    onError: ({ code, message }) => log.error({ path, code }, `the devices file stays as it was: ${message}`),
  });
  index = indexOf(file.current);
  return {
    get index() {
      return index;
    },
    seal: sealOf(file.current, (device, keyId) => index.sealingKey(device, keyId, Date.now())),
    onChange: (listener) => void listeners.push(listener),
    close: file.close,
  };
}

/** The policy is what it was at the start; keys come and go with the file. */
function sealOf(
  { encryption }: Devices,
  findKey: (device: string, keyId: string) => Uint8Array<ArrayBuffer> | undefined,
): GatewaySeal | undefined {
  if (encryption === 'none') return undefined;
  return createGatewaySeal({ policy: encryption, findKey, randomId: () => randomBytes(12).toString('hex') });
}
