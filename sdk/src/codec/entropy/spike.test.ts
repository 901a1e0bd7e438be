import { expect, it } from 'vitest';
import { spikeCode, spikeSymbol } from './spike.ts';

it('spike codes stand for one symbol each, whatever the guess, and 0 for 0', () => {
  for (let guess = 0; guess < 256; guess++) {
    const codes = Array.from({ length: 256 }, (_, symbol) => spikeCode(symbol, guess));
    expect(new Set(codes).size).toBe(256);
    expect(codes[0]).toBe(0);
    expect(codes.map((code) => spikeSymbol(code, guess))).toEqual([...codes.keys()]);
  }
});

it('spike codes are near 0 or 256 where the guess is near', () => {
  expect([-2, -1, 0, 1, 2].map((far) => spikeCode(100 + far, 100))).toEqual([254, 255, 1, 2, 3]);
});
