// Ports for processes that must know theirs beforehand.
import net from 'node:net';

const isFree = (port) =>
  new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

// The first of so many free ports in a row, below those that the system gives out.
export async function freePorts(count) {
  for (;;) {
    const base = 20_000 + 10 * Math.floor(Math.random() * 1_200);
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(base + i)));
    if (free.every(Boolean)) return base;
  }
}
