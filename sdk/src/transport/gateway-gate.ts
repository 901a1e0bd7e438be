/** Who decides which gateways may be asked at all; what it refuses is as good as not there. */
import type { SplitError } from '../errors.ts';
import type { Announcement } from '../protocol/v1/announcement.ts';

export interface GatewayGate {
  /** Looks at what a gateway says of itself; from then on `refusal` knows it. Never rejects. */
  examine(announcement: Announcement): Promise<void>;
  /** Why the gateway may not be asked now; `undefined` where it may. */
  refusal(gateway: string): SplitError | undefined;
  /** It is gone, or nobody knows whether it still is who it was. */
  forget(gateway: string): void;
}
