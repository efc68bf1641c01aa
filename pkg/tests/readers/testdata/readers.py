"""Calls Engage over and over, once for each way to read the secret in Python, until standard input ends.

    readers.py TTL [READER]    TTL is the seconds for which caches keep the secret; without a READER, all call

It prints "ready" after the first calls, and at the end a line of JSON: the calls and the failed ones by reader.
"""

import datetime
import json
import os
import sys
import threading
import time

import boto3
import requests
from aws_lambda_powertools.utilities.parameters import get_secret
from aws_secretsmanager_caching import InjectKeywordedSecretString, SecretCache, SecretCacheConfig
from engage_client import EngageClient

SECRET, TTL, PAUSE = "engage/token", int(sys.argv[1]), 0.2
PATH = "/voice/api/v1/admin/accounts"

done = threading.Event()
results = {}


def ask(token):
    headers = {"X-Auth-Token": token, "User-Agent": "readers-python/1.0"}
    return requests.get(os.environ["ENGAGE_BASE_URL"] + PATH, headers=headers, timeout=30).status_code


def reading(read, refresh=None):
    """Calls with read(); if refresh is given, asks again at a refusal with its token."""

    def call():
        status = ask(read())
        if status in (401, 403) and refresh:
            status = ask(refresh())
        return status

    return call


def token_of(text):
    return json.loads(text)["apiToken"]


def documented():
    client = EngageClient(SECRET, ttl=TTL, user_agent="readers-client-python/1.0")
    return lambda: client.call("GET", PATH).status_code


def before_each_call():
    client = boto3.client("secretsmanager")
    return reading(lambda: token_of(client.get_secret_value(SecretId=SECRET)["SecretString"]))


def caching(again):
    cache = SecretCache(SecretCacheConfig(secret_refresh_interval=TTL), boto3.client("secretsmanager"))

    def read():
        return token_of(cache.get_secret_string(SECRET))

    def refresh():
        cache.refresh_secret_now(SECRET)
        return read()

    return reading(read, refresh if again else None)


def decorated():
    """A program that lives for TTL: the decorator reads once, when the function is decorated."""
    client = boto3.client("secretsmanager")
    state = {"until": 0}

    def read():
        if time.monotonic() >= state["until"]:
            state["until"] = time.monotonic() + TTL

            @InjectKeywordedSecretString(SECRET, SecretCache(client=client), token="apiToken")
            def get(token):
                return token

            state["get"] = get
        return state["get"]()

    return reading(read)


def powertools(again):
    def read(**options):
        return get_secret(SECRET, transform="json", max_age=TTL, **options)["apiToken"]

    return reading(read, (lambda: read(force_fetch=True)) if again else None)


def run(name, call):
    result = results[name] = {"calls": 0, "failed": 0, "error": ""}
    ready.wait()
    while not done.is_set():
        result["calls"] += 1
        try:
            error = "" if (status := call()) == 200 else f"status {status}"
        except Exception as exception:
            error = repr(exception)
        if error:
            result["failed"] += 1
            result["error"] = f"{datetime.datetime.now(datetime.timezone.utc).isoformat()} {error}"
        done.wait(PAUSE)


READERS = {
    "engage_client.py": documented(),
    "boto3": before_each_call(),
    "caching-python": caching(False),
    "caching-python-refresh": caching(True),
    "caching-python-decorator": decorated(),
    "powertools-python": powertools(False),
    "powertools-python-force": powertools(True),
}
READERS = {name: call for name, call in READERS.items() if name in (sys.argv[2:] or READERS)}
for reader, first in READERS.items():
    if (got := first()) != 200:
        sys.exit(f"{reader}: status {got}")
ready = threading.Event()
threads = [threading.Thread(target=run, args=item) for item in READERS.items()]
for thread in threads:
    thread.start()
print("ready", flush=True)
ready.set()
sys.stdin.read()
done.set()
for thread in threads:
    thread.join()
print(json.dumps(results), flush=True)
