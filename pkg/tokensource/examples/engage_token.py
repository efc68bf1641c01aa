"""A reader in Python: needs boto3 and requests, and the permissions of a reader.

    token = EngageToken("engage/token")  # once for the process
    answer = call(token, "GET", "/voice/api/v1/admin/accounts")
"""

import json, os, threading, time
import boto3, requests

ENGAGE = os.environ.get("ENGAGE_BASE_URL", "https://engage.ringcentral.com")

class EngageToken:
    """The current token, cached for ttl seconds, and read again when Engage refuses it."""

    def __init__(self, secret_id, ttl=300):
        self.client, self.secret_id, self.ttl = boto3.client("secretsmanager"), secret_id, ttl
        self.lock, self.token, self.read_at, self.dead_at = threading.Lock(), None, 0.0, 0.0

    def get(self, refused=None):
        with self.lock:
            now = time.monotonic()
            news = refused is not None and refused == self.token and now - self.dead_at > 1
            if self.token is None or now - self.read_at > self.ttl or news:
                text = self.client.get_secret_value(SecretId=self.secret_id)["SecretString"]
                self.token, self.read_at = json.loads(text)["apiToken"], now
                if self.token == refused:
                    self.dead_at = now  # the secret still names it: do not ask again for a second
            return self.token

def call(token, method, path, **options):
    value = token.get()
    while True:
        answer = requests.request(method, ENGAGE + path, headers={"X-Auth-Token": value},
                                  allow_redirects=False, timeout=(3, 10), **options)
        if answer.status_code not in (401, 403):
            return answer
        other = token.get(refused=value)
        if other == value:
            return answer
        value = other
