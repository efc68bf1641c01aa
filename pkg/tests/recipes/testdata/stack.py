"""Deploys a recipe's CloudFormation template into moto and does there what AWS does with events.

    stack.py TEMPLATE PARAMETERS    the parameters as JSON

It prints "ready". Then it answers each line of standard input with a line, both JSON:

    {"event": {...}}     sends the event to EventBridge; the messages that the rule's target gets, each as text
    {"invoke": "..."}    runs the recipe's function with this text as its event; null
    {"deployment": ""}   the id of the ECS service's latest deployment
"""

import json
import os
import sys

import boto3
from moto import mock_aws

mock_aws().start()
TEMPLATE, PARAMETERS = sys.argv[1], json.loads(sys.argv[2])

cloudformation, events, sqs = boto3.client("cloudformation"), boto3.client("events"), boto3.client("sqs")
functions, ecs = boto3.client("lambda"), boto3.client("ecs")

with open(TEMPLATE) as file:
    body = file.read()
cloudformation.create_stack(
    StackName="recipe", TemplateBody=body, Capabilities=["CAPABILITY_IAM"],
    Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS.items()])
stack = cloudformation.describe_stacks(StackName="recipe")["Stacks"][0]
assert stack["StackStatus"] == "CREATE_COMPLETE", stack
queues = sqs.list_queues().get("QueueUrls", [])


def queue_of_the_rule():
    """Returns the rule's queue. If its target is the function, which moto cannot call, a queue replaces it."""
    if queues:
        return queues[0]
    url = sqs.create_queue(QueueName="function")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = events.list_rules()["Rules"][0]["Name"]
    target, = events.list_targets_by_rule(Rule=rule)["Targets"]
    function = functions.list_functions()["Functions"][0]
    assert target["Arn"] == function["FunctionArn"], (target, function)
    events.remove_targets(Rule=rule, Ids=[target["Id"]])
    events.put_targets(Rule=rule, Targets=[{**target, "Arn": arn}])
    return url


def make_service():
    ecs.create_cluster(clusterName=PARAMETERS["Cluster"])
    ecs.register_task_definition(family="task", containerDefinitions=[{"name": "c", "image": "i", "memory": 64}])
    ecs.create_service(cluster=PARAMETERS["Cluster"], serviceName=PARAMETERS["Service"], taskDefinition="task",
                       desiredCount=1)


def send(event):
    sent = events.put_events(Entries=[{
        "Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"]),
        "Resources": event["resources"], "Time": event["time"]}])
    assert sent["FailedEntryCount"] == 0, sent
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in messages]


def invoke(text):
    """Runs the code of the deployed function, in the environment that it has."""
    function = functions.list_functions()["Functions"][0]
    os.environ.update(function["Environment"]["Variables"])
    module, handler = function["Handler"].split(".")
    assert module == "index", function
    code = body.split("ZipFile: |\n")[1].split("\n\n  Role:")[0]
    indent = len(code) - len(code.lstrip())
    scope = {}
    exec("\n".join(line[indent:] for line in code.split("\n")), scope)
    scope[handler](json.loads(text), None)


def deployment():
    service, = ecs.describe_services(cluster=PARAMETERS["Cluster"], services=[PARAMETERS["Service"]])["services"]
    return service["deployments"][0]["id"]


queue = queue_of_the_rule()
if "Service" in PARAMETERS:
    make_service()
print("ready", flush=True)
for line in sys.stdin:
    (order, argument), = json.loads(line).items()
    answer = send(argument) if order == "event" else invoke(argument) if order == "invoke" else deployment()
    print(json.dumps(answer), flush=True)
