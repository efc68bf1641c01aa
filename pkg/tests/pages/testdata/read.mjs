// Calls Engage, and calls it again when a line comes in.
import { createInterface } from "node:readline";
import { EngageToken, call } from "./engage-token.mjs";

const token = new EngageToken("engage/token");
console.log((await call(token, "/voice/api/v1/admin/accounts")).status);
const lines = createInterface({ input: process.stdin });
await new Promise((resolve) => lines.once("line", resolve));
lines.close();
console.log((await call(token, "/voice/api/v1/admin/accounts")).status);
