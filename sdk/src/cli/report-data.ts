/** The part of the strategy document about where data may be. */
import type { DocumentPart } from './report-document.ts';
import { facts, leaves, type StrategySources } from './report-facts.ts';

export function residency({ plan, capacity, policy }: StrategySources): DocumentPart {
  const { fleet } = capacity;
  const sending = plan.arms.filter(
    (arm) => arm.sendsInput && plan.windows.some(({ armId }) => armId === arm.id),
  );
  const rows = fleet.regions.map(({ name, mayUse }): [string, string, string] => [
    `activations of devices in ${name}`,
    mayUse.length === 0 ? `stay in ${name}` : `may go to ${[name, ...mayUse].join(', ')}`,
    'given: fleet.yaml',
  ]);
  const limits = leaves(policy, 'policy').filter(([name]) =>
    /region|activations|parameters|retention|providers|encryption|inputs|outputs|keep|minDepth|dataClass/.test(
      name,
    ),
  );
  return {
    heading: 'Residency',
    paragraphs: [
      sending.length > 0
        ? `The model’s input itself leaves the device by ${sending.map(({ name }) => name).join(', ')}.`
        : 'The model’s input does not leave the device by any arm that the plan chooses; what crosses a cut does.',
      'A gateway that does not say where it is is in no region.',
    ],
    tables: [
      facts('Where activations may be.', [
        ...rows,
        ...limits.map(([name, value]): [string, string, string] => [name, value, 'given: policy.yaml']),
      ]),
    ],
  };
}
