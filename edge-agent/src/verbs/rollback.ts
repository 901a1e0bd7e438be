/** `cutpoint-edge rollback`: back to the version before. */
import type { UpdateOutcome } from '../models/slots-file.ts';
import { askAgent, isNobodyThere } from './ask-agent.ts';
import { onlyModel } from './only-model.ts';
import { withStoppedAgent } from './stopped-agent.ts';
import { outcomeText } from './update.ts';
import { type AddVerb, addConfigFlags, type ConfigFlags, configOf } from './verb.ts';

export const rollbackVerb: AddVerb = (program, _version, choose) => {
  addConfigFlags(program.command('rollback'))
    .description('put the version before back in use')
    .argument('[name]', 'the model; may be left out where there is one')
    .action((name: string | undefined, flags: ConfigFlags) => {
      choose(async (world) => {
        const config = await configOf(flags);
        const model = onlyModel(config, name);
        const question = { path: '/control/rollback', body: { model } };
        const outcome = (await askAgent(config.socket, question).catch((error: unknown) => {
          if (!isNobodyThere(error)) throw error;
          return withStoppedAgent(config, (models) => models.find(model).updater.rollBack());
        })) as UpdateOutcome;
        world.writeOut(outcomeText(model, outcome));
        return undefined;
      });
    });
};
