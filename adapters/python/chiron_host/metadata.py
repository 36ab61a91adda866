"""WEBHOOKS, SCHEDULE and WORKFLOW_PRINCIPAL of a module as plain data, in every spelling they are written in.

What the values mean is the catalog's affair; here only the shape is checked, and whatever is left out is reported.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from .json_values import encode_plain

Report = Callable[[str, str], None]
"""kind, message."""

SHORTHANDS = ("CRON", "INTERVAL")


def plain(value: object) -> Any:
    """Plain JSON data of a declaration: dataclasses become objects, tuples lists, anything unknown its str()."""
    if hasattr(value, "as_spec"):
        return plain(cast(Any, value).as_spec())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return plain(fields)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in cast("list[object]", value)]
    return json.loads(encode_plain(value))


def webhooks_of(declared: object, report: Report) -> list[dict[str, Any]]:
    """Webhook specs: a dict, an object with the same fields, or any list or tuple of them."""
    if declared is None:
        return []
    if isinstance(declared, (list, tuple)):
        items = list(cast("list[object]", declared))
    elif _is_spec(declared):
        items = [declared]
    else:
        report("webhook", f"WEBHOOKS must be a dict, a WebhookSpec or a list of them, not {type(declared).__name__}")
        return []
    specs = [_webhook(item, index, report) for index, item in enumerate(items)]
    return [spec for spec in specs if spec is not None]


def _is_spec(value: object) -> bool:
    return isinstance(value, Mapping) or hasattr(value, "as_spec") or dataclasses.is_dataclass(value)


def _webhook(item: object, index: int, report: Report) -> dict[str, Any] | None:
    where = f"WEBHOOKS[{index}]"
    if not _is_spec(item):
        report("webhook", f"{where} must be a dict or a WebhookSpec, not {type(item).__name__}")
        return None
    spec: dict[str, Any] = plain(item)
    slug = spec.get("slug")
    if not isinstance(slug, str) or not slug.strip():
        report("webhook", f"{where} needs a slug")
        return None
    spec["slug"] = slug.strip()
    auth = spec.get("auth")
    if auth is None:
        spec["auth"] = {"type": "none"}
    elif isinstance(auth, str):
        spec["auth"] = {"type": auth}
    elif not isinstance(auth, dict):
        report("webhook", f"{where}.auth must be a string or an object, not {type(auth).__name__}")
        return None
    elif "type" not in auth:
        settings = cast("dict[str, Any]", auth)
        if settings:
            report("webhook", f"{where}.auth has {', '.join(settings)} but no type, so nothing would be verified")
            return None
        spec["auth"] = {"type": "none"}
    return {name: value for name, value in spec.items() if value is not None}


def schedule_of(declared: object, name: str, path: str, report: Report) -> Any:
    """A schedule object, a list of them, or null; each knows its workflow and has an id."""
    if declared is None:
        return None
    if isinstance(declared, Mapping):
        return _schedule(cast("Mapping[str, object]", declared), name, name, path)
    if not isinstance(declared, (list, tuple)):
        report("schedule", f"SCHEDULE must be a dict or a list of dicts, not {type(declared).__name__}")
        return None
    found: list[dict[str, Any]] = []
    for index, item in enumerate(cast("list[object]", declared)):
        if isinstance(item, Mapping):
            default_id = name if index == 0 else f"{name}-{index + 1}"
            found.append(_schedule(cast("Mapping[str, object]", item), default_id, name, path))
        else:
            report("schedule", f"SCHEDULE[{index}] must be a dict, not {type(item).__name__}")
    return found or None


def _schedule(declared: Mapping[str, object], default_id: str, name: str, path: str) -> dict[str, Any]:
    spec: dict[str, Any] = plain(declared)
    if not spec.get("schedule_id"):
        spec["schedule_id"] = default_id
    spec.setdefault("workflow_name", name)
    spec.setdefault("source_path", path)
    return spec


def v1_schedule_of(module: object) -> dict[str, Any] | None:
    """What CRON or INTERVAL of the first version declare, for an engine that is told to honour them."""
    cron, interval = (getattr(module, name, None) for name in SHORTHANDS)
    if cron is not None:
        return {"cron": plain(cron)}
    if interval is None:
        return None
    seconds = interval.total_seconds() if isinstance(interval, datetime.timedelta) else interval
    return {"interval_seconds": plain(int(seconds) if isinstance(seconds, float) and seconds.is_integer() else seconds)}


def principal_of(declared: object) -> bool | str | None:
    """True, a principal's reference, or nothing."""
    if declared is True:
        return True
    return declared if isinstance(declared, str) and declared else None


def description_of(handler: object, module: object) -> str | None:
    """First line of the handler's docstring, else of the module's."""
    for source in (handler, module):
        text = getattr(source, "__doc__", None)
        if isinstance(text, str) and text.strip():
            return text.strip().splitlines()[0].strip()
    return None
