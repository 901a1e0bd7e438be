/** `cutpoint describe-gateway`: signs where a gateway is, who runs it and how long it keeps data, for devices with a policy. */
import { type Command, Option } from 'commander';
import { readDescriptor } from '../placement/descriptor.ts';
import { signDescriptor } from '../placement/sign-descriptor.ts';
import { readDuration, readNumber } from './quantity.ts';
import { readText } from './read-document.ts';
import { checkResultFiles, writeResult } from './result-file.ts';
import type { ExitCode, Verb } from './verb.ts';

interface DescribeFlags {
  readonly region: string;
  readonly provider?: string;
  readonly retention?: number;
  readonly counter: number;
  readonly days: number;
  readonly key: string;
  readonly out: string;
}

const DAY_MS = 86_400_000;

export const describeGatewayVerb: Verb<DescribeFlags> = {
  name: 'describe-gateway',
  describe: (command: Command) =>
    void command
      .description('sign a descriptor: where a gateway is, who runs it, how long it keeps data')
      .argument('<gateway>', "the gateway's id at its broker")
      .requiredOption('--region <name>', 'where it is, by the name that policies use')
      .option('--provider <name>', 'who runs the machine, by the name that policies use')
      .addOption(
        new Option('--retention <time>', 'longest time that it keeps data after an answer').argParser(
          readDuration('--retention'),
        ),
      )
      .addOption(
        new Option('--counter <n>', 'higher than that of every descriptor of this gateway before it')
          .argParser(readNumber('--counter', { min: 0, max: Number.MAX_SAFE_INTEGER, isWhole: true }))
          .makeOptionMandatory(),
      )
      .addOption(
        new Option('--days <n>', 'how long it holds, from now')
          .argParser(readNumber('--days', { min: 1, max: 3650, isWhole: true }))
          .default(90),
      )
      .requiredOption(
        '--key <file>',
        'private key in PEM that signs it; cutpoint sign --generate-key makes one',
      )
      .requiredOption('--out <file>', 'the descriptor, for the gateway')
      .addHelpText(
        'after',
        '\nExample:\n  $ cutpoint describe-gateway eu-1 --region eu-central --provider own --counter 3 --key ops.pem --out eu-1.descriptor.json',
      ),
  async run(gateway, { region, provider, retention, counter, days, key, out }, world): Promise<ExitCode> {
    await checkResultFiles({ out });
    const nowMs = world.now().getTime();
    const signed = signDescriptor(
      {
        ...{ gateway, region, counter },
        ...(provider !== undefined && { provider }),
        ...(retention !== undefined && { retentionMs: retention }),
        notBefore: new Date(nowMs).toISOString(),
        notAfter: new Date(nowMs + days * DAY_MS).toISOString(),
      },
      await readText(key),
    );
    await writeResult(out, `${JSON.stringify(signed, null, 2)}\n`);
    const { notAfter } = readDescriptor(signed);
    world.writeOut(
      `${out}: ${gateway} in ${region}, counter ${counter}, until ${notAfter}, signed by ${signed.signatures[0]?.keyId}\n`,
    );
    return 0;
  },
};
