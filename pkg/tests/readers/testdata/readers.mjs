// Calls Engage over and over, once for each way to read the secret in Node.js, until standard input ends.
//
//     node readers.mjs TTL [READER]    TTL is the seconds for which caches keep the secret; without a READER, all call
//
// It prints "ready" after the first calls, and at the end a line of JSON: the calls and the failed ones by reader.
import { getSecret } from "@aws-lambda-powertools/parameters/secrets";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { EngageClient } from "./engage-client.mjs";

const SECRET = "engage/token", TTL = Number(process.argv[2]), PAUSE = 200;
const PATH = "/voice/api/v1/admin/accounts";

async function ask(token) {
  const headers = { "X-Auth-Token": token, "User-Agent": "readers-node/1.0" };
  const answer = await fetch(process.env.ENGAGE_BASE_URL + PATH, { headers });
  await answer.arrayBuffer();
  return answer.status;
}

// Calls with read(); if refresh is given, asks again at a refusal with its token.
const reading = (read, refresh) => async () => {
  const status = await ask(await read());
  return refresh && (status === 401 || status === 403) ? ask(await refresh()) : status;
};

function documented() {
  const client = new EngageClient(SECRET, { ttl: TTL * 1000, userAgent: "readers-client-node/1.0" });
  return async () => {
    const answer = await client.call(PATH);
    await answer.arrayBuffer();
    return answer.status;
  };
}

function beforeEachCall() {
  const client = new SecretsManagerClient({});
  return reading(async () => {
    const answer = await client.send(new GetSecretValueCommand({ SecretId: SECRET }));
    return JSON.parse(answer.SecretString).apiToken;
  });
}

function powertools(again) {
  const read = async (options) => (await getSecret(SECRET, { transform: "json", maxAge: TTL, ...options })).apiToken;
  return reading(read, again ? () => read({ forceFetch: true }) : undefined);
}

const all = {
  "engage-client.mjs": documented(),
  "sdk-node": beforeEachCall(),
  "powertools-node": powertools(false),
  "powertools-node-force": powertools(true),
};
const only = process.argv.slice(3);
const readers = Object.fromEntries(Object.entries(all).filter(([name]) => only.length === 0 || only.includes(name)));
const results = {};
let done = false;

async function run(name, call) {
  const result = results[name] = { calls: 0, failed: 0, error: "" };
  while (!done) {
    result.calls++;
    let error = "";
    try {
      const status = await call();
      if (status !== 200) error = `status ${status}`;
    } catch (exception) {
      error = String(exception);
    }
    if (error) {
      result.failed++;
      result.error = `${new Date().toISOString()} ${error}`;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

for (const [name, call] of Object.entries(readers)) {
  const status = await call();
  if (status !== 200) throw new Error(`${name}: status ${status}`);
}
console.log("ready");
process.stdin.resume().once("end", () => { done = true; });
await Promise.all(Object.entries(readers).map(([name, call]) => run(name, call)));
console.log(JSON.stringify(results));
