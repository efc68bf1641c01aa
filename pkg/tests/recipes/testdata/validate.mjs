// Reads a list of Kubernetes manifests as JSON from standard input, and validates each with the schema of its kind.
import { readFileSync } from "node:fs";
import * as v1 from "@kubernetes-models/external-secrets/external-secrets.io/v1";

for (const manifest of JSON.parse(readFileSync(0, "utf8"))) {
  const Model = v1[manifest.kind];
  if (manifest.apiVersion !== "external-secrets.io/v1" || !Model) throw new Error(`no schema of ${manifest.kind}`);
  new Model(manifest).validate();
  console.log(manifest.kind);
}
