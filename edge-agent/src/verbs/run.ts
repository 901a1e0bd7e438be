/** `cutpoint-edge run`: serves applications on this machine until it is asked to stop. */
import { requireRecentNode } from '@cutpoint/sdk/program';
import { startAgent } from '../agent.ts';
import { createLog } from '../service/log.ts';
import { serviceManager } from '../service/notify.ts';
import { type AddVerb, addConfigFlags, type ConfigFlags, configOf } from './verb.ts';

export const runVerb: AddVerb = (program, version, choose) => {
  addConfigFlags(program.command('run'))
    .description('serve the Open Inference Protocol v2 to applications on this machine')
    .action((flags: ConfigFlags) => {
      choose(async (world) => {
        requireRecentNode();
        const stop = world.stopRequested();
        const config = await configOf(flags);
        const log = createLog(config);
        let restart: () => void = () => {};
        const restarted = new Promise<void>((resolve) => {
          restart = resolve;
        });
        const agent = await startAgent(config, { version, log, onRestart: restart });
        const manager = serviceManager(process.env, process.pid);
        log.info({ url: agent.url, models: agent.models }, 'the agent answers');
        world.writeOut(`${JSON.stringify({ ready: true, url: agent.url, models: agent.models })}\n`);
        await manager.ready(`answers on ${agent.url}`);
        const stopWatch = manager.watch(async () => (await fetch(`${agent.url}/v2/health/live`)).ok);
        const isRestart = await Promise.race([stop.then(() => false), restarted.then(() => true)]);
        stopWatch();
        log.info('the agent stops');
        await manager.stopping();
        await agent.stop();
        // A supervisor starts what ended with an error; told to stop, it stays stopped.
        return isRestart ? 1 : 0;
      });
    });
};
