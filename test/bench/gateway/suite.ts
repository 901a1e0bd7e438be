/**
 * `npm run -s bench -- gateway`: what the gateway adds to a bare loop of onnxruntime-node, what overload costs whom, and whether
 * memory stays. ResNet-50 with random weights from a third of its depth, for the reloads a small net. `--part NAME` takes a part.
 */
import type { Suite } from '../main.ts';
import { measureAdded } from './added.ts';
import { measureOverload } from './overload.ts';
import { measureReloads } from './reloads.ts';
import { measureThroughput } from './throughput.ts';
import { makeWorld, PATIENT_MS } from './world.ts';

const LOAD = 0.7;

export const gatewaySuite: Suite = {
  async run(progress, flags) {
    const parts = flags.filter((_, at) => flags[at - 1] === '--part');
    const isWanted = (part: string) => parts.length === 0 || parts.includes(part);
    const world = await makeWorld();
    try {
      progress(`cut ${world.about}`);
      const figures: Record<string, number> = {};
      // The others are measured in shares of it.
      if (['throughput', 'added', 'overload'].some(isWanted)) {
        for (let i = 0; i < 3; i++) {
          await world.bare();
          await world.request(PATIENT_MS);
        }
        const throughput = await measureThroughput(world, progress);
        figures.throughputVsBare = throughput.ratio;
        if (isWanted('added'))
          Object.assign(figures, await measureAdded(world, LOAD * throughput.perSecond, progress));
        if (isWanted('overload')) Object.assign(figures, await measureOverload(world, throughput, progress));
      }
      if (isWanted('reloads')) Object.assign(figures, await measureReloads(world, progress));
      return figures;
    } finally {
      await world.close();
    }
  },
};
