/** What both ends of these measurements agree on. */

export const GATEWAY_ID = 'bench';
export const MODEL = 'm';
export const REPLY_BYTES = 260;
export const BARE_REQUEST = 'bare/request';
export const BARE_REPLY = 'bare/reply';
