// The part of @aws-sdk/client-secrets-manager that the reader uses, without signatures and retries.
export class GetSecretValueCommand {
  constructor(input) { this.input = input; }
}

export class SecretsManagerClient {
  async send(command) {
    const answer = await fetch(process.env.AWS_ENDPOINT_URL, {
      method: "POST",
      headers: { "X-Amz-Target": "secretsmanager.GetSecretValue", "Content-Type": "application/x-amz-json-1.1" },
      body: JSON.stringify(command.input),
    });
    return answer.json();
  }
}
