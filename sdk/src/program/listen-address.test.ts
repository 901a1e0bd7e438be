import { describe, expect, it } from 'vitest';
import { addressUrl, isLoopback, parseListenAddress } from './listen-address.ts';

describe('listen addresses', () => {
  it('reads IPv6 in brackets and writes it the same way', () => {
    const address = parseListenAddress('[::1]:1884');
    expect(address).toEqual({ host: '::1', port: 1884 });
    expect(addressUrl('mqtt', address)).toBe('mqtt://[::1]:1884');
  });

  it.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('takes %s for this machine', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each([
    '0.0.0.0',
    '::',
    '192.168.0.1',
    '127.0.0.1.example.org',
    'localhost.example.org',
  ])('takes %s for a host that others can reach', (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});
