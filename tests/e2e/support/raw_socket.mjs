// Bytes in, bytes out: what clients of any manners may send.
import { randomBytes } from 'node:crypto';
import net from 'node:net';

const PATIENCE_MS = 5000;

// Takes `steps`, [bytes to send, complete(received)], one after the other: each sends when the one before is complete.
// Returns what came in the last one that began, and whether the other side closed: {bytes, closed}.
export function exchange(port, steps) {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    let step = 0;
    const socket = net.connect(port, '127.0.0.1', () => socket.write(steps[0][0]));
    const finish = (closed) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ bytes: received, closed });
    };
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no complete answer within ${PATIENCE_MS} ms, only: ${received.toString('latin1')}`));
    }, PATIENCE_MS);
    socket.on('data', (part) => {
      received = Buffer.concat([received, part]);
      if (!steps[step][1](received)) return;
      if (++step === steps.length) return finish(false);
      received = Buffer.alloc(0);
      socket.write(steps[step][0]);
    });
    socket.on('end', () => finish(true));
    socket.on('error', (error) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? finish(true) : reject(error),
    );
  });
}

const headEnd = (bytes) => bytes.indexOf('\r\n\r\n');

function httpComplete(bytes) {
  const end = headEnd(bytes);
  if (end < 0) return false;
  const length = /content-length: (\d+)/i.exec(bytes.toString('latin1', 0, end));
  return bytes.length >= end + 4 + Number(length?.[1] ?? 0);
}

// The answer to the text of an HTTP request: {status, body}; status 0 when the connection was closed without one.
export async function http(port, text) {
  const { bytes } = await exchange(port, [[Buffer.from(text, 'latin1'), httpComplete]]);
  const end = headEnd(bytes);
  if (end < 0) return { status: 0, body: '' };
  return { status: Number(bytes.toString('latin1', 9, 12)), body: bytes.toString('utf8', end + 4) };
}

export function httpPost(port, body, { path = '/', headers = {} } = {}) {
  const all = {
    Host: 'localhost',
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== null);
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return http(port, `POST ${path} HTTP/1.1\r\n${head}\r\n${Buffer.from(body).toString('latin1')}`);
}

export function webSocketFrame(payload, { opcode = 1, final = true, masked = true } = {}) {
  const body = Buffer.from(payload);
  const head = [(final ? 0x80 : 0) | opcode];
  const mask = masked ? 0x80 : 0;
  if (body.length < 126) head.push(mask | body.length);
  else if (body.length < 65536) head.push(mask | 126, body.length >> 8, body.length & 255);
  else head.push(mask | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (body.length >> shift) & 255));
  return Buffer.concat([Buffer.from(head), Buffer.alloc(masked ? 4 : 0), body]);
}

// Opens a WebSocket, after the HTTP request `before` on the same connection if there is one, and sends `frame`. Returns
// the text of the first message, {close: code} when the node closes instead (0: without a close frame), or
// {refused: status} when there was no upgrade.
export async function webSocket(port, frame, { headers = '', before = null } = {}) {
  const upgrade =
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n${headers}\r\n`;
  const { bytes } = await exchange(port, [
    ...(before ? [[before, httpComplete]] : []),
    [upgrade, (received) => /^HTTP\/1.1 101 .*\r\n\r\n/s.test(received.toString('latin1'))],
    [frame, parse],
  ]);
  const refused = /^HTTP\/1.1 (\d+)/.exec(bytes.toString('latin1'));
  return refused ? { refused: Number(refused[1]) } : (parse(bytes) ?? { close: 0 });
}

function parse(bytes) {
  if (bytes.length < 2) return null;
  const opcode = bytes[0] & 15;
  let [length, at] = [bytes[1], 2];
  if (length === 126) [length, at] = [bytes.readUInt16BE(2), 4];
  if (bytes.length < at + length) return null;
  const payload = bytes.subarray(at, at + length);
  if (opcode === 8) return { close: length >= 2 ? payload.readUInt16BE(0) : 0 };
  return payload.toString('utf8');
}
