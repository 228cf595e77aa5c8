// A client of the binary ingest port (docs/ingest.md).
import net from 'node:net';

export const INGEST_HELLO = Buffer.from('gantryi\x01', 'latin1');

export function ingestFrame(raw, witness = Buffer.alloc(0)) {
  const flags = witness.length === 0 ? 0 : witness.length === 64 ? 1 : 3;
  const head = Buffer.alloc(5);
  head.writeUInt32LE(1 + witness.length + raw.length, 0);
  head[4] = flags;
  return Buffer.concat([head, witness, raw]);
}

export class IngestClient {
  #socket;
  #bytes = Buffer.alloc(0);
  #greeted = false;
  #waiting = [];
  #error;

  static connect(port) {
    const client = new IngestClient();
    return new Promise((resolve, reject) => {
      client.#socket = net.connect(port, '127.0.0.1', () => {
        client.#socket.write(INGEST_HELLO);
        resolve(client);
      });
      client.#socket.on('data', (bytes) => client.#receive(bytes));
      client.#socket.on('error', (error) => (reject(error), client.#fail(error)));
      client.#socket.on('close', () => client.#fail(new Error('the ingest connection closed')));
    });
  }

  // Resolves to {status, text}.
  send(raw, witness) {
    return new Promise((resolve, reject) => {
      if (this.#error) return reject(this.#error);
      this.#waiting.push({ resolve, reject });
      this.#socket.write(ingestFrame(raw, witness));
    });
  }

  close() {
    this.#socket.destroy();
  }

  #fail(error) {
    this.#error ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #receive(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (!this.#greeted) {
      if (this.#bytes.length < 24) return;
      this.chainId = this.#bytes.readBigUInt64LE(8);
      this.#bytes = this.#bytes.subarray(24);
      this.#greeted = true;
    }
    while (this.#bytes.length >= 2 && this.#bytes.length >= 2 + this.#bytes[1]) {
      const end = 2 + this.#bytes[1];
      this.#waiting.shift()?.resolve({ status: this.#bytes[0], text: this.#bytes.toString('utf8', 2, end) });
      this.#bytes = this.#bytes.subarray(end);
    }
  }
}
