/**
 * What is coded in place of a symbol, for a guess. Zero keeps a code of its own, 0, however far away the guess is: after a
 * ReLU it is the likeliest symbol of all. The others are coded by their distance from the guess, those at or above it one
 * further to leave room. With a guess of 0 nothing changes. For each guess all 256 codes stand for one symbol each.
 */

export function spikeCode(symbol: number, guess: number): number {
  if (guess === 0 || symbol === 0) return symbol;
  return (symbol - guess + Number(symbol >= guess)) & 255;
}

export function spikeSymbol(code: number, guess: number): number {
  if (guess === 0 || code === 0) return code;
  return (guess + code - Number(code - 1 <= 255 - guess)) & 255;
}
