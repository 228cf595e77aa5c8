// JSON-RPC without any client library between test and node.
export class RpcError extends Error {
  constructor({ code, message, data }) {
    super(message);
    Object.assign(this, { code, data });
  }
}

async function post(url, request) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  return answer.json();
}

// rpc(url)(method, ...params) -> result; throws RpcError.
export function rpc(url) {
  let id = 0;
  const call = async (method, ...params) => {
    const answer = await post(url, { jsonrpc: '2.0', id: ++id, method, params });
    if (answer.error) throw new RpcError(answer.error);
    return answer.result;
  };
  // Many calls in one request; an error stands in its place as an RpcError.
  call.batch = async (calls) => {
    if (calls.length === 0) return [];
    const answers = await post(
      url,
      calls.map(([method, ...params], i) => ({ jsonrpc: '2.0', id: i, method, params })),
    );
    return answers.map((a) => (a.error ? new RpcError(a.error) : a.result));
  };
  return call;
}
