/**
 * A node with one split session. A message's payload is what the model is fed, by name: `{ x: { type, dims, data } }`; the
 * message that leaves has the model's outputs in the same form, and how the run went in `msg.trace`.
 */
module.exports = (RED) => {
  function CutpointSession(config) {
    // The very object: Node-RED hangs more on it than can be seen.
    RED.nodes.createNode(this, config);
    const { model, served, broker, deadlineMs } = config;
    const { username, password } = this.credentials ?? {};
    const opened = import('@cutpoint/sdk/node').then(({ createSplitSession }) =>
      createSplitSession(model, {
        ...{ broker, model: served, deadlineMs: Number(deadlineMs) || 2000 },
        ...(username && { username, password }),
      }),
    );
    opened.then(
      ({ runtime }) => this.status({ fill: 'grey', shape: 'dot', text: runtime }),
      (error) => this.status({ fill: 'red', shape: 'ring', text: error.message }),
    );

    this.on('input', async (message, send, done) => {
      try {
        const session = await opened;
        let trace;
        const outputs = await session.run(message.payload, {
          onTrace: (given) => {
            trace = given;
          },
        });
        this.status(statusOf(trace));
        send({ ...message, payload: plain(outputs), trace });
        done();
      } catch (error) {
        done(error);
      }
    });
    this.on('close', async (done) => {
      await opened.then(
        (session) => session.release(),
        () => {}, // It was never there.
      );
      done();
    });
  }

  RED.nodes.registerType('cutpoint-session', CutpointSession, {
    credentials: { username: { type: 'text' }, password: { type: 'password' } },
  });
};

function statusOf({ cut, fallback, reason, totalMs }) {
  const ms = `${Math.round(totalMs)} ms`;
  if (fallback) return { fill: 'yellow', shape: 'ring', text: `this device, ${reason}: ${ms}` };
  return { fill: 'green', shape: 'dot', text: `${cut === 'device' ? 'this device' : `cut ${cut}`}: ${ms}` };
}

/** What can be cloned and shown: tensors as they came, not ONNX Runtime's. */
function plain(outputs) {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { type, dims, data }]) => [name, { type, dims: [...dims], data }]),
  );
}
