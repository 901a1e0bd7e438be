import { describe, expect, it } from 'vitest';
import { createCongestionPrice } from './congestion-price.ts';

function playedPrice() {
  let nowMs = 0;
  const clock = { nowMs: () => nowMs, sleep: () => Promise.resolve() };
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { price: createCongestionPrice(clock), pass };
}

describe('the price of a congested gateway', () => {
  it('is nothing while newcomers find nobody', () => {
    const { price } = playedPrice();
    for (let i = 0; i < 10; i++) price.found(0);
    expect(price.value).toBe(0);
  });

  it('comes to be the number of those that newcomers find', () => {
    const { price } = playedPrice();
    for (let i = 0; i < 50; i++) price.found(4);
    expect(price.value).toBeCloseTo(4, 3);
  });

  it('halves in five seconds in which nobody comes', () => {
    const { price, pass } = playedPrice();
    for (let i = 0; i < 50; i++) price.found(4);
    pass(5000);
    expect(price.value).toBeCloseTo(2, 3);
  });
});
