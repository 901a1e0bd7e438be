/** `@cutpoint/cloud-gateway`: a gateway inside your own process. The program around it is main.ts. */
export { type GatewayConfig, type GatewayOptions, resolveConfig } from './config.ts';
export { type Gateway, startGateway } from './gateway.ts';
export { createImageDecoder } from './image-decoder.ts';
export { createLog, type Log, silentLog } from './log.ts';
