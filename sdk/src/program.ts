/** `@cutpoint/sdk/program`: what Cutpoint's programs share. Process and signals, errors for people, addresses. */
export { describeIssues } from './program/issues.ts';
export { addressUrl, isLoopback, type ListenAddress, parseListenAddress } from './program/listen-address.ts';
export { type ExitCode, runAsProcess, type Surroundings } from './program/process.ts';
export { formatError } from './program/report-error.ts';
