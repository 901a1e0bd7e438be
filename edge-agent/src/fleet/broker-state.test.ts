import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { logBrokerState } from './broker-state.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('says once that the broker is not there, and each time that it comes and goes, until it is stopped', () => {
  const said: string[] = [];
  const say = (level: string) => (_: object, text: string) =>
    void said.push(`${level} ${text.split(';')[0]}`);
  const log = { info: say('info'), warn: say('warn') } as Parameters<typeof logBrokerState>[1];
  let tell: (state: 'connected' | 'lost') => void = () => {};
  const onStateChange = (listener: typeof tell) => {
    tell = listener;
    return () => {
      tell = () => {};
    };
  };
  const stop = logBrokerState({ isConnected: false, onStateChange }, log, 1_000);
  vi.advanceTimersByTime(60_000);
  expect(said).toEqual(['warn the broker is away']);
  tell('connected');
  tell('lost');
  stop();
  tell('lost');
  expect(said.slice(1)).toEqual(['info the broker is there', 'warn the broker is away']);
});
