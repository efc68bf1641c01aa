// A reader in Node.js: needs @aws-sdk/client-secrets-manager, and the permissions of a reader.
//
//     const token = new EngageToken("engage/token"); // once for the process
//     const answer = await call(token, "/voice/api/v1/admin/accounts");

import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

const ENGAGE = process.env.ENGAGE_BASE_URL ?? "https://engage.ringcentral.com";

/** The current token, cached for ttl milliseconds, and read again when Engage refuses it. */
export class EngageToken {
  #client = new SecretsManagerClient({});
  #reading; #token; #readAt = 0; #deadAt = -Infinity;
  constructor(secretId, ttl = 300_000) { this.secretId = secretId; this.ttl = ttl; }

  async get(refused) {
    const now = performance.now();
    const news = refused !== undefined && refused === this.#token && now - this.#deadAt > 1000;
    if (this.#token !== undefined && now - this.#readAt <= this.ttl && !news) return this.#token;
    this.#reading ??= this.#read(refused).finally(() => { this.#reading = undefined; });
    return this.#reading;
  }

  async #read(refused) {
    const answer = await this.#client.send(new GetSecretValueCommand({ SecretId: this.secretId }));
    this.#token = JSON.parse(answer.SecretString).apiToken;
    this.#readAt = performance.now();
    if (this.#token === refused) this.#deadAt = this.#readAt; // do not ask again for a second
    return this.#token;
  }
}

export async function call(token, path, init = {}) {
  for (let value = await token.get(); ;) {
    const headers = { ...init.headers, "X-Auth-Token": value };
    const answer = await fetch(ENGAGE + path, { ...init, headers, redirect: "error" });
    if (answer.status !== 401 && answer.status !== 403) return answer;
    const other = await token.get(value);
    if (other === value) return answer;
    value = other;
  }
}
