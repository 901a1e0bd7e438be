/** `@cutpoint/sdk/suites`: what every adapter of a port must do, as vitest suites. For those who write adapters. */
export { runtimeSuite } from './runtime/suite.ts';
export { type SuiteBroker, type SuiteOptions, transportSuite } from './transport/suite.ts';
