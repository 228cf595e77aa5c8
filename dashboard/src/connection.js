// JSON-RPC over one WebSocket to the node that served this page. Reconnects for as long as the page is open; calls wait
// until there is a connection and fail when it breaks.
const RETRY_MS = [250, 500, 1000, 2000];
const SILENCE_MS = 10_000; // the overview comes twice a second

export class RpcError extends Error {
  constructor({ code, message }) {
    super(message);
    this.code = code;
  }
}

export class Connection {
  #url;
  #socket = null;
  #open = false;
  #nextId = 1;
  #calls = new Map();
  #waiting = [];
  #failures = 0;
  #silence = 0;

  // handlers: onOverview(overview), onLost() when the connection broke or could not be made.
  constructor(url, handlers) {
    this.#url = url;
    this.handlers = handlers;
    this.#connect();
  }

  call(method, ...params) {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const send = () => {
        this.#calls.set(id, { resolve, reject });
        this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
      };
      if (this.#open) send();
      else this.#waiting.push(send);
    });
  }

  #connect() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#watch();
    socket.onopen = () => {
      this.#open = true;
      this.#failures = 0;
      this.call('gantry_subscribe', 'overview').catch(() => socket.close());
      for (const send of this.#waiting.splice(0)) send();
    };
    socket.onmessage = ({ data }) => {
      this.#watch();
      this.#take(JSON.parse(data));
    };
    socket.onclose = () => this.#lost(socket);
  }

  #take({ id, result, error, method, params }) {
    if (method === 'gantry_subscription') return this.handlers.onOverview(params.result);
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error) call?.reject(new RpcError(error));
    else call?.resolve(result);
  }

  // A node that says nothing for long is as good as away.
  #watch() {
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#silence = setTimeout(() => this.#lost(socket), SILENCE_MS);
  }

  #lost(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#open = false;
    clearTimeout(this.#silence);
    socket.close();
    for (const { reject } of this.#calls.values()) reject(new Error('the connection to the node broke'));
    this.#calls.clear();
    this.handlers.onLost();
    setTimeout(() => this.#connect(), RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)]);
  }
}
