/** An aedes broker on a free port of the loopback, for tests. */
import { createServer } from 'node:net';
import { Aedes } from 'aedes';
export async function startAedes(options = {}) {
    let running = await open(0, options);
    const { port } = running;
    return {
        url: `mqtt://127.0.0.1:${port}`,
        port,
        restart: async () => {
            await running.close();
            running = await open(port, options);
        },
        close: () => running.close(),
    };
}
async function open(port, { password }) {
    const broker = await Aedes.createBroker();
    if (password)
        broker.authenticate = (_client, _name, given, done) => done(null, given?.toString() === password);
    const sockets = new Set();
    const server = createServer({ noDelay: true }, (socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        broker.handle(socket);
    });
    await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
    const close = async () => {
        for (const socket of sockets)
            socket.destroy();
        await new Promise((resolve) => server.close(() => resolve()));
        await new Promise((resolve) => broker.close(() => resolve()));
    };
    return { port: portOf(server), close };
}
function portOf(server) {
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
}
//# sourceMappingURL=aedes.js.map