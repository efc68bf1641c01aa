"""Calls Engage Voice with the rotated token: needs boto3 and requests, and the permissions of a reader.

    engage = EngageClient("engage/token", user_agent="my-ivr/1.0")  # once for the process
    answer = engage.call("GET", "/voice/api/v1/admin/accounts")
"""

import json, os, threading, time
import boto3, botocore.exceptions, requests

class EngageClient:
    """Caches the token for ttl seconds, and reads the secret again when Engage refuses the token."""

    def __init__(self, secret_id, base_url=None, user_agent="engage-client-python/1.0", ttl=300):
        self.secrets, self.secret_id, self.ttl = boto3.client("secretsmanager"), secret_id, ttl
        base_url = base_url or os.environ.get("ENGAGE_BASE_URL") or "https://engage.ringcentral.com"
        self.base_url, self.user_agent = base_url.rstrip("/"), user_agent
        self.lock, self.value, self.read_after, self.dead_until = threading.Lock(), None, 0.0, 0.0

    def token(self, refused=None):
        """Returns the current token; refused is the one that Engage has just refused."""
        with self.lock:
            now = time.monotonic()
            news = refused is not None and refused == self.value and now > self.dead_until
            if self.value is None or now > self.read_after or news:
                try:
                    text = self.secrets.get_secret_value(SecretId=self.secret_id)["SecretString"]
                    self.value, self.read_after = json.loads(text)["apiToken"], now + self.ttl
                except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                    if self.value is None:
                        raise
                    self.read_after = now + 1  # keep the token that works; try again in a second
                if self.value == refused:
                    self.dead_until = now + 1  # the secret still names it: do not ask again for a second
            return self.value

    def call(self, method, path, headers=None, **options):
        """Sends a request to a path, with the options of requests.request, and returns its answer."""
        if not path.startswith("/"):
            raise ValueError("a path of the API begins with a slash")
        value = self.token()
        while True:
            sent = {**(headers or {}), "User-Agent": self.user_agent, "X-Auth-Token": value}
            answer = requests.request(method, self.base_url + path, headers=sent,
                                      **{"timeout": (3, 10), **options, "allow_redirects": False})
            if answer.status_code not in (401, 403):
                return answer
            other = self.token(refused=value)
            if other == value:
                return answer
            value = other
