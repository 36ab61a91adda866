"""A baseline host in the least possible way: one workflow whose input names the requests to make, in order."""

import json
import sys

number = 0


def send(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def ask(request):
    global number
    number += 1
    send({**request, "request_id": str(number)})
    while True:
        answer = json.loads(sys.stdin.readline())
        if answer["request_id"] == str(number):
            return answer


first = json.loads(sys.stdin.readline())
if first["type"] == "workflow.discover":
    webhook = {"workflow_name": "scripted", "source_path": "/scripted.py", "spec": {"slug": "hook"}}
    workflow = {"workflow_name": "scripted", "source_path": "/scripted.py", "webhooks": [webhook], "schedule": None}
    send({"type": "workflow.discovery", "workflows": [{**workflow, "principal": None}]})
else:
    answers = []
    for request in first["input"]["requests"]:
        if request == "garbage":
            print("this is not JSON")
        elif request == "raise":
            send({"type": "workflow.error", "message": "it went wrong", "traceback": "Traceback: line 1"})
            sys.exit(0)
        elif request == "exit":
            sys.stderr.write("last words\n")
            sys.exit(7)
        elif request["type"] in ("ctx.log", "ctx.metric"):
            send(request)
        else:
            answers.append(ask(request))
    send({"type": "workflow.result", "run_id": first["run_id"], "result": answers})
