"""JSON, dead letters and events without their secrets."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from ingest.redaction.names import Secrecy, is_password, is_user, looks_random, secrecy
from ingest.redaction.shapes import HIDDEN
from ingest.redaction.text import config, env, script, short, task_folder, text, url
from schemas.events import Begun, Completed, Created, Payload, TaskRecord, Workflow

#: Of the name of an object its last characters tell a login from a figure (`pass` in `db`). They are looked at for each field
#: in it, so no more of them than this: of a name of 100 KB each field would cost as much.
_PARENT_MOST = 64
_NAMES, _VALUES = ("name", "key", "Name", "Key"), ("value", "Value")


def value(json_value: Any, name: str = "", parent: str = "") -> Any:
    """Free JSON that stands under `name` in `parent`. Numbers, booleans and null stay; a secret object goes whole."""
    if not json_value or not isinstance(json_value, str | dict | list):
        return json_value
    level = secrecy(name)
    if name and parent:
        level = max(level, secrecy(f"{parent[-_PARENT_MOST:]}.{name}"))
    return _of_level(json_value, name, level)


def _of_level(json_value: Any, name: str, level: Secrecy) -> Any:
    """As above, of what stands under a name of that level. It is judged once for all of a list, however long both are."""
    if not json_value or not isinstance(json_value, str | dict | list):
        return json_value
    if level is Secrecy.ALL:
        return HIDDEN
    if isinstance(json_value, dict):
        return _object(json_value, name)
    if isinstance(json_value, list):
        return [_of_level(v, name, level) for v in json_value]
    if level is Secrecy.IF_RANDOM and looks_random(json_value):
        return HIDDEN
    return _BY_NAME.get(name, text)(json_value)


def _object(fields: dict[str, Any], name: str) -> dict[str, Any]:
    """The object's values by their own names, of {name: API_TOKEN, value: X} by the name in it, and users beside passwords."""
    named = next((fields[n] for n in _NAMES if isinstance(fields.get(n), str)), "")
    has_password = any(isinstance(v, str) and v and is_password(k) for k, v in fields.items())
    safe = {}
    for key, v in fields.items():
        if has_password and is_user(key) and isinstance(v, str):
            safe[key] = HIDDEN
        else:
            safe[key] = value(v, named, name) if named and key in _VALUES else value(v, key, name)
    return safe


#: How the texts of a request are written, where that is known from the field's name in any dialect.
_BY_NAME: dict[str, Callable[[str], str]] = {
    "env": env,
    "configText": config,
    "config_text": config,
    "script": script,
    "errorReport": script,
    "errorMessage": script,
    "error_report": script,
    "error_message": script,
}


def body(raw: bytes) -> bytes:
    """The bytes of a dead letter: the same bytes, unless a secret is in them. Best effort if not JSON."""
    plain = raw.decode("utf-8", "surrogateescape")
    hidden = text(plain)
    try:
        parsed = json.loads(raw)
        safe = value(parsed)
        # The text is compared too, since of keys that stand twice in an object only the last is parsed.
        return raw if safe == parsed and hidden == plain else json.dumps(safe).encode()
    except (ValueError, RecursionError):
        return hidden.encode("utf-8", "surrogateescape")


_TASK_TEXTS = ("name", "tag", "container", "queue", "log_stream_id")
_TASK_OBJECTS = ("resource_allocation", "gpu_metrics")


def tasks(records: Iterable[TaskRecord]) -> None:
    """Redact the records in place."""
    for r in records:
        if r.env:
            r.env = env(r.env)
        if r.script:
            r.script = script(r.script)
        if r.workdir:
            r.workdir = task_folder(r.workdir)
        for field in _TASK_TEXTS:
            if (old := getattr(r, field)) and (safe := short(old)) is not old:
                setattr(r, field, safe)
        for field in _TASK_OBJECTS:
            if old := getattr(r, field):
                safe = json.dumps(value(json.loads(old)), ensure_ascii=False, separators=(",", ":"))
                setattr(r, field, safe)


def payload(data: Payload) -> None:
    """Redact what an event tells of a run, in place."""
    if isinstance(data, Created):
        data.repository = url(data.repository)
        data.project_name = url(data.project_name)
    if isinstance(data, Begun | Completed) and data.workflow is not None:
        _workflow(data.workflow)
    if isinstance(data, Completed):
        data.error_message = script(data.error_message)
        data.error_report = script(data.error_report)


def _workflow(w: Workflow) -> None:
    for name, old in w:
        if isinstance(old, str) and old:
            setattr(w, name, short(old))
    w.command_line = text(w.command_line)
    w.config_text = config(w.config_text)
    w.params = value(w.params)
    w.manifest = value(w.manifest)
