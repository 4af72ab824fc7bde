"""Two small pages of the service that load nothing from elsewhere: the interface in words, and the door."""

from collections.abc import Mapping
from html import escape
from typing import Any

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#111;"
    "background:#fff}code,pre{font-family:ui-monospace,monospace;overflow-wrap:anywhere}h2{margin-top:2rem;"
    "border-top:1px solid #999;padding-top:1rem}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;padding:.2rem .6rem .2rem 0;vertical-align:top}td code{white-space:nowrap}"
    "input,button{font:inherit;padding:.4rem;width:100%;box-sizing:border-box;margin:.3rem 0}"
)


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{body}</body></html>"
    )


def sign_in(said: str) -> str:
    """The page that asks for the token; `said` is what was wrong."""
    wrong = f'<p role="alert">{escape(said)}</p>' if said else ""
    return _page(
        "Sign in",
        f'<h1>Coursewright</h1>{wrong}<form method="post" action="/sign-in"><label>Token<input name="token" '
        'type="password" autofocus autocomplete="current-password" required></label><button>Sign in</button>'
        "</form>",
    )


def written(schema: Mapping[str, Any]) -> str:
    """The interface in words, from its OpenAPI description."""
    parts = [
        f"<h1>{escape(schema['info']['title'])} {escape(schema['info']['version'])}</h1>"
        "<p>Each request but <code>/health</code> needs <code>Authorization: Bearer TOKEN</code>. "
        "Bodies are JSON. "
        'A wrong request gets a 4xx and <code>{"error": "one line"}</code>. '
        'The same for programs: <a href="/openapi.json">openapi.json</a>.</p>'
    ]
    kinds = schema["components"]["schemas"]
    for path, methods in schema["paths"].items():
        for method, told in methods.items():
            parts.append(
                f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(told['description'])}</p>"
            )
            if names := [one["name"] for one in told.get("parameters", ())]:
                shown = ", ".join(f"<code>{escape(name)}</code>" for name in names)
                parts.append(f"<p>Its address takes: {shown}.</p>")
            body = (
                told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            )
            parts.append(_fields("takes", kinds, body))
            answer = (
                told["responses"]
                .get("200", {})
                .get("content", {})
                .get("application/json", {})
                .get("schema", {})
            )
            parts.append(_fields("gives", kinds, answer))
    return _page("The interface", "".join(parts))


def _fields(title: str, kinds: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    several = schema.get("type") == "array" and "items" in schema
    place = (schema["items"] if several else schema).get("$ref", "").rpartition("/")[2]
    if place not in kinds:
        return ""
    kind = kinds[place]
    needed = set(kind.get("required", ())) if title == "takes" else set()
    told = _attributes(kind.get("description", ""))
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(_kind(field))}</td><td>"
        f"{escape(field.get('description') or told.get(name, ''))}"
        f"{' (needed)' if name in needed else ''}</td></tr>"
        for name, field in kind.get("properties", {}).items()
    )
    return f"<p>It {title} {'a list of these' if several else 'these fields'}:</p><table>{rows}</table>"


def _attributes(text: str) -> dict[str, str]:
    """Each attribute that a docstring tells of, in words."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in text.partition("----------\n")[2].splitlines():
        head, colon, rest = line.partition(" : ")
        if colon and not line.startswith(" "):
            names = head.split(", ")
            found |= dict.fromkeys(names, rest)
        elif names and line.strip():
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def _kind(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_kind(one) for one in field["anyOf"])
    if "$ref" in field:
        return str(field["$ref"].rpartition("/")[2])
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}))}"
    return str(field.get("type", "anything"))
