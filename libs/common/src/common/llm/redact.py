"""Secrets out of texts: what providers write in errors may repeat the key it was called with."""

import re

_LIKE_SECRETS = re.compile(
    r"(?i)\b(?:sk|pk|rk|key)-[a-z0-9*_-]{6,}|bearer\s+[^\s\"',;]+|(?<=//)[^/\s:@]+:[^/\s@]+(?=@)"
)
MASK = "[redacted]"


def redacted(text: str, secrets: tuple[str, ...] = (), *, limit: int = 300) -> str:
    """`text` without the given secrets and without whatever looks like one, at most `limit` characters."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    return _LIKE_SECRETS.sub(MASK, text)[:limit]
