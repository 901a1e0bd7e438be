/** The machines that stages may be placed on, and the links between them, as `machines.yaml` says it. Reading YAML is the caller's. */
import { SplitError } from '../errors.ts';
import { z } from '../zod.ts';
import { describeIssues } from './policy.ts';

/** What the device is called at the ends of links. */
export const DEVICE = 'device';

export interface Machine {
  /** Id of the gateway on it. */
  readonly name: string;
  /** Its profile, of `cutpoint profile --as gateway`: a path beside the file. */
  readonly profile: string;
  /** Its signed descriptor, which says the next three: a path beside the file. */
  readonly descriptor?: string | undefined;
  readonly region?: string | undefined;
  readonly provider?: string | undefined;
  readonly retentionMs?: number | undefined;
  /** Most bytes of weights that it may hold; with `accelerators`, each of them. @default no limit */
  readonly memoryBytes?: number | undefined;
  /** Graphics processors over which its gateway may part a model that one has no room for. @default 1 */
  readonly accelerators?: number | undefined;
  /** What a collective between them costs, whatever its size. @default as on two H100s of one host */
  readonly collectiveMs?: number | undefined;
  /** And at what rate it moves bytes, all devices together. @default likewise */
  readonly collectiveGbps?: number | undefined;
}

/** There and back. */
export interface MachineLink {
  readonly from: string;
  readonly to: string;
  readonly uplinkMbps: number;
  /** @default as uplinkMbps */
  readonly downlinkMbps?: number | undefined;
  readonly roundTripMs: number;
}

export interface Machines {
  readonly machines: readonly Machine[];
  readonly links: readonly MachineLink[];
}

const Path = z.string().check(z.minLength(1), z.maxLength(4096));
const Name = z.string().check(z.minLength(1), z.maxLength(64));
const Mbps = z.number().check(z.positive(), z.lte(1e6));

const MachinesSchema = z.strictObject({
  machines: z
    .array(
      z.strictObject({
        name: z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected the id of a gateway')),
        profile: Path,
        descriptor: z.optional(Path),
        region: z.optional(Name),
        provider: z.optional(Name),
        retentionMs: z.optional(z.number().check(z.nonnegative())),
        memoryBytes: z.optional(z.number().check(z.positive())),
        accelerators: z.optional(z.int().check(z.gte(1), z.lte(64))),
        collectiveMs: z.optional(z.number().check(z.nonnegative())),
        collectiveGbps: z.optional(z.number().check(z.positive())),
      }),
    )
    .check(z.minLength(1), z.maxLength(11)),
  links: z
    .array(
      z.strictObject({
        from: Name,
        to: Name,
        uplinkMbps: Mbps,
        downlinkMbps: z.optional(Mbps),
        roundTripMs: z.number().check(z.nonnegative()),
      }),
    )
    .check(z.minLength(1), z.maxLength(256)),
});

/** @throws SplitError `options-invalid` naming each field at fault, or a machine that is not there */
export function readMachines(content: unknown): Machines {
  const parsed = MachinesSchema.safeParse(content);
  if (!parsed.success) throw wrong(describeIssues('machines', parsed.error.issues));
  const { machines, links } = parsed.data;
  const names = [DEVICE, ...machines.map(({ name }) => name)];
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw wrong(`machines: two are called ${twice}`);
  for (const { from, to } of links) {
    const stray = [from, to].find((name) => !names.includes(name));
    if (stray !== undefined) throw wrong(`machines.links: there is no machine ${stray}`);
    if (to === DEVICE || from === to)
      throw wrong(`machines.links: ${from} to ${to}; a link says its way back itself`);
  }
  return parsed.data;
}

function wrong(what: string): SplitError {
  return new SplitError('options-invalid', what);
}
