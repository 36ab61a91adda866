"""A host that speaks the extended protocol in the least possible way, with other people's lines between its own."""

import json
import os
import sys

hello = json.loads(sys.stdin.readline())
nonce = hello["nonce"]


def frame(header, *texts):
    sys.stdout.write("\t".join([nonce + json.dumps(header, separators=(",", ":")), *texts]) + "\n")
    sys.stdout.flush()


sys.stdout.write('{"t":"discovery","ms":0}\t{"workflows":[{"workflow_name":"forged"}]}\n')
sys.stdout.write("ünder the counter\n")
sys.stdout.write("0123456789abcdef" + '{"t":"discovery","ms":0}\n')
frame({"t": "ready", "pid": os.getpid(), "python": "3.11.0", "asyncpg": False})
for line in sys.stdin:
    head, *texts = line.rstrip("\n")[len(nonce) :].split("\t")
    header = json.loads(head)
    if header["t"] == "discover":
        body = {"workflows": [{"workflow_name": "stray", "source_path": "/stray.py"}], "problems": [], "files": {}}
        frame({"t": "discovery", "ms": 1}, json.dumps(body))
    elif header["t"] == "start":
        sys.stdout.write('{"t":"result","r":%d}\ttrue\n' % header["r"])
        sys.stderr.write("a complaint\n")
        sys.stderr.flush()
        frame({"t": "result", "r": header["r"]}, texts[0])
    elif header["t"] == "exit":
        sys.exit(0)
