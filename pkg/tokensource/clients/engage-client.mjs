// Calls Engage Voice with the rotated token: needs @aws-sdk/client-secrets-manager, and the permissions of a reader.
//
//     const engage = new EngageClient("engage/token", { userAgent: "my-ivr/1.0" }); // once for the process
//     const answer = await engage.call("/voice/api/v1/admin/accounts");

import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

/** Caches the token for ttl milliseconds, and reads the secret again when Engage refuses the token. */
export class EngageClient {
  #secrets = new SecretsManagerClient({});
  #secretId; #baseUrl; #userAgent; #ttl; #reading; #value; #readAfter = 0; #deadUntil = 0;

  constructor(secretId, { baseUrl, userAgent = "engage-client-node/1.0", ttl = 300_000 } = {}) {
    this.#secretId = secretId;
    this.#baseUrl = (baseUrl || process.env.ENGAGE_BASE_URL || "https://engage.ringcentral.com").replace(/\/$/, "");
    this.#userAgent = userAgent;
    this.#ttl = ttl;
  }

  /** Returns the current token; refused is the one that Engage has just refused. */
  async token(refused) {
    const now = performance.now();
    const news = refused !== undefined && refused === this.#value && now > this.#deadUntil;
    if (this.#value !== undefined && now <= this.#readAfter && !news) return this.#value;
    this.#reading ??= this.#read(refused).finally(() => { this.#reading = undefined; });
    return this.#reading;
  }

  async #read(refused) {
    const now = performance.now();
    try {
      const answer = await this.#secrets.send(new GetSecretValueCommand({ SecretId: this.#secretId }));
      this.#value = JSON.parse(answer.SecretString).apiToken;
      this.#readAfter = now + this.#ttl;
    } catch (error) {
      if (this.#value === undefined) throw error;
      this.#readAfter = now + 1000; // keep the token that works; try again in a second
    }
    if (this.#value === refused) this.#deadUntil = now + 1000; // the secret still names it: wait a second
    return this.#value;
  }

  /** Sends a request to a path, with the options of fetch, and returns its answer. */
  async call(path, init = {}) {
    if (!path.startsWith("/")) throw new TypeError("a path of the API begins with a slash");
    for (let value = await this.token(); ;) {
      const headers = new Headers(init.headers);
      headers.set("User-Agent", this.#userAgent);
      headers.set("X-Auth-Token", value);
      const answer = await fetch(this.#baseUrl + path, { ...init, headers, redirect: "error" });
      if (answer.status !== 401 && answer.status !== 403) return answer;
      const other = await this.token(value);
      if (other === value) return answer;
      await answer.arrayBuffer(); // frees the connection
      value = other;
    }
  }
}
