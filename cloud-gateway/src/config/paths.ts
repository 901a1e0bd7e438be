/** Which options are paths: in a file they are relative to it. */

/** What must be there. */
export const READ_PATHS = [
  'models',
  'devices',
  'tlsCert',
  'tlsKey',
  'tlsCa',
  'trustedKeys',
  'pages',
  'nextKey',
  'nextGatewayKeys',
  'descriptor',
  'auditKey',
] as const;

/** What the gateway makes where it is missing. */
const WRITTEN_PATHS = ['bundleCounters', 'ranksFolder', 'nextGatewayCounters', 'audit'] as const;

type PathOption = (typeof READ_PATHS)[number] | (typeof WRITTEN_PATHS)[number];

export const PATHS: readonly PathOption[] = [...READ_PATHS, ...WRITTEN_PATHS];
