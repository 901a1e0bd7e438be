/** `@cutpoint/sdk/program`: what Cutpoint's programs share. Process and signals, configuration, errors for people, addresses. */
export { type Environment, environmentName, readEnvironment } from './program/environment.ts';
export { describeIssues } from './program/issues.ts';
export { addressUrl, isLoopback, type ListenAddress, parseListenAddress } from './program/listen-address.ts';
export { type MachineMode, readMachineMode } from './program/machine-mode.ts';
export { isRecentNode, LEAST_NODE, requireRecentNode } from './program/node-version.ts';
export { type ExitCode, runAsProcess, type Surroundings } from './program/process.ts';
export { formatError } from './program/report-error.ts';
export { describeIssuesIn, readYamlFile, type YamlFile } from './program/yaml-file.ts';
