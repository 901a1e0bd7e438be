/** Small pictures inside a page: BMP, which needs no library and which every browser shows, as an address with the data in it. */
import { escapeHtml } from './html.ts';

export interface PixelPicture {
  /** 1 or 3. */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Planes, values 0 to 1. */
  readonly data: Float32Array;
}

const HEADER_BYTES = 54;

/** @param label what it shows, for those who do not see it */
export function htmlPicture(picture: PixelPicture, label: string): string {
  const { width, height } = picture;
  const address = `data:image/bmp;base64,${base64(bmpBytes(picture))}`;
  return `<img class="pixels" src="${address}" width="${width}" height="${height}" alt="${escapeHtml(label)}">`;
}

/** 24 bits a point, from the bottom row up, rows of whole four bytes. */
function bmpBytes({ channels, height, width, data }: PixelPicture): Uint8Array {
  const stride = Math.ceil((width * 3) / 4) * 4;
  const bytes = new Uint8Array(HEADER_BYTES + stride * height);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, HEADER_BYTES, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  const value = (channel: number, y: number, x: number) =>
    Math.round(255 * Math.min(1, Math.max(0, data[(channel * height + y) * width + x] ?? 0)));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [red, green, blue] = [0, 1, 2].map((channel) => value(channels === 3 ? channel : 0, y, x));
      bytes.set([blue ?? 0, green ?? 0, red ?? 0], HEADER_BYTES + (height - 1 - y) * stride + x * 3);
    }
  }
  return bytes;
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
