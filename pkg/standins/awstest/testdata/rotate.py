"""A rotation function with boto3, of the shape of AWS's rotation templates: it makes a random password.

It reads requests from standard input, a JSON object a line: "event" is the function's event, "raise" names the step
that is to fail. For each it writes a line: null, or the text of the error.
"""

import json
import sys

import boto3

secrets = boto3.client("secretsmanager")


def rotate(event):
    secret, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    described = secrets.describe_secret(SecretId=secret)
    if not described["RotationEnabled"]:
        raise ValueError("rotation is off")
    labels = described["VersionIdsToStages"].get(token)
    if labels is None:
        raise ValueError("the version is unknown")
    if "AWSCURRENT" in labels:
        return
    if "AWSPENDING" not in labels:
        raise ValueError("the version is not pending")
    {"createSecret": create, "setSecret": read, "testSecret": read, "finishSecret": finish}[step](secret, token)


def create(secret, token):
    secrets.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")
    try:
        read(secret, token)
    except secrets.exceptions.ResourceNotFoundException:
        password = secrets.get_random_password(ExcludeCharacters="/@\"'\\")["RandomPassword"]
        secrets.put_secret_value(
            SecretId=secret, ClientRequestToken=token, SecretString=password, VersionStages=["AWSPENDING"])


def read(secret, token):
    return secrets.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")


def finish(secret, token):
    versions = secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]
    current = next(version for version, labels in versions.items() if "AWSCURRENT" in labels)
    if current != token:
        secrets.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current)


for line in sys.stdin:
    request = json.loads(line)
    failure = None
    try:
        if request["event"]["Step"] == request["raise"]:
            raise RuntimeError("raised on purpose")
        rotate(request["event"])
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    print(json.dumps(failure), flush=True)
