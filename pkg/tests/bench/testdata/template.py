"""A Lambda runtime and a rotation function in Python, in the order of operations of AWS's rotation template: the yardstick
of the benchmark. It keeps no ledger, and deletes no token.

Environment: as for the rotation function in Go; the login fields are in the secret.
"""

import json
import os
import urllib.parse
import urllib.request

import boto3


def handler(event):
    arn, version, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    client = boto3.client("secretsmanager", endpoint_url=os.environ["AWS_ENDPOINT_URL"])  # in each invocation, as AWS has it
    metadata = client.describe_secret(SecretId=arn)
    labels = metadata["VersionIdsToStages"]
    if version not in labels:
        raise ValueError("the version has no stage for rotation")
    if "AWSCURRENT" in labels[version]:
        return
    if "AWSPENDING" not in labels[version]:
        raise ValueError("the version is not AWSPENDING")
    if step == "createSecret":
        create_secret(client, arn, version)
    elif step == "testSecret":
        test_secret(client, arn, version)
    elif step == "finishSecret":
        finish_secret(client, arn, version)


def get(client, arn, stage, version=None):
    wanted = {"VersionId": version} if version else {}
    return json.loads(client.get_secret_value(SecretId=arn, VersionStage=stage, **wanted)["SecretString"])


def create_secret(client, arn, version):
    current = get(client, arn, "AWSCURRENT")
    try:
        get(client, arn, "AWSPENDING", version)
    except client.exceptions.ResourceNotFoundException:
        query = urllib.parse.urlencode({k: current[k] for k in ("username", "password", "platformId")}, quote_via=urllib.parse.quote)
        login = json.loads(engage("POST", "/api/auth/login/admin?" + query, {}))
        token = engage("POST", "/voice/api/v1/admin/token", {"Authorization": "Bearer " + login["accessToken"]})
        current["apiToken"] = token.decode().strip().strip('"')
        client.put_secret_value(
            SecretId=arn, ClientRequestToken=version, SecretString=json.dumps(current), VersionStages=["AWSPENDING"])


def test_secret(client, arn, version):
    pending = get(client, arn, "AWSPENDING", version)
    engage("GET", "/voice/api/v1/admin/token", {"X-Auth-Token": pending["apiToken"]})


def finish_secret(client, arn, version):
    metadata = client.describe_secret(SecretId=arn)
    for current, labels in metadata["VersionIdsToStages"].items():
        if "AWSCURRENT" in labels:
            break
    if current != version:
        client.update_secret_version_stage(
            SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=version, RemoveFromVersionId=current)


def engage(method, path, headers):
    headers["User-Agent"] = "rotation-template/1"
    request = urllib.request.Request(os.environ["ENGAGE_BASE_URL"] + path, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=15) as answer:
        return answer.read()


def serve():
    api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
    while True:
        with urllib.request.urlopen(api + "next") as answer:
            request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
            event = json.loads(answer.read())
        try:
            handler(event)
            where, body = "response", b"{}"
        except Exception as failure:  # what a runtime does
            where, body = "error", json.dumps({"errorType": type(failure).__name__, "errorMessage": str(failure)}).encode()
        urllib.request.urlopen(urllib.request.Request(api + request_id + "/" + where, data=body, method="POST")).read()


if __name__ == "__main__":
    serve()
