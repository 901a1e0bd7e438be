/** Boxes of lines of text in the detector's map of probabilities. Nothing of Node: pages use it too. */
import { type Box, fitBox, inReadingOrder, unclip } from './box.ts';
import { findComponents, type ProbabilityMap } from './components.ts';

const TEXT_THRESHOLD = 0.3; // of a pixel
const BOX_THRESHOLD = 0.6; // mean of a box's pixels
const UNCLIP_RATIO = 1.5;
const LEAST_SIDE = 3; // pixels of the map
const LEAST_BOX_SIDE = 6; // pixels of the picture

/** The map may be smaller or larger than the picture; the boxes are in the picture's pixels. */
export function textBoxes(
  map: ProbabilityMap,
  picture: { readonly width: number; readonly height: number },
): Box[] {
  const scale = { x: picture.width / map.width, y: picture.height / map.height };
  const boxes = findComponents(map, TEXT_THRESHOLD)
    .filter((found) => found.probability > BOX_THRESHOLD && leastSide(found) >= LEAST_SIDE)
    .map((found) => fitBox(unclip(found, UNCLIP_RATIO), scale, picture))
    .filter((box) => leastSide(box) >= LEAST_BOX_SIDE);
  return inReadingOrder(boxes);
}

function leastSide({ left, top, right, bottom }: Box): number {
  return Math.min(right - left, bottom - top);
}
