/**
 * Arms of more than one cut, from profiles: the middle in the cloud with both ends on the device, and gateways in a row. What a
 * machine runs between two cuts is what it takes from the first one to the end, less what it takes from the second.
 */
import { SplitError } from '../errors.ts';
import { armId } from './arm.ts';
import type { CalibratedWay } from './calibration.ts';
import { type ArmCost, type GatewayRow, transferMs } from './cost-model.ts';
import type { PlannedArm } from './planned-arm.ts';
import {
  checkSameModel,
  type Profile,
  type ProfiledCut,
  type ProfiledTransfer,
  replyFrom,
} from './profile.ts';
import { cutName, replyCost, type Transfer } from './profile-arms.ts';

/** Where a request changes machines, in the model's order. */
export interface CutWay {
  /** The device's head ends here; `null` is the model's input. */
  readonly from: string | null;
  /** Gateways hand on here: one cut fewer than there are gateways. */
  readonly via: readonly string[];
  /** The device goes on here. Absent: the last gateway goes on to the end. */
  readonly to?: string | undefined;
  /** Of what crosses `to`: the share of its bytes that the device does not have already. @default 1 */
  readonly shareBack?: number | undefined;
}

/** The way from one gateway to the next, and back. */
export interface GatewayLink {
  readonly uplinkBitsPerSecond: number;
  readonly downlinkBitsPerSecond: number;
  readonly roundTripMs: number;
}

export interface WayArmsRequest {
  readonly edge: Profile;
  /** In the order in which a request passes them. */
  readonly gateways: readonly Profile[];
  /** Between each two of them. */
  readonly links: readonly GatewayLink[];
  readonly ways: readonly CutWay[];
  /** How what crosses the first cut may travel; it goes on and comes back in the same codec profile. */
  readonly transfers: readonly Transfer[];
  /** What calibration found of arms of several cuts, by their ids. @default nobody measured */
  readonly losses?: ReadonlyMap<string, CalibratedWay> | undefined;
}

/**
 * One for each way and each codec profile in which all machines timed all that crosses.
 * @throws SplitError `model-mismatch`, `cut-invalid` for a cut that one of them did not time
 */
export function armsOfWays(request: WayArmsRequest): readonly PlannedArm[] {
  for (const gateway of request.gateways) checkSameModel(request.edge, gateway);
  return request.ways.flatMap((way) =>
    request.transfers
      .filter(({ cutId, profile }) => cutId === way.from && profile !== 'image')
      .filter(({ profile }) => isTimed(request, way, profile))
      .map((transfer) => wayArm(request, way, transfer)),
  );
}

function isTimed({ edge, gateways }: WayArmsRequest, way: CutWay, profile: string): boolean {
  const has = (who: Profile, id: string | null) =>
    who.transfers.some((one) => one.cutId === id && one.profile === profile);
  const [, ...behind] = cutsOf(way);
  return (
    behind.every((id) => has(edge, id)) && gateways.every((who) => cutsOf(way).every((id) => has(who, id)))
  );
}

function wayArm(request: WayArmsRequest, way: CutWay, transfer: Transfer): PlannedArm {
  const { edge, gateways } = request;
  const { profile, sentBytes, encodeMs } = transfer;
  const back = backOf(request, way, profile);
  const row = rowOf(request, way, { profile, receivedBytes: back.receivedBytes });
  const delayMs = sum(request.links.map(({ roundTripMs }) => roundTripMs));
  const last = way.to === undefined ? undefined : cutIn(edge, way.to);
  const first = way.from === null ? undefined : cutIn(edge, way.from);
  const inner = way.via.map((id) => transferIn(edge, id, profile).sentBytes);
  const timings = [
    first?.head,
    last?.tail,
    ...gateways.flatMap((who) => cutsOf(way).map((id) => restOf(who, id))),
  ];
  const id = armId(profile, { ...way, from: way.from ?? 'input' });
  const loss = request.losses?.get(id);
  return {
    id,
    kind: 'split',
    name: `${nameOf(edge, way)} as ${profile}`,
    depth: first?.depth ?? 0,
    cost: {
      ...{ headMs: first?.head.medianMs ?? 0, encodeMs, sentBytes, ...back },
      tailMs: sum(row.gatewayMs) + sum(row.wireMs) + delayMs,
      ...(last && { lastMs: last.tail.medianMs }),
      ...(gateways.length > 1 && { row }),
    },
    payloadBytes: Math.max(sentBytes, back.receivedBytes, ...inner),
    deviceMemoryBytes: transfer.deviceMemoryBytes ?? null,
    // What several crossings lose together is not what each of them does: it is measured, or nobody knows.
    accuracyLoss: loss?.accuracyLoss ?? null,
    sendsInput: way.from === null,
    ...(last && { keepsOutputs: true }),
    isGuess: (transfer.isGuess ?? false) || timings.some((timing) => timing?.isGuess === true),
    error: loss?.error ?? null,
    tables: transfer.tables ?? {},
    isRefused: loss?.refused ?? transfer.isRefused ?? false,
  };
}

