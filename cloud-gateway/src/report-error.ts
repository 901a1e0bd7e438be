/** How an error is shown to the person who started the gateway: one line that says what to do next. */
import { asSplitError, type ErrorCode } from '@cutpoint/sdk';

const ADVICE: Partial<Record<ErrorCode, string>> = {
  'options-invalid': 'cutpoint-gateway --help lists every option',
  'model-invalid': 'check that each folder under --models holds a model.onnx that ONNX Runtime loads',
  'broker-unreachable':
    'check the address and the login of --broker, or leave --broker out to use the broker inside',
  'provider-unavailable': 'install onnxruntime-node beside the gateway',
  internal: 'this is a defect; please report it with the log',
};

/** `error[broker-unreachable]: what was wrong; what to do` */
export function formatError(error: unknown): string {
  const { code, message } = asSplitError(error);
  const advice = ADVICE[code];
  return `error[${code}]: ${message}${advice === undefined ? '' : `; ${advice}`}`;
}
