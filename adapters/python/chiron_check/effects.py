"""Which calls reach out of the process: the table behind the rules unstepped-effect, nondeterminism and blocking-call.

A call is told by its dotted name (see flow). "write" changes something elsewhere, "read" asks, "agent" is an agent turn, whose
keys the runtime keeps stable over a replay.
"""

from __future__ import annotations

import ast
import re
from typing import Literal

from .flow import Call

Effect = Literal["write", "read", "agent", "file"]

READING = re.compile(r"^(get|list|search|find|fetch|read|query|describe|head|lookup|show|count|now|status|info|history|exists|check|view)(_|$)|^(now|today)$")
SLACK_READING = re.compile(r"(_list|_history|_info|_replies|_members|_lookupByEmail|_test|_getPermalink|_get|_identity)$")
SQL_WRITE = re.compile(
    r"^\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*"
    r"(insert|update|delete|merge|truncate|create|alter|drop|grant|revoke|copy|call|do|notify|refresh|vacuum|lock)\b"
    r"|\b(insert\s+into|delete\s+from|update\s+\S+\s+set)\b",
    re.IGNORECASE | re.DOTALL,
)

_HTTP_VERBS = frozenset({"get", "head", "options", "post", "put", "patch", "delete", "request", "stream", "send"})
_HTTP_READS = frozenset({"get", "head", "options"})
_HTTP_BASES = re.compile(
    r"^(?:requests|requests\.(?:Session|session)\(\)|httpx|httpx\.(?:Async)?Client\(\)"
    r"|aiohttp\.ClientSession\(\)|aiohttp|urllib3\.PoolManager\(\)|urllib3)\.(\w+)$"
)
_HTTP_CONNECTION = re.compile(r"^http\.client\.HTTPS?Connection\(\)\.(request|putrequest)$")
_SUBPROCESS = re.compile(
    r"^(?:subprocess\.(?:run|call|check_call|check_output|Popen|getoutput|getstatusoutput)"
    r"|os\.(?:system|popen|spawn\w+|exec\w+)|asyncio\.create_subprocess_(?:exec|shell))$"
)
_SMTP = re.compile(r"^smtplib\.SMTP(?:_SSL)?\(\)\.(?:sendmail|send_message)$")
_SLACK = re.compile(r"^slack_sdk\.(?:[\w.]*\.)?(?:Async)?WebClient\(\)\.(\w+)$|^slack_sdk\.(?:[\w.]*\.)?(?:Async)?WebhookClient\(\)\.(send\w*)$")
_BOTO = re.compile(r"^(?:boto3|boto3\.(?:session\.)?Session\(\))\.(?:client|resource)\(\)\.(?:[\w]+(?:\(\))?\.)*(\w+)$")
_POOL = re.compile(r"^ctx\._pool(?:\.acquire\(\))?\.(execute|executemany|fetch|fetchrow|fetchval|copy_\w+|cursor)$")
_TOOL = re.compile(r"^ctx\.tools\.\w+\.(\w+)$")
_AGENT = frozenset({"ctx.agent_turn", "ctx.run_agent", "ctx.start_agent", "ctx.run_agents"})
_FILES = frozenset(
    {"os.remove", "os.unlink", "os.rename", "os.replace", "os.rmdir", "shutil.rmtree", "shutil.move", "shutil.copy", "shutil.copytree"}
)
_PATH_WRITE = re.compile(r"^pathlib\.Path\(\)\.(?:write_text|write_bytes|unlink|rename|replace|rmdir|touch)$")

CHANGING_VALUES = re.compile(
    r"^(?:datetime\.datetime\.(?:now|utcnow|today)|datetime\.date\.today|time\.(?:time|time_ns)|random\.\w+|random\.Random\(\)\.\w+"
    r"|uuid\.uuid[14]|secrets\.\w+|os\.urandom)$"
)
BLOCKING = re.compile(
    r"^(?:time\.sleep|requests(?:\.[Ss]ession\(\))?\.(?:get|post|put|patch|delete|head|request)|httpx\.(?:get|post|put|patch|delete|head|request)"
    r"|httpx\.Client\(\)\.\w+|urllib\.request\.urlopen|subprocess\.(?:run|call|check_call|check_output)|os\.system|smtplib\.SMTP(?:_SSL)?)$"
)


def effect_of(call: Call) -> Effect | None:
    """What a call does to the world outside, or None when it does nothing or that cannot be told."""
    target = call.target
    if target in ("ctx.post_to_slack", "ctx.update_slack"):
        return "write"
    if target in _AGENT:
        return "agent"
    if target == "ctx.call_tool":
        method = _text(call.node.args[1]) if len(call.node.args) > 1 else _text(_keyword(call.node, "method"))
        return "read" if method and READING.search(method) else "write"
    tool = _TOOL.match(target)
    if tool:
        return "read" if READING.search(tool.group(1)) else "write"
    return _database(call) or _http(call) or _service(target) or _file(call)


def _database(call: Call) -> Effect | None:
    match = _POOL.match(call.target)
    if match is None:
        return None
    if match.group(1).startswith("copy_to"):
        return "write"
    if match.group(1).startswith("copy_"):
        return None
    statement = _text(call.node.args[0] if call.node.args else _keyword(call.node, "query"))
    return "write" if statement is not None and SQL_WRITE.search(statement) else None


def _http(call: Call) -> Effect | None:
    target = call.target
    match = _HTTP_BASES.match(target)
    if match and match.group(1) in _HTTP_VERBS:
        verb = match.group(1)
        if verb in ("request", "stream"):
            method = _text(call.node.args[0]) if call.node.args else _text(_keyword(call.node, "method"))
            verb = (method or "post").lower()
        return "read" if verb in _HTTP_READS else "write"
    if _HTTP_CONNECTION.match(target):
        method = _text(call.node.args[0]) if call.node.args else None
        return "read" if method is not None and method.lower() in _HTTP_READS else "write"
    if target in ("urllib.request.urlopen", "urllib.request.urlretrieve"):
        sends = len(call.node.args) > 1 or _keyword(call.node, "data") is not None
        return "write" if sends and target.endswith("urlopen") else "read"
    return None


def _service(target: str) -> Effect | None:
    if _SMTP.match(target) or _SUBPROCESS.match(target):
        return "write"
    slack = _SLACK.match(target)
    if slack:
        method = slack.group(1) or slack.group(2)
        return "read" if SLACK_READING.search(method) else "write"
    boto = _BOTO.match(target)
    if boto:
        method = boto.group(1)
        if method in ("close", "get_paginator", "get_waiter", "can_paginate", "Table", "Bucket", "Object", "Queue", "meta"):
            return None
        return "read" if READING.search(method) else "write"
    return None


def _file(call: Call) -> Effect | None:
    if call.target == "open":
        mode = _text(call.node.args[1]) if len(call.node.args) > 1 else _text(_keyword(call.node, "mode"))
        return "file" if mode is not None and any(letter in mode for letter in "wax+") else None
    return "file" if call.target in _FILES or _PATH_WRITE.match(call.target) else None


def _keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)


def _text(node: ast.expr | None) -> str | None:
    """The text of a literal; of an f-string or a sum, its constant parts."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (_text(node.left) or "") + (_text(node.right) or "") or None
    return None
