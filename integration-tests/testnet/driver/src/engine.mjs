// The execution client: JSON-RPC, and the Engine API with its JSON Web Token.
import { createHmac } from "node:crypto";

const base64 = (text) => Buffer.from(text).toString("base64url");

/** Times that a request is sent. All of them may be repeated. */
const ATTEMPTS = 5;

/** The answer to a request. Connections that the client closes at the wrong moment are opened again. */
async function answered(url, request) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await (await fetch(url, request)).json();
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await new Promise((done) => setTimeout(done, 100 * attempt));
    }
  }
}

export class ExecutionClient {
  constructor(url, engineUrl, secret) {
    this.url = url;
    this.engineUrl = engineUrl;
    this.secret = secret;
  }

  async block(number) {
    return this.#call(this.url, "eth_getBlockByNumber", [number, false], {});
  }

  async chainId() {
    return Number(await this.#call(this.url, "eth_chainId", [], {}));
  }

  /** Sets head, safe and finalized block. With attributes, starts to build a payload and answers its id. */
  async forkchoiceUpdated(state, attributes) {
    const answer = await this.#engine("engine_forkchoiceUpdatedV3", state, attributes);
    if (answer.payloadStatus.status !== "VALID") throw Error(`forkchoiceUpdated: ${JSON.stringify(answer)}`);
    return answer.payloadId;
  }

  async getPayload(id) {
    return this.#engine("engine_getPayloadV4", id);
  }

  async newPayload(payload, parentBeaconBlockRoot, requests) {
    const answer = await this.#engine("engine_newPayloadV4", payload, [], parentBeaconBlockRoot, requests);
    if (answer.status !== "VALID") throw Error(`newPayload: ${JSON.stringify(answer)}`);
  }

  #engine(method, ...params) {
    const issued = Math.floor(Date.now() / 1000);
    const claim = `${base64('{"alg":"HS256","typ":"JWT"}')}.${base64(JSON.stringify({ iat: issued }))}`;
    const signature = createHmac("sha256", this.secret).update(claim).digest("base64url");
    return this.#call(this.engineUrl, method, params, { authorization: `Bearer ${claim}.${signature}` });
  }

  async #call(url, method, params, headers) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const request = { method: "POST", headers: { "content-type": "application/json", ...headers }, body };
    const answer = await answered(url, request);
    if (answer.error) throw Error(`${method}: ${JSON.stringify(answer.error)}`);
    return answer.result;
  }
}
