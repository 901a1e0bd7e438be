import { describe, expect, it } from 'vitest';
import { calibrationText, readCalibration } from './calibration.ts';

const arm = {
  cutId: 'relu1',
  profile: 'step:0.25+context' as const,
  sentBytes: 812,
  ratio: 12.5,
  error: 0.003,
  agreement: 0.999,
  accuracyLoss: 0.003,
  tables: { relu1: '7' },
  refused: false,
};
const calibration = {
  format: 'cutpoint-calibration' as const,
  version: 1 as const,
  modelDigest: 'ab'.repeat(32),
  inputs: 4,
  metric: 'rel-l2',
  budget: 0.005,
  arms: [arm],
  tables: { '7': 'AQID' },
};
const withArm = (change: object) => ({ ...calibration, arms: [{ ...arm, ...change }] });

describe('the calibration file', () => {
  it('comes back from its text, which does not depend on the order of keys', () => {
    const text = calibrationText(calibration);
    const turned = Object.fromEntries(Object.entries(calibration).reverse()) as typeof calibration;
    expect(readCalibration(JSON.parse(text))).toEqual(calibration);
    expect(calibrationText(turned)).toBe(text);
  });

  it('accepts an arm over the budget that is refused, and any arm without a budget', () => {
    expect(readCalibration(withArm({ accuracyLoss: 0.01, refused: true })).arms[0]?.refused).toBe(true);
    const free = { ...withArm({ accuracyLoss: 0.01 }), budget: null };
    expect(readCalibration(free).budget).toBeNull();
  });

  it.each([
    ['arms.0.refused', withArm({ accuracyLoss: 0.0051 })],
    ['arms.0.refused', withArm({ accuracyLoss: null })],
    ['arms.0.tables.relu1', withArm({ tables: { relu1: '8' } })],
    ['arms.0.profile', withArm({ profile: 'uint9' })],
    ['arms.0.agreement', withArm({ agreement: 1.01 })],
    ['inputs', { ...calibration, inputs: 0 }],
    ['version', { ...calibration, version: 2 }],
    ['tables', { ...calibration, tables: { '7': 'no base64!' } }],
    ['surprise', { ...calibration, surprise: 1 }],
  ])('names %s when it is wrong', (field, content) => {
    expect(() => readCalibration(content)).toThrow(
      expect.objectContaining({ code: 'options-invalid', message: expect.stringContaining(field) }),
    );
  });
});