/** Milliseconds in which each gateway, and each link between two, is busy with one request. */
function rowOf(
  { edge, gateways, links }: WayArmsRequest,
  way: CutWay,
  { profile, receivedBytes }: { readonly profile: string; readonly receivedBytes: number },
): GatewayRow {
  const starts = [way.from, ...way.via];
  return {
    gatewayMs: gateways.map((who, i) => {
      const [start = null, end = way.to] = [starts[i], starts[i + 1] ?? undefined];
      const runMs = restOf(who, start).medianMs - (end === undefined ? 0 : restOf(who, end).medianMs);
      const packMs =
        end === undefined ? replyFrom(who, way.from).encodeMs : transferIn(who, end, profile).encodeMs;
      return (transferIn(who, start, profile).decodeMs ?? 0) + Math.max(0, runMs) + packMs;
    }),
    wireMs: links.map(({ uplinkBitsPerSecond, downlinkBitsPerSecond }, i) => {
      const { sentBytes } = transferIn(edge, starts[i + 1] ?? null, profile);
      return transferMs(sentBytes, uplinkBitsPerSecond) + transferMs(receivedBytes, downlinkBitsPerSecond);
    }),
  };
}

/** What comes back to the device: what crosses the last cut, or the outputs. */
function backOf(
  { edge, gateways }: WayArmsRequest,
  { from, to, shareBack = 1 }: CutWay,
  profile: string,
): Pick<ArmCost, 'receivedBytes' | 'decodeMs'> {
  if (to === undefined) return replyCost({ edge, cloud: gateways.at(-1) ?? edge }, from);
  const { sentBytes, decodeMs } = transferIn(edge, to, profile);
  return { receivedBytes: sentBytes * shareBack, decodeMs: (decodeMs ?? 0) * shareBack };
}

function cutsOf({ from, via, to }: CutWay): readonly (string | null)[] {
  return [from, ...via, ...(to === undefined ? [] : [to])];
}

/** `mixed2, handed on at mixed4, and back at mixed6`. */
function nameOf(edge: Profile, { from, via, to }: CutWay): string {
  const name = (id: string) => cutName(edge, cutIn(edge, id));
  return [
    from === null ? 'the input' : name(from),
    ...via.map((id) => `handed on at ${name(id)}`),
    ...(to === undefined ? [] : [`back at ${name(to)}`]),
  ].join(', ');
}

function restOf(who: Profile, id: string | null) {
  return id === null ? who.whole : cutIn(who, id).tail;
}

function cutIn({ cuts, device }: Profile, id: string): ProfiledCut {
  const found = cuts.find((cut) => cut.id === id);
  if (found) return found;
  throw new SplitError('cut-invalid', `cut ${id} is not in the profile of ${device}`);
}

function transferIn({ transfers }: Profile, id: string | null, profile: string): ProfiledTransfer {
  const found = transfers.find((one) => one.cutId === id && one.profile === profile);
  if (found) return found;
  throw new SplitError('cut-invalid', `what crosses cut ${id ?? 'input'} was not timed as ${profile}`);
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
